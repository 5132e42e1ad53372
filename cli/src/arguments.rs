//! Running a clap parser without letting it touch the process: help goes to stdout, errors go the program's own way.

use crate::error::Failure;
use crate::session::Session;

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
    let text = error.render().to_string();
    if error.use_stderr() {
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        return Err(Failure::usage(text.trim_end()));
    }
    // A closed stdout is no reason to fail when only help was asked for.
    let _ = session.stdout.write_all(text.as_bytes());
    Ok(Parsed::Done)
}
