//! Developer commands: `cargo xtask --help`. This file only reports errors; `task.rs` dispatches.

#![expect(clippy::print_stderr, reason = "errors of a command go to stderr")]

mod bench;
mod cargo;
mod ci;
mod codegen;
mod demo;
mod lint;
mod netns;
mod permissions;
mod release;
mod report;
mod soak;
mod task;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    task::Task::parse().run().unwrap_or_else(|error| {
        eprintln!("xtask: error: {error:#}");
        ExitCode::FAILURE
    })
}
