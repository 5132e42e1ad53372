//! The command line: `fuzz`, `timing`, and the worker that `fuzz` starts for each target.

#![expect(clippy::print_stderr, reason = "errors of a command go to stderr")]

use std::process::ExitCode;

use clap::Parser;

use crate::{process, timing};

/// Fuzz targets and measurements of Signet.
#[derive(Parser)]
#[command(bin_name = "cargo xtask soak")]
enum Command {
    /// Run the fuzz targets, each in a process of its own.
    Fuzz(process::Arguments),
    /// Measure whether the ways in which an opening fails differ in time.
    Timing(timing::Arguments),
    /// What `fuzz` starts.
    #[command(hide = true)]
    Worker(process::worker::Arguments),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Fuzz(arguments) => process::run(&arguments),
        Command::Timing(arguments) => timing::run(&arguments),
        Command::Worker(arguments) => process::worker::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
