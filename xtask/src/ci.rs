//! `cargo xtask ci`: all that guards a change: everything `cargo xtask test` does, licences and sources of dependencies,
//! and whether the run left the checkout as it was.

use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;

use crate::report::Report;
use crate::{cargo, test};

/// Run all tests and gates, `cargo deny` if it is installed, and check that the checkout is clean afterwards.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

const DENY: &str = "licences, sources and duplicates of dependencies";
const ADVISORIES: &str = "advisories about dependencies";
/// What cargo-deny says where there is no network.
const UNREACHABLE: &str = "failed to fetch advisory database";

pub(crate) fn run(Arguments {}: &Arguments) -> anyhow::Result<ExitCode> {
    let before = changed_files()?;
    let mut report = Report::default();
    dependencies(&mut report);
    test::everything(&mut report);
    report.step("checkout as before", || Ok(changed_files()? == before));
    Ok(report.finish())
}

fn dependencies(report: &mut Report) {
    if !has_cargo_deny() {
        let reason = "cargo-deny is not installed; run `cargo install --locked cargo-deny`";
        report.not_run(DENY, reason);
        return;
    }
    report.step(DENY, || {
        let arguments = ["deny", "check", "licenses", "bans", "sources"];
        Ok(cargo::run(&arguments)?.success())
    });
    let advisories = cargo::output(&["deny", "check", "advisories"]);
    if let Ok(output) = &advisories {
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && text.contains(UNREACHABLE) {
            report.not_run(ADVISORIES, UNREACHABLE);
            return;
        }
    }
    report.step(ADVISORIES, || {
        let output = advisories?;
        let _ = io::stderr().write_all(&output.stderr);
        Ok(output.status.success())
    });
}

fn has_cargo_deny() -> bool {
    let version = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Which files differ from the commit, and in what: a file that is changed already may be changed again.
fn changed_files() -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    for arguments in [&["status", "--porcelain"][..], &["diff", "HEAD"]] {
        let output = Command::new("git")
            .args(arguments)
            .output()
            .context("run git")?;
        all.extend(output.stdout);
    }
    Ok(all)
}
