//! `cargo xtask tools`: builds the programs of others that demo and tests run.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::process::ExitCode;

use signet_harness::{Tool, Tools};

/// Find or build etcd, Kubernetes and upstream's programs, and print where they are.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(Arguments {}: &Arguments) -> anyhow::Result<ExitCode> {
    for (tool, path) in Tools::ensure(Tool::ALL)?.iter() {
        println!("{:<24} {}", tool.file_name(), path.display());
    }
    Ok(ExitCode::SUCCESS)
}
