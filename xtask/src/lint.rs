//! `cargo xtask lint`: what can be judged without running the code, format and lints and docs and generated files.

#[cfg(test)]
mod documents;

use std::process::ExitCode;

use crate::report::Report;
use crate::{cargo, codegen};

/// Check format, lints, documentation and generated files; nothing is changed.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(Arguments {}: &Arguments) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    gates(&mut report);
    Ok(report.finish())
}

/// Quickest first. Sources only warn; here a warning is a failure.
pub(crate) fn gates(report: &mut Report) {
    report.step("format (fix: cargo fmt)", || {
        Ok(cargo::run(&["fmt", "--all", "--check"])?.success())
    });
    report.step(
        "generated files (fix: cargo xtask codegen)",
        codegen::is_up_to_date,
    );
    report.step("lints", || {
        let arguments = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        Ok(cargo::run(&arguments)?.success())
    });
    report.step("documentation", || {
        // These are programs: whoever reads their documentation works on them and looks inside, so private links are fine.
        let arguments = [
            "doc",
            "--workspace",
            "--no-deps",
            "--lib",
            "--document-private-items",
        ];
        let flags = "-D warnings -A rustdoc::private_intra_doc_links";
        Ok(cargo::run_with(&arguments, &[("RUSTDOCFLAGS", flags)])?.success())
    });
}
