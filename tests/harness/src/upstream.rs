//! Upstream's programs as peers: its permissions, its controller, its kubeseal.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::kubectl::{self, Output};
use crate::service_proxy::{self, Backend};
use crate::{ControlPlane, Process, Tool, netns, port};

/// Where kubeseal looks for the controller unless told otherwise.
pub const NAMESPACE: &str = "kube-system";

/// The name of upstream's Service and ServiceAccount.
pub const SERVICE: &str = "sealed-secrets-controller";

const RBAC: &str = include_str!("../../manifests/upstream-rbac.yaml");

/// Every client in a Pod looks here. The folder is mounted for one process only, as is the shared memory of the Pod, which
/// the next container of the same Pod finds again.
const IN_CLUSTER: &str = r#"
set -eu
secrets=/var/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs tmpfs "$(readlink -f /var/run)"
mkdir -p "$secrets"
mount --bind "$1" "$secrets"
mkdir -p "$1.shm"
mount --bind "$1.shm" /dev/shm
shift
exec "$@"
"#;

/// Makes the namespace and the service account, with exactly the permissions upstream gives its controller.
pub fn apply_upstream_rbac(
    plane: &ControlPlane,
    namespace: &str,
    service_account: &str,
) -> anyhow::Result<()> {
    plane.api().ensure_namespace(namespace)?;
    let manifest = RBAC
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            line.replace("SERVICE_ACCOUNT", service_account)
                .replace("NAMESPACE", namespace)
                .replace("SERVICE", SERVICE)
        })
        .collect::<Vec<_>>()
        .join("\n");
    plane.api().apply_yaml(&manifest)
}

/// A command that sees what a program in a Pod of this service account sees: address, token, CA and namespace.
pub fn in_cluster_command(
    plane: &ControlPlane,
    namespace: &str,
    service_account: &str,
    program: &Path,
) -> anyhow::Result<Command> {
    let folder = plane
        .dir()
        .join(format!("in-cluster/{namespace}.{service_account}"));
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("token"),
        plane.service_account_token(namespace, service_account)?,
    )?;
    fs::write(folder.join("namespace"), namespace)?;
    fs::copy(plane.ca_file(), folder.join("ca.crt"))?;
    Ok(pod_command(&folder, &plane.host(), plane.port(), program))
}

/// A command that finds the API server at this address, and token, CA and namespace as the files `token`, `ca.crt` and
/// `namespace` of this folder; what is written there later, it sees.
pub fn pod_command(folder: &Path, host: &str, port: u16, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", IN_CLUSTER, "in-cluster"])
        .arg(folder)
        .arg(program)
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port.to_string());
    command
}

/// Upstream's controller, running.
#[derive(Debug)]
pub struct UpstreamController {
    /// The process; its log is `upstream-NAMESPACE.log`.
    pub process: Process,
    /// The port of `/v1/cert.pem`, `/v1/verify`, `/v1/rotate`.
    pub port: u16,
    /// The port of `/metrics`.
    pub metrics_port: u16,
}

impl UpstreamController {
    /// Grants upstream's permissions, starts upstream's controller without its request limit, awaits that it is ready
    /// and publishes it under [`SERVICE`]. `arguments` come last, so that they win.
    pub fn start(
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        apply_upstream_rbac(plane, namespace, SERVICE)?;
        let (port, metrics_port) = (port::free()?, port::free()?);
        let mut command = in_cluster_command(
            plane,
            namespace,
            SERVICE,
            plane.tools().path(Tool::UpstreamController)?,
        )?;
        command
            .arg("--kubeclient-qps=-1")
            .arg(format!("--listen-addr=:{port}"))
            .arg(format!("--listen-metrics-addr=:{metrics_port}"))
            .args(arguments);
        let mut process =
            Process::spawn(&format!("upstream-{namespace}"), command, &plane.log_dir())?;
        process.wait_for_http("127.0.0.1", port, "/readyz", Duration::from_secs(60))?;
        let backend = Backend {
            namespace,
            service: SERVICE,
            port_name: None,
            service_port: 8080,
            target_port: port,
        };
        service_proxy::publish(plane.api(), &backend)?;
        Ok(Self {
            process,
            port,
            metrics_port,
        })
    }

    /// `http://ADDRESS:PORT`, without the service proxy.
    pub fn url(&self) -> String {
        format!("http://{}:{}", netns::ADDRESS, self.port)
    }
}

/// Runs upstream's kubeseal against `plane` as the administrator.
pub fn kubeseal(plane: &ControlPlane, arguments: &[&str], stdin: &str) -> anyhow::Result<Output> {
    let mut command = plane.tools().command(Tool::UpstreamKubeseal)?;
    command
        .arg("--kubeconfig")
        .arg(plane.admin_kubeconfig())
        .args(arguments);
    kubectl::run(command, stdin)
}
