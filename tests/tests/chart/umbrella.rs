//! A chart that has ours as a dependency, and SealedSecrets among its own templates.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::Workload;
use signet_tests::chart::path;
use signet_tests::signet::{CAP, apply, await_items, sealed_path, secret_path};

use crate::scene::{Kubeseal, Scene, exists, quick};

const RELEASE: &str = "platform";
const NAMESPACE: &str = "kube-system";
const NAME: &str = "sealed-secrets-controller";
const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";

/// Writes the chart, with these objects as its templates.
fn write_chart(folder: &Path, templates: &[(&str, &Value)]) -> anyhow::Result<()> {
    fs::create_dir_all(folder.join("templates"))?;
    let dependency = json!({
        "name": "signet",
        "version": ">=0.0.0-0",
        "repository": format!("file://{}", path().display()),
    });
    let chart = json!({ "apiVersion": "v2", "name": "platform", "version": "0.1.0", "dependencies": [dependency] });
    fs::write(folder.join("Chart.yaml"), chart.to_string())?;
    for (name, object) in templates {
        fs::write(folder.join("templates").join(name), object.to_string())?;
    }
    Ok(())
}

/// What is sealed without a cluster before anything is installed: nothing opens it yet, but the API server must take it.
fn sealed(name: &str) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": { "name": name, "namespace": "app" },
        "spec": { "encryptedData": { "password": "AgBy" } },
    })
}

#[test]
fn an_umbrella_chart_with_sealed_secrets_is_installed_upgraded_and_uninstalled()
-> anyhow::Result<()> {
    let scene = Scene::start()?;
    let place = tempfile::tempdir()?;
    let folder = place.path().join("platform");
    let first = sealed("first");
    write_chart(&folder, &[("first.json", &first)])?;
    let chart = folder.to_str().context("the path is text")?;
    scene
        .helm
        .ok(&["dependency", "build", chart], &Value::Null)?;
    let mut signet = quick()?;
    signet["fullnameOverride"] = NAME.into();
    signet["crd"] = json!({ "beforeTemplates": true });
    let mut values = json!({ "signet": signet });
    scene
        .install("install", RELEASE, chart, NAMESPACE, &values, &[])?
        .success("helm install")?;
    ensure!(exists(&scene.plane, &sealed_path("app", "first"))?);
    let mut controller = scene.serve(NAMESPACE, NAME)?;
    let beside = scene.seal(Kubeseal::Upstream, &[], "app", "beside")?;

    // The upgrade brings a SealedSecret that opens, and takes nothing away.
    let second = scene.sealed(Kubeseal::Signet, &[], "app", "second")?;
    write_chart(&folder, &[("second.json", &second)])?;
    values["signet"]["repair"] = json!(false);
    scene
        .install("upgrade", RELEASE, chart, NAMESPACE, &values, &[])?
        .success("helm upgrade")?;
    controller = replace(&scene, controller)?;
    await_items(
        &scene.plane,
        "app",
        "second",
        &[("password", "correct horse")],
    )?;
    for name in ["first", "beside", "second"] {
        ensure!(exists(&scene.plane, &sealed_path("app", name))?, "{name}");
    }
    ensure!(scene.plane.api().get(&secret_path("app", "beside"))? == beside);

    // As the guide says: Helm does not upgrade it.
    let kubectl = scene.plane.kubectl()?;
    let definition = path().join("../../crds/bitnami.com_sealedsecrets.yaml");
    let definition = definition.to_str().context("the path is text")?;
    kubectl.ok(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        definition,
    ])?;

    // The release's own go with it; the definition, and what was applied beside, stay.
    controller.process.terminate(CAP)?;
    scene
        .helm
        .ok(&["uninstall", RELEASE, "-n", NAMESPACE], &Value::Null)?;
    ensure!(!exists(&scene.plane, &sealed_path("app", "second"))?);
    for kept in [
        CRD.to_owned(),
        sealed_path("app", "beside"),
        secret_path("app", "beside"),
    ] {
        ensure!(exists(&scene.plane, &kept)?, "{kept} is gone");
    }
    apply(&scene.plane, &first)?;
    Ok(())
}

/// Ends the controller and starts the new Deployment's.
fn replace(scene: &Scene, mut old: Workload) -> anyhow::Result<Workload> {
    old.process.terminate(CAP)?;
    scene.serve(NAMESPACE, NAME)
}
