//! What Kubernetes' own clients refuse of a kubeconfig, in their words.

use std::fs::File;
use std::path::Path;

use kube::config::Kubeconfig;
use serde_json::{Map, Value};
use signet_common::Printable;

use super::current_context;
use crate::error::{Failure, os_text};
use crate::session::Program;

/// There is nothing to go by. Upstream names a variable that it does not read.
pub(crate) fn no_configuration(program: Program) -> Failure {
    match program {
        Program::Kubeseal => Failure::trouble(
            "invalid configuration: no configuration has been provided, \
             try setting KUBERNETES_MASTER environment variable",
        )
        .hint(
            "there is no kubeconfig: give --kubeconfig or set KUBECONFIG; KUBERNETES_MASTER is not read",
        ),
        Program::Signet => Failure::trouble("there is no kubeconfig that names a cluster")
            .hint("give --kubeconfig, set KUBECONFIG, or write ~/.kube/config"),
    }
}

/// Checks the user and the cluster of the current context.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn check(program: Program, config: &Kubeconfig) -> Result<(), Failure> {
    let context = current_context(config);
    let cluster_name = context.map_or("", |context| context.cluster.as_str());
    let user_name = context
        .and_then(|context| context.user.as_deref())
        .unwrap_or_default();
    let user = config
        .auth_infos
        .iter()
        .find(|user| user.name == user_name)
        .and_then(|user| fields(&user.auth_info));
    let cluster = config
        .clusters
        .iter()
        .find(|cluster| cluster.name == cluster_name)
        .map(|cluster| fields(&cluster.cluster).unwrap_or_default());
    let mut wrong = Vec::new();
    check_user(user_name, &user.unwrap_or_default(), &mut wrong);
    match cluster {
        Some(cluster) => check_cluster(cluster_name, &cluster, &mut wrong),
        None if wrong.is_empty() => return Err(no_configuration(program)),
        None => wrong.push("cluster has no server defined".to_owned()),
    }
    invalid(&wrong)
}

fn fields<T: serde::Serialize>(object: &Option<T>) -> Option<Map<String, Value>> {
    let value = serde_json::to_value(object.as_ref()?).ok()?;
    let mut fields = value.as_object()?.clone();
    fields.retain(|_, value| !is_empty(value));
    Some(fields)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// One thing that is wrong, or a list of them.
pub(super) fn invalid(wrong: &[String]) -> Result<(), Failure> {
    match wrong {
        [] => Ok(()),
        [one] => Err(Failure::trouble(format_args!(
            "invalid configuration: {one}"
        ))),
        several => Err(Failure::trouble(format_args!(
            "invalid configuration: [{}]",
            several.join(", ")
        ))),
    }
}

fn check_user(name: &str, user: &Map<String, Value>, wrong: &mut Vec<String>) {
    let name = Printable(name);
    let has = |field: &str| user.contains_key(field);
    let mut methods = Vec::new();
    if has("token") {
        methods.push("token");
    }
    if has("username") || has("password") {
        methods.push("basicAuth");
    }
    let certificate = has("client-certificate") || has("client-certificate-data");
    if certificate && !has("client-key") && !has("client-key-data") {
        wrong.push(format!(
            "client-key-data or client-key must be specified for {name} to use the clientCert authentication method."
        ));
    }
    if certificate {
        check_file(user, "client-certificate", "client-cert", &name, wrong);
        check_file(user, "client-key", "client-key", &name, wrong);
    }
    if has("exec") && has("auth-provider") {
        wrong.push(format!(
            "authProvider cannot be provided in combination with an exec plugin for {name}"
        ));
    }
    if methods.len() > 1 {
        wrong.push(format!(
            "more than one authentication method found for {name}; found [{}], only one is allowed",
            methods.join(" ")
        ));
    }
    let of_somebody = has("as-uid") || has("as-groups") || has("as-user-extra");
    if of_somebody && !has("as") {
        wrong.push(format!(
            "requesting uid, groups or user-extra for {name} without impersonating a user"
        ));
    }
}

fn check_cluster(name: &str, cluster: &Map<String, Value>, wrong: &mut Vec<String>) {
    let shown = Printable(name);
    if !cluster.contains_key("server") {
        wrong.push(match name {
            "" => "default cluster has no server defined".to_owned(),
            _ => format!("no server found for cluster \"{shown}\""),
        });
    }
    let field = "certificate-authority";
    check_file(cluster, field, field, &shown, wrong);
}

/// The file of a field must be readable, unless its data are given.
fn check_file(
    fields: &Map<String, Value>,
    field: &str,
    what: &str,
    owner: &impl std::fmt::Display,
    wrong: &mut Vec<String>,
) {
    let Some(path) = fields.get(field).and_then(Value::as_str) else {
        return;
    };
    if let Err(error) = File::open(Path::new(path)) {
        let path = Printable(path);
        wrong.push(format!(
            "unable to read {what} {path} for {owner} due to open {path}: {}",
            os_text(&error)
        ));
    }
}
