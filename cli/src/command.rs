//! Everything that both programs can do, as typed values. Each program maps its own arguments onto these.

use crate::error::Failure;
use crate::fetch_cert::{self, FetchCertCommand};
use crate::generate::{self, GenerateCommand};
use crate::merge::{self, MergeCommand};
use crate::raw::{self, RawCommand};
use crate::reencrypt::{self, ReEncryptCommand};
use crate::seal::{self, SealCommand};
use crate::session::Session;
use crate::unseal::{self, UnsealCommand};
use crate::verify::{self, VerifyCommand};

/// One run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Print the certificate.
    FetchCert(FetchCertCommand),
    /// Make a key pair.
    Generate(GenerateCommand),
    /// Seal into a file that exists.
    Merge(MergeCommand),
    /// Seal one value.
    Raw(RawCommand),
    /// Have the controller seal with its newest key.
    ReEncrypt(ReEncryptCommand),
    /// Seal whole Secrets.
    Seal(SealCommand),
    /// Open with private keys at hand.
    Unseal(UnsealCommand),
    /// Ask the controller whether it can open.
    Verify(VerifyCommand),
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// What went wrong; whatever was to be written is as it was before.
    pub fn run(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self {
            Self::FetchCert(command) => fetch_cert::run(command, session),
            Self::Generate(command) => generate::run(command, session),
            Self::Merge(command) => merge::run(command, session),
            Self::Raw(command) => raw::run(command, session),
            Self::ReEncrypt(command) => reencrypt::run(command, session),
            Self::Seal(command) => seal::run(command, session),
            Self::Unseal(command) => unseal::run(command, session),
            Self::Verify(command) => verify::run(command, session),
        }
    }
}
