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

/// Every private key of these files, in order.
///
/// # Errors
/// A file cannot be read, or holds something other than keys. No text quotes the file.
pub fn read_all(paths: &[PathBuf], program: Program) -> Result<Vec<(PrivateKey, String)>, Failure> {
    let mut keys = Vec::new();
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
        keys.extend(found.into_iter().map(|key| (key, name.clone())));
    }
    Ok(keys)
}

/// Every private key of one file, in order.
///
/// # Errors
/// It holds something other than keys. No text quotes it.
pub fn parse(bytes: &[u8]) -> Result<Vec<PrivateKey>, Failure> {
    let text = decode_text(bytes);
    // A text around a PEM block may be in any encoding.
    let bytes = text.as_ref().map_or(bytes, |text| text.as_bytes());
    let looks_like_pem = bytes
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"-----BEGIN"));
    if looks_like_pem {
        return PrivateKey::parse_pem_all(bytes).map_err(explain);
    }
    let documents = read_documents(bytes, Reading::LARGE).map_err(|error| {
        Failure::trouble(format_args!(
            "neither a PEM private key nor a backup of key Secrets: {error}"
        ))
    })?;
    let mut keys = Vec::new();
    for secret in documents.iter().flat_map(secrets) {
        keys.extend(from_secret(secret)?);
    }
    if keys.is_empty() {
        return Err(Failure::trouble("there is no private key in this file")
            .hint("expected is a PEM private key, or the key Secrets as 'kubectl get secret -o yaml' prints them"));
    }
    Ok(keys)
}

/// The Secrets of a document: of a List with or without a kind, or the one that it is.
fn secrets(document: &Value) -> Vec<&Value> {
    match document.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().collect(),
        None => vec![document],
    }
}

fn from_secret(secret: &Value) -> Result<Vec<PrivateKey>, Failure> {
    let text = |map: &str| secret.get(map)?.get(TLS_KEY)?.as_str();
    let malformed = || Failure::trouble("the 'tls.key' of a Secret is not valid base64");
    let pem = match (text("stringData"), text("data")) {
        (Some(plain), _) => Zeroizing::new(plain.as_bytes().to_vec()),
        (None, Some(encoded)) => decode_base64(encoded.trim()).ok_or_else(malformed)?,
        (None, None) => return Err(without_key()),
    };
    PrivateKey::parse_pem_all(&pem).map_err(explain)
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
