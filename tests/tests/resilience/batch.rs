//! Many SealedSecrets at once, sealed offline by one run of Signet's `kubeseal`.

use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, eventually};
use signet_tests::signet::{CAP, condition};

pub(crate) use signet_tests::signet::seal_all;

/// Longest time for hundreds of objects on a busy machine.
pub(crate) const LONG_CAP: Duration = Duration::from_secs(150);

/// Seals Secrets `STEM-0`, `STEM-1`, … of a namespace; each has a text item of its own and a binary one.
pub(crate) fn seal_many(
    certificate: &str,
    namespace: &str,
    stem: &str,
    count: usize,
) -> anyhow::Result<Vec<Value>> {
    let secrets: Vec<Value> = (0..count)
        .map(|number| {
            let binary = [&[0, 0xff, 0xfe][..], &number.to_be_bytes()].concat();
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": format!("{stem}-{number}"), "namespace": namespace},
                "stringData": {"password": format!("{namespace}/{stem} password number {number}")},
                "data": {"binary": STANDARD.encode(binary)},
            })
        })
        .collect();
    seal_all(certificate, &secrets)
}

/// A certificate whose private key nobody in the test has; 2048 bits, as the controller's under test.
pub(crate) fn foreign_certificate() -> String {
    include_str!("../../../common/tests/vectors/keys/rsa-2048-b.crt").to_owned()
}

/// Creates the objects with one `kubectl create`, as the administrator.
pub(crate) fn create(plane: &ControlPlane, objects: &[Value]) -> anyhow::Result<()> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    plane
        .kubectl()?
        .run(&["create", "-f", "-"], &list.to_string())?
        .success("kubectl create")
        .map(drop)
}

/// Every SealedSecret of a namespace.
pub(crate) fn sealed_in(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<Value>> {
    items(
        plane,
        &format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets"),
    )
}

/// Every Secret of a namespace.
pub(crate) fn secrets_in(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<Value>> {
    items(plane, &format!("/api/v1/namespaces/{namespace}/secrets"))
}

fn items(plane: &ControlPlane, path: &str) -> anyhow::Result<Vec<Value>> {
    let list = plane.api().get(path)?;
    list["items"]
        .as_array()
        .cloned()
        .context("a list has items")
}

/// Name of an object.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Awaits that `count` SealedSecrets of a namespace exist and that the newest generation of each is reported with this
/// reason.
pub(crate) fn await_all(
    plane: &ControlPlane,
    namespace: &str,
    count: usize,
    reason: &str,
) -> anyhow::Result<()> {
    eventually(
        &format!("{count} SealedSecrets of {namespace} are {reason}"),
        LONG_CAP,
        || -> anyhow::Result<()> {
            let sealed = sealed_in(plane, namespace)?;
            let done = sealed
                .iter()
                .filter(|object| is_reported(object, reason))
                .count();
            ensure!(
                done == count && sealed.len() == count,
                "{done} of {}",
                sealed.len()
            );
            Ok(())
        },
    )
}

fn is_reported(object: &Value, reason: &str) -> bool {
    let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    current && condition(object, "Synced").is_some_and(|synced| synced["reason"] == reason)
}

/// Ends a controller as a rolling update does, and awaits its end.
pub(crate) fn stop(controller: &mut signet_tests::signet::SignetController) -> anyhow::Result<()> {
    let status = controller.process.terminate(CAP)?;
    ensure!(status.success(), "SIGTERM ended it with {status}");
    Ok(())
}
