//! `cargo xtask codegen`: writes the files that are made from code and committed.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod chart;
mod schema;
mod values;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use crate::bench::documents;
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
    let mut code = ExitCode::SUCCESS;
    for (name, wanted) in generated(root)? {
        let path = root.join(name);
        if fs::read_to_string(&path).unwrap_or_default() == wanted {
            println!("{name}: up to date");
        } else if arguments.check {
            println!("{name}: out of date; run `cargo xtask codegen` and commit the result");
            code = ExitCode::FAILURE;
        } else {
            fs::write(&path, wanted).with_context(|| format!("write {name}"))?;
            println!("{name}: written");
        }
    }
    Ok(code)
}

/// What prints each file: an example of this name.
const GENERATED: [(&str, &str); 3] = [
    ("crds/bitnami.com_sealedsecrets.yaml", "crd"),
    ("docs/guide/differences.md", "differences"),
    ("docs/guide/controller.md", "flags"),
];

/// The files and what the code says they are. It is asked as programs: xtask itself stays free of Signet's code and its
/// dependencies, and so is quick to build.
fn generated(root: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut arguments = vec!["build", "--workspace", "--exclude", "xtask"];
    for (_, example) in GENERATED {
        arguments.extend(["--example", example]);
    }
    let built = cargo::build(&arguments)?;
    let mut files = Vec::new();
    for (name, example) in GENERATED {
        let program = built
            .iter()
            .find(|artifact| {
                artifact
                    .path
                    .file_stem()
                    .is_some_and(|stem| stem == example)
            })
            .with_context(|| format!("Cargo built no example {example}"))?;
        let output = Command::new(&program.path).output()?;
        ensure!(
            output.status.success(),
            "the example {example} failed with {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).with_context(|| format!("{name} is text"))?;
        files.push((name, text));
    }
    let crd = files.first().context("the CRD comes first")?.1.clone();
    files.extend(chart::files(root, &crd)?);
    files.extend(documents::files(root)?);
    Ok(files)
}
