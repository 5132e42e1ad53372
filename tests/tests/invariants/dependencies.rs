//! Which crate may know which: read from `cargo metadata`, so that a manifest cannot hide anything.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Crates that do I/O, or that exist only to serve one that does.
const DOES_IO: [&str; 44] = [
    "async-io",
    "async-std",
    "axum",
    "clap",
    "crossterm",
    "curl",
    "dirs",
    "etcd-client",
    "filetime",
    "git2",
    "h2",
    "home",
    "hyper",
    "hyper-util",
    "ignore",
    "io-uring",
    "kube",
    "kube-client",
    "kube-runtime",
    "libc-print",
    "memmap2",
    "mio",
    "native-tls",
    "notify",
    "openssl",
    "polling",
    "reqwest",
    "rpassword",
    "rusqlite",
    "rustix",
    "rustls",
    "signal-hook",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
    "tonic",
    "tower",
    "tracing-subscriber",
    "ureq",
    "walkdir",
    "which",
    "xdg",
];

/// Whom each of our libraries may use, directly or not, in any kind of dependency. Tests and xtask may use what they
/// like.
const MAY_USE: [(&str, &[&str]); 6] = [
    ("signet-common", &[]),
    ("signet-templates", &[]),
    ("signet-tls", &[]),
    ("signet-crds", &["signet-common", "signet-templates"]),
    (
        "signet-controller",
        &[
            "signet-common",
            "signet-templates",
            "signet-crds",
            "signet-tls",
        ],
    ),
    (
        "signet-cli",
        &[
            "signet-common",
            "signet-templates",
            "signet-crds",
            "signet-tls",
        ],
    ),
];

/// One edge: the dependency's id, and whether it is only for tests or builds.
struct Edge {
    id: String,
    only_dev: bool,
}

struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, Vec<Edge>>,
}

impl Graph {
    fn read() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version=1", "--locked"])
            .current_dir(super::root()?)
            .output()?;
        ensure!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let (mut names, mut edges) = (BTreeMap::new(), BTreeMap::new());
        for package in array(&metadata["packages"])? {
            names.insert(text(&package["id"])?, text(&package["name"])?);
        }
        for node in array(&metadata["resolve"]["nodes"])? {
            let found: Vec<_> = array(&node["deps"])?
                .iter()
                .map(edge)
                .collect::<Result<_, _>>()?;
            edges.insert(text(&node["id"])?, found);
        }
        Ok(Self { names, edges })
    }

    fn id(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.names.iter().find(|(_, known)| *known == name);
        Ok(found.with_context(|| format!("no package {name}"))?.0)
    }

    /// Names of everything a crate needs to be built and used, without what its tests need.
    fn needs(&self, name: &str) -> anyhow::Result<BTreeSet<&str>> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.id(name)?];
        while let Some(id) = open.pop() {
            for edge in self.edges[id].iter().filter(|edge| !edge.only_dev) {
                if found.insert(self.names[&edge.id].as_str()) {
                    open.push(&edge.id);
                }
            }
        }
        Ok(found)
    }
}

fn edge(dependency: &Value) -> anyhow::Result<Edge> {
    let kinds = array(&dependency["dep_kinds"])?;
    Ok(Edge {
        id: text(&dependency["pkg"])?,
        only_dev: kinds.iter().all(|kind| !kind["kind"].is_null()),
    })
}

fn array(value: &Value) -> anyhow::Result<&Vec<Value>> {
    value.as_array().context("cargo metadata has another shape")
}

fn text(value: &Value) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .context("cargo metadata has another shape")
}

#[test]
fn common_templates_and_crds_have_no_dependency_that_does_io() -> anyhow::Result<()> {
    let graph = Graph::read()?;
    for name in ["signet-common", "signet-templates", "signet-crds"] {
        let needs = graph.needs(name)?;
        ensure!(
            needs.len() > 4,
            "{name} needs only {needs:?}: the graph is read wrongly"
        );
        let forbidden: Vec<_> = needs.iter().filter(|need| DOES_IO.contains(need)).collect();
        ensure!(forbidden.is_empty(), "{name} needs {forbidden:?}");
    }
    // The list would find them where they are.
    let controller = graph.needs("signet-controller")?;
    for known in ["tokio", "kube", "hyper", "axum", "mio", "socket2", "rustls"] {
        ensure!(
            controller.contains(known),
            "the controller does not need {known}: the list is out of date"
        );
    }
    Ok(())
}

#[test]
fn dependencies_point_in_one_direction() -> anyhow::Result<()> {
    let graph = Graph::read()?;
    let ours: BTreeSet<&str> = graph
        .names
        .iter()
        .filter(|(id, _)| id.starts_with("path+"))
        .map(|(_, name)| name.as_str())
        .collect();
    for (name, allowed) in MAY_USE {
        ensure!(ours.contains(name), "{name} is not in the workspace");
        // Tests of a library may not look around the corner either, so dev-dependencies count here.
        for edge in &graph.edges[graph.id(name)?] {
            let used = graph.names[&edge.id].as_str();
            ensure!(
                !ours.contains(used) || allowed.contains(&used),
                "{name} uses {used}"
            );
        }
    }
    Ok(())
}

#[test]
fn nothing_that_is_built_speaks_http_2() -> anyhow::Result<()> {
    // Floods by its frames were upstream's to mend, again and again.
    let graph = Graph::read()?;
    for name in ["signet-controller", "signet-cli"] {
        let needs = graph.needs(name)?;
        ensure!(
            needs.contains("hyper"),
            "{name} needs no hyper: out of date"
        );
        for known in ["h2", "h3", "quinn"] {
            ensure!(!needs.contains(known), "{name} needs {known}");
        }
    }
    Ok(())
}
