//! What is compared: effects in a form that does not depend on who made them, when, or with which key.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use signet_tests::signet::condition;

use crate::side::Side;

/// Everything about the SealedSecret of this name: its Secret, its status, its events.
pub(crate) fn observed(side: &Side, name: &str) -> anyhow::Result<Value> {
    let sealed = side.find_sealed(name)?;
    let secret = side.find_secret(name)?;
    Ok(json!({
        "sealed": sealed.as_ref().map(status),
        "secret": secret.as_ref().map(|secret| normal(secret, sealed.as_ref())),
        "events": side.event_reasons(name)?,
    }))
}

/// The Secret alone.
pub(crate) fn secret(side: &Side, name: &str) -> anyhow::Result<Value> {
    let sealed = side.find_sealed(name)?;
    let secret = side.find_secret(name)?;
    Ok(secret.map_or(Value::Null, |secret| normal(&secret, sealed.as_ref())))
}

/// Status of the condition that both have, and whether the status is about the object as it is.
fn status(sealed: &Value) -> Value {
    if sealed["status"].is_null() {
        return json!("no status");
    }
    json!({
        "synced": condition(sealed, "Synced").map(|synced| synced["status"].clone()),
        "current": sealed["status"]["observedGeneration"] == sealed["metadata"]["generation"],
    })
}

fn normal(secret: &Value, sealed: Option<&Value>) -> Value {
    let metadata = &secret["metadata"];
    let some = |value: &Value| match value {
        Value::Object(map) if map.is_empty() => Value::Null,
        value => value.clone(),
    };
    let owners: Vec<Value> = metadata["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|owner| {
            let alive = sealed.is_some_and(|sealed| sealed["metadata"]["uid"] == owner["uid"]);
            json!({"kind": owner["kind"], "name": owner["name"], "controller": owner["controller"], "this": alive})
        })
        .collect();
    json!({
        "data": some(&secret["data"]),
        "type": secret["type"],
        "labels": some(&metadata["labels"]),
        "annotations": some(&metadata["annotations"]),
        "finalizers": metadata["finalizers"],
        "immutable": secret["immutable"] == true,
        "owners": owners,
        "terminating": !metadata["deletionTimestamp"].is_null(),
    })
}

/// A line for each place where two values differ; empty if none.
pub(crate) fn difference(ours: &Value, theirs: &Value) -> String {
    let mut lines = Vec::new();
    collect("", ours, theirs, &mut lines);
    lines.join("\n")
}

fn collect(path: &str, ours: &Value, theirs: &Value, lines: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                collect(&format!("{path}/{name}"), &of(a), &of(b), lines);
            }
        }
        _ if ours == theirs => {}
        _ => lines.push(format!("  {path}: Signet {ours}, upstream {theirs}")),
    }
}
