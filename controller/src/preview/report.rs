//! What `preview` prints: text for people, JSON for machines. Names only, never a value.

use std::fmt::Write as _;

use clap::ValueEnum as _;
use serde_json::{Value, json};
use signet_common::Printable;

use super::changes::Change;
use super::keys::KeyFinding;
use super::predict::{Action, Prediction};
use super::read::Found;
use crate::args::VERSION;

/// The report for people. Objects that would be kept are only counted.
pub(super) fn text(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_keys(&mut text, found);
    let _ = write_objects(&mut text, found);
    let _ = write_summary(&mut text, found);
    text
}

fn write_keys(text: &mut String, found: &Found) -> std::fmt::Result {
    writeln!(text, "Sealing keys in {}:", found.key_namespace)?;
    for key in &found.keys {
        let id = if key.key_id.is_empty() {
            "-"
        } else {
            &key.key_id
        };
        write!(text, "  {:<9} {:<16} {}", key.state, id, key.secret)?;
        match key.finding.as_str() {
            "" => writeln!(text)?,
            finding => writeln!(text, ": {finding}")?,
        }
    }
    if !found.renewal.is_empty() {
        writeln!(
            text,
            "  a new key would be made at the start: {}",
            found.renewal
        )?;
    }
    Ok(())
}

fn write_objects(text: &mut String, found: &Found) -> std::fmt::Result {
    let told: Vec<_> = found.objects.iter().filter(|(_, p)| is_told(p)).collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nSealedSecrets that would not simply be kept:")?;
    for (key, prediction) in told {
        write!(text, "  {:<9} {key}", prediction.action.as_str())?;
        let details = details(prediction);
        if !details.is_empty() {
            write!(text, ": {details}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn is_told(prediction: &Prediction) -> bool {
    prediction.action != Action::Keep || prediction.is_a_change()
}

fn details(prediction: &Prediction) -> String {
    let mut parts: Vec<_> = prediction.changes.iter().map(shown).collect();
    if let Some(reason) = prediction.reason.filter(|_| !prediction.message.is_empty()) {
        let message = prediction.message.replace('\n', "; ");
        parts.push(format!("{reason}: {message}"));
    }
    let now = match prediction.synced.as_str() {
        "" => "without a status",
        "True" => "in sync",
        "False" => "not in sync",
        _ => "unknown",
    };
    if prediction.is_a_change() || prediction.action == Action::Leave {
        parts.push(format!("now {now}"));
    } else if prediction.reason.is_some() {
        parts.push(format!("now {now} as well"));
    }
    parts.join("; ")
}

fn shown(change: &Change) -> String {
    match change.name.as_str() {
        "" => format!("{} {}", change.what, change.how),
        name => format!("{} {} {}", change.what, Printable(name), change.how),
    }
}

fn write_summary(text: &mut String, found: &Found) -> std::fmt::Result {
    let repair = repair(found);
    writeln!(
        text,
        "\n{} SealedSecrets, with --repair={repair}:",
        found.objects.len()
    )?;
    for (action, count) in counts(found) {
        writeln!(
            text,
            "  {count:>6} {:<9} {}",
            action.as_str(),
            action.meaning()
        )?;
    }
    for trouble in &found.unreadable {
        writeln!(text, "could not be read: {trouble}")?;
    }
    let verdict = if found.changes() {
        "Something would change."
    } else {
        "Nothing would change."
    };
    writeln!(text, "{verdict} Nothing was written.")
}

fn counts(found: &Found) -> impl Iterator<Item = (Action, usize)> {
    let count = |action| {
        let same = found.objects.iter().filter(|(_, p)| p.action == action);
        (action, same.count())
    };
    Action::ALL
        .into_iter()
        .map(count)
        .filter(|(_, count)| *count > 0)
}

fn repair(found: &Found) -> String {
    let value = found.repair.to_possible_value();
    value
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// The report for machines.
pub(super) fn json(found: &Found) -> Value {
    let summary: serde_json::Map<_, _> = counts(found)
        .map(|(action, count)| (action.as_str().to_owned(), count.into()))
        .collect();
    let key = |key: &KeyFinding| json!({"secret": key.secret, "keyId": key.key_id, "bits": key.bits, "state": key.state, "finding": key.finding});
    let keys: Vec<_> = found.keys.iter().map(key).collect();
    let objects = found.objects.iter().map(|(key, prediction)| {
        json!({
            "namespace": &*key.namespace,
            "name": &*key.name,
            "action": prediction.action.as_str(),
            "reason": prediction.reason.map(|reason| reason.as_str()),
            "message": prediction.message,
            "changes": prediction.changes.iter().map(|change| {
                json!({"what": change.what, "name": change.name, "how": change.how})
            }).collect::<Vec<_>>(),
            "syncedNow": prediction.synced,
            "isChange": prediction.is_a_change(),
        })
    });
    json!({
        "version": VERSION,
        "keyNamespace": found.key_namespace,
        "repair": repair(found),
        "keys": keys,
        "newKey": found.renewal,
        "objects": objects.collect::<Vec<_>>(),
        "summary": summary,
        "unreadable": found.unreadable,
        "changes": found.changes(),
    })
}
