//! Private keys from files: PEM, or a backup of the controller's key Secrets.

use std::path::PathBuf;

use serde_json::Value;
use signet_common::{Printable, PrivateKey, PrivateKeyError, decode_base64, decode_text};
use signet_crds::manifest::{Reading, read_documents};
use signet_crds::names::TLS_KEY;
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::input::read_file;
use crate::session::Program;

/// What key files hold.
pub struct Found<K> {
    /// Keys that open, in order.
    pub keys: Vec<K>,
    /// Why others cannot be used: no reason to do without those.
    pub unfit: Vec<Failure>,
}

/// Every private key of these files, in order, with the file that it is from; and why others cannot be used.
///
/// # Errors
/// A file cannot be read, or holds something other than keys. No text quotes the file.
pub fn read_all(
    paths: &[PathBuf],
    program: Program,
) -> Result<Found<(PrivateKey, String)>, Failure> {
    let mut all = Found::default();
    for path in paths {
        let name = Printable(&path.to_string_lossy()).to_string();
        let bytes = read_file(path)?;
        let found = parse(&bytes).map_err(|failure| {
            if failure != without_key() {
                return failure.within(&name);
            }
            match program {
                Program::Kubeseal => failure.hint(format_args!("{name}: {UNDER_TLS_KEY}")),
                Program::Signet => Failure::trouble(UNDER_TLS_KEY).within(&name),
            }
        })?;
        let from = |key| (key, name.clone());
        all.keys.extend(found.keys.into_iter().map(from));
        let within = |failure: Failure| failure.within(&name);
        all.unfit.extend(found.unfit.into_iter().map(within));
    }
    Ok(all)
}

/// Every private key of one file, in order.
///
/// # Errors
/// It holds something other than keys. No text quotes it.
pub fn parse(bytes: &[u8]) -> Result<Found<PrivateKey>, Failure> {
    let text = decode_text(bytes);
    // A text around a PEM block may be in any encoding.
    let bytes = text.as_ref().map_or(bytes, |text| text.as_bytes());
    let looks_like_pem = bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"-----BEGIN"));
    if looks_like_pem {
        let mut found = Found::default();
        found.take(bytes, |failure| failure)?;
        return Ok(found);
    }
    let documents = read_documents(bytes, Reading::LARGE).map_err(|error| {
        Failure::trouble(format_args!(
            "neither a PEM private key nor a backup of key Secrets: {error}"
        ))
    })?;
    let mut found = Found::default();
    for secret in documents.iter().flat_map(secrets) {
        let name = secret["metadata"]["name"].as_str().unwrap_or_default();
        found.take(&pem_of(secret)?, |failure| {
            failure.within(format_args!("Secret {}", Printable(name)))
        })?;
    }
    if found.keys.is_empty() && found.unfit.is_empty() {
        return Err(Failure::trouble("there is no private key in this file")
            .hint("expected is a PEM private key, or the key Secrets as 'kubectl get secret -o yaml' prints them"));
    }
    Ok(found)
}

impl<K> Default for Found<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            unfit: Vec::new(),
        }
    }
}

impl Found<PrivateKey> {
    /// Takes in the keys of a PEM text.
    fn take(&mut self, pem: &[u8], within: impl Fn(Failure) -> Failure) -> Result<(), Failure> {
        for key in PrivateKey::parse_pem_all(pem).map_err(explain)? {
            match key {
                Ok(key) => self.keys.push(key),
                Err(error) => self.unfit.push(within(explain(error))),
            }
        }
        Ok(())
    }
}

/// The Secrets of a document: of a List with or without a kind, or the one that it is.
fn secrets(document: &Value) -> Vec<&Value> {
    match document.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().collect(),
        None => vec![document],
    }
}

fn pem_of(secret: &Value) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = |map: &str| secret.get(map)?.get(TLS_KEY)?.as_str();
    let malformed = || Failure::trouble("the 'tls.key' of a Secret is not valid base64");
    match (text("stringData"), text("data")) {
        (Some(plain), _) => Ok(Zeroizing::new(plain.as_bytes().to_vec())),
        (None, Some(encoded)) => decode_base64(encoded.trim()).ok_or_else(malformed),
        (None, None) => Err(without_key()),
    }
}

const UNDER_TLS_KEY: &str = "a Secret without a private key; a key Secret has it under tls.key";

/// Upstream's words, slip included.
fn without_key() -> Failure {
    Failure::trouble("secret must contain a 'tls.data' key")
}

fn explain(error: PrivateKeyError) -> Failure {
    let failure = Failure::trouble(error);
    match error {
        PrivateKeyError::NoKey => {
            failure.hint("a key that is encrypted with a passphrase must be decrypted first")
        }
        _ => failure,
    }
}
