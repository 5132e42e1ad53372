//! What `/v1/verify` and `/v1/rotate` decide: pure, over the body of a request (ARCHITECTURE.md "HTTP"; docs/trust.md
//! rows 6, 7 and 11).
//!
//! A body may be from anybody, about any object; unless `--rotate=live` says so, it need not be in the cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use signet_common::{KeyRing, SealTarget, SealedBlob, seal};
use signet_crds::manifest::parse_documents;
use signet_crds::{SealedSecret, V1_ITEM, V1Data, check_v1_data};

use crate::index::ObjectKey;

/// Private operations for one request.
const BUDGET: u64 = 4096;

/// `--rotate`: whose ciphertexts are sealed anew (docs/trust.md row 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Rotate {
    /// Any that opens here, whether its object is in the cluster or not, as upstream does.
    #[default]
    Any,
    /// Only those that stand in the object of that name in the cluster, under the same item.
    Live,
    /// None.
    Off,
}

/// The ciphertexts of an object in the cluster: item name to base64 text.
pub type LiveItems = BTreeMap<String, String>;

/// The answer to a request.
pub enum Judgement<T> {
    /// Every item opens.
    Yes(T),
    /// At least one item does not; which, is not said.
    No,
    /// At least one item does not stand in the cluster; which, is not said.
    NotLive,
    /// The body is no SealedSecret; the text holds positions and field names only.
    Unreadable(String),
}

struct Parsed {
    value: Value,
    sealed: SealedSecret,
    target: SealTarget,
}

fn parse(body: &[u8]) -> Result<Parsed, String> {
    let mut documents = parse_documents(body).map_err(|error| error.to_string())?;
    let value = match documents.len() {
        1 => documents.remove(0),
        count => return Err(format!("expected one document, found {count}")),
    };
    let sealed = SealedSecret::parse(&value).map_err(|error| error.to_string())?;
    let target = sealed.target().map_err(|error| error.to_string())?;
    Ok(Parsed {
        value,
        sealed,
        target,
    })
}

/// Everything that is sealed in an object: its items, or the deprecated single blob.
fn blobs(sealed: &SealedSecret) -> impl Iterator<Item = (&str, &String)> {
    let single = sealed.spec.data.as_ref().map(|text| (V1_ITEM, text));
    let items = sealed.spec.encrypted_data.iter();
    single
        .into_iter()
        .chain(items.map(|(item, text)| (item.as_str(), text)))
}

/// Whether every item opens. Stops at the first that does not; never renders a template.
pub fn verify(
    body: &[u8],
    ring: &KeyRing,
    v1_data: V1Data,
    _now: Timestamp,
    operations: &mut u64,
) -> Judgement<()> {
    let Parsed { sealed, target, .. } = match parse(body) {
        Ok(parsed) => parsed,
        Err(text) => return Judgement::Unreadable(text),
    };
    if check_v1_data(&sealed, v1_data).is_err() {
        return Judgement::No;
    }
    for (item, text) in blobs(&sealed) {
        let Ok(blob) = SealedBlob::parse_base64(text) else {
            return Judgement::No;
        };
        if *operations >= BUDGET || ring.open(&blob, &target, item, None, operations).is_err() {
            return Judgement::No;
        }
    }
    Judgement::Yes(())
}

/// Which object a body is about.
///
/// # Errors
/// What is wrong with the body, in positions and field names.
pub fn subject(body: &[u8]) -> Result<ObjectKey, String> {
    Ok(ObjectKey::of(&parse(body)?.sealed.metadata))
}

/// Whether every ciphertext of the body stands in the cluster, in the same object under the same item.
fn all_live(sealed: &SealedSecret, live: &LiveItems) -> bool {
    let blob = |text: &String| SealedBlob::parse_base64(text).ok();
    let same = |item: &str, text: &String| {
        let there = live.get(item).and_then(blob);
        there.is_some() && there == blob(text)
    };
    blobs(sealed).all(|(item, text)| same(item, text))
}

/// The same object with the ciphertexts that are not on the current key replaced. All items or none; nothing else
/// changes. One label, from the object's own metadata, opens and seals: this can neither widen nor move a scope.
/// With `live`, what does not stand there is refused before a private operation is spent.
pub fn rotate(
    body: &[u8],
    ring: &KeyRing,
    v1_data: V1Data,
    now: Timestamp,
    live: Option<&LiveItems>,
    operations: &mut u64,
) -> Judgement<String> {
    let Parsed {
        mut value,
        sealed,
        target,
    } = match parse(body) {
        Ok(parsed) => parsed,
        Err(text) => return Judgement::Unreadable(text),
    };
    if check_v1_data(&sealed, v1_data).is_err() {
        return Judgement::No;
    }
    if live.is_some_and(|live| !all_live(&sealed, live)) {
        return Judgement::NotLive;
    }
    let Some(current) = ring.current(now) else {
        return Judgement::No;
    };
    let mut fresh = Vec::new();
    for (item, text) in blobs(&sealed) {
        let Ok(blob) = SealedBlob::parse_base64(text) else {
            return Judgement::No;
        };
        if *operations >= BUDGET {
            return Judgement::No;
        }
        let hint = Some(current.key_id());
        let Ok(opened) = ring.open(&blob, &target, item, hint, operations) else {
            return Judgement::No;
        };
        if opened.key_id == current.key_id() {
            continue;
        }
        let key = current.certificate.key();
        match seal(&mut rand::rng(), key, &target, item, &opened.plaintext) {
            Ok(blob) => fresh.push((item.to_owned(), blob.to_base64())),
            Err(_) => return Judgement::No,
        }
    }
    for (item, text) in fresh {
        let place = match sealed.spec.data {
            Some(_) => &mut value["spec"]["data"],
            None => &mut value["spec"]["encryptedData"][item],
        };
        *place = Value::String(text);
    }
    Judgement::Yes(value.to_string())
}

#[cfg(test)]
mod tests;
