//! Runs Cargo and reads what it built.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::process::Watch;

/// A program that Cargo built.
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) path: PathBuf,
}

/// Runs Cargo with its output on this terminal.
pub(crate) fn run(arguments: &[impl AsRef<OsStr>]) -> anyhow::Result<ExitStatus> {
    run_with(arguments, &[])
}

/// Runs Cargo with more environment variables.
pub(crate) fn run_with(
    arguments: &[impl AsRef<OsStr>],
    variables: &[(&str, &str)],
) -> anyhow::Result<ExitStatus> {
    let mut command = command();
    command.args(arguments).envs(variables.iter().copied());
    command.status().context("run cargo")
}

/// Runs Cargo and collects what it says.
pub(crate) fn output(arguments: &[&str]) -> anyhow::Result<Output> {
    command().args(arguments).output().context("run cargo")
}

/// The paths of programs of these names among what was built.
pub(crate) fn programs(built: &[Artifact], names: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let path_of = |name: &&str| {
        let is_it =
            |artifact: &&Artifact| artifact.path.file_name().is_some_and(|file| file == *name);
        let program = built.iter().find(is_it);
        program
            .map(|artifact| artifact.path.clone())
            .with_context(|| format!("{name} was not built"))
    };
    names.iter().map(path_of).collect()
}

/// Builds and returns the programs (or test programs) that Cargo reports.
pub(crate) fn build(arguments: &[&str]) -> anyhow::Result<Vec<Artifact>> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    build_with(&arguments, &[])
}

/// The same with more environment variables.
pub(crate) fn build_with(
    arguments: &[OsString],
    variables: &[(&str, &str)],
) -> anyhow::Result<Vec<Artifact>> {
    let mut child = command()
        .args(arguments)
        .envs(variables.iter().copied())
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("run cargo")?;
    let stdout = child.stdout.take().context("stdout is piped")?;
    let watch = Watch::over(&child);
    let mut artifacts = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let message: Value = serde_json::from_str(&line?)?;
        if let (Some(path), Some(id)) = (
            message["executable"].as_str(),
            message["package_id"].as_str(),
        ) {
            artifacts.push(Artifact {
                package_id: id.to_owned(),
                path: path.into(),
            });
        }
    }
    let status = child.wait()?;
    drop(watch);
    ensure!(
        status.success(),
        "cargo {} failed with {status}",
        arguments.join(OsStr::new(" ")).display()
    );
    Ok(artifacts)
}

/// The Cargo that runs this task.
fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
