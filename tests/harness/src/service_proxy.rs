//! Lets the API server's service proxy reach a program in the namespace, as kubeseal does, without a kubelet.
//!
//! The API server proxies only to an address that belongs to a Pod and is not a loopback one.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{Api, netns};

/// A Service whose only backend is a port of this namespace.
#[derive(Clone, Copy, Debug)]
pub struct Backend<'a> {
    /// The Service's namespace; it must exist.
    pub namespace: &'a str,
    /// The Service's name, also the Pod's.
    pub service: &'a str,
    /// The port's name; upstream's plain manifests have none, its chart says `http`.
    pub port_name: Option<&'a str>,
    /// The Service's port.
    pub service_port: u16,
    /// Where the program listens.
    pub target_port: u16,
}

/// Makes, or changes, the Pod, the Service and its Endpoints.
pub fn publish(api: &Api, backend: &Backend<'_>) -> anyhow::Result<()> {
    ensure!(
        netns::is_inside(),
        "the service proxy refuses loopback addresses: run inside the test namespace"
    );
    let pod_path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        backend.namespace, backend.service
    );
    api.apply(&pod(backend))?;
    api.merge_patch(&format!("{pod_path}/status"), &pod_status())?;
    api.apply(&service(backend))?;
    api.apply(&endpoints(backend)).map(drop)
}

/// Takes the Service, its Endpoints and the Pod away: the proxy then answers as if nothing were installed.
pub fn withdraw(api: &Api, namespace: &str, service: &str) -> anyhow::Result<()> {
    for kind in ["services", "endpoints"] {
        let path = format!("/api/v1/namespaces/{namespace}/{kind}/{service}");
        if api.find(&path)?.is_some() {
            api.delete(&path)?;
        }
    }
    let pod = format!("/api/v1/namespaces/{namespace}/pods/{service}?gracePeriodSeconds=0");
    if api.find(&pod)?.is_some() {
        api.delete(&pod)?;
    }
    Ok(())
}

fn metadata(backend: &Backend<'_>) -> Value {
    json!({ "name": backend.service, "namespace": backend.namespace })
}

fn pod(backend: &Backend<'_>) -> Value {
    let mut metadata = metadata(backend);
    metadata["labels"] = json!({ "name": backend.service });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": "local",
            "containers": [{ "name": "controller", "image": "example.invalid/none" }],
        },
    })
}

fn pod_status() -> Value {
    let ip = netns::ADDRESS.to_string();
    json!({ "status": {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "conditions": [{ "type": "Ready", "status": "True" }],
    } })
}

fn port(name: Option<&str>, rest: Value) -> Value {
    let mut port = rest;
    if let Some(name) = name {
        port["name"] = name.into();
    }
    port
}

fn service(backend: &Backend<'_>) -> Value {
    let only = port(
        backend.port_name,
        json!({ "port": backend.service_port, "targetPort": backend.target_port, "protocol": "TCP" }),
    );
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(backend),
        "spec": { "ports": [only] },
    })
}

fn endpoints(backend: &Backend<'_>) -> Value {
    let pod = json!({ "kind": "Pod", "namespace": backend.namespace, "name": backend.service });
    let only = port(
        backend.port_name,
        json!({ "port": backend.target_port, "protocol": "TCP" }),
    );
    json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": metadata(backend),
        "subsets": [{
            "addresses": [{ "ip": netns::ADDRESS.to_string(), "targetRef": pod }],
            "ports": [only],
        }],
    })
}
