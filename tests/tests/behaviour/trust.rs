//! Attacks by a tenant who may write SealedSecrets in one namespace (docs/trust.md rows 3 and 4),
//! beside the ordinary case.

use serde_json::{Value, json};

use crate::scene::{MANAGED, PATCH, SKIP_OWNER, scene, verdicts, version};

#[test]
fn types_that_grant_rights_are_refused() -> anyhow::Result<()> {
    let scene = scene("types")?;
    for (name, secret_type) in [
        ("token", "kubernetes.io/service-account-token"),
        ("bootstrap", "bootstrap.kubernetes.io/token"),
        ("helm", "helm.sh/release.v1"),
    ] {
        scene.apply(&scene.sealed_as(name, &[("k", "v")], json!({"type": secret_type}))?)?;
        let object = scene.says(name, "TypeRefused", "--forbidden-secret-types")?;
        assert_eq!(
            verdicts(&object),
            ["Synced=False", "Ready=False", "Stalled=True"]
        );
        scene.await_event(&object, "ErrUnsealFailed")?;
        assert_eq!(scene.find_secret(name)?, None);
    }
    scene.apply(&scene.sealed_as(
        "basic",
        &[("username", "v")],
        json!({"type": "kubernetes.io/basic-auth"}),
    )?)?;
    scene.reason("basic", "Unsealed")?;
    Ok(())
}

#[test]
fn a_secret_of_such_a_type_is_not_patched_either() -> anyhow::Result<()> {
    let scene = scene("patch-type")?;
    let path = format!("/api/v1/namespaces/{}/secrets", scene.namespace);
    let release = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "db", "namespace": scene.namespace, "annotations": {PATCH: "true"}},
        "stringData": {"release": "theirs"},
    });
    let before = scene.plane.api().post(&path, &release)?;
    scene.apply(&scene.sealed("db", &[("release", "ours")], &[])?)?;
    scene.reason("db", "TypeRefused")?;
    scene.sentinel()?;
    assert_eq!(version(&scene.secret("db")?), version(&before));
    Ok(())
}

#[test]
fn owners_of_a_template_count_only_without_ours_and_never_control() -> anyhow::Result<()> {
    let scene = scene("owner")?;
    let path = format!("/api/v1/namespaces/{}/configmaps", scene.namespace);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    let map = scene.plane.api().post(&path, &map)?;
    let owner = |field: &str| json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": map["metadata"]["uid"], field: true}]);
    let template = |annotations: Value, field: &str| json!({"metadata": {"annotations": annotations, "ownerReferences": owner(field)}});
    for field in ["controller", "blockOwnerDeletion"] {
        let skip = template(json!({SKIP_OWNER: "true"}), field);
        let name = field.to_lowercase();
        scene.apply(&scene.sealed_as(&name, &[("k", "v")], skip)?)?;
        scene.reason(&name, "OwnerRefused")?;
        assert_eq!(scene.find_secret(&name)?, None);
    }
    // With our owner, the template's are not looked at.
    scene.apply(&scene.sealed_as("db", &[("k", "v")], template(json!({}), "controller"))?)?;
    let sealed = scene.reason("db", "Unsealed")?;
    let secret = scene.await_items("db", &[("k", "v")])?;
    assert!(crate::scene::is_owned_by(&secret, &sealed), "{secret}");
    Ok(())
}

#[test]
fn a_patch_never_grows_by_its_own_annotations() -> anyhow::Result<()> {
    let scene = scene("grow")?;
    let metadata = json!({"annotations": {PATCH: "true"}, "labels": {"theirs": "1"}});
    scene.create_secret("db", &[("theirs", "1")], metadata)?;
    let template = json!({"metadata": {
        "annotations": {MANAGED: "true", SKIP_OWNER: "true", "signet.internal/x": "1", "ordinary": "1"},
        "labels": {"sealedsecrets.bitnami.com/x": "1", "signet.internal/x": "1", "ordinary": "1"},
    }});
    scene.apply(&scene.sealed_as("db", &[("ours", "1")], template)?)?;
    scene.reason("db", "Unsealed")?;
    let secret = scene.await_items("db", &[("ours", "1"), ("theirs", "1")])?;
    let metadata = &secret["metadata"];
    assert_eq!(
        metadata["annotations"],
        json!({"ordinary": "1", PATCH: "true"})
    );
    assert_eq!(metadata["labels"], json!({"ordinary": "1", "theirs": "1"}));
    assert!(metadata["ownerReferences"].is_null(), "{metadata}");
    // Nor when it changes, nor on repair.
    scene.edit_secret("db", &json!({"stringData": {"ours": "drift"}}))?;
    let secret = scene.await_items("db", &[("ours", "1"), ("theirs", "1")])?;
    assert!(secret["metadata"]["annotations"][MANAGED].is_null());
    Ok(())
}
