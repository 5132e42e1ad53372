//! Running a clap parser without letting it touch the process: help goes to stdout, errors go the program's own way.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use signet_common::Printable;

use crate::error::Failure;
use crate::session::{Program, Session};

/// What came of parsing the arguments.
pub(crate) enum Parsed<T> {
    /// Go on with these.
    Run(T),
    /// Help or version was asked for and printed.
    Done,
}

/// Judges clap's result. A usage error keeps clap's text, which names flags and values as typed.
pub(crate) fn judge<T>(
    result: clap::error::Result<T>,
    session: &mut Session<'_>,
) -> Result<Parsed<T>, Failure> {
    let error = match result {
        Ok(parsed) => return Ok(Parsed::Run(parsed)),
        Err(error) => error,
    };
    if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
    {
        return Err(unknown(argument, session.program));
    }
    let text = error.render().to_string();
    if !error.use_stderr() {
        // A closed stdout is no reason to fail when only help was asked for.
        let _ = session.stdout.write_all(text.as_bytes());
        return Ok(Parsed::Done);
    }
    let (_, help) = names(session.program);
    let missing_verb = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if [missing_verb, ErrorKind::MissingSubcommand].contains(&error.kind()) {
        return Err(Failure::usage("a verb is missing").hint(help));
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more").next().unwrap_or_default();
    Err(Failure::usage(text.trim_end()).hint(help))
}

/// The program's name, and where to read on.
fn names(program: Program) -> (&'static str, &'static str) {
    match program {
        Program::Signet => (
            "signet",
            "'signet --help' lists the verbs, 'signet <verb> --help' their flags",
        ),
        Program::Kubeseal => ("kubeseal", "'kubeseal --help' lists the flags"),
    }
}

/// Upstream ignores stray words and then waits for stdin; saying so is kinder.
fn unknown(argument: &str, program: Program) -> Failure {
    let (name, help) = names(program);
    let shown = Printable(argument);
    if argument.starts_with('-') {
        return Failure::usage(format_args!("unknown flag: {shown}")).hint(help);
    }
    let failure = Failure::usage(format_args!("{name} does not take the argument '{shown}'"));
    match program {
        Program::Signet => failure.hint(help),
        Program::Kubeseal => failure.hint("give the input with -f FILE, or on stdin"),
    }
}
