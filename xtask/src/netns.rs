//! `cargo xtask netns`: runs a command where the cluster tests run.

use std::ffi::OsString;
use std::process::{Command, ExitCode, ExitStatus};

use signet_harness::netns::run_in_namespace;

/// Run a command inside the namespaces of the cluster tests, with 10.99.0.1 on `lo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut command = Command::new(&arguments.command[0]);
    command.args(&arguments.command[1..]);
    Ok(exit_code(run_in_namespace(&command)?))
}

/// The exit code of a child as our own.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    ExitCode::from(
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    )
}
