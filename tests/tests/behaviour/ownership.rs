//! Which Secrets are ours (ARCHITECTURE.md "Ownership"): foreign ones, successors, objects that are being deleted.

use serde_json::{Value, json};
use signet_harness::{Component, eventually};
use signet_tests::signet::CAP;

use crate::scene::{Scene, Solo, is_owned_by, scene, text, verdicts, version};

/// A Secret that must never be written, whatever the controller thinks.
fn stays_foreign(scene: &Scene, name: &str, metadata: Value) -> anyhow::Result<Value> {
    let before = scene.create_secret(name, &[("k", "theirs")], metadata)?;
    scene.apply(&scene.sealed(name, &[("k", "ours")], &[])?)?;
    let sealed = scene.says(
        name,
        "NotManaged",
        "already exists and is not managed by SealedSecret",
    )?;
    scene.sentinel()?;
    assert_eq!(version(&scene.secret(name)?), version(&before), "{name}");
    Ok(sealed)
}

#[test]
fn a_secret_of_somebody_else_is_never_written() -> anyhow::Result<()> {
    let scene = scene("foreign")?;
    let sealed = stays_foreign(&scene, "db", json!({}))?;
    assert_eq!(
        verdicts(&sealed),
        ["Synced=False", "Ready=False", "Stalled=True"]
    );
    let event = scene.await_event(&sealed, "ErrUpdateFailed")?;
    assert!(event.contains("is not managed by SealedSecret"), "{event}");
    // Nor when the SealedSecret changes.
    let before = scene.secret("db")?;
    scene.apply(&scene.sealed("db", &[("k", "ours again")], &[])?)?;
    scene.reason("db", "NotManaged")?;
    assert_eq!(version(&scene.secret("db")?), version(&before));
    Ok(())
}

#[test]
fn an_owner_of_another_kind_name_or_role_is_somebody_else() -> anyhow::Result<()> {
    let scene = scene("owners")?;
    let path = format!("/api/v1/namespaces/{}/configmaps", scene.namespace);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    let map = scene.plane.api().post(&path, &map)?;
    let neighbour = scene.make("neighbour", &[("k", "v")])?;
    let owner = |api: &str, kind: &str, object: &Value, controller: bool| {
        json!({"ownerReferences": [{
            "apiVersion": api, "kind": kind, "name": object["metadata"]["name"],
            "uid": object["metadata"]["uid"], "controller": controller,
        }]})
    };
    stays_foreign(&scene, "kind", owner("v1", "ConfigMap", &map, true))?;
    let api = "bitnami.com/v1alpha1";
    stays_foreign(&scene, "name", owner(api, "SealedSecret", &neighbour, true))?;
    // Ours in name, but as a helper, not as its controller.
    let sealed = scene.sealed("role", &[("k", "ours")], &[])?;
    let mut broken = sealed.clone();
    broken["spec"]["encryptedData"]["k"] = "AAAA".into();
    let object = scene.apply(&broken)?;
    scene.reason("role", "NewerFormat")?;
    let helper = owner(api, "SealedSecret", &object, false);
    let before = scene.create_secret("role", &[("k", "theirs")], helper)?;
    scene.apply(&sealed)?;
    scene.reason("role", "NotManaged")?;
    scene.sentinel()?;
    assert_eq!(version(&scene.secret("role")?), version(&before));
    Ok(())
}

#[test]
fn only_the_exact_text_true_hands_a_secret_over() -> anyhow::Result<()> {
    let scene = scene("exact")?;
    for (name, value) in [("upper", "TRUE"), ("one", "1"), ("space", "true ")] {
        let annotations =
            json!({"annotations": {crate::scene::MANAGED: value, crate::scene::PATCH: value}});
        stays_foreign(&scene, name, annotations)?;
    }
    Ok(())
}

#[test]
fn when_the_foreign_secret_goes_ours_comes_but_not_at_once() -> anyhow::Result<()> {
    let scene = scene("gone")?;
    stays_foreign(&scene, "db", json!({}))?;
    scene.delete_secret("db")?;
    scene.stays_absent_at_first("db")?;
    scene.await_items("db", &[("k", "ours")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_foreign_secret_that_goes_while_its_rival_is_new_is_not_replaced_at_once() -> anyhow::Result<()>
{
    // Upstream's specs 569 and 594: the two watches may tell it in any order.
    let scene = scene("race")?;
    let patch_only = json!({"annotations": {crate::scene::PATCH: "true"}});
    for round in 0..6 {
        let name = format!("db-{round}");
        let metadata = if round % 2 == 0 {
            json!({})
        } else {
            patch_only.clone()
        };
        let sealed = scene.sealed(&name, &[("k", "ours")], &[])?;
        scene.create_secret(&name, &[("k", "theirs")], metadata)?;
        scene.apply(&sealed)?;
        scene.delete_secret(&name)?;
        scene.stays_absent_at_first(&name)?;
    }
    for round in 0..6 {
        scene.await_items(&format!("db-{round}"), &[("k", "ours")])?;
    }
    Ok(())
}

#[test]
fn a_foreign_secret_that_goes_before_its_rival_comes_leaves_the_name_free() -> anyhow::Result<()> {
    let scene = scene("free")?;
    scene.create_secret("db", &[("k", "theirs")], json!({}))?;
    scene.delete_secret("db")?;
    scene.make("db", &[("k", "ours")])?;
    Ok(())
}

#[test]
fn a_secret_of_ours_that_is_deleted_is_made_again() -> anyhow::Result<()> {
    let scene = scene("deleted")?;
    let sealed = scene.make("db", &[("k", "v")])?;
    let first = scene.secret("db")?;
    scene.delete_secret("db")?;
    let second = scene.await_items("db", &[("k", "v")])?;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    assert!(is_owned_by(&second, &sealed), "{second}");
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_sealed_secret_that_was_deleted_and_made_again_takes_its_secret_over() -> anyhow::Result<()> {
    let solo = Solo::start("successor", &[])?;
    let first = solo.make("db", &[("k", "1")])?;
    let before = solo.secret("db")?;
    // Without the garbage collector the Secret of the first one stays: it must be adopted, not waited for.
    solo.plane.pause(Component::ControllerManager)?;
    solo.delete_sealed("db")?;
    let second = solo.make("db", &[("k", "2")]);
    let after = second.and_then(|second| Ok((second, solo.await_items("db", &[("k", "2")])?)));
    solo.plane.resume(Component::ControllerManager)?;
    let (second, after) = after?;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert!(is_owned_by(&after, &second), "{after}");
    Ok(())
}

#[test]
fn deleting_and_making_a_sealed_secret_again_and_again_ends_with_its_secret() -> anyhow::Result<()>
{
    let scene = scene("again")?;
    for value in ["1", "2", "3", "4"] {
        scene.apply(&scene.sealed("db", &[("k", value)], &[])?)?;
        scene.await_items("db", &[("k", value)])?;
        scene.delete_sealed("db")?;
    }
    let sealed = scene.apply(&scene.sealed("db", &[("k", "5")], &[])?)?;
    // The garbage collector may still be busy with the predecessors: the last owner wins.
    scene.await_secret("the last owner", "db", |secret| {
        is_owned_by(secret, &sealed) && text(secret, "/data/k") == "NQ=="
    })?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_sealed_secret_that_is_being_deleted_is_left_alone() -> anyhow::Result<()> {
    let scene = scene("terminating")?;
    let mut sealed = scene.sealed("db", &[("k", "v")], &[])?;
    sealed["metadata"]["finalizers"] = json!(["example.invalid/hold"]);
    scene.apply(&sealed)?;
    scene.reason("db", "Unsealed")?;
    scene.delete_sealed("db")?;
    scene.delete_secret("db")?;
    scene.sentinel()?;
    assert_eq!(scene.find_secret("db")?, None);
    // Changes of it are left alone, too.
    let other = scene.sealed("db", &[("k", "w")], &[])?;
    let data = &other["spec"]["encryptedData"];
    scene.edit_sealed("db", &json!({"spec": {"encryptedData": data}}))?;
    scene.sentinel()?;
    assert_eq!(scene.find_secret("db")?, None);
    scene.edit_sealed("db", &json!({"metadata": {"finalizers": null}}))?;
    eventually("the object goes", CAP, || {
        scene.find_sealed("db").is_ok_and(|found| found.is_none())
    })
}

#[test]
fn a_secret_whose_owner_reference_was_taken_away_is_no_longer_ours() -> anyhow::Result<()> {
    let scene = scene("disowned")?;
    scene.make("db", &[("k", "v")])?;
    let edited = scene.edit_secret("db", &json!({"metadata": {"ownerReferences": null}}))?;
    scene.reason("db", "NotManaged")?;
    scene.sentinel()?;
    assert_eq!(version(&scene.secret("db")?), version(&edited));
    // Its owner hands it back.
    scene.edit_secret(
        "db",
        &json!({"metadata": {"annotations": {crate::scene::MANAGED: "true"}}}),
    )?;
    let sealed = scene.reason("db", "Unsealed")?;
    scene.await_secret("the owner again", "db", |secret| {
        is_owned_by(secret, &sealed)
    })?;
    Ok(())
}

#[test]
fn a_secret_that_is_given_back_unchanged_is_synced_again() -> anyhow::Result<()> {
    let scene = scene("returned")?;
    let sealed = scene.make("db", &[("k", "v")])?;
    let owners = scene.secret("db")?["metadata"]["ownerReferences"].clone();
    scene.edit_secret("db", &json!({"metadata": {"ownerReferences": null}}))?;
    scene.reason("db", "NotManaged")?;
    scene.edit_secret("db", &json!({"metadata": {"ownerReferences": owners}}))?;
    let now = scene.reason("db", "Unsealed")?;
    assert_eq!(now["metadata"]["uid"], sealed["metadata"]["uid"]);
    assert_eq!(verdicts(&now), ["Synced=True", "Ready=True"]);
    Ok(())
}
