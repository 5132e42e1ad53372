//! What went wrong, for people: what happened, what to do, and whether the answer is "no".
//!
//! Texts hold no secret, and untrusted parts of them have gone through [`Printable`]. How a failure is printed, and which exit
//! code it gives, is [`crate::session::Program`]'s business.

use std::fmt;
use std::io;
use std::path::Path;

use signet_common::Printable;

/// A command that did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which kind of failure.
    pub kind: FailureKind,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Kinds of failures, which differ in the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The question was answered, and the answer is no.
    No,
    /// The command could not be carried out.
    Trouble,
    /// The command line makes no sense.
    Usage,
}

impl Failure {
    /// The command could not be carried out.
    pub fn trouble(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Trouble, message)
    }

    /// The answer is no.
    pub fn no(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::No, message)
    }

    /// The command line makes no sense.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// An operation of the operating system on a file failed: `open x: no such file or directory`.
    pub fn file(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::trouble(format_args!(
            "{operation} {}: {}",
            Printable(&path.to_string_lossy()),
            os_text(error)
        ))
    }

    /// Puts where it happened in front of the message.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

/// The operating system's words as C and Go programs print them: lower case, without Rust's error number.
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operating_system_errors_read_as_upstreams_do() {
        let error = io::Error::from_raw_os_error(2);
        let failure = Failure::file("open", Path::new("a\nb"), &error);
        assert_eq!(failure.message, "open a\\u{a}b: no such file or directory");
    }
}
