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

/// Judges clap's result. A usage error keeps clap's text, which names flags and values as typed; `help` says where to read on.
pub(crate) fn judge<T>(
    result: clap::error::Result<T>,
    session: &mut Session<'_>,
    help: &str,
) -> Result<Parsed<T>, Failure> {
    let error = match result {
        Ok(parsed) => return Ok(Parsed::Run(parsed)),
        Err(error) => error,
    };
    if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
    {
        return Err(unknown(argument, session.program, help));
    }
    let text = error.render().to_string();
    if !error.use_stderr() {
        // A closed stdout is no reason to fail when only help was asked for.
        let _ = session.stdout.write_all(text.as_bytes());
        return Ok(Parsed::Done);
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more").next().unwrap_or_default();
    Err(Failure::usage(text.trim_end()).hint(help))
}

/// Upstream ignores stray words and then waits for stdin; saying so is kinder.
fn unknown(argument: &str, program: Program, help: &str) -> Failure {
    let shown = Printable(argument);
    if argument.starts_with('-') {
        return Failure::usage(format_args!("unknown flag: {shown}")).hint(help);
    }
    match program {
        Program::Signet => Failure::usage(format_args!("unexpected argument '{shown}'")).hint(
            format_args!("one file at a time: join several with cat and pipe them in; {help}"),
        ),
        Program::Kubeseal => Failure::usage(format_args!(
            "kubeseal does not take the argument '{shown}'"
        ))
        .hint("give the input with -f FILE, or on stdin"),
    }
}
