//! The most that this machine could do, measured beside what it does: `signet-load ceiling`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::world::World;

/// Objects a second that a bare client gets through: `items` private operations and the three writes of `examples` for
/// each SealedSecret in the cluster.
pub(crate) fn objects(world: &World<'_>, examples: &Path, items: usize) -> anyhow::Result<f64> {
    let mut command = world.load_command("ceiling")?;
    command
        .arg("--kubeconfig")
        .arg(world.plane.admin_kubeconfig())
        .arg("--examples")
        .arg(examples)
        .arg(format!("--items={items}"));
    let answer = run(command)?;
    let value = |name: &str| answer[name].as_f64().context("a number");
    Ok(value("objects")? / value("seconds")?)
}

/// Private operations with a key of the default size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Private {
    /// All cores together.
    pub(crate) per_second: f64,
    /// CPU seconds of one.
    pub(crate) seconds: f64,
}

/// Measures them for three seconds.
pub(crate) fn private_operations(world: &World<'_>) -> anyhow::Result<Private> {
    let answer = run(world.load_command("ceiling")?)?;
    let value = |name: &str| answer[name].as_f64().context("a number");
    Ok(Private {
        per_second: value("private_operations_per_second")?,
        seconds: value("cpu_seconds_each")?,
    })
}

/// CPU seconds of one private operation with a key of the default size, in one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Libraries {
    pub(crate) aws_lc: f64,
    pub(crate) rsa: f64,
}

/// Measures the libraries that there are for Rust. `load` is the program `signet-load`.
pub(crate) fn libraries(load: &Path) -> anyhow::Result<Libraries> {
    let mut command = Command::new(load);
    command.arg("libraries");
    let answer = run(command)?;
    let value = |name: &str| answer[name].as_f64().context("a number");
    Ok(Libraries {
        aws_lc: value("aws_lc")?,
        rsa: value("rsa")?,
    })
}

fn run(mut command: Command) -> anyhow::Result<Value> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "signet-load failed");
    serde_json::from_slice(&output.stdout).context("signet-load prints JSON")
}
