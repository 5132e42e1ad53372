//! Does what the plan says, as users and GitOps engines do: directly to the API server, and again until it is done.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{seal_all, sealed_path, secret_path};

use crate::plan::{Operation, SealedWith};
use crate::slot::{Shape, Slot};
use crate::stage::{Pick, STUBBORN, Stage, hand_key, hand_key_secret};

/// Operations at once; those on one object keep their order.
const WORKERS: usize = 3;
const NOBODYS: &str = include_str!("../../../common/tests/vectors/keys/rsa-2048-b.crt");

/// Does all operations, and counts them in `progress`.
pub(crate) fn work(
    stage: &Stage<'_>,
    operations: &[Operation],
    progress: &AtomicUsize,
) -> anyhow::Result<()> {
    let sealed = seal(stage, operations)?;
    let lanes: Vec<Vec<usize>> = (0..WORKERS)
        .map(|lane| {
            let mine = |number: &usize| lane_of(operations[*number]) % WORKERS == lane;
            (0..operations.len()).filter(mine).collect()
        })
        .collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = lanes
            .iter()
            .map(|lane| {
                let sealed = &sealed;
                scope.spawn(move || -> anyhow::Result<()> {
                    for number in lane {
                        let manifest = sealed.get(number);
                        operate(stage, operations[*number], manifest)
                            .with_context(|| format!("{:?}", operations[*number]))?;
                        progress.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a worker panicked"))??;
        }
        Ok(())
    })
}

fn lane_of(operation: Operation) -> usize {
    match operation {
        Operation::Apply { slot, .. }
        | Operation::Delete { slot }
        | Operation::Tamper { slot }
        | Operation::Lose { slot }
        | Operation::Usurp { slot }
        | Operation::Free { slot } => slot,
        Operation::AddKey(_) | Operation::Renew => 0,
    }
}

/// Seals what these operations apply, with one run of `kubeseal` for each key; by the operation's number.
fn seal(stage: &Stage<'_>, operations: &[Operation]) -> anyhow::Result<BTreeMap<usize, Value>> {
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let certificate = |pick| eventually("a certificate", STUBBORN, || stage.certificate(pick));
    let (oldest, newest) = (certificate(Pick::Oldest)?, certificate(Pick::Newest)?);
    for (number, operation) in operations.iter().enumerate() {
        if let Operation::Apply { with, .. } = operation {
            let certificate = match *with {
                SealedWith::Newest => &newest,
                SealedWith::Oldest => &oldest,
                SealedWith::Hand(key) => hand_key(key).0,
                SealedWith::Nobody => NOBODYS,
            };
            by_key
                .entry(certificate.to_owned())
                .or_default()
                .push(number);
        }
    }
    let slots = stage.model().slots.clone();
    let mut sealed = BTreeMap::new();
    for (certificate, numbers) in by_key {
        let of = |number: &usize| match operations[*number] {
            Operation::Apply { slot, version, .. } => Some((&slots[slot], version)),
            _ => None,
        };
        let clear: Vec<Value> = numbers
            .iter()
            .filter_map(of)
            .map(|(slot, version)| slot.to_seal(version))
            .collect();
        let objects = seal_all(&certificate, &clear)?;
        for (number, mut object) in numbers.into_iter().zip(objects) {
            let (slot, _) = of(&number).context("only what is applied is sealed")?;
            slot.finish(&mut object);
            sealed.insert(number, object);
        }
    }
    Ok(sealed)
}

fn operate(
    stage: &Stage<'_>,
    operation: Operation,
    manifest: Option<&Value>,
) -> anyhow::Result<()> {
    let _meanwhile = stage
        .upheaval
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    let slot = |number: usize| stage.model().slots[number].clone();
    match operation {
        Operation::Apply {
            slot: number,
            version,
            ..
        } => {
            if version == 1 {
                make_room(stage, &slot(number))?;
            }
            let manifest = manifest.context("it was sealed")?;
            eventually("applied", STUBBORN, || stage.api().apply(manifest))?;
            stage.manifests().insert(number, manifest.clone());
        }
        Operation::Delete { slot: number } => {
            let slot = slot(number);
            remove(stage, &sealed_path(&slot.namespace, &slot.name))?;
            stage.manifests().remove(&number);
        }
        Operation::Free { slot: number } => {
            // From now on it may go.
            stage.model().note(operation);
            let slot = slot(number);
            remove(stage, &secret_path(&slot.namespace, &slot.name))?;
        }
        Operation::Usurp { slot: number } => return usurp(stage, number),
        Operation::Lose { slot: number } => {
            let slot = slot(number);
            remove(stage, &secret_path(&slot.namespace, &slot.name))?;
        }
        Operation::Tamper { slot: number } => tamper(stage, &slot(number))?,
        Operation::AddKey(number) => {
            let key = hand_key_secret(number);
            eventually("a key", STUBBORN, || stage.api().apply(&key))?;
            let name = key["metadata"]["name"].as_str().context("a name")?;
            stage.model().hand_keys.insert(name.to_owned());
        }
        Operation::Renew => stage.replicas.renew_key(),
    }
    if !matches!(operation, Operation::Free { .. }) {
        stage.model().note(operation);
    }
    Ok(())
}

/// Somebody's Secret of this name, where there is one before the SealedSecret.
fn make_room(stage: &Stage<'_>, slot: &Slot) -> anyhow::Result<()> {
    let Some(standing) = slot.standing() else {
        return Ok(());
    };
    let written = eventually("a Secret", STUBBORN, || stage.api().apply(&standing))?;
    if slot.shape == Shape::Blocked {
        stage.model().foreign.insert(slot.path(), written);
    }
    Ok(())
}

/// Deletes; what is gone already is fine.
pub(crate) fn remove(stage: &Stage<'_>, path: &str) -> anyhow::Result<()> {
    eventually("deleted", STUBBORN, || -> anyhow::Result<()> {
        let answer = stage.api().request("DELETE", path, "", "")?;
        if answer.status == 404 {
            return Ok(());
        }
        answer.json().map(drop)
    })
}

/// Takes the Secret away from its SealedSecret in one write, if there is one.
fn usurp(stage: &Stage<'_>, number: usize) -> anyhow::Result<()> {
    let slot = stage.model().slots[number].clone();
    let edit = json!({
        "metadata": {"ownerReferences": null, "annotations": {"owner": "somebody else"}},
        "data": {"password": "c29tZWJvZHkgZWxzZQ=="},
    });
    if let Some(written) = edit_secret(stage, &slot, &edit)? {
        let mut model = stage.model();
        model.note(Operation::Usurp { slot: number });
        model.foreign.insert(slot.path(), written);
    }
    Ok(())
}

/// Edits the Secret, if there is one.
fn tamper(stage: &Stage<'_>, slot: &Slot) -> anyhow::Result<()> {
    let edit = json!({"data": {"password": "dGFtcGVyZWQ="}});
    edit_secret(stage, slot, &edit).map(drop)
}

fn edit_secret(stage: &Stage<'_>, slot: &Slot, edit: &Value) -> anyhow::Result<Option<Value>> {
    let (path, edit) = (secret_path(&slot.namespace, &slot.name), edit.to_string());
    eventually("edited", STUBBORN, || -> anyhow::Result<Option<Value>> {
        let answer = stage
            .api()
            .request("PATCH", &path, "application/merge-patch+json", &edit)?;
        if answer.status == 404 {
            return Ok(None);
        }
        answer.json().map(Some)
    })
}
