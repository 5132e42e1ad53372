//! What the Secret looks like: type, metadata, immutable, plain items (lines 205, 643 and 672 of
//! upstream's integration/controller_test.go).

use serde_json::json;
use signet_tests::signet;

use crate::scene::{Scene, is_owned_by, message, scene, text};

#[test]
fn labels_annotations_type_and_finalizers_come_from_the_template() -> anyhow::Result<()> {
    let scene = scene("template")?;
    let config = r#"{"auths":{"r.example.invalid":{"auth":"eDp5"}}}"#;
    let template = json!({
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {
            "labels": {"app": "shop"},
            "annotations": {"note": "kept"},
            "finalizers": ["example.invalid/hold"],
        },
    });
    let sealed = scene.sealed_as("pull", &[(".dockerconfigjson", config)], template)?;
    scene.apply(&sealed)?;
    let sealed = scene.reason("pull", "Unsealed")?;
    let secret = scene.await_items("pull", &[(".dockerconfigjson", config)])?;
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(secret["metadata"]["labels"], json!({"app": "shop"}));
    assert_eq!(secret["metadata"]["annotations"], json!({"note": "kept"}));
    assert_eq!(
        secret["metadata"]["finalizers"],
        json!(["example.invalid/hold"])
    );
    assert!(is_owned_by(&secret, &sealed), "{secret}");
    assert!(secret["metadata"]["ownerReferences"][0]["blockOwnerDeletion"].is_null());
    scene.await_event(&sealed, "Unsealed")?;
    scene
        .edit_secret("pull", &json!({"metadata": {"finalizers": null}}))
        .map(drop)
}

#[test]
fn name_and_namespace_of_the_template_change_nothing() -> anyhow::Result<()> {
    let scene = scene("names")?;
    let template = json!({"metadata": {"name": "elsewhere", "namespace": "kube-system"}});
    scene.apply(&scene.sealed_as("db", &[("k", "v")], template)?)?;
    scene.await_items("db", &[("k", "v")])?;
    assert_eq!(scene.find_secret("elsewhere")?, None);
    Ok(())
}

#[test]
fn plain_items_stand_beside_sealed_ones_which_win_and_null_omits_one() -> anyhow::Result<()> {
    let scene = scene("plain")?;
    let data = json!({"data": {"plain": "text", "both": "plain loses", "gone": null}});
    let sealed = scene.sealed_as(
        "db",
        &[("both", "sealed wins"), ("gone", "x"), ("sealed", "s")],
        data,
    )?;
    scene.apply(&sealed)?;
    scene.await_items(
        "db",
        &[("both", "sealed wins"), ("plain", "text"), ("sealed", "s")],
    )?;
    Ok(())
}

#[test]
fn an_object_may_have_no_sealed_item_or_none_at_all() -> anyhow::Result<()> {
    let scene = scene("empty")?;
    let mut sealed = scene.sealed_as("plain", &[("k", "v")], json!({"data": {"p": "1"}}))?;
    sealed["spec"]["encryptedData"] = json!({});
    scene.apply(&sealed)?;
    scene.await_items("plain", &[("p", "1")])?;
    let mut sealed = scene.sealed("nothing", &[("k", "v")], &[])?;
    sealed["spec"]["encryptedData"] = json!({});
    scene.apply(&sealed)?;
    scene.reason("nothing", "Unsealed")?;
    scene.await_items("nothing", &[])?;
    Ok(())
}

#[test]
fn an_immutable_template_makes_an_immutable_secret_and_a_change_is_refused() -> anyhow::Result<()> {
    let scene = scene("immutable")?;
    let sealed = |value| scene.sealed_as("db", &[("k", value)], json!({"immutable": true}));
    scene.apply(&sealed("1")?)?;
    scene.reason("db", "Unsealed")?;
    let before = scene.await_items("db", &[("k", "1")])?;
    assert_eq!(before["immutable"], true);

    scene.apply(&sealed("2")?)?;
    let object = scene.says("db", "Immutable", "the target Secret is immutable")?;
    assert_eq!(object["status"]["observedGeneration"], 2);
    let event = scene.await_event(&object, "ErrUpdateFailed")?;
    assert!(event.contains("the target Secret is immutable"), "{event}");
    assert_eq!(scene.secret("db")?, before);

    // Its owner deletes it: that is the way to the new value.
    scene.delete_secret("db")?;
    scene.await_items("db", &[("k", "2")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn an_immutable_secret_takes_new_labels() -> anyhow::Result<()> {
    let scene = scene("frozen")?;
    let sealed = |label: &str| {
        let template = json!({"immutable": true, "metadata": {"labels": {"v": label}}});
        scene.sealed_as("db", &[("k", "1")], template)
    };
    scene.apply(&sealed("1")?)?;
    scene.await_items("db", &[("k", "1")])?;
    scene.apply(&sealed("2")?)?;
    scene.await_secret("the new label", "db", |secret| {
        secret["metadata"]["labels"]["v"] == "2"
    })?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn another_type_is_refused_with_the_way_out() -> anyhow::Result<()> {
    let scene = scene("type")?;
    scene.make("db", &[("k", "v")])?;
    let sealed = scene.sealed_as(
        "db",
        &[("k", "v")],
        json!({"type": "example.invalid/custom"}),
    )?;
    scene.apply(&sealed)?;
    let object = scene.says("db", "Immutable", "type")?;
    assert!(message(&object).contains("delete the Secret"), "{object}");
    scene.delete_secret("db")?;
    let secret = scene.await_secret("the new type", "db", |secret| {
        secret["type"] == "example.invalid/custom"
    })?;
    assert_eq!(text(&secret, "/data/k"), "dg==");
    Ok(())
}

#[test]
fn a_template_without_type_is_in_sync_with_any_type() -> anyhow::Result<()> {
    let scene = scene("typeless")?;
    let mut secret = signet::secret(&scene.namespace, "db", &[("k", "v")]);
    secret["type"] = "example.invalid/custom".into();
    secret["metadata"]["annotations"] = json!({"sealedsecrets.bitnami.com/managed": "true"});
    let path = format!("/api/v1/namespaces/{}/secrets", scene.namespace);
    scene.plane.api().post(&path, &secret)?;
    scene.make("db", &[("k", "w")])?;
    let secret = scene.await_items("db", &[("k", "w")])?;
    assert_eq!(secret["type"], "example.invalid/custom");
    Ok(())
}

#[test]
fn a_name_of_253_characters_is_served_events_included() -> anyhow::Result<()> {
    let scene: Scene = scene("long")?;
    let name = format!("{}z", "a.".repeat(126));
    let sealed = scene.make(&name, &[(&"k".repeat(253), "v")])?;
    assert_eq!(name.len(), 253);
    scene.await_event(&sealed, "Unsealed")?;
    Ok(())
}
