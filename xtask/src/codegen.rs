//! `cargo xtask codegen`: writes the files that are made from code and committed.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use crate::cargo;

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
    let wanted = crd()?;
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

/// What the code says. It is asked as a program: xtask itself stays free of Signet's code and its dependencies, and so is
/// quick to build.
fn crd() -> anyhow::Result<String> {
    let arguments = [
        "build",
        "--workspace",
        "--exclude",
        "xtask",
        "--example",
        "crd",
    ];
    let built = cargo::build(&arguments)?;
    let program = built.first().context("Cargo built no example")?;
    let output = Command::new(&program.path).output()?;
    ensure!(
        output.status.success(),
        "the example failed with {}",
        output.status
    );
    String::from_utf8(output.stdout).context("the CRD is text")
}
