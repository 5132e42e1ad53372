//! Making a key and its certificate without a cluster: for trying things out, and for keys that are brought along.

use std::path::PathBuf;
use std::time::Duration;

use signet_common::{Certificate, CertificateRequest, KeySize, Printable, PrivateKey};

use crate::atomic_file::{Privacy, create_new};
use crate::certificate;
use crate::error::Failure;
use crate::session::Session;

/// Makes one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateCommand {
    /// New file for the private key, readable by its owner only.
    pub out_key: PathBuf,
    /// New file for the certificate.
    pub out_cert: PathBuf,
    /// Size of the key.
    pub size: KeySize,
    /// Common name in the certificate; may be empty.
    pub common_name: String,
    /// How long the certificate is valid.
    pub valid_for: Duration,
}

/// Generates and writes. Neither file may exist.
///
/// # Errors
/// A file exists or cannot be written; then neither is left behind.
pub fn run(command: &GenerateCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    for path in [&command.out_key, &command.out_cert] {
        if path.symlink_metadata().is_ok() {
            let shown = path.to_string_lossy();
            return Err(Failure::trouble(format_args!(
                "create {}: file exists",
                Printable(&shown)
            ))
            .hint("a key is never overwritten: choose another file"));
        }
    }
    let key = PrivateKey::generate(command.size).map_err(Failure::trouble)?;
    let request = CertificateRequest {
        common_name: &command.common_name,
        valid_for: command.valid_for,
    };
    let certificate = Certificate::self_signed(&mut session.rng, &key, &request, session.now)
        .map_err(Failure::trouble)?;
    create_new(
        &command.out_key,
        key.to_pkcs1_pem().as_bytes(),
        Privacy::OwnerOnly,
    )?;
    let written = create_new(
        &command.out_cert,
        certificate.to_pem().as_bytes(),
        Privacy::Public,
    );
    if written.is_err() {
        // A key without its certificate is of no use to anybody.
        let _ = std::fs::remove_file(&command.out_key);
    }
    written?;
    session.notice(&format!(
        "made key {} of {} bits, certificate valid until {}",
        certificate.key_id(),
        key.bits(),
        certificate::day(certificate.not_after())
    ));
    Ok(())
}
