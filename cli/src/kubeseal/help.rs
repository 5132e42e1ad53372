//! What `--help` and `--version` print.

use super::args::Arguments;
use crate::error::{Failure, os_text};
use crate::session::Session;

/// The help text.
pub(super) fn text() -> String {
    Arguments::parser().render_help().to_string()
}

/// Prints to stdout.
pub(super) fn print(session: &mut Session<'_>, text: &str) -> Result<(), Failure> {
    session
        .stdout
        .write_all(text.as_bytes())
        .map_err(|error| Failure::trouble(format_args!("write stdout: {}", os_text(&error))))
}
