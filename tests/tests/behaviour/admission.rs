//! Writes that the cluster refuses, and tries that go on (ARCHITECTURE.md "Failure classes", *back off*).

use anyhow::ensure;
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::scene::{Scene, message, scene, verdicts};

/// A canary that an admission policy says, as if it quoted the object.
const CANARY: &str = "the value hunter2-canary is weak";

fn create_probe(scene: &Scene) -> anyhow::Result<(u16, String)> {
    let path = format!("/api/v1/namespaces/{}/secrets?dryRun=All", scene.namespace);
    let probe = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}});
    let answer =
        scene
            .plane
            .api()
            .request("POST", &path, "application/json", &probe.to_string())?;
    Ok((answer.status, answer.body))
}

fn set_quota(scene: &Scene, secrets: u32) -> anyhow::Result<()> {
    let hard = secrets.to_string();
    let path = format!("/api/v1/namespaces/{}/resourcequotas/few", scene.namespace);
    scene.plane.api().apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": scene.namespace},
        "spec": {"hard": {"secrets": hard}},
    }))?;
    // What the quota controller does, which does not run here.
    let counted = json!({"status": {"hard": {"secrets": hard}, "used": {"secrets": "0"}}});
    scene
        .plane
        .api()
        .merge_patch(&format!("{path}/status"), &counted)
        .map(drop)
}

#[test]
fn an_exhausted_quota_is_waited_for() -> anyhow::Result<()> {
    let scene = scene("quota")?;
    set_quota(&scene, 0)?;
    eventually("the quota holds", CAP, || {
        create_probe(&scene).is_ok_and(|p| p.0 == 403)
    })?;
    scene.apply(&scene.sealed("db", &[("k", "v")], &[])?)?;
    let object = scene.says("db", "WriteRefused", "403 Forbidden")?;
    assert_eq!(
        verdicts(&object),
        ["Synced=Unknown", "Ready=Unknown", "Reconciling=True"]
    );
    let event = scene.await_event(&object, "ErrUpdateFailed")?;
    assert!(!event.contains("quota"), "{event}");
    set_quota(&scene, 5)?;
    scene.await_items("db", &[("k", "v")])?;
    let object = scene.reason("db", "Unsealed")?;
    assert_eq!(verdicts(&object), ["Synced=True", "Ready=True"]);
    Ok(())
}

/// A policy that refuses Secrets in this namespace, with `reason` as the API's reason.
fn refuse_secrets(scene: &Scene, reason: Option<&str>) -> anyhow::Result<String> {
    let name = format!("{}.example.invalid", scene.namespace);
    let mut validation = json!({"expression": "false", "message": CANARY});
    if let Some(reason) = reason {
        validation["reason"] = reason.into();
    }
    let api = scene.plane.api();
    let version = "admissionregistration.k8s.io/v1";
    api.apply(&json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
            }]},
            "validations": [validation],
        },
    }))?;
    api.apply(&json!({
        "apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}}},
        },
    }))?;
    eventually("the policy refuses", CAP, || {
        let (status, body) = create_probe(scene)?;
        ensure!(body.contains(CANARY), "{status}: {body}");
        Ok(())
    })?;
    Ok(format!(
        "/apis/{version}/validatingadmissionpolicybindings/{name}"
    ))
}

fn says_nothing_of_the_policy(scene: &Scene, object: &Value) -> anyhow::Result<()> {
    let event = scene.await_event(object, "ErrUpdateFailed")?;
    for text in [object["status"].to_string(), event] {
        assert!(
            !text.contains("hunter2") && !text.contains("example.invalid"),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn a_policy_that_refuses_is_tried_again_and_its_text_is_not_repeated() -> anyhow::Result<()> {
    // A policy may answer as forbidden or as invalid, as it likes; either way the object is not at fault.
    for (reason, shown) in [(Some("Forbidden"), "403 Forbidden"), (None, "422 Invalid")] {
        let scene = scene("policy")?;
        let binding = refuse_secrets(&scene, reason)?;
        scene.apply(&scene.sealed("db", &[("k", "v")], &[])?)?;
        let object = scene.says("db", "WriteRefused", shown)?;
        assert_eq!(
            verdicts(&object),
            ["Synced=Unknown", "Ready=Unknown", "Reconciling=True"]
        );
        says_nothing_of_the_policy(&scene, &object)?;
        scene.plane.api().delete(&binding)?;
        scene.await_items("db", &[("k", "v")])?;
        let object = scene.reason("db", "Unsealed")?;
        assert_eq!(message(&object), "");
    }
    Ok(())
}

#[test]
fn a_refused_change_leaves_the_old_secret_and_is_written_in_the_end() -> anyhow::Result<()> {
    let scene = scene("standing")?;
    scene.make("db", &[("k", "v")])?;
    let binding = refuse_secrets(&scene, Some("Forbidden"))?;
    // New content that cannot be written: the Secret does not match.
    scene.apply(&scene.sealed("db", &[("k", "new")], &[])?)?;
    let object = scene.says("db", "WriteRefused", "403")?;
    assert_eq!(verdicts(&object)[0], "Synced=Unknown");
    assert_eq!(crate::scene::text(&scene.secret("db")?, "/data/k"), "dg==");
    scene.plane.api().delete(&binding)?;
    scene.await_items("db", &[("k", "new")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}
