//! Signet's chart and the real Helm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;
use signet_harness::kubectl::{self, Output};
use signet_harness::{ControlPlane, Tool, Tools};
use tempfile::TempDir;

/// The release's namespace in these tests, unless a test needs another one.
pub const NAMESPACE: &str = "signet-system";

/// The folder of the chart.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/signet")
}

/// Helm with an empty home of its own.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    kubeconfig: Option<PathBuf>,
    home: TempDir,
}

impl Helm {
    /// Without a cluster: `helm template` and `helm lint`.
    pub fn offline() -> anyhow::Result<Self> {
        let tools = Tools::from_environment()?;
        Ok(Self {
            program: tools.path(Tool::Helm)?.to_owned(),
            kubeconfig: None,
            home: tempfile::tempdir()?,
        })
    }

    /// Against a cluster, as its administrator.
    pub fn on(plane: &ControlPlane) -> anyhow::Result<Self> {
        let kubeconfig = Some(plane.admin_kubeconfig());
        Ok(Self {
            kubeconfig,
            ..Self::offline()?
        })
    }

    /// Runs it with `values` as `-f -`.
    pub fn run(&self, arguments: &[&str], values: &Value) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("HOME", self.home.path());
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env_remove(name);
        }
        let none = self.home.path().join("no-kubeconfig");
        command.env("KUBECONFIG", self.kubeconfig.as_deref().unwrap_or(&none));
        kubectl::run(command, &values.to_string())
    }

    /// Runs it; a failure is an error with stderr.
    pub fn ok(&self, arguments: &[&str], values: &Value) -> anyhow::Result<String> {
        self.run(arguments, values)?
            .success(&format!("helm {}", arguments.join(" ")))
    }

    /// The objects that our chart renders for a release `sealed-secrets` in [`NAMESPACE`].
    pub fn render(&self, values: &Value) -> anyhow::Result<Vec<Value>> {
        self.render_as("sealed-secrets", NAMESPACE, values, &[])
    }

    /// The objects that our chart renders for a release; `arguments` are further ones of `helm template`.
    pub fn render_as(
        &self,
        release: &str,
        namespace: &str,
        values: &Value,
        arguments: &[&str],
    ) -> anyhow::Result<Vec<Value>> {
        let chart = path();
        let chart = chart.to_str().context("the path is text")?;
        let mut all = vec!["template", release, chart, "-n", namespace, "-f", "-"];
        all.extend(arguments);
        documents(&self.ok(&all, values)?)
    }
}

/// The objects of a YAML stream.
pub fn documents(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let mut objects: Vec<Value> =
        serde_saphyr::from_multiple(yaml).with_context(|| format!("parse:\n{yaml}"))?;
    objects.retain(|object| !object.is_null());
    Ok(objects)
}

/// The only object that `what` names: `Kind` or `Kind/NAME`.
pub fn find<'a>(objects: &'a [Value], what: &str) -> Option<&'a Value> {
    let (kind, name) = what
        .split_once('/')
        .map_or((what, None), |(kind, name)| (kind, Some(name)));
    objects.iter().find(|object| {
        object["kind"] == kind && name.is_none_or(|name| object["metadata"]["name"] == name)
    })
}

/// The arguments of the controller's container.
pub fn arguments(deployment: &Value) -> Vec<String> {
    texts(&deployment["spec"]["template"]["spec"]["containers"][0]["args"])
}

/// A list of text.
pub fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
