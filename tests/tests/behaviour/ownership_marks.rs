//! The annotations that hand a Secret over: `managed`, `patch`, `skip-set-owner-references` (lines 329 to
//! 594 of upstream's integration/controller_test.go).

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::scene::{MANAGED, PATCH, SKIP_OWNER, Scene, Solo, is_owned_by, scene, text};

fn template() -> Value {
    json!({"metadata": {"labels": {"ours": "1"}, "annotations": {"ours": "1"}}})
}

fn existing(scene: &Scene, marks: &[&str]) -> anyhow::Result<Value> {
    let mut annotations = json!({"theirs": "1"});
    for mark in marks {
        annotations[mark] = "true".into();
    }
    let metadata = json!({"labels": {"theirs": "1"}, "annotations": annotations});
    scene.create_secret("db", &[("both", "theirs"), ("theirs", "1")], metadata)
}

fn apply(scene: &Scene) -> anyhow::Result<Value> {
    let items = [("both", "ours"), ("ours", "1")];
    scene.apply(&scene.sealed_as("db", &items, template())?)?;
    scene.reason("db", "Unsealed")
}

#[test]
fn a_managed_secret_is_taken_over_whole() -> anyhow::Result<()> {
    let scene = scene("managed")?;
    let before = existing(&scene, &[MANAGED])?;
    let sealed = apply(&scene)?;
    let secret = scene.await_items("db", &[("both", "ours"), ("ours", "1")])?;
    assert_eq!(secret["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(secret["metadata"]["labels"], json!({"ours": "1"}));
    assert_eq!(secret["metadata"]["annotations"], json!({"ours": "1"}));
    assert!(is_owned_by(&secret, &sealed), "{secret}");
    Ok(())
}

#[test]
fn a_patched_secret_keeps_what_it_has_and_gets_no_owner() -> anyhow::Result<()> {
    let scene = scene("patch")?;
    existing(&scene, &[PATCH])?;
    apply(&scene)?;
    let all = [("both", "ours"), ("ours", "1"), ("theirs", "1")];
    let secret = scene.await_items("db", &all)?;
    let metadata = &secret["metadata"];
    assert_eq!(metadata["labels"], json!({"ours": "1", "theirs": "1"}));
    assert_eq!(
        metadata["annotations"],
        json!({PATCH: "true", "ours": "1", "theirs": "1"})
    );
    assert!(metadata["ownerReferences"].is_null(), "{metadata}");

    // An item that leaves the SealedSecret stays in the Secret, as upstream leaves it.
    scene.apply(&scene.sealed_as("db", &[("both", "again")], template())?)?;
    scene.await_items("db", &[("both", "again"), ("ours", "1"), ("theirs", "1")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_patched_and_managed_secret_is_merged_and_owned() -> anyhow::Result<()> {
    let scene = scene("both")?;
    existing(&scene, &[PATCH, MANAGED])?;
    let sealed = apply(&scene)?;
    let all = [("both", "ours"), ("ours", "1"), ("theirs", "1")];
    let secret = scene.await_items("db", &all)?;
    let metadata = &secret["metadata"];
    assert_eq!(metadata["labels"], json!({"ours": "1", "theirs": "1"}));
    assert_eq!(
        metadata["annotations"],
        json!({MANAGED: "true", PATCH: "true", "ours": "1", "theirs": "1"})
    );
    assert!(is_owned_by(&secret, &sealed), "{secret}");
    Ok(())
}

#[test]
fn a_bare_secret_is_patched() -> anyhow::Result<()> {
    let scene = scene("bare")?;
    let metadata = json!({"annotations": {PATCH: "true"}});
    scene.create_secret("db", &[], metadata)?;
    apply(&scene)?;
    let secret = scene.await_items("db", &[("both", "ours"), ("ours", "1")])?;
    assert_eq!(secret["metadata"]["labels"], json!({"ours": "1"}));
    Ok(())
}

#[test]
fn drift_of_a_patched_item_is_repaired_and_foreign_items_are_left_alone() -> anyhow::Result<()> {
    let scene = scene("patch-drift")?;
    existing(&scene, &[PATCH])?;
    apply(&scene)?;
    scene.edit_secret(
        "db",
        &json!({"stringData": {"both": "drift", "theirs": "2"}}),
    )?;
    scene.await_items("db", &[("both", "ours"), ("ours", "1"), ("theirs", "2")])?;
    Ok(())
}

#[test]
fn a_secret_that_loses_its_mark_is_no_longer_ours() -> anyhow::Result<()> {
    for mark in [PATCH, SKIP_OWNER] {
        let scene = scene("unmarked")?;
        existing(&scene, &[mark])?;
        let template = match mark {
            SKIP_OWNER => json!({"metadata": {"annotations": {SKIP_OWNER: "true"}}}),
            _ => template(),
        };
        scene.apply(&scene.sealed_as("db", &[("ours", "1")], template)?)?;
        scene.reason("db", "Unsealed")?;
        let edited =
            scene.edit_secret("db", &json!({"metadata": {"annotations": {mark: null}}}))?;
        scene.reason("db", "NotManaged")?;
        scene.sentinel()?;
        assert_eq!(
            scene.secret("db")?["metadata"]["resourceVersion"],
            edited["metadata"]["resourceVersion"]
        );
    }
    Ok(())
}

#[test]
fn a_managed_secret_that_is_deleted_is_made_and_owned() -> anyhow::Result<()> {
    // The annotation comes from the template, so that the Secret stays marked.
    let scene = scene("managed-gone")?;
    existing(&scene, &[MANAGED, PATCH])?;
    apply(&scene)?;
    scene.delete_secret("db")?;
    let secret = scene.await_items("db", &[("both", "ours"), ("ours", "1")])?;
    let sealed = scene.reason("db", "Unsealed")?;
    assert!(is_owned_by(&secret, &sealed), "{secret}");
    Ok(())
}

#[test]
fn a_patch_only_secret_that_is_deleted_is_made_but_not_at_once() -> anyhow::Result<()> {
    let scene = scene("patch-gone")?;
    existing(&scene, &[PATCH])?;
    apply(&scene)?;
    scene.delete_secret("db")?;
    scene.stays_absent_at_first("db")?;
    scene.await_items("db", &[("both", "ours"), ("ours", "1")])?;
    Ok(())
}

#[test]
fn a_secret_without_owner_is_kept_right_and_outlives_its_sealed_secret() -> anyhow::Result<()> {
    let scene = scene("skip")?;
    let template = json!({"metadata": {"annotations": {SKIP_OWNER: "true"}}});
    scene.apply(&scene.sealed_as("db", &[("k", "1")], template.clone())?)?;
    scene.reason("db", "Unsealed")?;
    let secret = scene.await_items("db", &[("k", "1")])?;
    assert!(secret["metadata"]["ownerReferences"].is_null(), "{secret}");
    scene.apply(&scene.sealed_as("db", &[("k", "2")], template)?)?;
    scene.await_items("db", &[("k", "2")])?;
    scene.edit_secret("db", &json!({"stringData": {"k": "drift"}}))?;
    scene.await_items("db", &[("k", "2")])?;

    scene.make("owned", &[("k", "v")])?;
    scene.delete_sealed("db")?;
    scene.delete_sealed("owned")?;
    eventually("an owned Secret is collected", CAP, || {
        scene
            .find_secret("owned")
            .is_ok_and(|found| found.is_none())
    })?;
    scene.await_items("db", &[("k", "2")])?;
    Ok(())
}

#[test]
fn without_our_owner_the_templates_own_owners_are_set() -> anyhow::Result<()> {
    let scene = scene("skip-owners")?;
    let path = format!("/api/v1/namespaces/{}/configmaps", scene.namespace);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    let map = scene.plane.api().post(&path, &map)?;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": map["metadata"]["uid"]});
    let template =
        json!({"metadata": {"annotations": {SKIP_OWNER: "true"}, "ownerReferences": [owner]}});
    scene.apply(&scene.sealed_as("db", &[("k", "v")], template)?)?;
    scene.reason("db", "Unsealed")?;
    let secret = scene.await_items("db", &[("k", "v")])?;
    assert_eq!(
        text(&secret, "/metadata/ownerReferences/0/kind"),
        "ConfigMap"
    );
    // Taken away by hand, it comes back: an owner is part of what the template asks for.
    scene.edit_secret("db", &json!({"metadata": {"ownerReferences": null}}))?;
    scene.await_secret("the owner again", "db", |secret| {
        text(secret, "/metadata/ownerReferences/0/kind") == "ConfigMap"
    })?;
    Ok(())
}

#[test]
fn an_object_that_goes_while_it_is_opened_leaves_no_secret() -> anyhow::Result<()> {
    /// Opened in one turn, which takes a second or more; the operations are counted at its end.
    const ITEMS: usize = 2500;
    let solo = Solo::start("gone", &[])?;
    let names: Vec<_> = (0..ITEMS).map(|number| format!("k{number}")).collect();
    let items: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let template = json!({"metadata": {"annotations": {SKIP_OWNER: "true"}}});
    let sealed = solo.sealed_as("db", &items, template)?;
    let operations = || solo.controller.private_operations();
    for round in 1..=2 {
        let before = operations()?;
        solo.apply(&sealed)?;
        eventually("the turn", CAP, || {
            let log = solo.controller.process.log();
            let begun = |line: &&str| line.contains("Updating") && line.contains("/db");
            (log.lines().filter(begun).count() == round).then_some(())
        })?;
        solo.delete_sealed("db")?;
        assert_eq!(operations()?, before, "it was too fast");
        // What was begun goes on to the end of its turn.
        eventually("all items", CAP, || {
            (operations().ok()? >= before + ITEMS as f64).then_some(())
        })?;
        solo.sentinel()?;
        assert_eq!(solo.find_secret("db")?, None, "round {round}");
    }
    Ok(())
}

#[test]
fn a_new_object_costs_three_requests_and_one_more_without_an_owner() -> anyhow::Result<()> {
    let solo = Solo::start("three", &[])?;
    let template = json!({"metadata": {"annotations": {SKIP_OWNER: "true"}}});
    for (name, template, more) in [
        ("db", json!({}), None),
        ("orphan", template, Some("get sealedsecrets")),
    ] {
        let before = solo.plane.audit().mark()?;
        let object = solo.apply(&solo.sealed_as(name, &[("k", "v")], template)?)?;
        solo.reason(name, "Unsealed")?;
        solo.await_event(&object, "Unsealed")?;
        let asked = eventually("its requests", CAP, || {
            let asked = solo.requests_about(before, name).ok()?;
            asked
                .contains(&"update sealedsecrets/status".to_owned())
                .then_some(asked)
        })?;
        let wanted = more
            .into_iter()
            .chain(["create secrets", "update sealedsecrets/status"]);
        assert!(wanted.eq(asked.iter().map(String::as_str)), "{asked:?}");
    }
    Ok(())
}
