//! What ran, how it ended and how long it took: the last lines of a long output.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

/// Collects the verdicts of steps. A step that fails does not keep the others from running.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    failed: bool,
}

impl Report {
    pub(crate) fn step(
        &mut self,
        name: &str,
        run: impl FnOnce() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        println!("== {name}");
        let start = Instant::now();
        let passed = run().with_context(|| name.to_owned())?;
        let verdict = if passed { "passed" } else { "FAILED" };
        self.lines.push(format!(
            "{name}: {verdict} in {} s",
            start.elapsed().as_secs()
        ));
        self.failed |= !passed;
        Ok(())
    }

    /// A step that could not run here, and why. It is no failure, but it is seen.
    pub(crate) fn not_run(&mut self, name: &str, reason: &str) {
        self.lines.push(format!("{name}: NOT RUN: {reason}"));
    }

    pub(crate) fn finish(self) -> ExitCode {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        if self.failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }
}
