//! `signet completions`: what a shell needs to complete either program.

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::error::{Failure, os_text};
use crate::session::Session;
use crate::{kubeseal, signet};

/// Print the completion script of a shell
///
/// For bash: source <(signet completions bash)
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell that reads the script
    shell: Shell,
    /// Program to complete
    #[arg(long, value_enum, default_value = "signet")]
    program: Completed,
}

/// The programs that can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Completed {
    Signet,
    Kubeseal,
}

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs, session: &mut Session<'_>) -> Result<(), Failure> {
    let (name, mut parser) = match args.program {
        Completed::Signet => ("signet", signet::parser()),
        Completed::Kubeseal => ("kubeseal", kubeseal::parser()),
    };
    // Into memory first: the generator panics when its writer fails, and a closed pipe is no panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut parser, name, &mut script);
    session
        .stdout
        .write_all(&script)
        .map_err(|error| Failure::trouble(format_args!("write stdout: {}", os_text(&error))))
}
