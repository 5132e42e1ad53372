//! The plain manifests: the chart, rendered with upstream's names, labels and shapes, so that `kubectl apply` over upstream's
//! own works and patches made for these go on fitting.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::Options;
use signet_tests::chart::{Helm, documents, find};

use crate::scene::{Kubeseal, Scene};

const NAME: &str = "sealed-secrets-controller";
const NAMESPACE: &str = "kube-system";

/// Set to write the files instead of comparing them.
const WRITE_VARIABLE: &str = "SIGNET_WRITE_MANIFESTS";

/// What upstream's manifests of this name hold, as far as a running cluster can tell.
const UPSTREAM: &str = include_str!("upstream-plain.yaml");

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../manifests")
        .join(name)
}

#[test]
fn the_committed_manifests_are_what_the_chart_renders() -> anyhow::Result<()> {
    let values = json!({ "fullnameOverride": NAME });
    let rendered = Helm::offline()?.render_as(NAME, NAMESPACE, &values, &[])?;
    let all: Vec<Value> = rendered.into_iter().map(plain).collect();
    let without_roles = all
        .iter()
        .filter(|object| {
            let kind = object["kind"].as_str().unwrap_or_default();
            ["CustomResourceDefinition", "Service", "Deployment"].contains(&kind)
        })
        .cloned()
        .map(without_account)
        .collect::<Vec<_>>();
    for (name, objects) in [
        ("controller.yaml", all),
        ("controller-norbac.yaml", without_roles),
    ] {
        let (path, wanted) = (file(name), text(objects)?);
        if std::env::var_os(WRITE_VARIABLE).is_some() {
            fs::write(&path, &wanted)?;
        }
        let present = fs::read_to_string(&path).unwrap_or_default();
        ensure!(
            present == wanted,
            "manifests/{name} is out of date: run `{WRITE_VARIABLE}=1 cargo xtask test --suite chart -- manifests`"
        );
    }
    Ok(())
}

/// An object of the chart as upstream's manifests have it.
fn plain(mut object: Value) -> Value {
    let rename = |name: &str| match name {
        "sealed-secrets-controller-key-admin" => "sealed-secrets-key-admin".to_owned(),
        "sealed-secrets-controller-service-proxier" => "sealed-secrets-service-proxier".to_owned(),
        other => other.to_owned(),
    };
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let mut name = rename(object["metadata"]["name"].as_str().unwrap_or_default());
    if kind == "RoleBinding" && name == "sealed-secrets-key-admin" {
        name = NAME.to_owned();
    }
    let mut metadata = json!({ "name": name, "labels": { "name": name } });
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    object["metadata"] = metadata;
    if let Some(role) = object["roleRef"]["name"].as_str() {
        object["roleRef"]["name"] = rename(role).into();
    }
    match kind.as_str() {
        "Deployment" => plain_deployment(&mut object["spec"]),
        "Service" => plain_service(&mut object["spec"]),
        _ => {}
    }
    object
}

/// Upstream's label, and no arguments: the chart's say nothing but defaults.
fn plain_deployment(spec: &mut Value) {
    spec["selector"]["matchLabels"] = json!({ "name": NAME });
    spec["template"]["metadata"] = json!({ "labels": { "name": NAME } });
    let container = &mut spec["template"]["spec"]["containers"][0];
    container["name"] = NAME.into();
    if let Some(container) = container.as_object_mut() {
        container.remove("args");
    }
}

/// Upstream's Services have one port without a name.
fn plain_service(spec: &mut Value) {
    spec["selector"] = json!({ "name": NAME });
    let port = spec["ports"][0]["port"].clone();
    spec["ports"] = json!([{ "port": port, "targetPort": port }]);
}

/// The service account is not in the manifest without roles.
fn without_account(mut object: Value) -> Value {
    // Not by index, which would add what is not there.
    let spec = object.pointer_mut("/spec/template/spec");
    if let Some(spec) = spec.and_then(Value::as_object_mut) {
        spec.remove("serviceAccountName");
    }
    object
}

fn text(mut objects: Vec<Value>) -> anyhow::Result<String> {
    let order = [
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Service",
        "Deployment",
    ];
    objects.sort_by_key(|object| order.iter().position(|kind| object["kind"] == *kind));
    let mut text = "# Made from charts/signet by the test suite chart; do not edit.\n".to_owned();
    for object in &objects {
        let options = serde_saphyr::ser_options! {
            prefer_block_scalars: false,
            compact_list_indent: true,
            empty_as_braces: true,
        };
        text += "---\n";
        serde_saphyr::to_fmt_writer_with_options(&mut text, object, options)?;
    }
    Ok(text)
}

fn committed(name: &str) -> anyhow::Result<Vec<Value>> {
    let path = file(name);
    documents(&fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?)
}

/// Kind, namespace and name of each object.
fn identities(objects: &[Value]) -> Vec<String> {
    let mut all: Vec<String> = objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let namespace = metadata["namespace"].as_str().unwrap_or("-");
            format!("{} {namespace} {}", object["kind"], metadata["name"])
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_manifests_equal_upstreams_in_effect() -> anyhow::Result<()> {
    let upstream = documents(UPSTREAM)?;
    let ours = committed("controller.yaml")?;
    let mut named = identities(&ours);
    // Upstream's fixture leaves out the definition.
    named.retain(|identity| !identity.contains("CustomResourceDefinition"));
    // Upstream takes no Lease.
    named.retain(|identity| !identity.contains("-leader-election"));
    ensure!(named.len() + 3 == ours.len(), "{named:#?}");
    ensure!(named == identities(&upstream), "{named:#?}");
    let bare = identities(&committed("controller-norbac.yaml")?);
    ensure!(bare.len() == 4, "{bare:#?}");

    for name in [
        "sealed-secrets-controller",
        "sealed-secrets-controller-metrics",
    ] {
        let what = format!("Service/{name}");
        let (theirs, our) = (find(&upstream, &what), find(&ours, &what));
        let (theirs, our) = (theirs.context("there")?, our.context("there")?);
        for pointer in ["/spec/ports", "/spec/selector", "/metadata/labels"] {
            ensure!(
                theirs.pointer(pointer) == our.pointer(pointer),
                "{what} {pointer}"
            );
        }
    }
    let theirs = find(&upstream, "Deployment").context("a Deployment")?;
    let our = find(&ours, "Deployment").context("a Deployment")?;
    for pointer in [
        "/metadata/labels",
        "/spec/replicas",
        "/spec/selector",
        "/spec/template/metadata/labels",
        "/spec/template/spec/serviceAccountName",
        "/spec/template/spec/containers/0/name",
        "/spec/template/spec/containers/0/command",
        "/spec/template/spec/containers/0/args",
    ] {
        ensure!(
            theirs.pointer(pointer) == our.pointer(pointer),
            "Deployment {pointer}"
        );
    }
    for (kind, name) in [
        ("ClusterRoleBinding", "sealed-secrets-controller"),
        ("RoleBinding", "sealed-secrets-controller"),
        ("RoleBinding", "sealed-secrets-service-proxier"),
    ] {
        let what = format!("{kind}/{name}");
        let (theirs, our) = (find(&upstream, &what), find(&ours, &what));
        let (theirs, our) = (theirs.context("there")?, our.context("there")?);
        ensure!(theirs["roleRef"] == our["roleRef"], "{what}");
    }
    Ok(())
}

#[test]
fn every_shipped_file_is_applied_with_validation() -> anyhow::Result<()> {
    let plane = signet_tests::start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    plane.api().ensure_namespace(NAMESPACE)?;
    let kubectl = plane.kubectl()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("crds/bitnami.com_sealedsecrets.yaml")];
    for entry in fs::read_dir(root.join("manifests"))? {
        files.push(entry?.path());
    }
    ensure!(files.len() > 2, "{files:?}");
    for file in &files {
        let yaml = fs::read_to_string(file)?;
        for dry in ["--dry-run=server", "--dry-run=none"] {
            let arguments = ["apply", "--validate=strict", dry, "-f", "-"];
            let name = file.display();
            kubectl
                .run(&arguments, &yaml)?
                .success(&format!("kubectl apply {dry} of {name}"))?;
        }
    }
    Ok(())
}

#[test]
fn kubectl_apply_over_upstreams_manifests_works() -> anyhow::Result<()> {
    let scene = Scene::start()?;
    let kubectl = scene.plane.kubectl()?;
    kubectl.apply(UPSTREAM)?;
    kubectl.apply(&fs::read_to_string(file("controller.yaml"))?)?;
    let controller = scene.serve(NAMESPACE, NAME)?;
    scene.seal(Kubeseal::Upstream, &[], "app", "one")?;
    scene.seal(Kubeseal::Signet, &[], "app", "two")?;
    scene.is_synced("app", "two")?;
    // The port of this Service has no name; one that has is not found without name or number.
    let spellings = [":8080", ""];
    scene.reaches_the_certificate(NAMESPACE, NAME, &spellings)?;
    scene.was_never_refused(NAMESPACE, &controller.service_account)
}
