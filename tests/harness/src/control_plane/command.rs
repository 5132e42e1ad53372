//! Where each component keeps its files and ports, and the command that starts it.

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{Component, Options};
use crate::{Process, Tool, Tools, netns};

/// Set to a folder, on the file system of the temporary ones, to keep every audit log there.
pub const AUDIT_VARIABLE: &str = "SIGNET_AUDIT_DIR";

/// Folder, address and ports of one control plane; they do not change while it lives.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    pub(super) host: Ipv4Addr,
    pub(super) api_port: u16,
    pub(super) etcd_port: u16,
    etcd_peer_port: u16,
}

impl Layout {
    pub(super) fn new(dir: &Path, [api_port, etcd_port, etcd_peer_port]: [u16; 3]) -> Self {
        // Its certificate names the advertised address only, so that is the host of every URL.
        let host = if netns::is_inside() {
            netns::ADDRESS
        } else {
            Ipv4Addr::LOCALHOST
        };
        Self {
            dir: dir.to_owned(),
            host,
            api_port,
            etcd_port,
            etcd_peer_port,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}:{}", self.host, self.api_port)
    }

    pub(super) fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    pub(super) fn log_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.dir.join("certs/apiserver.crt")
    }

    pub(super) fn audit_file(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// Links the audit log into the folder [`AUDIT_VARIABLE`], if it is set: there it outlives the plane.
    pub(super) fn keep_audit_log(&self) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os(AUDIT_VARIABLE) else {
            return Ok(());
        };
        let name = format!("{}-{}.log", std::process::id(), self.api_port);
        let stem = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let link = PathBuf::from(folder).join(format!("{stem}-{name}"));
        fs::hard_link(self.audit_file(), &link).with_context(|| format!("link {}", link.display()))
    }

    pub(super) fn audit_policy_file(&self) -> PathBuf {
        self.dir.join("audit-policy.json")
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.dir.join("tokens.csv")
    }

    pub(super) fn service_account_key_file(&self) -> PathBuf {
        self.dir.join("service-account.pem")
    }

    pub(super) fn kubeconfig_file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.kubeconfig"))
    }

    pub(super) fn spawn(
        &self,
        component: Component,
        tools: &Tools,
        options: &Options,
    ) -> anyhow::Result<Process> {
        let (tool, arguments) = match component {
            Component::Etcd => (Tool::Etcd, self.etcd(options)),
            Component::ApiServer => (Tool::KubeApiserver, self.apiserver(options)),
            Component::ControllerManager => {
                (Tool::KubeControllerManager, self.controller_manager())
            }
        };
        let mut command: Command = tools.command(tool)?;
        command.args(arguments);
        Process::spawn(tool.file_name(), command, &self.log_dir())
    }

    fn etcd(&self, options: &Options) -> Vec<OsString> {
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer_port);
        let mut arguments = vec![
            flag("data-dir", self.dir.join("etcd")),
            flag("listen-client-urls", self.etcd_url()),
            flag("advertise-client-urls", self.etcd_url()),
            flag("listen-peer-urls", &peer),
            flag("initial-advertise-peer-urls", &peer),
            flag("initial-cluster", format!("default={peer}")),
            flag("log-level", "warn"),
        ];
        if !options.fsync {
            arguments.push("--unsafe-no-fsync".into());
        }
        arguments
    }

    fn apiserver(&self, options: &Options) -> Vec<OsString> {
        let key = self.service_account_key_file();
        let bind = if self.host.is_loopback() {
            self.host
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let mut arguments = vec![
            flag("etcd-servers", self.etcd_url()),
            flag("cert-dir", self.dir.join("certs")),
            flag("bind-address", bind.to_string()),
            flag("secure-port", self.api_port.to_string()),
            flag("advertise-address", self.host.to_string()),
            flag("endpoint-reconciler-type", "none"),
            flag("service-cluster-ip-range", "10.0.0.0/24"),
            flag(
                "service-account-issuer",
                "https://kubernetes.default.svc.cluster.local",
            ),
            flag("service-account-key-file", &key),
            flag("service-account-signing-key-file", &key),
            flag("token-auth-file", self.token_file()),
            flag("authorization-mode", "RBAC"),
            // There is no kubelet: a Pod here only stands for an address, with or without a service account.
            flag("disable-admission-plugins", "ServiceAccount"),
            flag("audit-policy-file", self.audit_policy_file()),
            flag("audit-log-path", self.audit_file()),
            flag("audit-log-mode", "blocking"),
            flag("audit-log-maxsize", "100000"),
        ];
        arguments.extend(options.apiserver_args.iter().map(OsString::from));
        arguments
    }

    fn controller_manager(&self) -> Vec<OsString> {
        vec![
            flag("kubeconfig", self.kubeconfig_file(super::ADMIN)),
            flag(
                "controllers",
                "garbagecollector,namespace,serviceaccount,endpointslice,endpointslicemirroring",
            ),
            flag("leader-elect", "false"),
            flag("secure-port", "0"),
            flag("kube-api-qps", "200"),
            flag("kube-api-burst", "400"),
        ]
    }
}

fn flag(name: &str, value: impl AsRef<std::ffi::OsStr>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}
