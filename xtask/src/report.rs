//! What ran, how it ended and how long it took: the last lines of a long output.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::process::ExitCode;
use std::time::Instant;

/// Collects the verdicts of steps. A step that fails, in whatever way, does not keep the others from running.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
    failed: bool,
}

impl Report {
    /// Runs a step. An error is a failure with a cause, which the summary repeats.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> anyhow::Result<bool>) {
        println!("== {name}");
        let start = Instant::now();
        let (verdict, cause) = match run() {
            Ok(true) => ("passed", String::new()),
            Ok(false) => ("FAILED", String::new()),
            Err(error) => {
                println!("{name}: {error:#}");
                ("FAILED", format!(": {error:#}"))
            }
        };
        let seconds = start.elapsed().as_secs();
        self.lines
            .push(format!("{name}: {verdict} in {seconds} s{cause}"));
        self.failed |= verdict != "passed";
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_step_that_cannot_run_is_a_failure_with_its_cause_and_the_next_one_runs() {
        let mut report = Report::default();
        let mut ran = false;
        report.step("first", || {
            Err(anyhow::anyhow!("no such program")).context("run chroot")
        });
        report.step("second", || {
            ran = true;
            Ok(true)
        });
        assert!(ran, "the second step was not run");
        let [first, second] = &report.lines[..] else {
            panic!("{:?}", report.lines)
        };
        assert!(first.starts_with("first: FAILED in "), "{first}");
        assert!(
            first.ends_with(" s: run chroot: no such program"),
            "{first}"
        );
        assert!(second.starts_with("second: passed in "), "{second}");
        assert_eq!(report.finish(), ExitCode::FAILURE);
    }

    #[test]
    fn only_steps_that_pass_make_a_success() {
        let mut report = Report::default();
        report.step("one", || Ok(true));
        report.not_run("two", "it is not installed");
        assert_eq!(report.finish(), ExitCode::SUCCESS);
        let mut report = Report::default();
        report.step("one", || Ok(false));
        report.step("two", || Ok(true));
        assert_eq!(report.finish(), ExitCode::FAILURE);
    }
}
