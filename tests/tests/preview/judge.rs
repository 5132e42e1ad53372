//! Whether a prediction came true.

use std::collections::BTreeSet;

use serde_json::Value;
use signet_tests::signet::condition;

use crate::outcomes::{Became, Seen, World, became};

/// What does not fit, one line for each object; empty if every prediction came true.
pub(crate) fn misses(predicted: &Value, before: &World, after: &World) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut misses = Vec::new();
    for prediction in predicted["objects"].as_array().into_iter().flatten() {
        let text = |field: &str| prediction[field].as_str().unwrap_or_default().to_owned();
        let place = (text("namespace"), text("name"));
        if let (Some(before), Some(after)) = (before.get(&place), after.get(&place)) {
            if let Err(why) = came_true(prediction, before, after) {
                misses.push(format!("{}/{}: {why}", place.0, place.1));
            }
            told.insert(place);
        }
    }
    for place in before.keys().filter(|place| !told.contains(*place)) {
        misses.push(format!("{}/{}: not predicted at all", place.0, place.1));
    }
    misses
}

fn came_true(prediction: &Value, before: &Seen, after: &Seen) -> Result<(), String> {
    let action = prediction["action"].as_str().unwrap_or_default();
    let became = became(before, after);
    let changes: BTreeSet<_> = prediction["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| {
            let word = |field: &str| change[field].as_str().unwrap_or_default();
            [word("what"), word("name"), word("how")]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let expected = match action {
        "keep" | "refuse" | "report" | "fail" | "leave" => Became::Untouched,
        "create" => Became::Made,
        "repair" | "update" | "take-over" => Became::Written(changes),
        other => return Err(format!("unknown action {other:?}")),
    };
    if became != expected {
        return Err(format!(
            "{action}: expected {expected:?}, and it became {became:?}"
        ));
    }
    if action == "leave" {
        return Ok(());
    }
    let synced = condition(&after.sealed, "Synced")
        .cloned()
        .unwrap_or_default();
    if synced["reason"] != prediction["reason"] {
        return Err(format!(
            "{action}: expected {}, and the status says {synced}",
            prediction["reason"]
        ));
    }
    // The API server's own refusal has words of its own.
    let message = prediction["message"].as_str().unwrap_or_default();
    if action != "fail" && synced["message"].as_str().unwrap_or_default() != message {
        return Err(format!(
            "{action}: expected the message {message:?}, and the status says {synced}"
        ));
    }
    let now =
        condition(&before.sealed, "Synced").map_or("", |c| c["status"].as_str().unwrap_or(""));
    let is_change = !matches!(became, Became::Untouched) || synced["status"] != *now;
    // A refusal that stays one is no news, also where upstream says "Unknown" or nothing.
    let is_change =
        is_change && !(synced["status"] == "False" && now != "True" && became == Became::Untouched);
    if prediction["isChange"] != is_change {
        return Err(format!(
            "{action}: isChange is {}, from {now:?} to {synced}",
            prediction["isChange"]
        ));
    }
    Ok(())
}
