//! The rows, by what they are about.

mod booleans;
mod certificate;
mod controller;
mod environment;
mod flags;
mod forms;
mod identity;
mod input;
mod logging;
mod merging;
mod order;
mod output;
mod overrides;
mod raw;
mod recovery;
mod sealing;

use crate::row::Row;

/// Every row.
pub(crate) fn all() -> Vec<Row> {
    [
        flags::rows(),
        booleans::rows(),
        overrides::rows(),
        identity::rows(),
        logging::rows(),
        environment::rows(),
        order::rows(),
        output::rows(),
        input::rows(),
        forms::rows(),
        certificate::rows(),
        sealing::rows(),
        raw::rows(),
        merging::rows(),
        controller::rows(),
        recovery::rows(),
    ]
    .concat()
}

/// A kubeconfig without a reachable cluster, whose current context is in the namespace `ctx`; the context `second` is in
/// `ctx2`, and the context `bare` says none.
pub(crate) const CONTEXTS: &str = "apiVersion: v1
kind: Config
current-context: first
clusters:
- {name: c, cluster: {server: 'http://127.0.0.1:1'}}
- {name: c2, cluster: {server: 'http://127.0.0.1:2'}}
contexts:
- {name: first, context: {cluster: c, user: u, namespace: ctx}}
- {name: second, context: {cluster: c, user: u, namespace: ctx2}}
- {name: bare, context: {cluster: c, user: u}}
users:
- {name: u, user: {}}
";

/// A Secret that names no namespace.
pub(crate) const HOMELESS: &str = "apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter2}
";

/// A Secret that names one.
pub(crate) const HOMED: &str = "apiVersion: v1
kind: Secret
metadata: {name: db, namespace: home}
stringData: {password: hunter2}
";

/// A Secret without any item.
pub(crate) const EMPTY: &str = "apiVersion: v1
kind: Secret
metadata: {name: db, namespace: team}
";

/// A SealedSecret with one item, sealed with the older key of the cluster.
pub(crate) const SEALED: &str = "apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db
  namespace: team
spec:
  encryptedData:
    password: {o:team/db:hunter2}
  template:
    metadata:
      name: db
      namespace: team
";

/// What upstream writes into an opened Secret in JSON, up to what follows it.
pub(crate) const OWNER_JSON: &str = ",
    \"ownerReferences\": [
      {
        \"apiVersion\": \"bitnami.com/v1alpha1\",
        \"kind\": \"SealedSecret\",
        \"name\": \"db\",
        \"uid\": \"\",
        \"controller\": true
      }
    ]
  },
  \"data\"";
