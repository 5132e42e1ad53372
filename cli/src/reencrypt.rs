//! Having the controller seal a SealedSecret again with its newest key.
//!
//! Of its answer only the ciphertexts of the items that were sent are taken, and only if they look like what was asked for
//! (docs/trust.md row 14). Everything else of the file stays as it is.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::Value;
use signet_common::{Printable, SealedBlob};
use signet_crds::SealedSecret;

use crate::atomic_file::Privacy;
use crate::certificate;
use crate::cluster::{Connection, Controller, error_text};
use crate::error::Failure;
use crate::input::{self, Input};
use crate::manifest_edit::{self, Edit};
use crate::output::{Format, Output, render};
use crate::seal::expect_typing;
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
    pub format: Option<Format>,
    /// Whom to ask.
    pub controller: Controller,
}

/// Reads, asks and writes.
///
/// # Errors
/// The controller refused one, or its answer is not what was asked for; then nothing is written.
pub fn run(command: &ReEncryptCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    expect_typing(session, &command.input);
    let bytes = command.input.read_manifest(session)?;
    let documents = input::documents(&bytes, "sealed secrets")?;
    let sealed = parse_all(&documents)?;
    let connection = Connection::open(session, &command.controller)?;
    let newest = certificate::parse(&connection.certificate()?)?;
    let mut edits = Vec::new();
    for (document, one) in sealed.iter().enumerate() {
        let items = rotate(&connection, one, newest.key().wrapped_len())
            .map_err(|failure| input::in_document(failure, document, sealed.len()))?;
        edits.extend(items.into_iter().map(|(item, value)| Edit {
            document,
            path: vec!["spec".to_owned(), "encryptedData".to_owned(), item],
            value,
        }));
    }
    let text = String::from_utf8_lossy(&bytes);
    let edited = manifest_edit::apply(&text, &edits)?;
    let text = match command.format {
        Some(format) => {
            let mut objects = input::documents(edited.text.as_bytes(), "sealed secrets")?;
            objects.iter_mut().for_each(without_server_fields);
            render(&objects, format).to_string()
        }
        None => {
            if edited.rewritten {
                session.warn(
                    "the file could not be edited in place: it is written anew, without its comments",
                );
            }
            edited.text
        }
    };
    command
        .output
        .write(session, text.as_bytes(), Privacy::Public)
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

/// The answer's ciphertext for each item that was sent; else the item whose answer is missing or misfit.
fn take_items(
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
