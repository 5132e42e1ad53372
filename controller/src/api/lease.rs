//! Requests about the Lease. They pass no fence, because they decide about it, and wait for no turn: `--kubeclient-qps` must
//! not cost a leader its Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;

use super::{ApiFailure, Cluster, absent_is_none, answer, conditional};

impl Cluster {
    fn leases(&self, namespace: &str) -> Api<Lease> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Reads a Lease; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn lease(
        &self,
        deadline: Duration,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Lease>, ApiFailure> {
        absent_is_none(answer(deadline, self.leases(namespace).get(name)).await)
    }

    /// Creates a Lease; fails if there is one.
    ///
    /// # Errors
    /// [`ApiFailure`].
    pub async fn create_lease(
        &self,
        deadline: Duration,
        lease: &Lease,
    ) -> Result<Lease, ApiFailure> {
        let namespace = lease.metadata.namespace.as_deref().unwrap_or_default();
        let (api, params) = (self.leases(namespace), PostParams::default());
        answer(deadline, api.create(&params, lease)).await
    }

    /// Replaces a Lease that carries the uid and resourceVersion that were read.
    ///
    /// # Errors
    /// [`ApiFailure`]; [`ApiFailure::Conflict`] if it is another one by now.
    pub async fn replace_lease(
        &self,
        deadline: Duration,
        lease: &Lease,
    ) -> Result<Lease, ApiFailure> {
        conditional(&lease.metadata)?;
        let namespace = lease.metadata.namespace.as_deref().unwrap_or_default();
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        let (api, params) = (self.leases(namespace), PostParams::default());
        answer(deadline, api.replace(name, &params, lease)).await
    }
}
