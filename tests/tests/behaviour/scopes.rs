//! Scopes, and values that move between objects and items (lines 279, 301 and 742 to 897 of
//! upstream's integration/controller_test.go).

use serde_json::{Value, json};

use crate::scene::{CLUSTER_WIDE, NAMESPACE_WIDE, Scene, message, scene, verdicts};

fn renamed(mut sealed: Value, name: &str) -> Value {
    sealed["metadata"]["name"] = name.into();
    sealed
}

fn moved(mut sealed: Value, scene: &Scene) -> Value {
    sealed["metadata"]["namespace"] = scene.namespace.as_str().into();
    sealed
}

fn refused(
    scene: &Scene,
    sealed: &Value,
    name: &str,
    reason: &str,
    part: &str,
) -> anyhow::Result<()> {
    scene.apply(sealed)?;
    let object = scene.says(name, reason, part)?;
    assert_eq!(
        verdicts(&object),
        ["Synced=False", "Ready=False", "Stalled=True"]
    );
    let event = scene.await_event(&object, "ErrUnsealFailed")?;
    assert!(event.contains(part), "{event}");
    assert_eq!(scene.find_secret(name)?, None);
    Ok(())
}

#[test]
fn a_strict_object_opens_under_no_other_name() -> anyhow::Result<()> {
    let scene = scene("strict-name")?;
    let sealed = renamed(scene.sealed("db", &[("k", "v")], &[])?, "other");
    let hint = format!("it was sealed for {}/db", scene.namespace);
    refused(&scene, &sealed, "other", "Renamed", &hint)
}

#[test]
fn a_strict_object_opens_in_no_other_namespace() -> anyhow::Result<()> {
    let (here, there) = (scene("strict-from")?, scene("strict-to")?);
    let sealed = moved(here.sealed("db", &[("k", "v")], &[])?, &there);
    let hint = format!("it was sealed for {}/db", here.namespace);
    refused(&there, &sealed, "db", "Renamed", &hint)
}

#[test]
fn without_a_record_of_its_old_place_a_moved_object_has_no_key() -> anyhow::Result<()> {
    let (here, there) = (scene("norecord-from")?, scene("norecord-to")?);
    let mut sealed = moved(here.sealed("db", &[("k", "v")], &[])?, &there);
    sealed["spec"]["template"]["metadata"] = json!({});
    refused(
        &there,
        &sealed,
        "db",
        "NoKey",
        "no key could decrypt secret (k)",
    )
}

#[test]
fn a_cluster_wide_object_opens_under_any_name_anywhere() -> anyhow::Result<()> {
    let (here, there) = (scene("cluster-from")?, scene("cluster-to")?);
    let sealed = here.sealed("db", &[("k", "v")], &["--scope", "cluster-wide"])?;
    here.apply(&renamed(sealed.clone(), "other"))?;
    here.await_items("other", &[("k", "v")])?;
    there.apply(&moved(sealed, &there))?;
    there.await_items("db", &[("k", "v")])?;
    there.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_namespace_wide_object_opens_under_any_name_in_its_namespace_only() -> anyhow::Result<()> {
    let (here, there) = (scene("ns-from")?, scene("ns-to")?);
    let sealed = here.sealed("db", &[("k", "v")], &["--scope", "namespace-wide"])?;
    here.apply(&renamed(sealed.clone(), "other"))?;
    here.await_items("other", &[("k", "v")])?;
    let hint = format!("it was sealed for {}/db", here.namespace);
    refused(&there, &moved(sealed, &there), "db", "Renamed", &hint)
}

#[test]
fn another_scope_than_the_annotations_say_is_named() -> anyhow::Result<()> {
    let scene = scene("mismatch")?;
    for (name, sealed_as) in [
        ("a", "cluster-wide"),
        ("b", "namespace-wide"),
        ("c", "strict"),
    ] {
        let mut sealed = scene.sealed(name, &[("k", "v")], &["--scope", sealed_as])?;
        let says = if sealed_as == "strict" {
            "cluster-wide"
        } else {
            "strict"
        };
        sealed["metadata"]["annotations"] = match says {
            "strict" => json!({}),
            _ => json!({CLUSTER_WIDE: "true"}),
        };
        let part =
            format!("sealed with scope {sealed_as}, but the object's annotations say {says}");
        refused(&scene, &sealed, name, "ScopeMismatch", &part)?;
    }
    Ok(())
}

#[test]
fn a_scope_annotation_alone_is_processed() -> anyhow::Result<()> {
    let scene = scene("annotation")?;
    scene.apply(&scene.sealed("db", &[("k", "v")], &["--scope", "namespace-wide"])?)?;
    let first = scene.reason("db", "Unsealed")?;
    let set = |value: Value| json!({"metadata": {"annotations": {NAMESPACE_WIDE: value}}});
    scene.edit_sealed("db", &set(Value::Null))?;
    scene.reason("db", "ScopeMismatch")?;
    // Only the exact text counts.
    scene.edit_sealed("db", &set("TRUE".into()))?;
    scene.sentinel()?;
    scene.reason("db", "ScopeMismatch")?;
    scene.edit_sealed("db", &set("true".into()))?;
    let last = scene.reason("db", "Unsealed")?;
    assert_eq!(
        first["metadata"]["generation"],
        last["metadata"]["generation"]
    );
    assert_eq!(message(&last), "");
    Ok(())
}

#[test]
fn a_scope_annotation_that_means_nothing_new_is_no_event() -> anyhow::Result<()> {
    let scene = scene("same-scope")?;
    let sealed = scene.make("db", &[("k", "v")])?;
    scene.await_event(&sealed, "Unsealed")?;
    let before = scene.secret("db")?;
    scene.edit_sealed(
        "db",
        &json!({"metadata": {"annotations": {CLUSTER_WIDE: "no"}}}),
    )?;
    scene.sentinel()?;
    let now = scene.reason("db", "Unsealed")?;
    // It was judged again: the tag is another one.
    assert_ne!(now["status"]["inputs"], sealed["status"]["inputs"]);
    assert_eq!(verdicts(&now), verdicts(&sealed));
    assert_eq!(scene.events(&sealed)?.len(), 1);
    assert_eq!(
        scene.secret("db")?["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    Ok(())
}

#[test]
fn a_value_opens_under_another_item_name() -> anyhow::Result<()> {
    let scene = scene("item")?;
    let mut sealed = scene.sealed("db", &[("old", "v")], &[])?;
    let value = sealed["spec"]["encryptedData"]["old"].clone();
    sealed["spec"]["encryptedData"] = json!({"new": value});
    scene.apply(&sealed)?;
    scene.await_items("db", &[("new", "v")])?;
    Ok(())
}

#[test]
fn an_item_that_was_sealed_on_its_own_is_accepted() -> anyhow::Result<()> {
    let scene = scene("append")?;
    scene.make("db", &[("one", "1")])?;
    let more = scene.sealed("db", &[("two", "2")], &[])?;
    let two = more["spec"]["encryptedData"]["two"].clone();
    scene.edit_sealed("db", &json!({"spec": {"encryptedData": {"two": two}}}))?;
    scene.await_items("db", &[("one", "1"), ("two", "2")])?;
    scene.edit_sealed("db", &json!({"spec": {"encryptedData": {"one": null}}}))?;
    scene.await_items("db", &[("two", "2")])?;
    Ok(())
}
