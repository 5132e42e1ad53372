//! Developer commands: `cargo xtask --help`. Each command is a module; this file only dispatches.

mod cargo;
mod netns;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser;

/// Developer commands of Signet.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    Test(test::Arguments),
    Tools(tools::Arguments),
    Netns(netns::Arguments),
    #[command(hide = true, name = signet_harness::netns::INIT_ARGUMENT)]
    NetnsInit(netns::Arguments),
}

fn main() -> anyhow::Result<ExitCode> {
    match Task::parse() {
        Task::Test(arguments) => test::run(&arguments),
        Task::Tools(arguments) => tools::run(&arguments),
        Task::Netns(arguments) => netns::run(&arguments),
        Task::NetnsInit(arguments) => signet_harness::netns::init(&arguments.command),
    }
}
