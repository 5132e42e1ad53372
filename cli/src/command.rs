//! Everything that both programs can do, as typed values. Each program maps its own arguments onto these.

use crate::error::Failure;
use crate::raw::{self, RawCommand};
use crate::seal::{self, SealCommand};
use crate::session::Session;

/// One run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Seal whole Secrets.
    Seal(SealCommand),
    /// Seal one value.
    Raw(RawCommand),
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// What went wrong; whatever was to be written is as it was before.
    pub fn run(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self {
            Self::Seal(command) => seal::run(command, session),
            Self::Raw(command) => raw::run(command, session),
        }
    }
}
