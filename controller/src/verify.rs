//! What `/v1/verify` and `/v1/rotate` decide: pure, over the body of a request (ARCHITECTURE.md "HTTP"; docs/trust.md
//! rows 6, 7 and 11).
//!
//! A body may be from anybody, about any object; unless `--rotate=live` says so, it need not be in the cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use signet_common::{KeyId, KeyRing, Opened, SealTarget, SealedBlob, seal};
use signet_crds::manifest::parse_documents;
use signet_crds::{SealedSecret, V1_ITEM, V1Data, check_v1_data};

use crate::index::ObjectKey;

/// Private operations for one request. They are spent in slices, between which the passes over objects have their turn.
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

/// Opens the items of a body one after the other, in turns.
pub trait Opens {
    /// What a yes brings.
    type Yes;

    /// Goes on for about `slice` private operations, and counts them. `None` if that was not enough.
    fn go_on(&mut self, ring: &KeyRing, slice: u64) -> (Option<Judgement<Self::Yes>>, u64);
}

/// What is left to be opened of a body.
struct Items {
    target: SealTarget,
    left: std::vec::IntoIter<(String, String)>,
    spent: u64,
}

impl Items {
    fn of(sealed: &SealedSecret, target: SealTarget) -> Self {
        let all: Vec<_> = blobs(sealed)
            .map(|(item, text)| (item.to_owned(), text.clone()))
            .collect();
        Self {
            target,
            left: all.into_iter(),
            spent: 0,
        }
    }

    /// Opens items until the slice is used up or none is left, which is `Some(true)`; `Some(false)` at the first that does not
    /// open.
    fn go_on(
        &mut self,
        ring: &KeyRing,
        slice: u64,
        hint: Option<KeyId>,
        mut opened: impl FnMut(String, Opened) -> bool,
    ) -> (Option<bool>, u64) {
        let mut operations = 0;
        let verdict = loop {
            if operations >= slice {
                break None;
            }
            let Some((item, text)) = self.left.next() else {
                break Some(true);
            };
            let Ok(blob) = SealedBlob::parse_base64(&text) else {
                break Some(false);
            };
            if self.spent + operations >= BUDGET {
                break Some(false);
            }
            let found = ring.open(&blob, &self.target, &item, hint, &mut operations);
            if !found.is_ok_and(|found| opened(item, found)) {
                break Some(false);
            }
        };
        self.spent += operations;
        (verdict, operations)
    }
}

/// Whether every item opens. Stops at the first that does not; never renders a template.
pub struct Verify(Items);

impl Verify {
    /// Reads a body.
    ///
    /// # Errors
    /// The answer, if nothing needs to be opened for it.
    pub fn read(body: &[u8], v1_data: V1Data) -> Result<Self, Judgement<()>> {
        let Parsed { sealed, target, .. } = parse(body).map_err(Judgement::Unreadable)?;
        check_v1_data(&sealed, v1_data).map_err(|_| Judgement::No)?;
        Ok(Self(Items::of(&sealed, target)))
    }
}

/// [`Verify`] in one go. Counts private operations.
pub fn verify(
    body: &[u8],
    ring: &KeyRing,
    v1_data: V1Data,
    _now: Timestamp,
    operations: &mut u64,
) -> Judgement<()> {
    in_one_go(Verify::read(body, v1_data), ring, operations)
}

/// [`Reseal`] in one go. Counts private operations.
pub fn rotate(
    body: &[u8],
    ring: &KeyRing,
    v1_data: V1Data,
    now: Timestamp,
    live: Option<&LiveItems>,
    operations: &mut u64,
) -> Judgement<String> {
    in_one_go(Reseal::read(body, v1_data, now, live), ring, operations)
}

fn in_one_go<O: Opens>(
    read: Result<O, Judgement<O::Yes>>,
    ring: &KeyRing,
    operations: &mut u64,
) -> Judgement<O::Yes> {
    let mut opening = match read {
        Ok(opening) => opening,
        Err(judgement) => return judgement,
    };
    loop {
        let (judgement, spent) = opening.go_on(ring, BUDGET);
        *operations += spent;
        if let Some(judgement) = judgement {
            return judgement;
        }
    }
}

impl Opens for Verify {
    type Yes = ();

    fn go_on(&mut self, ring: &KeyRing, slice: u64) -> (Option<Judgement<()>>, u64) {
        let (verdict, operations) = self.0.go_on(ring, slice, None, |_, _| true);
        let judgement = verdict.map(|all| match all {
            true => Judgement::Yes(()),
            false => Judgement::No,
        });
        (judgement, operations)
    }
}

/// Which object a body is about.
///
/// # Errors
/// What is wrong with the body, in positions and field names.
pub fn subject(body: &[u8]) -> Result<ObjectKey, String> {
    Ok(ObjectKey::of(&parse(body)?.sealed.metadata))
}

/// The ciphertexts of an object in the cluster, the deprecated single blob included.
pub fn live_items(sealed: &SealedSecret) -> LiveItems {
    let owned = |(item, text): (&str, &String)| (item.to_owned(), text.clone());
    blobs(sealed).map(owned).collect()
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
pub struct Reseal {
    value: Value,
    single: bool,
    items: Items,
    fresh: Vec<(String, String)>,
    now: Timestamp,
}

impl Reseal {
    /// Reads a body. With `live`, what does not stand there is refused before a private operation is spent.
    ///
    /// # Errors
    /// The answer, if nothing needs to be opened for it.
    pub fn read(
        body: &[u8],
        v1_data: V1Data,
        now: Timestamp,
        live: Option<&LiveItems>,
    ) -> Result<Self, Judgement<String>> {
        let Parsed {
            value,
            sealed,
            target,
        } = parse(body).map_err(Judgement::Unreadable)?;
        check_v1_data(&sealed, v1_data).map_err(|_| Judgement::No)?;
        if live.is_some_and(|live| !all_live(&sealed, live)) {
            return Err(Judgement::NotLive);
        }
        Ok(Self {
            value,
            single: sealed.spec.data.is_some(),
            items: Items::of(&sealed, target),
            fresh: Vec::new(),
            now,
        })
    }

    fn done(&mut self) -> String {
        let mut value = std::mem::take(&mut self.value);
        for (item, text) in self.fresh.drain(..) {
            let place = match self.single {
                true => &mut value["spec"]["data"],
                false => &mut value["spec"]["encryptedData"][item],
            };
            *place = Value::String(text);
        }
        value.to_string()
    }
}

impl Opens for Reseal {
    type Yes = String;

    fn go_on(&mut self, ring: &KeyRing, slice: u64) -> (Option<Judgement<String>>, u64) {
        let Some(current) = ring.current(self.now) else {
            return (Some(Judgement::No), 0);
        };
        let (target, fresh) = (self.items.target.clone(), &mut self.fresh);
        let reseal = |item: String, opened: Opened| {
            if opened.key_id == current.key_id() {
                return true;
            }
            let key = current.certificate.key();
            let sealed = seal(&mut rand::rng(), key, &target, &item, &opened.plaintext);
            let sealed = sealed.map(|blob| fresh.push((item, blob.to_base64())));
            sealed.is_ok()
        };
        let hint = Some(current.key_id());
        let (verdict, operations) = self.items.go_on(ring, slice, hint, reseal);
        let judgement = verdict.map(|all| match all {
            true => Judgement::Yes(self.done()),
            false => Judgement::No,
        });
        (judgement, operations)
    }
}

#[cfg(test)]
mod tests;
