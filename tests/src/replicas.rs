//! Several controllers of one installation, each with a service account of its own, so that the audit log tells them apart.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::upstream::apply_upstream_rbac;
use signet_harness::{ControlPlane, eventually};

use crate::signet::{CAP, SignetController};

/// Name of the Lease, unless a flag says otherwise.
pub const LEASE: &str = "sealed-secrets-controller";

/// How long [`SHORT_LEASE`] lasts: short for whoever waits for its end, long for a busy machine.
pub const SHORT_LEASE_LASTS: Duration = Duration::from_secs(10);
/// Flags of a lease that runs out soon.
pub const SHORT_LEASE: [&str; 3] = [
    "--leader-elect-lease-duration=10s",
    "--leader-elect-renew-deadline=9s",
    "--leader-elect-retry-period=500ms",
];

/// One replica.
#[derive(Debug)]
pub struct Replica {
    /// The controller.
    pub controller: SignetController,
    /// Its service account.
    pub account: String,
}

impl Replica {
    /// Grants upstream's permissions and what the chart grants for the Lease, and starts the process. It is ready when it
    /// has keys, which the leader makes.
    pub fn spawn(
        plane: &ControlPlane,
        namespace: &str,
        account: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        apply_upstream_rbac(plane, namespace, account)?;
        grant_lease(plane, namespace, account)?;
        Ok(Self {
            controller: SignetController::spawn(plane, namespace, account, arguments)?,
            account: account.to_owned(),
        })
    }

    /// Awaits that it has keys and knows the cluster.
    pub fn await_ready(&mut self) -> anyhow::Result<()> {
        let controller = &mut self.controller;
        let (port, process) = (controller.port, &mut controller.process);
        process.wait_for_http("127.0.0.1", port, "/readyz", CAP)
    }

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        let leads = self.controller.metric("signet_leader");
        leads.is_ok_and(|leads| leads == 1.0)
    }

    /// Awaits that it leads.
    pub fn await_leading(&self) -> anyhow::Result<()> {
        eventually(&format!("{} leads", self.account), CAP, || self.leads())
            .with_context(|| self.controller.process.log_tail())
    }
}

/// Grants what the chart grants for the Lease.
pub fn grant_lease(plane: &ControlPlane, namespace: &str, account: &str) -> anyhow::Result<()> {
    let name = format!("{account}-leader-election");
    let group = "rbac.authorization.k8s.io";
    plane.api().apply(&json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [LEASE], "verbs": ["get", "update"]},
        ],
    }))?;
    plane.api().apply(&json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }))?;
    Ok(())
}

/// Awaits that one of these replicas leads, and returns which.
pub fn await_leader(replicas: &[Replica]) -> anyhow::Result<usize> {
    eventually("one replica leads", CAP, || {
        replicas.iter().position(Replica::leads)
    })
}

/// Path of the Lease.
pub fn lease_path(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}")
}

/// Who holds the Lease; empty if nobody does.
pub fn holder(plane: &ControlPlane, namespace: &str) -> anyhow::Result<String> {
    let lease = plane.api().find(&lease_path(namespace))?;
    let holder = lease.map(|lease| lease["spec"]["holderIdentity"].clone());
    Ok(holder
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned())
}

/// The key Secrets of a namespace.
pub fn key_secrets(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<Value>> {
    let list = plane.api().get(&format!(
        "/api/v1/namespaces/{namespace}/secrets?labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key"
    ))?;
    let items = list["items"].as_array().cloned();
    let items = items.context("a list has items")?;
    ensure!(
        items.iter().all(|item| item["type"] == "kubernetes.io/tls"),
        "a key Secret of another type"
    );
    Ok(items)
}
