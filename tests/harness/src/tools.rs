//! The programs that tests need and Cargo does not build: etcd, Kubernetes, Helm, upstream's kubeseal and controller, Go's
//! templates with sprig, and a reader of OCI images.
//!
//! They are built once, from the Go modules in `tests/tools`, into a cache outside the checkout. `KUBEBUILDER_ASSETS`
//! names a folder whose programs are preferred.

mod build;
mod cache;
mod chart;
mod progress;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};

const ASSETS_VARIABLE: &str = "KUBEBUILDER_ASSETS";
const PATHS_VARIABLE: &str = "SIGNET_TOOLS";

/// A program of somebody else that tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The store below the API server.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// Garbage collection, namespaces, service accounts.
    KubeControllerManager,
    /// The client that users type.
    Kubectl,
    /// Upstream's client.
    UpstreamKubeseal,
    /// Upstream's controller.
    UpstreamController,
    /// Renders templates with Go and sprig: `tests/tools/sprig`.
    SprigOracle,
    /// Checks and unpacks OCI image layouts: `tests/tools/oci`.
    OciWitness,
    /// The package manager that installs charts.
    Helm,
    /// Upstream's chart, as an archive.
    UpstreamChart,
}

impl Tool {
    /// Every tool, quickest build first.
    pub const ALL: &[Self] = &[
        Self::SprigOracle,
        Self::OciWitness,
        Self::Etcd,
        Self::UpstreamKubeseal,
        Self::UpstreamController,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::Kubectl,
        Self::Helm,
        Self::UpstreamChart,
    ];

    /// The file name of the program.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::UpstreamKubeseal => "kubeseal",
            Self::UpstreamController => "controller",
            Self::SprigOracle => "sprig-oracle",
            Self::OciWitness => "oci-witness",
            Self::Helm => "helm",
            Self::UpstreamChart => "sealed-secrets.tgz",
        }
    }

    fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|tool| tool.file_name() == name)
    }

    /// `KUBEBUILDER_ASSETS` speaks about Kubernetes only: a `controller` in it is not upstream's, a `helm` any.
    fn may_come_from_assets(self) -> bool {
        !matches!(
            self,
            Self::UpstreamKubeseal
                | Self::UpstreamController
                | Self::SprigOracle
                | Self::OciWitness
                | Self::Helm
                | Self::UpstreamChart
        )
    }
}

/// Where each program is.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    paths: BTreeMap<Tool, PathBuf>,
}

impl Tools {
    /// Finds the wanted programs and builds what is missing. Tells its progress on stderr.
    pub fn ensure(wanted: &[Tool]) -> anyhow::Result<Self> {
        Self::ensure_in_background(wanted)?.wait()
    }

    /// The same as [`Tools::ensure`] on a thread, so that the caller can compile meanwhile. What cannot be built at all,
    /// because Go is missing, fails at once.
    pub fn ensure_in_background(wanted: &[Tool]) -> anyhow::Result<PendingTools> {
        let mut paths: BTreeMap<Tool, PathBuf> = wanted
            .iter()
            .filter_map(|&tool| Some((tool, from_assets(tool)?)))
            .collect();
        let others: Vec<Tool> = wanted
            .iter()
            .copied()
            .filter(|tool| !paths.contains_key(tool))
            .collect();
        let built = cache::locate(&others)?;
        let thread = thread::spawn(move || {
            cache::ensure(&built)?;
            paths.extend(built);
            Ok(Self { paths })
        });
        Ok(PendingTools { thread })
    }

    /// What [`Tools::export`] handed to this process.
    pub fn from_environment() -> anyhow::Result<Self> {
        let exported = std::env::var(PATHS_VARIABLE)
            .with_context(|| format!("{PATHS_VARIABLE} is not set; run `cargo xtask test`"))?;
        let paths: BTreeMap<String, PathBuf> = serde_json::from_str(&exported)?;
        let paths = paths
            .into_iter()
            .filter_map(|(name, path)| Some((Tool::from_file_name(&name)?, path)));
        Ok(Self {
            paths: paths.collect(),
        })
    }

    /// Lets a child process find the programs with [`Tools::from_environment`].
    pub fn export(&self, command: &mut Command) {
        let paths: serde_json::Map<_, _> = self
            .paths
            .iter()
            .map(|(tool, path)| (tool.file_name().to_owned(), path.to_string_lossy().into()))
            .collect();
        command.env(PATHS_VARIABLE, serde_json::Value::Object(paths).to_string());
    }

    /// The path of one program; an error if it was not asked for.
    pub fn path(&self, tool: Tool) -> anyhow::Result<&Path> {
        self.paths.get(&tool).map(PathBuf::as_path).ok_or_else(|| {
            anyhow!(
                "{} was not asked for when the tools were built",
                tool.file_name()
            )
        })
    }

    /// A command that runs one program.
    pub fn command(&self, tool: Tool) -> anyhow::Result<Command> {
        Ok(Command::new(self.path(tool)?))
    }

    /// Every program with its path.
    pub fn iter(&self) -> impl Iterator<Item = (Tool, &Path)> {
        self.paths
            .iter()
            .map(|(&tool, path)| (tool, path.as_path()))
    }
}

/// A build that goes on in the background.
#[derive(Debug)]
pub struct PendingTools {
    thread: JoinHandle<anyhow::Result<Tools>>,
}

impl PendingTools {
    /// Awaits the end of the build.
    pub fn wait(self) -> anyhow::Result<Tools> {
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that builds the tools panicked"))?
    }

    /// Whether [`PendingTools::wait`] would return at once.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

fn from_assets(tool: Tool) -> Option<PathBuf> {
    let assets = std::env::var_os(ASSETS_VARIABLE).filter(|_| tool.may_come_from_assets())?;
    let path = PathBuf::from(assets).join(tool.file_name());
    path.is_file().then_some(path)
}
