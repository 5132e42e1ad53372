//! Drift and its repair (ARCHITECTURE.md "Repair").

use serde_json::{Value, json};

use crate::scene::{Scene, has_items, is_owned_by, scene, version};

const ITEMS: [(&str, &str); 2] = [("a", "1"), ("b", "2")];

fn made(stem: &str) -> anyhow::Result<(Scene, Value)> {
    let scene = scene(stem)?;
    let template = json!({"metadata": {"labels": {"ours": "1"}, "annotations": {"ours": "1"}}});
    scene.apply(&scene.sealed_as("db", &ITEMS, template)?)?;
    let sealed = scene.reason("db", "Unsealed")?;
    Ok((scene, sealed))
}

/// Drifts, and awaits that everything of ours is back.
fn repaired(scene: &Scene, sealed: &Value, drift: &Value) -> anyhow::Result<Value> {
    let drifted = scene.edit_secret("db", drift)?;
    let secret = scene.await_secret(&format!("{drift} undone"), "db", |secret| {
        version(secret) != version(&drifted)
            && has_items(secret, &ITEMS)
            && secret["metadata"]["labels"]["ours"] == "1"
            && secret["metadata"]["annotations"]["ours"] == "1"
            && is_owned_by(secret, sealed)
    })?;
    scene.reason("db", "Unsealed")?;
    Ok(secret)
}

#[test]
fn changed_added_and_removed_items_are_repaired() -> anyhow::Result<()> {
    for drift in [
        json!({"stringData": {"a": "drift"}}),
        json!({"stringData": {"c": "drift"}}),
        json!({"data": {"b": null}}),
    ] {
        let (scene, sealed) = made("data")?;
        repaired(&scene, &sealed, &drift)?;
    }
    Ok(())
}

#[test]
fn labels_and_annotations_of_ours_are_repaired_and_foreign_ones_kept() -> anyhow::Result<()> {
    for drift in [
        json!({"metadata": {"labels": {"ours": "2", "theirs": "1"}, "annotations": {"theirs": "1"}}}),
        json!({"metadata": {"labels": {"ours": null, "theirs": "1"}, "annotations": {"theirs": "1"}}}),
        json!({"metadata": {"labels": {"theirs": "1"}, "annotations": {"ours": null, "theirs": "1"}}}),
    ] {
        let (scene, sealed) = made("metadata")?;
        let secret = repaired(&scene, &sealed, &drift)?;
        let metadata = &secret["metadata"];
        assert_eq!(metadata["labels"], json!({"ours": "1", "theirs": "1"}));
        assert_eq!(metadata["annotations"], json!({"ours": "1", "theirs": "1"}));
    }
    Ok(())
}

#[test]
fn a_dead_uid_in_the_owner_reference_is_repaired() -> anyhow::Result<()> {
    let (scene, sealed) = made("uid")?;
    let mut owners = scene.secret("db")?["metadata"]["ownerReferences"].clone();
    owners[0]["uid"] = "00000000-0000-4000-8000-000000000000".into();
    repaired(
        &scene,
        &sealed,
        &json!({"metadata": {"ownerReferences": owners}}),
    )?;
    Ok(())
}

#[test]
fn foreign_labels_and_annotations_go_when_the_sealed_secret_changes() -> anyhow::Result<()> {
    let (scene, _) = made("wholesale")?;
    scene.edit_secret(
        "db",
        &json!({"metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "1"}}}),
    )?;
    scene.sentinel()?;
    assert_eq!(scene.secret("db")?["metadata"]["labels"]["theirs"], "1");
    let template = json!({"metadata": {"labels": {"ours": "2"}}});
    scene.apply(&scene.sealed_as("db", &[("a", "2")], template)?)?;
    let secret = scene.await_items("db", &[("a", "2")])?;
    assert_eq!(secret["metadata"]["labels"], json!({"ours": "2"}));
    assert!(secret["metadata"]["annotations"].is_null(), "{secret}");
    Ok(())
}

#[test]
fn each_repair_is_an_event() -> anyhow::Result<()> {
    let (scene, sealed) = made("told")?;
    scene.await_event(&sealed, "Unsealed")?;
    repaired(&scene, &sealed, &json!({"stringData": {"a": "drift"}}))?;
    scene.sentinel()?;
    let events = scene.events(&sealed)?;
    assert_eq!(events.len(), 2, "{events:?}");
    Ok(())
}

#[test]
fn a_foreign_change_that_does_not_matter_is_left_alone() -> anyhow::Result<()> {
    let (scene, sealed) = made("bystander")?;
    let status = scene.reason("db", "Unsealed")?;
    let edited = scene.edit_secret(
        "db",
        &json!({"metadata": {"labels": {"theirs": "1"}, "finalizers": ["example.invalid/x"]}}),
    )?;
    scene.sentinel()?;
    assert_eq!(version(&scene.secret("db")?), version(&edited));
    let now = scene.find_sealed("db")?.unwrap_or_default();
    assert_eq!(version(&now), version(&status));
    assert!(is_owned_by(&scene.secret("db")?, &sealed));
    scene
        .edit_secret("db", &json!({"metadata": {"finalizers": null}}))
        .map(drop)
}
