//! Install, upgrade, uninstall and install again, by the real Helm, on an empty cluster.

use std::fs;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::Workload;
use signet_tests::chart::arguments;
use signet_tests::signet::{CAP, sealed_path, secret_path};

use crate::scene::{Kubeseal, Scene, exists, quick};

const RELEASE: &str = "sealed-secrets-controller";
const NAMESPACE: &str = "kube-system";
const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";

#[test]
fn a_release_is_installed_upgraded_and_uninstalled_and_the_keys_stay() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    let api = scene.plane.api();

    // An older chart, with another definition.
    let older = older_chart()?;
    let chart = older.path().to_str().context("the path is text")?;
    let mut values = quick()?;
    let notes = scene
        .install("install", RELEASE, chart, NAMESPACE, &values, &[])?
        .success("helm install")?;
    ensure!(
        notes.contains("kubeseal --fetch-cert > cert.pem"),
        "{notes}"
    );
    ensure!(columns(&api.get(CRD)?).contains(&"Because".to_owned()));

    let mut controller = scene.serve(NAMESPACE, RELEASE)?;
    // Neither kubeseal needs a flag: the names are those that it looks for.
    scene.seal(Kubeseal::Upstream, &[], "app", "first")?;
    scene.seal(Kubeseal::Signet, &[], "app", "second")?;
    scene.is_synced("app", "second")?;
    // As Headlamp, kubeseal-webgui and others ask.
    scene.reaches_the_certificate(NAMESPACE, RELEASE, &[":8080", ":http"])?;
    let keys = scene.keys(NAMESPACE)?;
    ensure!(keys.len() == 1, "{keys:?}");
    let first = api.get(&secret_path("app", "first"))?;

    // The upgrade brings the new definition and new arguments.
    values["repair"] = json!(false);
    scene
        .ours("upgrade", RELEASE, NAMESPACE, &values, &[])?
        .success("helm upgrade")?;
    ensure!(columns(&api.get(CRD)?).contains(&"Reason".to_owned()));
    let deployment = api.get(&deployment_path())?;
    ensure!(arguments(&deployment).contains(&"--repair=off".to_owned()));
    controller = replace(&scene, controller)?;
    scene.seal(Kubeseal::Upstream, &[], "app", "third")?;
    ensure!(scene.keys(NAMESPACE)? == keys, "another key was made");
    ensure!(api.get(&secret_path("app", "first"))? == first, "rewritten");
    scene.was_never_refused(NAMESPACE, &controller.service_account)?;

    // What was sealed, the keys and the definition stay; everything else goes.
    controller.process.terminate(CAP)?;
    scene
        .helm
        .ok(&["uninstall", RELEASE, "-n", NAMESPACE], &Value::Null)?;
    for kept in [
        CRD.to_owned(),
        sealed_path("app", "first"),
        secret_path("app", "first"),
    ] {
        ensure!(exists(&scene.plane, &kept)?, "{kept} is gone");
    }
    ensure!(scene.keys(NAMESPACE)? == keys);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    for gone in [
        deployment_path(),
        format!("/api/v1/namespaces/{NAMESPACE}/services/{RELEASE}"),
        format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{RELEASE}"),
        format!("{rbac}/clusterroles/secrets-unsealer"),
        format!("{rbac}/clusterrolebindings/{RELEASE}"),
        format!("{rbac}/namespaces/{NAMESPACE}/roles/{RELEASE}-key-admin"),
        format!("{rbac}/namespaces/{NAMESPACE}/rolebindings/{RELEASE}-service-proxier"),
    ] {
        ensure!(!exists(&scene.plane, &gone)?, "{gone} is still there");
    }

    // Installed again, it goes on where it was.
    scene
        .ours("install", RELEASE, NAMESPACE, &values, &[])?
        .success("helm install")?;
    let _controller = scene.serve(NAMESPACE, RELEASE)?;
    scene.seal(Kubeseal::Upstream, &[], "app", "fourth")?;
    ensure!(scene.keys(NAMESPACE)? == keys, "another key was made");
    Ok(())
}

#[test]
fn a_restricted_install_needs_no_right_on_the_cluster() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    for name in ["team-a", "team-b"] {
        scene.plane.api().ensure_namespace(name)?;
    }
    let mut values = quick()?;
    values["additionalNamespaces"] = json!(["team-a"]);
    values["rbac"] = json!({ "clusterRole": false, "namespacedRoles": true });
    // A user who may bind nothing to everybody, as on GKE: sealers are named.
    values["rbac"]["serviceProxier"] = json!({ "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dev" }] });
    let notes = scene
        .ours("install", "tenant", "signet-system", &values, &[])?
        .success("helm install")?;
    let flags = [
        "--controller-name=tenant-sealed-secrets",
        "--controller-namespace=signet-system",
    ];
    ensure!(notes.contains(&flags.join(" ")), "{notes}");
    let controller = scene.serve("signet-system", "tenant-sealed-secrets")?;
    scene.seal(Kubeseal::Upstream, &flags, "team-a", "served")?;
    scene.seal(Kubeseal::Signet, &flags, "signet-system", "own")?;
    scene.is_synced("team-a", "served")?;
    scene.was_never_refused("signet-system", &controller.service_account)?;
    let cluster_wide = scene.plane.audit().since(signet_harness::Marker::START)?;
    let outside: Vec<_> = cluster_wide
        .iter()
        .filter(|record| record.is_by_service_account("signet-system", &controller.service_account))
        .filter(|record| !matches!(record.namespace.as_str(), "team-a" | "signet-system"))
        .filter(|record| !record.resource.is_empty())
        .map(signet_harness::Record::summary)
        .collect();
    ensure!(outside.is_empty(), "asked outside: {outside:?}");
    Ok(())
}

/// Ends the controller and starts the new Deployment's, in this order, as its strategy says.
fn replace(scene: &Scene, mut old: Workload) -> anyhow::Result<Workload> {
    old.process.terminate(CAP)?;
    scene.serve(NAMESPACE, RELEASE)
}

fn deployment_path() -> String {
    format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}")
}

fn columns(crd: &Value) -> Vec<String> {
    let columns = crd["spec"]["versions"][0]["additionalPrinterColumns"].as_array();
    let names = columns.into_iter().flatten();
    names
        .filter_map(|column| column["name"].as_str().map(str::to_owned))
        .collect()
}

/// A copy of the chart whose definition has another column.
fn older_chart() -> anyhow::Result<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    let chart = signet_tests::chart::path();
    let status = std::process::Command::new("cp")
        .arg("-R")
        .arg(chart.join("."))
        .arg(copy.path())
        .status()?;
    ensure!(status.success(), "cp failed");
    for (file, now, before) in [
        ("files/crd.yaml", "name: Reason", "name: Because"),
        ("Chart.yaml", "version: 0.1.0", "version: 0.0.9"),
    ] {
        let path = copy.path().join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(now), "{file} has no {now}");
        fs::write(&path, text.replace(now, before))?;
    }
    Ok(copy)
}
