//! Having the controller seal a SealedSecret again with its newest key.
//!
//! Of its answer only the ciphertexts of the items that were sent are taken, and only if they look like what was asked for
//! (docs/trust.md row 14). Everything else of the file stays as it is.

use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use serde_json::Value;
use signet_common::{Printable, SealedBlob};
use signet_crds::SealedSecret;
use zeroize::Zeroizing;

use crate::atomic_file::Privacy;
use crate::certificate;
use crate::cluster::{Connection, Controller, error_text};
use crate::error::Failure;
use crate::in_place::{self, InPlace, Outcome};
use crate::input::{self, Input};
use crate::known_keys;
use crate::manifest_edit::{self, Edit, REWRITTEN};
use crate::output::{FormatRequest, Output, order_sealed_secret, render};
use crate::session::Session;
use crate::verify::{parse_all, request_body};

/// Re-encrypts every document of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReEncryptCommand {
    /// Where the SealedSecrets come from.
    pub input: Input,
    /// Where the result goes.
    pub output: Output,
    /// Its form; `None` keeps the input's text but for the ciphertexts.
    pub format: Option<FormatRequest>,
    /// Whom to ask.
    pub controller: Controller,
}

impl ReEncryptCommand {
    /// The file that is input and output at once, and stays in its own form. A pipe is no such file: what is read from it
    /// goes to stdout.
    fn edits_in_place(&self) -> Option<&Path> {
        match (&self.input, &self.output, &self.format) {
            (Input::File(input), Output::File(output), None) if input == output => Some(input),
            _ => None,
        }
    }
}

/// Reads, asks and writes.
///
/// # Errors
/// The controller refused one, or its answer is not what was asked for; then nothing is written.
pub fn run(command: &ReEncryptCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let in_place = command.edits_in_place();
    command.input.expect(session)?;
    let connection = Connection::open(session, &command.controller)?;
    let bytes = match in_place {
        Some(path) => Zeroizing::new(in_place::read(path)?.into_bytes()),
        None => command.input.read_manifest(session)?,
    };
    let text = input::text(&bytes)?;
    let edits = new_ciphertexts(&connection, session, &text)?;
    let edited = manifest_edit::apply(&text, &edits)?;
    let text = match &command.format {
        Some(format) => {
            let format = format.clone()?;
            let mut objects = input::documents(edited.text.as_bytes(), "sealed secrets")?.values;
            objects.iter_mut().for_each(without_server_fields);
            objects.iter_mut().for_each(order_sealed_secret);
            render(&objects, format).to_string()
        }
        None => {
            if edited.rewritten {
                session.warn(REWRITTEN);
            }
            edited.text
        }
    };
    let Some(path) = in_place else {
        let privacy = Privacy::Public;
        return command.output.write(session, text.as_bytes(), privacy);
    };
    let file = InPlace::open(path, session)?;
    let unchanged = file.text().as_bytes() == bytes.as_slice();
    if unchanged && file.replace(&text)? == Outcome::Done {
        return Ok(());
    }
    Err(in_place::changed(path))
}

/// Asks the controller about every document.
fn new_ciphertexts(
    connection: &Connection,
    session: &mut Session<'_>,
    text: &str,
) -> Result<Vec<Edit>, Failure> {
    let documents = input::documents(text.as_bytes(), "sealed secrets")?;
    let sealed = parse_all(&documents)?;
    // The controller does not answer at all: upstream has one text for that, whatever was asked.
    let newest = connection.certificate().map_err(|failure| Failure {
        message: failure
            .message
            .replace("cannot fetch certificate: ", "cannot re-encrypt secret: "),
        ..failure
    })?;
    let newest = certificate::parse(&newest)?;
    known_keys::check(session, connection.name(), &newest);
    let mut edits = Vec::new();
    for (document, one) in sealed.iter().enumerate() {
        let items = rotate(connection, one, newest.key().wrapped_len())
            .map_err(|failure| documents.within(document, failure))?;
        edits.extend(items.into_iter().map(|(item, value)| Edit {
            document,
            path: vec!["spec".to_owned(), "encryptedData".to_owned(), item],
            value,
        }));
    }
    Ok(edits)
}

/// The new ciphertext of each item.
fn rotate(
    connection: &Connection,
    sealed: &SealedSecret,
    wrapped_len: usize,
) -> Result<BTreeMap<String, String>, Failure> {
    let failed = |why: &str| Failure::trouble(format_args!("cannot re-encrypt secret: {why}"));
    let (status, body) = connection
        .post("/v1/rotate", request_body(sealed))
        .map_err(|failure| failed(&failure.message))?;
    match status {
        StatusCode::OK => {}
        StatusCode::CONFLICT => return Err(Failure::no("unable to rotate secret")),
        other => return Err(failed(&error_text(other, &body))),
    }
    let answer = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|value| SealedSecret::parse(&value).ok())
        .ok_or_else(|| failed("the controller's answer is not a SealedSecret"))?;
    take_items(
        &sealed.spec.encrypted_data,
        &answer.spec.encrypted_data,
        wrapped_len,
    )
    .map_err(|item| {
        let item = Printable(&item).to_string();
        failed(&format!(
            "the controller's answer for item {item} is not what was asked for"
        ))
    })
}

/// The answer's ciphertext for each item that was sent.
///
/// # Errors
/// The item whose answer is missing or misfit.
pub fn take_items(
    sent: &BTreeMap<String, String>,
    answer: &BTreeMap<String, String>,
    wrapped_len: usize,
) -> Result<BTreeMap<String, String>, String> {
    sent.iter()
        .map(|(item, old)| {
            let new = answer.get(item).ok_or_else(|| item.clone())?;
            let blobs = (SealedBlob::parse_base64(old), SealedBlob::parse_base64(new));
            let (Ok(old), Ok(blob)) = blobs else {
                return Err(item.clone());
            };
            let fits =
                blob.wrapped().len() == wrapped_len && blob.plaintext_len() == old.plaintext_len();
            // Written from what was parsed, so that nothing else comes along.
            fits.then(|| (item.clone(), blob.to_base64()))
                .ok_or_else(|| item.clone())
        })
        .collect()
}

/// Upstream leaves these out of what it prints.
fn without_server_fields(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        for field in ["creationTimestamp", "deletionTimestamp", "generation"] {
            metadata.shift_remove(field);
        }
    }
    if let Some(Value::Object(metadata)) = object.pointer_mut("/spec/template/metadata")
        && metadata
            .get("creationTimestamp")
            .is_some_and(Value::is_null)
    {
        metadata.shift_remove("creationTimestamp");
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    fn blob(wrapped: u16, value: usize) -> String {
        let bytes = [
            &wrapped.to_be_bytes()[..],
            &vec![7; usize::from(wrapped) + value + 16],
        ]
        .concat();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn only_fitting_ciphertexts_of_items_that_were_sent_are_taken() {
        let map = |items: &[(&str, String)]| {
            items
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        let sent = map(&[("a", blob(256, 5))]);
        let good = map(&[("a", blob(512, 5)), ("extra", blob(512, 9))]);
        assert_eq!(
            take_items(&sent, &good, 512),
            Ok(map(&[("a", blob(512, 5))]))
        );
        let misfits = [
            map(&[]),
            map(&[("a", "no base64".to_owned())]),
            map(&[("a", blob(256, 5))]),
            map(&[("a", blob(512, 6))]),
        ];
        for answer in misfits {
            assert_eq!(take_items(&sent, &answer, 512), Err("a".to_owned()));
        }
    }
}
