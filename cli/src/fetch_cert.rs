//! Printing the certificate, as it came.

use signet_common::CertificateError;

use crate::atomic_file::Privacy;
use crate::certificate::{self, CertificateSource, Pin};
use crate::error::Failure;
use crate::output::Output;
use crate::session::{Program, Session};

/// Fetches and prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchCertCommand {
    /// Where it comes from.
    pub source: CertificateSource,
    /// Keys that are accepted; empty means any.
    pub pins: Vec<Pin>,
    /// Where it goes.
    pub output: Output,
}

/// Fetches, checks that it is a certificate, and prints it byte for byte. An expired one is printed with a warning, since
/// looking at it is the way to find out.
///
/// # Errors
/// It cannot be had, is none, or is not one of the pinned ones.
pub fn run(command: &FetchCertCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let fetched = command.source.fetch(session, !command.pins.is_empty())?;
    let certificate = certificate::parse(&fetched.bytes)?;
    certificate::check_pins(&certificate, &command.pins)?;
    fetched.remember(session, &certificate);
    if let Err(CertificateError::Expired(at)) = certificate.check_not_expired(session.now) {
        session.warn(&format!(
            "the certificate expired on {}",
            certificate::day(at)
        ));
    }
    if session.program == Program::Signet {
        session.notice(&certificate::summary(&certificate, &command.source));
    }
    command
        .output
        .write(session, &fetched.bytes, Privacy::Public)
}
