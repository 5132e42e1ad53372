//! The program `kubeseal`: upstream's flags, environment and texts, mapped onto the same commands that `signet` runs.

mod args;
mod environment;
mod go_values;
mod help;
mod parse_error;
mod rules;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Arguments;

use crate::arguments::{Parsed, judge};
use crate::error::Failure;
use crate::session::{Program, Session, with_real_world};

/// The upstream release whose behaviour this program follows, and our own version.
const VERSION: &str = concat!("0.40.0+signet.", env!("CARGO_PKG_VERSION"));

const HELP: &str = "'kubeseal --help' lists the flags";

/// The parser of the command line, for completions and manual pages.
pub fn parser() -> clap::Command {
    Arguments::parser()
}

/// Runs with the real arguments and streams.
pub fn main() -> ExitCode {
    with_real_world(Program::Kubeseal, |session| {
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
    let arguments = environment::before_flags(arguments, session.variable);
    let parsed = Arguments::parse_as_go(arguments.clone());
    if let Err(error) = &parsed
        && let Some(text) = parse_error::text(error, &arguments)
    {
        return Err(Failure::usage(text).hint(HELP));
    }
    let arguments = match judge(parsed, session, HELP)? {
        Parsed::Run(arguments) => arguments,
        Parsed::Done => return Ok(()),
    };
    if arguments.version {
        return help::print(session, &format!("kubeseal version: {VERSION}\n"));
    }
    if arguments.help {
        return help::print(session, &help::text());
    }
    rules::command(&arguments, session)?.run(session)
}
