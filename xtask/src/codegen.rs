//! `cargo xtask codegen`: writes the files that are made from code and committed.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

/// Write the generated files, or check that they are up to date.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail if a file is out of date.
    #[arg(long)]
    check: bool,
}

/// Whether the committed files are what the code makes.
pub(crate) fn is_up_to_date() -> anyhow::Result<bool> {
    Ok(run(&Arguments { check: true })? == ExitCode::SUCCESS)
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in the workspace")?;
    let path = root.join("crds/bitnami.com_sealedsecrets.yaml");
    let wanted = signet_crds::crd::yaml();
    let present = fs::read_to_string(&path).unwrap_or_default();
    let name = path.strip_prefix(root)?.display();
    if present == wanted {
        println!("{name}: up to date");
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        println!("{name}: out of date; run `cargo xtask codegen` and commit the result");
        return Ok(ExitCode::FAILURE);
    }
    fs::write(&path, wanted).with_context(|| format!("write {name}"))?;
    println!("{name}: written");
    Ok(ExitCode::SUCCESS)
}
