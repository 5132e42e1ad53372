//! Sealing one value alone, for pasting into `spec.encryptedData`.

use signet_common::{Plaintext, Scope, SealTarget, seal};

use crate::atomic_file::Privacy;
use crate::certificate::{CertificateSource, Pin};
use crate::error::Failure;
use crate::input::Input;
use crate::output::Output;
use crate::seal::{NamespaceRequest, announce};
use crate::session::{Program, Session};

/// Seals the bytes of the input as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCommand {
    /// Where the value comes from.
    pub input: Input,
    /// Where the base64 text goes.
    pub output: Output,
    /// The key to seal with.
    pub certificate: CertificateSource,
    /// Keys that may be used; empty means any.
    pub pins: Vec<Pin>,
    /// The scope; the annotations that go with it are the user's to write.
    pub scope: Scope,
    /// Name of the SealedSecret.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: NamespaceRequest,
}

/// Reads, seals and writes.
///
/// # Errors
/// A name that the scope needs is missing, or the certificate cannot be had.
pub fn run(command: &RawCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let target = target(command, session)?;
    if command.input == Input::Stdin && session.stdin_is_terminal {
        session.notice("(tty detected: expecting a secret to encrypt in stdin)");
    }
    let mut bytes = command.input.read(session)?;
    let plaintext = Plaintext::new(std::mem::take(&mut *bytes));
    let certificate = command.certificate.load(session, &command.pins)?;
    announce(session, &certificate, &command.certificate);
    let blob = seal(&mut session.rng, certificate.key(), &target, "", &plaintext)
        .map_err(Failure::trouble)?;
    let mut text = blob.to_base64();
    if session.program == Program::Signet {
        text.push('\n');
    }
    command
        .output
        .write(session, text.as_bytes(), Privacy::Public)
}

fn target(command: &RawCommand, session: &Session<'_>) -> Result<SealTarget, Failure> {
    let scope = command.scope;
    let namespace = match scope {
        Scope::ClusterWide => String::new(),
        _ => command.namespace.resolve_for_raw(session, scope)?,
    };
    let name = command.name.clone().unwrap_or_default();
    if scope == Scope::Strict && name.is_empty() {
        let needed = format!("must provide the --name flag with --raw and --scope {scope}");
        return Err(Failure::trouble(needed));
    }
    SealTarget::new(scope, &namespace, &name).map_err(Failure::trouble)
}
