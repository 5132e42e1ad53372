//! What every scenario is given: the programs, and how much is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use signet_harness::{Tool, Tools, binary};

/// How much is measured. Only `full` counts for a judgement of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scale {
    /// As many objects as the goals speak of.
    Full,
    /// Fewer, to see that it works, or for a first look.
    Quick,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Quick => "quick",
        })
    }
}

/// The programs and the scale.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) scale: Scale,
    pub(crate) tools: Tools,
}

impl Lab {
    pub(crate) fn new(scale: Scale) -> anyhow::Result<Self> {
        let tools = Tools::from_environment()?;
        Ok(Self { scale, tools })
    }

    /// One of two amounts.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        match self.scale {
            Scale::Full => full,
            Scale::Quick => quick,
        }
    }

    /// One of Signet's own programs, release profile.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        binary::path(name)
    }

    /// Facts that belong to the figures: cores, and the versions of the others.
    pub(crate) fn machine(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let cores = std::thread::available_parallelism()?.to_string();
        let tools = &self.tools;
        let etcd = version(tools.path(Tool::Etcd)?)?;
        let api_server = version(tools.path(Tool::KubeApiserver)?)?;
        let controller = version(tools.path(Tool::UpstreamController)?)?;
        let facts = [
            ("cores", cores),
            ("etcd", etcd),
            ("kube-apiserver", api_server),
            ("peer", controller),
        ];
        Ok(facts.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

/// The last word of the first line that `--version` prints.
fn version(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    ensure!(
        output.status.success(),
        "{} --version failed",
        program.display()
    );
    let text = String::from_utf8(output.stdout)?;
    let word = text
        .lines()
        .next()
        .and_then(|line| line.split(' ').next_back());
    word.map(str::to_owned).context("a version")
}
