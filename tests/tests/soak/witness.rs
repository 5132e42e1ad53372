//! Upstream's `kubeseal --recovery-unseal`, given the cluster's key Secrets, says what each Secret must hold.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, Tool, kubectl};

use crate::checker::{Observed, data};
use crate::model::{Expected, Model};
use crate::replicas::SYSTEM;
use crate::slot::{Shape, Slot};

/// Processes at once.
const AT_ONCE: usize = 3;

/// What the witness says: how many Secrets it judged, and which differ.
#[derive(Debug, Default)]
pub(crate) struct Testimony {
    pub(crate) judged: usize,
    pub(crate) wrong: Vec<String>,
}

/// Asks about every `step`-th Secret that a SealedSecret made.
pub(crate) fn ask(
    plane: &ControlPlane,
    model: &Model,
    observed: &Observed,
    step: usize,
) -> anyhow::Result<Testimony> {
    let dir = tempfile::tempdir()?;
    let keys = dir.path().join("keys.json");
    let items: Vec<&Value> = observed
        .keys
        .iter()
        .filter_map(|key| observed.secrets.get(&format!("{SYSTEM}/{key}")))
        .collect();
    // Items of a list lack what they are; upstream's program wants it.
    let items: Vec<Value> = items.into_iter().cloned().map(named_secret).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    std::fs::write(&keys, list.to_string())?;
    let slots: Vec<&Slot> = model
        .expected()
        .filter(|(_, expected)| matches!(expected, Expected::Secret { .. }))
        .map(|(slot, _)| slot)
        .step_by(step)
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let judges: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Some(text) = judge(plane, &keys, slot, observed)? {
                            wrong.lock().expect("no panic while locked").push(text);
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        judges
            .into_iter()
            .try_for_each(|judge| judge.join().expect("a judge does not panic"))
    })?;
    Ok(Testimony {
        judged: slots.len(),
        wrong: wrong.into_inner().expect("no panic while locked"),
    })
}

fn named_secret(mut secret: Value) -> Value {
    secret["apiVersion"] = "v1".into();
    secret["kind"] = "Secret".into();
    secret
}

/// What is wrong with one Secret, by upstream's program.
fn judge(
    plane: &ControlPlane,
    keys: &Path,
    slot: &Slot,
    observed: &Observed,
) -> anyhow::Result<Option<String>> {
    let path = slot.path();
    let (Some(sealed), Some(secret)) = (observed.sealed.get(&path), observed.secrets.get(&path))
    else {
        return Ok(Some(format!("{path}: nothing to compare")));
    };
    let mut sealed = sealed.clone();
    sealed["apiVersion"] = "bitnami.com/v1alpha1".into();
    sealed["kind"] = "SealedSecret".into();
    let mut command = plane.tools().command(Tool::UpstreamKubeseal)?;
    command
        .arg("--recovery-unseal")
        .arg("--recovery-private-key")
        .arg(keys);
    let clear = kubectl::run(command, &sealed.to_string())?
        .success("upstream's kubeseal --recovery-unseal")
        .with_context(|| path.clone())?;
    let wanted = data(&serde_json::from_str(&clear)?);
    let mut found = data(secret);
    if slot.shape == Shape::Patched {
        found.retain(|item, _| wanted.contains_key(item));
    }
    Ok((wanted != found).then(|| format!("{path}: kubeseal opens something else")))
}
