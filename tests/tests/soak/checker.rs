//! Judges an end state: what is in the cluster against what the model says. Pure over what was read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signet_tests::signet::condition;

use crate::model::{Expected, Model};
use crate::slot::{Data, Slot};

/// The prefix of the names of keys that a controller makes.
pub(crate) const KEY_PREFIX: &str = "sealed-secrets-key-";

/// What was read from the API server, by `NAMESPACE/NAME`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) sealed: BTreeMap<String, Value>,
    pub(crate) secrets: BTreeMap<String, Value>,
    /// Names of the active key Secrets.
    pub(crate) keys: BTreeSet<String>,
}

/// What is wrong, by kind; one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// A Secret holds something else than it must, or is there and must not be.
    pub(crate) wrong: Vec<String>,
    /// A Secret that must be there is not.
    pub(crate) lost: Vec<String>,
    /// Somebody else's Secret was written, deleted or made anew.
    pub(crate) foreign: Vec<String>,
    /// There are two keys where one should be, or a key is gone.
    pub(crate) keys: Vec<String>,
    /// A status is missing, old or untrue.
    pub(crate) status: Vec<String>,
}

impl Findings {
    pub(crate) fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// How many of each kind.
    pub(crate) fn counts(&self) -> String {
        format!(
            "wrong {}, lost {}, foreign touched {}, duplicate keys {}, untrue statuses {}",
            self.wrong.len(),
            self.lost.len(),
            self.foreign.len(),
            self.keys.len(),
            self.status.len()
        )
    }

    /// The counts and the first lines of each kind.
    pub(crate) fn report(&self) -> String {
        let kinds = [
            &self.wrong,
            &self.lost,
            &self.foreign,
            &self.keys,
            &self.status,
        ];
        let lines = kinds.into_iter().flat_map(|lines| lines.iter().take(10));
        let lines: Vec<_> = lines.map(String::as_str).collect();
        format!("{}\n  {}", self.counts(), lines.join("\n  "))
    }
}

/// Judges everything.
pub(crate) fn judge(model: &Model, observed: &Observed) -> Findings {
    let mut findings = Findings::default();
    for (slot, expected) in model.expected() {
        judge_secret(slot, &expected, observed, &mut findings);
        judge_status(slot, &expected, observed, &mut findings);
    }
    judge_foreign(model, observed, &mut findings);
    judge_keys(model, observed, &mut findings);
    findings
}

fn judge_secret(slot: &Slot, expected: &Expected, observed: &Observed, findings: &mut Findings) {
    let path = slot.path();
    let secret = observed.secrets.get(&path);
    match (expected, secret) {
        (Expected::Nothing, None) | (Expected::Blocked, _) | (Expected::Refused { .. }, None) => {}
        (Expected::Nothing, Some(_)) => {
            let gone = format!("{path}: there is a Secret, and the SealedSecret is gone");
            findings.wrong.push(gone);
        }
        (Expected::Refused { earlier, .. }, Some(secret)) => {
            if !earlier.contains(&data(secret)) {
                let text = format!("{path}: holds what no version says");
                findings.wrong.push(text);
            }
        }
        (Expected::Secret { .. }, None) => findings.lost.push(format!("{path}: no Secret")),
        (
            Expected::Secret {
                data: wanted,
                owned,
            },
            Some(secret),
        ) => {
            let differences = differences(slot, wanted, *owned, secret, observed);
            if !differences.is_empty() {
                let text = format!("{path}: differs in {}", differences.join(", "));
                findings.wrong.push(text);
            }
        }
    }
}

fn differences(
    slot: &Slot,
    wanted: &Data,
    owned: bool,
    secret: &Value,
    observed: &Observed,
) -> Vec<String> {
    let mut differences = Vec::new();
    let found = data(secret);
    let items: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    for item in items {
        if wanted.get(item) != found.get(item) {
            differences.push(format!("item {item}"));
        }
    }
    if secret["type"] != slot.secret_type() {
        differences.push("type".to_owned());
    }
    if let Some((label, value)) = slot.labels()
        && secret["metadata"]["labels"][label] != value
    {
        differences.push("label".to_owned());
    }
    let uid = observed
        .sealed
        .get(&slot.path())
        .map(|sealed| &sealed["metadata"]["uid"]);
    let owners = secret["metadata"]["ownerReferences"].as_array();
    let ours = owners.into_iter().flatten().any(|owner| {
        owner["kind"] == "SealedSecret" && owner["controller"] == true && Some(&owner["uid"]) == uid
    });
    if ours != owned || owners.is_some_and(|owners| owners.len() > 1) {
        differences.push("owner".to_owned());
    }
    differences
}

fn judge_status(slot: &Slot, expected: &Expected, observed: &Observed, findings: &mut Findings) {
    let path = slot.path();
    let (verdict, reason) = match expected {
        Expected::Nothing => {
            if observed.sealed.contains_key(&path) {
                let text = format!("{path}: the SealedSecret was deleted and is there");
                findings.status.push(text);
            }
            return;
        }
        Expected::Secret { .. } => ("True", "Unsealed"),
        Expected::Refused { reason, .. } => ("False", *reason),
        Expected::Blocked => ("False", "NotManaged"),
    };
    let Some(sealed) = observed.sealed.get(&path) else {
        findings.lost.push(format!("{path}: no SealedSecret"));
        return;
    };
    let current = sealed["status"]["observedGeneration"] == sealed["metadata"]["generation"];
    let synced = condition(sealed, "Synced");
    let is_true =
        synced.is_some_and(|synced| synced["status"] == verdict && synced["reason"] == reason);
    if !current || !is_true {
        let said = synced.map(|synced| format!("Synced={} {}", synced["status"], synced["reason"]));
        let said = said.unwrap_or_else(|| "nothing".to_owned());
        let age = if current {
            ""
        } else {
            ", of an older generation"
        };
        findings
            .status
            .push(format!("{path}: must say {reason}, says {said}{age}"));
    }
}

fn judge_foreign(model: &Model, observed: &Observed, findings: &mut Findings) {
    for (path, written) in &model.foreign {
        let now = observed.secrets.get(path);
        let is_same = |now: &Value| {
            let mut fields = ["metadata", "type", "data"].iter();
            fields.all(|field| now[field] == written[field])
        };
        if !now.is_some_and(is_same) {
            let what = if now.is_some() { "touched" } else { "gone" };
            findings
                .foreign
                .push(format!("{path}: somebody else's Secret is {what}"));
        }
    }
}

/// The name of a key that a controller makes holds what stands for its predecessor, and a number: two with the same predecessor are
/// one too many.
fn judge_keys(model: &Model, observed: &Observed, findings: &mut Findings) {
    for key in &model.hand_keys {
        if !observed.keys.contains(key) {
            findings.keys.push(format!("{key}: the key is gone"));
        }
    }
    let made: Vec<&String> = observed
        .keys
        .iter()
        .filter(|key| !model.hand_keys.contains(*key))
        .collect();
    let mut successors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in &made {
        let stem = key
            .strip_prefix(KEY_PREFIX)
            .and_then(|rest| rest.rsplit_once('-'));
        match stem {
            Some((predecessor, _)) => successors.entry(predecessor).or_default().push(key),
            None => findings
                .keys
                .push(format!("{key}: nobody asked for this key")),
        }
    }
    for (predecessor, keys) in successors {
        if keys.len() > 1 {
            let keys = keys.join(" and ");
            findings
                .keys
                .push(format!("two keys follow {predecessor}: {keys}"));
        }
    }
    let wanted = 1..=1 + model.renewals;
    if !wanted.contains(&made.len()) {
        let (found, most) = (made.len(), wanted.end());
        findings
            .keys
            .push(format!("{found} keys were made, and 1 to {most} asked for"));
    }
}

/// The data of a Secret.
pub(crate) fn data(secret: &Value) -> Data {
    let items = secret["data"].as_object().into_iter().flatten();
    items
        .map(|(item, value)| (item.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
