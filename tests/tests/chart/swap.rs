//! From upstream's chart to ours and back, and upstream's chart with nothing but the image replaced.

use anyhow::ensure;
use serde_json::{Value, json};
use signet_tests::signet::{CAP, sealed_path, secret_path};

use crate::scene::{Kubeseal, Scene, exists, free_ports};

const RELEASE: &str = "sealed-secrets";
const NAMESPACE: &str = "kube-system";
const FLAGS: [&str; 1] = ["--controller-name=sealed-secrets"];

#[test]
fn an_upgrade_from_upstreams_chart_keeps_everything_and_a_rollback_too() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    let api = scene.plane.api();
    let values = free_ports()?;
    scene
        .upstreams("install", RELEASE, NAMESPACE, &values)?
        .success("helm install, upstream's chart")?;
    let mut upstream = scene.serve_upstream(NAMESPACE, RELEASE)?;
    let before = scene.seal(Kubeseal::Upstream, &FLAGS, "app", "before")?;
    let keys = scene.keys(NAMESPACE)?;
    upstream.process.terminate(CAP)?;

    // Helm does not let a release take what it did not make: upstream's chart leaves the definition out of the release.
    let refused = scene.ours("upgrade", RELEASE, NAMESPACE, &values, &[])?;
    ensure!(!refused.status.success(), "{}", refused.stdout);
    ensure!(
        refused.stderr.contains("invalid ownership metadata"),
        "{}",
        refused.stderr
    );
    scene
        .ours(
            "upgrade",
            RELEASE,
            NAMESPACE,
            &values,
            &["--take-ownership"],
        )?
        .success("helm upgrade")?;
    let mut signet = scene.serve(NAMESPACE, RELEASE)?;
    scene.seal(Kubeseal::Upstream, &FLAGS, "app", "with-signet")?;
    scene.is_synced("app", "before")?;
    ensure!(scene.keys(NAMESPACE)? == keys, "another key was made");
    let now = api.get(&secret_path("app", "before"))?;
    ensure!(
        now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"],
        "the Secret was written"
    );
    scene.was_never_refused(NAMESPACE, &signet.service_account)?;
    signet.process.terminate(CAP)?;

    scene
        .helm
        .ok(&["rollback", RELEASE, "1", "-n", NAMESPACE], &Value::Null)?;
    let _upstream = scene.serve_upstream(NAMESPACE, RELEASE)?;
    scene.seal(Kubeseal::Upstream, &FLAGS, "app", "after")?;
    for path in [
        sealed_path("app", "before"),
        sealed_path("app", "with-signet"),
        secret_path("app", "with-signet"),
    ] {
        ensure!(exists(&scene.plane, &path)?, "{path} is gone");
    }
    ensure!(scene.keys(NAMESPACE)? == keys, "another key was made");
    Ok(())
}

#[test]
fn our_chart_takes_over_what_an_uninstalled_one_of_upstreams_left() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    let values = free_ports()?;
    scene
        .upstreams("install", RELEASE, NAMESPACE, &values)?
        .success("helm install, upstream's chart")?;
    let mut upstream = scene.serve_upstream(NAMESPACE, RELEASE)?;
    scene.seal(Kubeseal::Upstream, &FLAGS, "app", "before")?;
    let keys = scene.keys(NAMESPACE)?;
    upstream.process.terminate(CAP)?;
    scene
        .helm
        .ok(&["uninstall", RELEASE, "-n", NAMESPACE], &Value::Null)?;

    // As the guide says for a Helm that cannot take ownership by itself.
    let kubectl = scene.plane.kubectl()?;
    kubectl.ok(&[
        "label",
        "crd",
        "sealedsecrets.bitnami.com",
        "app.kubernetes.io/managed-by=Helm",
    ])?;
    kubectl.ok(&[
        "annotate",
        "crd",
        "sealedsecrets.bitnami.com",
        "meta.helm.sh/release-name=sealed-secrets-controller",
        "meta.helm.sh/release-namespace=kube-system",
    ])?;
    scene
        .ours(
            "install",
            "sealed-secrets-controller",
            NAMESPACE,
            &values,
            &[],
        )?
        .success("helm install")?;
    let controller = scene.serve(NAMESPACE, "sealed-secrets-controller")?;
    scene.is_synced("app", "before")?;
    scene.seal(Kubeseal::Upstream, &[], "app", "after")?;
    ensure!(scene.keys(NAMESPACE)? == keys, "another key was made");
    scene.was_never_refused(NAMESPACE, &controller.service_account)
}

#[test]
fn upstreams_chart_with_another_image_works() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    let mut values = free_ports()?;
    values["image"] = json!({
        "registry": "example.invalid",
        "repository": "signet/controller",
        "tag": env!("CARGO_PKG_VERSION"),
    });
    scene
        .upstreams("install", RELEASE, NAMESPACE, &values)?
        .success("helm install, upstream's chart")?;
    let controller = scene.serve(NAMESPACE, RELEASE)?;
    scene.seal(Kubeseal::Upstream, &FLAGS, "app", "one")?;
    scene.seal(Kubeseal::Signet, &FLAGS, "app", "two")?;
    scene.is_synced("app", "two")?;
    // It asks once whether there are Leases to use.
    let refused = scene.refused(NAMESPACE, &controller.service_account)?;
    assert_eq!(
        refused,
        ["get leases kube-system/sealed-secrets-controller 403"]
    );
    Ok(())
}
