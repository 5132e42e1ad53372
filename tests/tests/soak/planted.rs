//! The checker is worth as much as what it has caught: faults planted into a small real world that was right.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{anyhow, ensure};
use serde_json::{Value, json};
use signet_tests::shared;
use signet_tests::signet::{sealed_path, secret_path};

use crate::checker::{Findings, KEY_PREFIX, judge};
use crate::plan::Plan;
use crate::replicas::SYSTEM;
use crate::slot::{Shape, Slot};
use crate::stage::Stage;
use crate::{run, witness};

/// A world in which everything is right and no controller runs any more; tests take turns.
fn world() -> anyhow::Result<MutexGuard<'static, Stage<'static>>> {
    static WORLD: OnceLock<Result<Mutex<Stage<'static>>, String>> = OnceLock::new();
    let world = WORLD.get_or_init(|| make().map(Mutex::new).map_err(|error| format!("{error:#}")));
    let world = world.as_ref().map_err(|error| anyhow!("{error}"))?;
    Ok(world.lock().unwrap_or_else(PoisonError::into_inner))
}

fn make() -> anyhow::Result<Stage<'static>> {
    let plan = Plan::of_each_shape();
    let stage = Stage::set(shared()?, &plan, 1, 0)?;
    run::carry_out(&stage, &plan.rounds)?;
    let findings = stage.settle()?;
    ensure!(findings.is_clean(), "{}", findings.report());
    // Nobody repairs what is planted now.
    stage.replicas.kill(0)?;
    Ok(stage)
}

impl Stage<'_> {
    /// What the checker finds after `plant` that it did not find before.
    fn planted(&self, plant: impl FnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<Findings> {
        let before = judge(&self.model(), &self.observe()?);
        plant(self)?;
        let mut after = judge(&self.model(), &self.observe()?);
        for (after, before) in [
            (&mut after.wrong, &before.wrong),
            (&mut after.lost, &before.lost),
            (&mut after.foreign, &before.foreign),
            (&mut after.keys, &before.keys),
            (&mut after.status, &before.status),
        ] {
            after.retain(|line| !before.contains(line));
        }
        Ok(after)
    }

    /// The `number`th object of a shape; each test has its own.
    fn one(&self, shape: Shape, number: usize) -> Slot {
        let model = self.model();
        let mut found = model.slots.iter().filter(|slot| slot.shape == shape);
        found.nth(number).expect("there are some").clone()
    }

    fn patch(&self, path: &str, patch: &Value) -> anyhow::Result<()> {
        self.api().merge_patch(path, patch).map(drop)
    }
}

fn path_of(slot: &Slot) -> String {
    secret_path(&slot.namespace, &slot.name)
}

#[test]
fn a_planted_wrong_value_is_found_by_the_model_and_by_kubeseal() -> anyhow::Result<()> {
    let stage = world()?;
    for shape in [
        Shape::Plain,
        Shape::Templated,
        Shape::Managed,
        Shape::Patched,
    ] {
        let slot = stage.one(shape, 0);
        let wrong = json!({"data": {"password": "b3RoZXI="}});
        let found = stage.planted(|stage| stage.patch(&path_of(&slot), &wrong))?;
        let line = format!("{}: differs in item password", slot.path());
        assert_eq!(found, findings(|found| found.wrong.push(line)));
        let testimony = witness::ask(stage.plane, &stage.model(), &stage.observe()?, 1)?;
        let line = format!("{}: kubeseal opens something else", slot.path());
        assert!(testimony.wrong.contains(&line), "{testimony:?}");
        assert!(testimony.judged > testimony.wrong.len(), "{testimony:?}");
    }
    Ok(())
}

#[test]
fn a_secret_with_another_owner_is_found() -> anyhow::Result<()> {
    let stage = world()?;
    let slot = stage.one(Shape::Plain, 1);
    let none = json!({"metadata": {"ownerReferences": null}});
    let found = stage.planted(|stage| stage.patch(&path_of(&slot), &none))?;
    let line = format!("{}: differs in owner", slot.path());
    assert_eq!(found, findings(|found| found.wrong.push(line)));
    Ok(())
}

#[test]
fn a_missing_secret_is_found() -> anyhow::Result<()> {
    let stage = world()?;
    let slot = stage.one(Shape::Plain, 2);
    let found = stage.planted(|stage| stage.api().delete(&path_of(&slot)).map(drop))?;
    let line = format!("{}: no Secret", slot.path());
    assert_eq!(found, findings(|found| found.lost.push(line)));
    Ok(())
}

#[test]
fn a_secret_that_nothing_says_is_found() -> anyhow::Result<()> {
    let stage = world()?;
    let slot = stage.one(Shape::Keyless, 0);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": slot.name, "namespace": slot.namespace},
    });
    let found = stage.planted(|stage| stage.api().apply(&secret).map(drop))?;
    let line = format!("{}: holds what no version says", slot.path());
    assert_eq!(found, findings(|found| found.wrong.push(line)));
    Ok(())
}

#[test]
fn a_foreign_secret_that_was_written_or_deleted_is_found() -> anyhow::Result<()> {
    let stage = world()?;
    let slot = stage.one(Shape::Blocked, 0);
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let found = stage.planted(|stage| stage.patch(&path_of(&slot), &label))?;
    let line = format!("{}: somebody else's Secret is touched", slot.path());
    assert_eq!(found, findings(|found| found.foreign.push(line)));

    let path = secret_path(&slot.namespace, "bystander-1");
    let found = stage.planted(|stage| stage.api().delete(&path).map(drop))?;
    let line = format!(
        "{}/bystander-1: somebody else's Secret is gone",
        slot.namespace
    );
    assert_eq!(found, findings(|found| found.foreign.push(line)));
    Ok(())
}

#[test]
fn two_keys_where_one_should_be_are_found() -> anyhow::Result<()> {
    let stage = world()?;
    let key = stage.observe()?.keys.first().cloned().expect("a key");
    let mut copy = stage.api().get(&secret_path(SYSTEM, &key))?;
    let stem = key.strip_suffix("-1").expect("the first of its name");
    let name = format!("{stem}-2");
    assert_ne!(name, key);
    copy["metadata"] = json!({
        "name": name, "namespace": SYSTEM, "labels": copy["metadata"]["labels"].clone(),
    });
    let found = stage.planted(|stage| stage.api().apply(&copy).map(drop))?;
    let after = stem.strip_prefix(KEY_PREFIX).expect("a key's name");
    let lines = vec![
        format!("two keys follow {after}: {key} and {name}"),
        "2 keys were made, and 1 to 1 asked for".to_owned(),
    ];
    assert_eq!(found, findings(|found| found.keys = lines));
    Ok(())
}

#[test]
fn a_status_that_is_untrue_or_old_is_found() -> anyhow::Result<()> {
    let stage = world()?;
    let slot = stage.one(Shape::Blocked, 1);
    let path = sealed_path(&slot.namespace, &slot.name);
    let status = json!({"status": {"conditions": [{
        "type": "Synced", "status": "True", "reason": "Unsealed",
        "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let found = stage.planted(|stage| stage.patch(&format!("{path}/status"), &status))?;
    let line = format!(
        "{}: must say NotManaged, says Synced=\"True\" \"Unsealed\"",
        slot.path()
    );
    assert_eq!(found, findings(|found| found.status.push(line)));

    let slot = stage.one(Shape::Plain, 3);
    let path = sealed_path(&slot.namespace, &slot.name);
    let change = json!({"spec": {"template": {"metadata": {"labels": {"new": "1"}}}}});
    let found = stage.planted(|stage| stage.patch(&path, &change))?;
    ensure!(
        found.status.len() == 1 && found.status[0].ends_with("of an older generation"),
        "{found:?}"
    );
    Ok(())
}

fn findings(fill: impl FnOnce(&mut Findings)) -> Findings {
    let mut findings = Findings::default();
    fill(&mut findings);
    findings
}
