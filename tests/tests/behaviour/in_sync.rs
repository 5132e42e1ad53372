//! What costs nothing (ARCHITECTURE.md "In sync without work"): counted by the controller's own metric and by the audit log.

use serde_json::{Value, json};
use signet_harness::{Options, eventually};
use signet_tests::signet::{CAP, SignetController, await_reason, seal, secret};

use crate::scene::{CLUSTER_WIDE, MANAGED, PATCH, Solo, scene, text, version};

#[test]
fn a_foreign_change_of_the_secret_costs_one_read_and_no_private_operation() -> anyhow::Result<()> {
    let solo = Solo::start("touched", &[])?;
    let sealed = solo.make("db", &[("a", "1"), ("b", "2")])?;
    let operations = solo.controller.private_operations()?;
    assert_eq!(operations, 2.0);
    for round in ["1", "2", "3"] {
        let before = solo.plane.audit().mark()?;
        let touched = solo.edit_secret(
            "db",
            &json!({"metadata": {"annotations": {"theirs": round}}}),
        )?;
        eventually("the controller looks", CAP, || {
            solo.requests_about(before, "db")
                .is_ok_and(|requests| !requests.is_empty())
        })?;
        solo.sentinel()?;
        assert_eq!(solo.requests_about(before, "db")?, ["get secrets"]);
        assert_eq!(version(&solo.secret("db")?), version(&touched));
    }
    // A sentinel is opened twice.
    assert_eq!(
        solo.controller.private_operations()?,
        operations + 3.0 * 2.0
    );
    let now = solo.find_sealed("db")?.unwrap_or_default();
    assert_eq!(version(&now), version(&sealed));
    Ok(())
}

#[test]
fn a_foreign_change_of_a_patched_secret_costs_no_private_operation_either() -> anyhow::Result<()> {
    let solo = Solo::start("touched-patch", &[])?;
    let marks = json!({"annotations": {PATCH: "true"}});
    solo.create_secret("db", &[("theirs", "1")], marks)?;
    // What would steer the controller is not merged, and not missed.
    let template = json!({"metadata": {"annotations": {MANAGED: "true", "ours": "1"}}});
    solo.apply(&solo.sealed_as("db", &[("a", "1")], template)?)?;
    solo.reason("db", "Unsealed")?;
    let operations = solo.controller.private_operations()?;
    let before = solo.plane.audit().mark()?;
    solo.edit_secret("db", &json!({"stringData": {"theirs": "2"}}))?;
    eventually("the controller looks", CAP, || {
        solo.requests_about(before, "db")
            .is_ok_and(|requests| !requests.is_empty())
    })?;
    solo.sentinel()?;
    assert_eq!(solo.requests_about(before, "db")?, ["get secrets"]);
    assert_eq!(solo.controller.private_operations()?, operations + 2.0);
    Ok(())
}

#[test]
fn foreign_secrets_that_change_cost_no_private_operation_and_no_write() -> anyhow::Result<()> {
    let solo = Solo::start("bystander", &[])?;
    solo.create_secret("db", &[("k", "theirs")], json!({}))?;
    solo.create_secret("nobody", &[("k", "theirs")], json!({}))?;
    solo.apply(&solo.sealed("db", &[("k", "v")], &[])?)?;
    let sealed = solo.reason("db", "NotManaged")?;
    assert_eq!(solo.controller.private_operations()?, 0.0);
    let before = solo.plane.audit().mark()?;
    for name in ["db", "nobody"] {
        solo.edit_secret(name, &json!({"stringData": {"k": "changed"}}))?;
    }
    solo.sentinel()?;
    // The metadata that the watch brings says it all.
    assert_eq!(solo.requests_about(before, "db")?, [""; 0]);
    assert_eq!(solo.requests_about(before, "nobody")?, [""; 0]);
    assert_eq!(solo.controller.private_operations()?, 2.0);
    let now = solo.find_sealed("db")?.unwrap_or_default();
    assert_eq!(version(&now), version(&sealed));
    Ok(())
}

#[test]
fn a_status_that_somebody_wrote_is_put_right_and_wakes_nothing_else() -> anyhow::Result<()> {
    let scene = scene("scribble")?;
    let sealed = scene.make("db", &[("k", "v")])?;
    let path = format!("{}/status", scene.sealed_path("db"));
    let mut forged = scene.find_sealed("db")?.unwrap_or_default();
    forged["status"]["conditions"][0]["status"] = "False".into();
    forged["status"]["conditions"][0]["reason"] = "Forged".into();
    scene.plane.api().put(&path, &forged)?;
    let now = scene.reason("db", "Unsealed")?;
    assert_eq!(now["status"]["conditions"][0]["status"], "True");
    assert_eq!(now["status"]["items"], sealed["status"]["items"]);
    Ok(())
}

/// The published CRD of upstream has none of our status fields.
fn without_our_status_fields(mut crd: Value) -> Value {
    let version = &mut crd["spec"]["versions"][0];
    let properties =
        &mut version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
    for field in ["inputs", "secret", "items"] {
        properties
            .as_object_mut()
            .map(|fields| fields.remove(field));
    }
    let condition = &mut properties["conditions"]["items"]["properties"];
    condition
        .as_object_mut()
        .map(|fields| fields.remove("observedGeneration"));
    crd
}

#[test]
fn a_crd_that_drops_our_status_fields_costs_the_shortcut_only() -> anyhow::Result<()> {
    let plane = signet_tests::start(Options::default())?;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";
    plane
        .api()
        .put(path, &without_our_status_fields(plane.api().get(path)?))?;
    let mut controller = SignetController::start(&plane, "kube-system", &[])?;
    plane.api().ensure_namespace("app")?;
    let certificate = controller.certificate()?;
    let apply = |name: &str, value: &str, annotation: &str| {
        let mut sealed = seal(
            &certificate,
            &secret("app", name, &[("k", value)]),
            &["--scope", "cluster-wide"],
        )?;
        sealed["metadata"]["annotations"][CLUSTER_WIDE] = annotation.into();
        plane.api().apply(&sealed)
    };
    // The API server takes up a new schema a moment later.
    eventually("the fields are dropped", CAP, || {
        apply("probe", &format!("{:?}", std::time::Instant::now()), "true").ok()?;
        let object = await_reason(&plane, "app", "probe", "Unsealed").ok()?;
        object["status"]["inputs"].is_null().then_some(())
    })?;
    apply("good", "1", "true")?;
    apply("bad", "1", "false")?;
    let good = await_reason(&plane, "app", "good", "Unsealed")?;
    let bad = await_reason(&plane, "app", "bad", "ScopeMismatch")?;
    assert_eq!(controller.metric("signet_status_pruned")?, 1.0);
    assert!(
        good["status"]["inputs"].is_null() && good["status"]["items"].is_null(),
        "{good}"
    );

    // No write loop: nothing was written since, as an object made now shows.
    apply("sentinel", "1", "true")?;
    await_reason(&plane, "app", "sentinel", "Unsealed")?;
    let sealed = |name: &str| {
        plane.api().get(&format!(
            "/apis/bitnami.com/v1alpha1/namespaces/app/sealedsecrets/{name}"
        ))
    };
    for before in [&good, &bad] {
        let now = sealed(&text(before, "/metadata/name"))?;
        assert_eq!(version(&now), version(before));
    }
    // After a restart everything is opened again, and the Secrets stay as they are.
    let secret = plane.api().get("/api/v1/namespaces/app/secrets/good")?;
    controller.process.terminate(CAP)?;
    let controller = SignetController::start_process(&plane, "kube-system", &[])?;
    apply("sentinel-2", "1", "true")?;
    await_reason(&plane, "app", "sentinel-2", "Unsealed")?;
    eventually("all are opened", CAP, || {
        controller
            .private_operations()
            .is_ok_and(|spent| spent >= 4.0)
    })?;
    let now = plane.api().get("/api/v1/namespaces/app/secrets/good")?;
    assert_eq!(version(&now), version(&secret));
    assert_eq!(
        await_reason(&plane, "app", "good", "Unsealed")?["status"]["conditions"][0]["status"],
        "True"
    );
    Ok(())
}
