//! One control plane of its own: etcd, kube-apiserver and, if wanted, kube-controller-manager, as child processes.
//!
//! Its files lie in one temporary folder; its ports are free ones, so several control planes run side by side.

mod command;
mod files;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tempfile::TempDir;

use crate::wait::eventually;
use crate::{Api, AuditLog, Kubectl, Process, Tool, Tools, port};

pub use command::AUDIT_VARIABLE;
use command::Layout;

const START_CAP: Duration = Duration::from_secs(240);
const STOP_CAP: Duration = Duration::from_secs(240);

/// The user of the administrator's kubeconfig, as the audit log shows it.
pub const ADMIN: &str = "admin";

/// What a control plane is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Run kube-controller-manager: ownerReferences are collected, namespaces go away, default service accounts exist.
    pub controller_manager: bool,
    /// Let etcd sync to disk. Off is faster and loses nothing when a process is killed.
    pub fsync: bool,
    /// Further arguments for kube-apiserver; the last one of a name wins.
    pub apiserver_args: Vec<String>,
    /// Manifests applied before kube-controller-manager starts. A CRD belongs here: the garbage collector learns of
    /// later ones only after up to 30 s.
    pub manifests: Vec<PathBuf>,
    /// Further users and their groups; see [`ControlPlane::user_kubeconfig`].
    pub users: Vec<(String, Vec<String>)>,
    /// An existing folder for its files, which then stay; otherwise a temporary one.
    pub dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller_manager: true,
            fsync: false,
            apiserver_args: Vec::new(),
            manifests: Vec::new(),
            users: Vec::new(),
            dir: None,
        }
    }
}

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
}

/// A running control plane. Dropping it ends its processes and removes its files.
#[derive(Debug)]
pub struct ControlPlane {
    running: Mutex<BTreeMap<Component, Process>>,
    api: OnceLock<Api>,
    tools: Tools,
    options: Options,
    layout: Layout,
    _temporary: Option<TempDir>,
}

impl ControlPlane {
    /// Starts it and returns when `/readyz` says ok, manifests are applied and the controllers work: about 5 s.
    pub fn start(tools: &Tools, options: Options) -> anyhow::Result<Self> {
        let temporary = match options.dir {
            None => Some(tempfile::Builder::new().prefix("plane-").tempdir()?),
            Some(_) => None,
        };
        let dir = temporary.as_ref().map(TempDir::path);
        let dir = dir
            .or(options.dir.as_deref())
            .context("one of the two is there")?;
        let layout = Layout::new(dir, [port::free()?, port::free()?, port::free()?]);
        files::write(&layout, &options)?;
        let plane = Self {
            running: Mutex::default(),
            api: OnceLock::new(),
            tools: tools.clone(),
            options,
            layout,
            _temporary: temporary,
        };
        plane.start_component(Component::Etcd)?;
        plane.start_component(Component::ApiServer)?;
        plane.layout.keep_audit_log()?;
        for manifest in &plane.options.manifests {
            plane.apply_file(manifest)?;
        }
        if plane.options.controller_manager {
            plane.start_component(Component::ControllerManager)?;
        }
        Ok(plane)
    }

    /// The API server's base URL.
    pub fn url(&self) -> String {
        self.layout.url()
    }

    /// The host part of the URL.
    pub fn host(&self) -> String {
        self.layout.host.to_string()
    }

    /// The port of the URL.
    pub fn port(&self) -> u16 {
        self.layout.api_port
    }

    /// etcd's client URL (plain HTTP, no authentication).
    pub fn etcd_url(&self) -> String {
        self.layout.etcd_url()
    }

    /// The file with the certificates that vouch for the API server.
    pub fn ca_file(&self) -> PathBuf {
        self.layout.ca_file()
    }

    /// The folder of everything: `etcd/`, `logs/`, `audit.log`, kubeconfigs.
    pub fn dir(&self) -> &Path {
        &self.layout.dir
    }

    /// Where the processes of this control plane and their peers log.
    pub fn log_dir(&self) -> PathBuf {
        self.layout.log_dir()
    }

    /// The tools it was started with.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The administrator's kubeconfig file.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig_file(ADMIN)
    }

    /// The kubeconfig file of one of [`Options::users`].
    pub fn user_kubeconfig(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.kubeconfig(name, &files::token_of(name), "default")
    }

    /// Writes a kubeconfig file for any bearer token.
    pub fn kubeconfig(&self, name: &str, token: &str, namespace: &str) -> anyhow::Result<PathBuf> {
        files::write_kubeconfig(&self.layout, name, token, namespace)
    }

    /// A token of a service account, good for a day.
    pub fn service_account_token(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> anyhow::Result<String> {
        let path =
            format!("/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": [], "expirationSeconds": 86_400 },
        });
        let answer = self.api().post(&path, &request)?;
        let token = answer
            .pointer("/status/token")
            .and_then(|token| token.as_str());
        token
            .map(str::to_owned)
            .context("the TokenRequest has no token")
    }

    /// Writes a kubeconfig file for a service account; its namespace is the current one.
    pub fn service_account_kubeconfig(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> anyhow::Result<PathBuf> {
        let token = self.service_account_token(namespace, service_account)?;
        self.kubeconfig(&format!("{namespace}.{service_account}"), &token, namespace)
    }

    /// The administrator's client.
    pub fn api(&self) -> &Api {
        self.api
            .get()
            .expect("set by start_component(ApiServer), which start() always calls")
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> anyhow::Result<Kubectl> {
        Ok(Kubectl::new(
            self.tools.path(Tool::Kubectl)?,
            &self.admin_kubeconfig(),
        ))
    }

    /// The audit log of this API server.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.layout.audit_file(), self.api().clone())
    }

    /// Applies the manifests of a file and awaits that CRDs in it are served.
    pub fn apply_file(&self, path: &Path) -> anyhow::Result<()> {
        let yaml =
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        self.apply_yaml(&yaml)
            .with_context(|| format!("apply {}", path.display()))
    }

    /// Applies manifests and awaits that CRDs among them are served.
    pub fn apply_yaml(&self, yaml: &str) -> anyhow::Result<()> {
        for object in serde_saphyr::from_multiple::<serde_json::Value>(yaml)? {
            self.api().apply(&object)?;
            if object["kind"] == "CustomResourceDefinition" {
                self.await_crd(object["metadata"]["name"].as_str().unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// Starts one component that does not run, with the same data and ports as before, and awaits that it works.
    pub fn start_component(&self, component: Component) -> anyhow::Result<()> {
        let mut process = self.layout.spawn(component, &self.tools, &self.options)?;
        match component {
            Component::Etcd => {
                process.wait_for_http("127.0.0.1", self.layout.etcd_port, "/health", START_CAP)?;
            }
            Component::ApiServer => {
                process.wait_until("/readyz says ok", START_CAP, |_| self.is_ready())?;
            }
            Component::ControllerManager => {
                process.wait_until("makes the default service account", START_CAP, |_| {
                    let path = "/api/v1/namespaces/default/serviceaccounts/default";
                    self.api().find(path).is_ok_and(|found| found.is_some())
                })?;
            }
        }
        self.running().insert(component, process);
        Ok(())
    }

    /// Ends one component as an upgrade would (SIGTERM) and awaits its end.
    pub fn terminate(&self, component: Component) -> anyhow::Result<()> {
        let mut process = self.take(component)?;
        process.terminate(STOP_CAP).map(drop)
    }

    /// Ends one component as a power cut would (SIGKILL).
    pub fn kill(&self, component: Component) -> anyhow::Result<()> {
        self.take(component)?.kill().map(drop)
    }

    /// Kills and starts one component.
    pub fn restart(&self, component: Component) -> anyhow::Result<()> {
        self.kill(component)?;
        self.start_component(component)
    }

    /// Makes one component hang (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self, component: Component) -> anyhow::Result<()> {
        self.running()
            .get_mut(&component)
            .with_context(|| format!("{component:?} does not run"))?
            .pause()
    }

    /// Lets a paused component go on.
    pub fn resume(&self, component: Component) -> anyhow::Result<()> {
        self.running()
            .get_mut(&component)
            .with_context(|| format!("{component:?} does not run"))?
            .resume()
    }

    /// The process ids of what runs.
    pub fn process_ids(&self) -> Vec<(Component, u32)> {
        let running = self.running();
        running
            .iter()
            .map(|(component, process)| (*component, process.id()))
            .collect()
    }

    /// Lets its processes outlive this value and this program. Its files must be in [`Options::dir`] to stay.
    pub fn leave_running(self) {
        std::mem::take(&mut *self.running())
            .into_values()
            .for_each(Process::leave_running);
    }

    /// Keeps the client only once the server has answered it: a first start writes its certificate under our eyes.
    fn is_ready(&self) -> bool {
        let answers = |api: &Api| {
            api.request("GET", "/readyz", "", "")
                .is_ok_and(|answer| answer.status == 200)
        };
        if let Some(api) = self.api.get() {
            return answers(api);
        }
        Api::new(&self.url(), &self.ca_file(), &files::token_of(ADMIN))
            .is_ok_and(|api| answers(&api) && self.api.set(api).is_ok())
    }

    fn await_crd(&self, name: &str) -> anyhow::Result<()> {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        eventually(
            &format!("{name} is established"),
            START_CAP,
            || -> anyhow::Result<()> {
                let crd = self.api().get(&path)?;
                let conditions = crd
                    .pointer("/status/conditions")
                    .and_then(|found| found.as_array());
                let established = conditions.is_some_and(|conditions| {
                    conditions
                        .iter()
                        .any(|c| c["type"] == "Established" && c["status"] == "True")
                });
                anyhow::ensure!(established, "conditions {conditions:?}");
                // Established means accepted; the route itself follows a moment later.
                let text = |pointer: &str| {
                    crd.pointer(pointer)
                        .and_then(|value| value.as_str())
                        .unwrap_or_default()
                };
                let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
                self.api()
                    .get(&format!(
                        "/apis/{group}/{}/{plural}?limit=1",
                        text("/spec/versions/0/name")
                    ))
                    .map(drop)
            },
        )
    }

    fn take(&self, component: Component) -> anyhow::Result<Process> {
        self.running()
            .remove(&component)
            .with_context(|| format!("{component:?} does not run"))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<Component, Process>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
