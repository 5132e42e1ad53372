//! The program `signet`: its verbs, and how their arguments become commands.

mod cert;
mod common_args;
mod completions;
mod keys;
mod mistakes;
mod rules;
mod seal;
mod unseal;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::arguments::{Parsed, judge};
use crate::error::Failure;
use crate::session::{Program, Session, with_real_world};

/// Seal Kubernetes Secrets so that only the controller in your cluster can open them.
#[derive(Debug, Parser)]
#[command(name = "signet", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Seal(seal::SealArgs),
    Unseal(unseal::UnsealArgs),
    Verify(verify::VerifyArgs),
    Cert(cert::CertArgs),
    Keys(keys::KeysArgs),
    Completions(completions::CompletionsArgs),
}

/// The parser of the command line, for completions and manual pages.
pub fn parser() -> clap::Command {
    Arguments::command()
}

/// Runs with the real arguments and streams.
pub fn main() -> ExitCode {
    with_real_world(Program::Signet, |session| {
        run(std::env::args_os().collect(), session)
    })
}

/// Runs with the given arguments, the program's name first. Gives the exit code.
pub fn run(arguments: Vec<OsString>, session: &mut Session<'_>) -> u8 {
    match try_run(arguments, session) {
        Ok(()) => 0,
        Err(failure) => session.report(&failure),
    }
}

fn try_run(arguments: Vec<OsString>, session: &mut Session<'_>) -> Result<(), Failure> {
    let arguments = mistakes::as_flags(arguments);
    if arguments.len() < 2 {
        return Err(mistakes::no_verb());
    }
    let parsed = Arguments::try_parse_from(arguments.clone());
    if let Err(error) = &parsed
        && let Some(failure) = mistakes::explain(error, &arguments)
    {
        return Err(failure);
    }
    let help = mistakes::help(&arguments);
    let arguments = match judge(parsed, session, &help)? {
        Parsed::Run(arguments) => arguments,
        Parsed::Done => return Ok(()),
    };
    let command = match arguments.verb {
        Verb::Seal(args) => rules::seal(args, session)?,
        Verb::Unseal(args) => rules::unseal(args),
        Verb::Verify(args) => rules::verify(args, session),
        Verb::Cert(args) => match args.verb {
            cert::CertVerb::Fetch(args) => rules::cert_fetch(args, session)?,
        },
        Verb::Keys(args) => match args.verb {
            keys::KeysVerb::Generate(args) => rules::keys_generate(args)?,
        },
        Verb::Completions(args) => return completions::run(&args, session),
    };
    command.run(session)
}
