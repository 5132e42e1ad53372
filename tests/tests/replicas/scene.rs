//! A namespace with several replicas that serve it and nothing else, so that tests share one control plane.

use anyhow::ensure;
use serde_json::Value;
use signet_harness::audit::Record;
use signet_harness::{ControlPlane, Marker};
use signet_tests::replicas::{Replica, SHORT_LEASE, await_leader};
use signet_tests::signet::{
    SignetController, apply, await_items, await_reason, seal, secret, secret_path,
};
use signet_tests::{fresh_namespace, shared};

/// Replicas in a namespace of their own.
pub(crate) struct Scene {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
    next: usize,
}

impl Scene {
    pub(crate) fn new(stem: &str) -> anyhow::Result<Self> {
        let plane = shared()?;
        Ok(Self {
            namespace: fresh_namespace(plane, stem)?,
            plane,
            next: 0,
        })
    }

    /// Starts one more replica, with a short lease unless `arguments` say otherwise.
    pub(crate) fn spawn(&mut self, arguments: &[&str]) -> anyhow::Result<Replica> {
        self.next += 1;
        let account = format!("replica-{}", self.next);
        let own = ["--all-namespaces=false"];
        let arguments = [&own[..], &SHORT_LEASE[..], arguments].concat();
        Replica::spawn(self.plane, &self.namespace, &account, &arguments)
    }

    /// Starts so many replicas and awaits that all are ready. Returns the one that leads, and the others.
    pub(crate) fn start(
        &mut self,
        count: usize,
        arguments: &[&str],
    ) -> anyhow::Result<(Replica, Vec<Replica>)> {
        let mut replicas = Vec::new();
        for _ in 0..count {
            replicas.push(self.spawn(arguments)?);
        }
        replicas.iter_mut().try_for_each(Replica::await_ready)?;
        let leader = replicas.remove(await_leader(&replicas)?);
        ensure!(!replicas.iter().any(Replica::leads), "two lead");
        Ok((leader, replicas))
    }

    /// Seals and applies an object whose one item has its own name as value.
    pub(crate) fn apply(&self, by: &SignetController, name: &str) -> anyhow::Result<Value> {
        let clear = secret(&self.namespace, name, &[("k", name)]);
        apply(self.plane, &seal(&by.certificate()?, &clear, &[])?)
    }

    /// Awaits that the object of this name is served.
    pub(crate) fn await_served(&self, name: &str) -> anyhow::Result<()> {
        await_items(self.plane, &self.namespace, name, &[("k", name)])?;
        await_reason(self.plane, &self.namespace, name, "Unsealed").map(drop)
    }

    pub(crate) fn resource_version(&self, name: &str) -> anyhow::Result<Value> {
        let found = self.plane.api().get(&secret_path(&self.namespace, name))?;
        Ok(found["metadata"]["resourceVersion"].clone())
    }

    /// What this replica has written since, whatever became of it; the Lease does not count.
    pub(crate) fn writes(&self, marker: Marker, replica: &Replica) -> anyhow::Result<Vec<Record>> {
        let mut records = self.plane.audit().since(marker)?;
        records.retain(|record| {
            let reads = ["get", "list", "watch"].contains(&record.verb.as_str());
            record.is_by_service_account(&self.namespace, &replica.account)
                && !reads
                && record.resource != "leases"
        });
        Ok(records)
    }
}
