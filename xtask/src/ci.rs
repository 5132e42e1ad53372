//! `cargo xtask ci`: all that guards a change: everything `cargo xtask test` does, licences and sources of dependencies,
//! and whether the run left the checkout as it was.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;

use crate::report::Report;
use crate::{cargo, test};

/// Run all tests and gates, `cargo deny` if it is installed, and check that the checkout is clean afterwards.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

const DENY: &str = "dependencies (cargo deny)";

pub(crate) fn run(Arguments {}: &Arguments) -> anyhow::Result<ExitCode> {
    let before = changed_files()?;
    let mut report = Report::default();
    if has_cargo_deny() {
        report.step(DENY, || Ok(cargo::run(&["deny", "check"])?.success()))?;
    } else {
        report.not_run(
            DENY,
            "not installed; run `cargo install --locked cargo-deny`",
        );
    }
    test::everything(&mut report)?;
    report.step("checkout as before", || Ok(changed_files()? == before))?;
    Ok(report.finish())
}

fn has_cargo_deny() -> bool {
    let version = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

fn changed_files() -> anyhow::Result<Vec<u8>> {
    let output = Command::new("git")
        .args(["status", "--porcelain"])
        .output()
        .context("run git")?;
    Ok(output.stdout)
}
