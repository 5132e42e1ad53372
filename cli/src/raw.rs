//! Sealing one value alone, for pasting into `spec.encryptedData`.

use signet_common::{Plaintext, Scope, SealTarget, seal};
use zeroize::Zeroizing;

use crate::atomic_file::Privacy;
use crate::certificate::{CertificateSource, Pin};
use crate::error::Failure;
use crate::input::Input;
use crate::output::Output;
use crate::seal::{NamespaceRequest, announce};
use crate::session::{Program, Session};
use crate::typing;

/// Seals the bytes of the input as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCommand {
    /// Where the value comes from: one place. That only one may be given is told late, as upstream does.
    pub inputs: Vec<Input>,
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
    let certificate = command.certificate.load(session, &command.pins)?;
    let target = target(command, session)?;
    let [input] = command.inputs.as_slice() else {
        return Err(Failure::trouble(
            "must provide only one --from-file when encrypting a single item with --raw",
        ));
    };
    let mut bytes = read(session, input)?;
    let plaintext = Plaintext::new(std::mem::take(&mut *bytes));
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

/// `kubeseal` reads as upstream's. To `signet` a person types one line, which is not shown.
fn read(session: &mut Session<'_>, input: &Input) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let typed = *input == Input::Stdin && session.stdin_is_terminal;
    if typed && session.program == Program::Signet {
        return typing::hidden_line(session);
    }
    if typed {
        session.notice("(tty detected: expecting a secret to encrypt in stdin)");
    }
    let bytes = input.read(session)?;
    if session.program == Program::Signet && ends_by_chance(&bytes) {
        session.warn(
            "the value ends with a line break, which is sealed with it; without one: printf %s VALUE | signet seal --raw",
        );
    }
    Ok(bytes)
}

/// One line and its end, as `echo` and editors write it. The end of several lines, such as those of a key, is mostly meant.
fn ends_by_chance(bytes: &[u8]) -> bool {
    bytes
        .strip_suffix(b"\n")
        .is_some_and(|line| !line.is_empty() && !line.contains(&b'\n'))
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
        return Err(Failure::trouble(needed)
            .hint("a strict value opens under one name only: give it with --name, or choose a wider scope with --scope"));
    }
    SealTarget::new(scope, &namespace, &name).map_err(Failure::trouble)
}
