//! Asking the controller whether it can open SealedSecrets.

use http::StatusCode;
use signet_common::Printable;
use signet_crds::SealedSecret;

use crate::cluster::{Connection, Controller, error_text};
use crate::error::Failure;
use crate::input::{self, Documents, Input};
use crate::output::Output;
use crate::seal::to_value;
use crate::session::{Program, Session};

/// Asks about every document of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyCommand {
    /// Where the SealedSecrets come from.
    pub input: Input,
    /// Whom to ask.
    pub controller: Controller,
}

/// Reads and asks. `signet` prints a line for each document; `kubeseal` is silent and stops at the first that does not open.
///
/// # Errors
/// A "no" if one does not open; trouble if the controller could not be asked.
pub fn run(command: &VerifyCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    command.input.expect(session)?;
    let connection = Connection::open(session, &command.controller)?;
    let bytes = command.input.read_manifest(session)?;
    let program = session.program;
    let within = |failure| command.input.within(program, failure);
    let documents = input::objects(session.program, &bytes, "sealed secrets").map_err(within)?;
    let sealed = parse_all(&documents).map_err(within)?;
    let mut closed = Vec::new();
    let mut lines = String::new();
    let mut trouble = None;
    for one in &sealed {
        let name = shown_name(one);
        let opens = match ask(&connection, one) {
            Ok(opens) => opens,
            Err(failure) => {
                // What was found out before is told all the same.
                trouble = Some(match session.program {
                    Program::Kubeseal => failure,
                    Program::Signet => failure.within(name),
                });
                break;
            }
        };
        lines.push_str(&format!(
            "{name}: {}\n",
            if opens { "opens" } else { "does not open" }
        ));
        if !opens {
            closed.push(match session.program {
                Program::Kubeseal => Printable(one.name()).to_string(),
                Program::Signet => name,
            });
        }
    }
    if session.program == Program::Signet {
        let privacy = crate::atomic_file::Privacy::Public;
        Output::Stdout.write(session, lines.as_bytes(), privacy)?;
    }
    if let Some(failure) = trouble {
        return Err(failure);
    }
    if closed.is_empty() {
        return Ok(());
    }
    let names = closed.join(", ");
    Err(
        Failure::no(format_args!("unable to decrypt sealed secret: {names}")).hint(
            "it was sealed for another name, namespace, scope or cluster, or its key is gone: seal it again",
        ),
    )
}

/// Every document as a SealedSecret.
///
/// # Errors
/// The first that is none.
pub(crate) fn parse_all(documents: &Documents) -> Result<Vec<SealedSecret>, Failure> {
    documents
        .values
        .iter()
        .enumerate()
        .map(|(index, document)| {
            SealedSecret::parse(document)
                .map_err(|error| documents.within(index, Failure::trouble(&error)))
        })
        .collect()
}

/// `namespace/name`, fit to be shown.
pub(crate) fn shown_name(sealed: &SealedSecret) -> String {
    match sealed.namespace() {
        "" => Printable(sealed.name()).to_string(),
        namespace => format!("{}/{}", Printable(namespace), Printable(sealed.name())),
    }
}

fn ask(connection: &Connection, sealed: &SealedSecret) -> Result<bool, Failure> {
    let failed = |why: &str| Failure::trouble(format_args!("cannot validate sealed secret: {why}"));
    let (status, body) = connection
        .post("/v1/verify", request_body(sealed))
        .map_err(|failure| failed(&failure.message))?;
    match status {
        StatusCode::OK => Ok(true),
        StatusCode::CONFLICT => Ok(false),
        other => Err(failed(&error_text(other, &body))),
    }
}

/// The object as JSON, without its status: what the controller needs to open it.
pub(crate) fn request_body(sealed: &SealedSecret) -> Vec<u8> {
    let without_status = SealedSecret {
        status: None,
        ..sealed.clone()
    };
    to_value(&without_status).to_string().into_bytes()
}
