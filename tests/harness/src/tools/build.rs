//! Builds one program with the Go toolchain.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};

use super::Tool;
use super::chart;
use super::progress::Progress;
use crate::process::Watch;
use crate::wait;

const GO_HINT: &str = "\
The tests run a real Kubernetes control plane and build it with Go once.
Install Go 1.21 or newer (it fetches the toolchain that tests/tools/*/go.mod name), or point KUBEBUILDER_ASSETS to a
folder with etcd, kube-apiserver, kube-controller-manager and kubectl.";

/// One Go module in `tests/tools`. They are apart because their dependencies clash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    Etcd,
    Peers,
    Kubernetes,
    Sprig,
    Oci,
    Helm,
}

impl Module {
    pub(super) fn of(tool: Tool) -> Self {
        match tool {
            Tool::Etcd => Self::Etcd,
            Tool::UpstreamKubeseal | Tool::UpstreamController | Tool::UpstreamChart => Self::Peers,
            Tool::KubeApiserver | Tool::KubeControllerManager | Tool::Kubectl => Self::Kubernetes,
            Tool::SprigOracle => Self::Sprig,
            Tool::OciWitness => Self::Oci,
            Tool::Helm => Self::Helm,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Peers => "peers",
            Self::Kubernetes => "kubernetes",
            Self::Sprig => "sprig",
            Self::Oci => "oci",
            Self::Helm => "helm",
        }
    }

    pub(super) fn source(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tools")
            .join(self.name())
    }
}

fn package(tool: Tool) -> &'static str {
    match tool {
        Tool::Etcd => "go.etcd.io/etcd/server/v3",
        Tool::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
        Tool::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
        Tool::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
        Tool::UpstreamKubeseal => "github.com/bitnami/sealed-secrets/cmd/kubeseal",
        Tool::UpstreamController => "github.com/bitnami/sealed-secrets/cmd/controller",
        // The programs whose source is here.
        Tool::SprigOracle | Tool::OciWitness => ".",
        Tool::Helm => "helm.sh/helm/v4/cmd/helm",
        // A module: nothing is compiled.
        Tool::UpstreamChart => "github.com/bitnami/sealed-secrets",
    }
}

fn linker_flags(tool: Tool) -> String {
    format!("-s -w {}", stamp(tool)).trim_end().to_owned()
}

/// Versions that releases are stamped with.
fn stamp(tool: Tool) -> &'static str {
    match tool {
        Tool::UpstreamKubeseal | Tool::UpstreamController => UPSTREAM_STAMP,
        // An unstamped API server says v0.0.0, and charts ask for more.
        Tool::KubeApiserver | Tool::KubeControllerManager | Tool::Kubectl => KUBERNETES_STAMP,
        Tool::Helm => "-X helm.sh/helm/v4/internal/version.version=v4.3.1",
        Tool::Etcd | Tool::SprigOracle | Tool::OciWitness | Tool::UpstreamChart => "",
    }
}

/// As upstream's releases are: what goreleaser calls the version has no `v`. An unstamped kubeseal says UNKNOWN.
const UPSTREAM_STAMP: &str = "-X main.VERSION=0.40.0";

const KUBERNETES_STAMP: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";

/// Processor time of a first build, measured with an empty Go build cache, in the order of [`Tool::ALL`].
fn cpu_time(tool: Tool) -> Duration {
    Duration::from_secs(match tool {
        Tool::SprigOracle => 30,
        Tool::OciWitness => 30,
        Tool::Etcd => 70,
        Tool::UpstreamKubeseal => 120,
        Tool::UpstreamController => 60,
        Tool::KubeApiserver => 510,
        Tool::KubeControllerManager => 100,
        Tool::Kubectl => 60,
        Tool::Helm => 180,
        Tool::UpstreamChart => 1,
    })
}

pub(super) fn build(tool: Tool, output: &Path) -> anyhow::Result<()> {
    let module = Module::of(tool);
    if tool == Tool::UpstreamChart {
        return chart::pack(&module.source(), package(tool), output);
    }
    let progress = Progress::start(tool.file_name(), cpu_time(tool));
    // Cargo compiles at the same time, and somebody waits for that first.
    let child = go("nice", &module.source())
        .args(["-n", "10", "go"])
        .args([
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-mod=readonly",
            "-ldflags",
            &linker_flags(tool),
            "-o",
        ])
        .arg(output)
        .arg(package(tool))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run_go)?;
    let watch = Watch::over(&child);
    let result = child.wait_with_output();
    drop(watch);
    let result = result?;
    ensure!(!wait::is_interrupted(), "interrupted");
    if !result.status.success() {
        bail!(
            "`go build {}` in {} failed with {}:\n{}\n\
             It needs the Go module proxy once (see `go env GOPROXY`) and about 4 GB of disk.\n{GO_HINT}",
            package(tool),
            module.source().display(),
            result.status,
            tail(&String::from_utf8_lossy(&result.stderr)),
        );
    }
    progress.finish();
    Ok(())
}

/// What the programs of a module depend on beside sources and Go: the cached ones are built anew when it changes.
pub(super) fn further_facts(module: Module) -> &'static str {
    match module {
        Module::Kubernetes => KUBERNETES_STAMP,
        Module::Peers => UPSTREAM_STAMP,
        _ => "",
    }
}

/// What a built program depends on beside its sources: version of Go, system, architecture.
pub(super) fn go_facts(source: &Path) -> anyhow::Result<Vec<u8>> {
    let output = go("go", source)
        .args(["env", "GOVERSION", "GOOS", "GOARCH"])
        .output()
        .map_err(cannot_run_go)?;
    if !output.status.success() {
        bail!(
            "`go env` failed: {}\n{GO_HINT}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

pub(super) fn go(program: &str, source: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(source)
        .env("GOWORK", "off")
        .stdin(Stdio::null());
    command
}

pub(super) fn cannot_run_go(error: std::io::Error) -> anyhow::Error {
    anyhow!("cannot run `go`: {error}\n{GO_HINT}")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
