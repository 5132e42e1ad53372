//! Which cluster, as whom, and which namespace: kubeconfig files and the flags that override them, merged as kubectl does.
//!
//! Reads files only. Nothing here talks to a cluster.

pub(crate) mod check;
mod files;
pub(crate) mod timeout;

use std::path::{Path, PathBuf};

use kube::config::{Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use serde_json::{Map, Value, json};
use signet_common::Printable;

use crate::error::Failure;
use crate::session::Session;
use files::merged_files;

/// The kubectl-style flags. Absent means: as the kubeconfig says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KubeOptions {
    /// Explicit kubeconfig file; must exist.
    pub kubeconfig: Option<PathBuf>,
    /// Name of the context.
    pub context: Option<String>,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Name of the user.
    pub user: Option<String>,
    /// Address of the API server.
    pub server: Option<String>,
    /// CA file.
    pub certificate_authority: Option<String>,
    /// Whether the API server's certificate is not checked.
    pub insecure_skip_tls_verify: Option<bool>,
    /// Name to check the API server's certificate for.
    pub tls_server_name: Option<String>,
    /// Proxy for the API server.
    pub proxy_url: Option<String>,
    /// Bearer token.
    pub token: Option<String>,
    /// Client certificate file.
    pub client_certificate: Option<String>,
    /// Client key file.
    pub client_key: Option<String>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<String>,
    /// User to impersonate.
    pub impersonate: Option<String>,
    /// UID to impersonate.
    pub impersonate_uid: Option<String>,
    /// Groups to impersonate.
    pub impersonate_groups: Vec<String>,
    /// Longest wait for one request, in Go's notation. Empty means as long as usual.
    pub request_timeout: String,
}

impl std::fmt::Debug for KubeOptions {
    /// Says nothing: there may be a token in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KubeOptions")
    }
}

/// The merged files with the overrides applied, `current-context` set. `None` if there is no kubeconfig and no override: a pod,
/// perhaps.
///
/// # Errors
/// A file cannot be read, or the context that was asked for does not exist.
pub fn load(session: &Session<'_>, options: &KubeOptions) -> Result<Option<Kubeconfig>, Failure> {
    let mut config = merged_files(session, options)?;
    if let Some(name) = &options.context {
        if !config.contexts.iter().any(|context| &context.name == name) {
            return Err(does_not_exist("context", name));
        }
        config.current_context = Some(name.clone());
    }
    check_names(&config, options)?;
    let nothing_named = config
        .current_context
        .as_deref()
        .unwrap_or_default()
        .is_empty();
    if nothing_named && options.server.is_none() && options.cluster.is_none() {
        return Ok(None);
    }
    override_context(&mut config, options);
    override_cluster(&mut config, options);
    override_user(&mut config, options)?;
    Ok(Some(config))
}

fn does_not_exist(what: &str, name: &str) -> Failure {
    Failure::trouble(format_args!(
        "{what} \"{}\" does not exist",
        Printable(name)
    ))
}

/// What is named must be there.
fn check_names(config: &Kubeconfig, options: &KubeOptions) -> Result<(), Failure> {
    if let Some(name) = &options.user
        && !config.auth_infos.iter().any(|user| user.name == *name)
    {
        return Err(does_not_exist("auth info", name));
    }
    if let Some(name) = &options.cluster
        && !config.clusters.iter().any(|cluster| cluster.name == *name)
    {
        return Err(does_not_exist("cluster", name));
    }
    let current = config.current_context.as_deref().unwrap_or_default();
    if current.is_empty() || current_context(config).is_some() {
        return Ok(());
    }
    let mut wrong = vec![format!(
        "context was not found for specified context: {}",
        Printable(current)
    )];
    if options.server.is_none() && options.cluster.is_none() {
        wrong.push("cluster has no server defined".to_owned());
    }
    check::invalid(&wrong)
}

fn override_context(config: &mut Kubeconfig, options: &KubeOptions) {
    let name = config.current_context.clone().unwrap_or_default();
    if !config.contexts.iter().any(|context| context.name == name) {
        config.contexts.push(NamedContext {
            name: name.clone(),
            context: Some(Context::default()),
            ..NamedContext::default()
        });
        config.current_context = Some(name.clone());
    }
    let context = config
        .contexts
        .iter_mut()
        .find(|context| context.name == name);
    if let Some(context) = context.and_then(|named| named.context.as_mut()) {
        if let Some(cluster) = &options.cluster {
            context.cluster.clone_from(cluster);
        }
        if let Some(user) = &options.user {
            context.user = Some(user.clone());
        }
    }
}

fn current_context(config: &Kubeconfig) -> Option<&Context> {
    let name = config.current_context.as_ref()?;
    let named = config
        .contexts
        .iter()
        .find(|context| &context.name == name)?;
    named.context.as_ref()
}

/// The proxy that the kubeconfig itself names for the current cluster.
pub fn proxy_url(config: &Kubeconfig) -> Option<String> {
    let name = &current_context(config)?.cluster;
    let named = config
        .clusters
        .iter()
        .find(|cluster| &cluster.name == name)?;
    let proxy = named.cluster.as_ref()?.proxy_url.clone()?;
    Some(proxy).filter(|text| !text.is_empty())
}

/// An address without a scheme is http, unless something about TLS is configured: as kubectl reads it.
pub(crate) fn complete_address(config: &mut Kubeconfig) {
    let context = current_context(config);
    let name = context.map(|context| context.cluster.clone());
    let user = context.and_then(|context| context.user.clone());
    let shows_certificate = config
        .auth_infos
        .iter()
        .filter(|named| Some(&named.name) == user.as_ref())
        .filter_map(|named| named.auth_info.as_ref())
        .any(|user| user.client_certificate.is_some() || user.client_certificate_data.is_some());
    let cluster = config
        .clusters
        .iter_mut()
        .filter(|cluster| Some(&cluster.name) == name.as_ref())
        .find_map(|named| named.cluster.as_mut());
    let Some(cluster) = cluster else { return };
    let is_tls = shows_certificate
        || cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    if let Some(server) = &mut cluster.server
        && !server.is_empty()
        && !server.contains("://")
    {
        let scheme = if is_tls { "https" } else { "http" };
        *server = format!("{scheme}://{server}");
    }
}

fn override_cluster(config: &mut Kubeconfig, options: &KubeOptions) {
    let name = current_context(config)
        .map(|context| context.cluster.clone())
        .unwrap_or_default();
    let flags = options.server.is_some()
        || options.tls_server_name.is_some()
        || options.proxy_url.is_some()
        || options.certificate_authority.is_some()
        || options.insecure_skip_tls_verify == Some(true);
    // Without flags a cluster that is not there stays so: it is told apart from one without a server.
    if flags && !config.clusters.iter().any(|cluster| cluster.name == name) {
        config.clusters.push(NamedCluster {
            name: name.clone(),
            cluster: Some(Cluster::default()),
            ..NamedCluster::default()
        });
    }
    let named = config
        .clusters
        .iter_mut()
        .find(|cluster| cluster.name == name);
    let Some(cluster) = named.and_then(|named| named.cluster.as_mut()) else {
        return;
    };
    let set = |field: &mut Option<String>, value: &Option<String>| {
        if value.is_some() {
            field.clone_from(value);
        }
    };
    set(&mut cluster.server, &options.server);
    set(&mut cluster.tls_server_name, &options.tls_server_name);
    set(&mut cluster.proxy_url, &options.proxy_url);
    if options.certificate_authority.is_some() {
        cluster.certificate_authority_data = None;
        cluster
            .certificate_authority
            .clone_from(&options.certificate_authority);
    }
    if let Some(insecure) = options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(insecure);
        if insecure {
            // As kubectl: a CA and "do not check" exclude each other.
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
    }
}

/// Identity flags replace what the kubeconfig says about the same kind of identity.
fn override_user(config: &mut Kubeconfig, options: &KubeOptions) -> Result<(), Failure> {
    let name = current_context(config).and_then(|context| context.user.clone());
    let named = config
        .auth_infos
        .iter()
        .find(|user| Some(&user.name) == name.as_ref())
        .and_then(|user| user.auth_info.clone())
        .unwrap_or_default();
    let unreadable = |_| Failure::trouble("the user in the kubeconfig cannot be read");
    let mut fields = match serde_json::to_value(named).map_err(unreadable)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let changed = set_identity(&mut fields, options);
    if !changed {
        return Ok(());
    }
    let user = serde_json::from_value(Value::Object(fields)).map_err(unreadable)?;
    let name = name.unwrap_or_default();
    config.auth_infos.retain(|user| user.name != name);
    config.auth_infos.push(NamedAuthInfo {
        name: name.clone(),
        auth_info: Some(user),
        ..NamedAuthInfo::default()
    });
    let current = config.current_context.clone();
    let context = config
        .contexts
        .iter_mut()
        .find(|context| Some(&context.name) == current.as_ref());
    if let Some(context) = context.and_then(|named| named.context.as_mut()) {
        context.user = Some(name);
    }
    Ok(())
}

fn set_identity(fields: &mut Map<String, Value>, options: &KubeOptions) -> bool {
    let table: [(&str, &Option<String>, &[&str]); 7] = [
        (
            "token",
            &options.token,
            &["tokenFile", "exec", "auth-provider"],
        ),
        (
            "client-certificate",
            &options.client_certificate,
            &["client-certificate-data"],
        ),
        ("client-key", &options.client_key, &["client-key-data"]),
        (
            "username",
            &options.username,
            &["tokenFile", "exec", "auth-provider"],
        ),
        ("password", &options.password, &[]),
        ("as", &options.impersonate, &[]),
        ("as-uid", &options.impersonate_uid, &[]),
    ];
    let mut changed = false;
    for (field, value, replaced) in table {
        let Some(value) = value else { continue };
        for other in replaced {
            fields.remove(*other);
        }
        fields.insert(field.to_owned(), json!(value));
        changed = true;
    }
    if !options.impersonate_groups.is_empty() {
        fields.insert("as-groups".to_owned(), json!(options.impersonate_groups));
        changed = true;
    }
    changed
}

/// The namespace that kubectl would use: the context's, else `default`; in a pod the pod's. `None` without any configuration.
///
/// # Errors
/// A kubeconfig cannot be read, or the context that was asked for does not exist.
pub fn namespace(session: &Session<'_>, options: &KubeOptions) -> Result<Option<String>, Failure> {
    if options.context.is_some() {
        // Where no connection is meant, it is judged like a context that the file itself chooses.
        let config = Kubeconfig {
            current_context: options.context.clone(),
            ..merged_files(session, options)?
        };
        check_names(&config, options)?;
    }
    let config = load(session, options)?;
    let from_context = config
        .as_ref()
        .and_then(current_context)
        .and_then(|context| context.namespace.clone())
        .filter(|namespace| !namespace.is_empty());
    Ok(from_context
        .or_else(|| in_cluster_namespace(session.variable, Path::new(SERVICE_ACCOUNT)))
        .or_else(|| config.map(|_| "default".to_owned())))
}

/// What a pod has of its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The namespace of the pod that this runs in, if it is one with a service account, as client-go decides it: a pod that
/// only works for another cluster has none.
fn in_cluster_namespace(
    variable: impl Fn(&str) -> Option<String>,
    service_account: &Path,
) -> Option<String> {
    let set = |name| variable(name).filter(|text| !text.is_empty());
    set("KUBERNETES_SERVICE_HOST")?;
    set("KUBERNETES_SERVICE_PORT")?;
    let token = std::fs::metadata(service_account.join("token")).ok()?;
    if token.is_dir() {
        return None;
    }
    set("POD_NAMESPACE").or_else(|| {
        let text = std::fs::read_to_string(service_account.join("namespace")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_without_a_service_account_has_no_namespace() {
        const POD: [(&str, &str); 3] = [
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("POD_NAMESPACE", "runner"),
        ];
        let account = tempfile::tempdir().expect("a folder");
        let namespace = |without: &str| {
            let set = |name: &str| {
                let mut pod = POD.iter();
                let (_, value) = pod.find(|(of, _)| *of == name && name != without)?;
                Some((*value).to_owned())
            };
            in_cluster_namespace(set, account.path())
        };
        let write = |name, text: &str| std::fs::write(account.path().join(name), text);
        write("namespace", " of-the-file\n").expect("written");
        assert_eq!(namespace(""), None, "no token");
        std::fs::create_dir(account.path().join("token")).expect("a folder");
        assert_eq!(namespace(""), None, "no token either");
        std::fs::remove_dir(account.path().join("token")).expect("removed");
        write("token", "t").expect("written");
        assert_eq!(namespace("").as_deref(), Some("runner"));
        assert_eq!(namespace("POD_NAMESPACE").as_deref(), Some("of-the-file"));
        assert_eq!(namespace("KUBERNETES_SERVICE_HOST"), None);
        assert_eq!(namespace("KUBERNETES_SERVICE_PORT"), None);
    }
}
