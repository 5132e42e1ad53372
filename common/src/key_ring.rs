//! The keys that a holder has, and the order in which they are used.
//!
//! Knows nothing of where keys come from. A ring is never empty.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Certificate, KeyId, MacKey, OpenError, Plaintext, SealTarget, SealedBlob, UnwrapKey, open,
};

/// A key whose time is further ahead than this is never handed out: dated into the future, it would stay the newest.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(600);

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// May be handed out for sealing, and opens.
    SealAndOpen,
    /// Only opens.
    OpenOnly,
}

/// Which moment orders keys: upstream's `--key-order-priority`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyOrder {
    /// NotBefore of the certificate.
    #[default]
    CertNotBefore,
    /// Creation of the key Secret.
    SecretCreationTimestamp,
}

/// One key of a ring.
#[derive(Debug, Clone)]
pub struct KeyEntry {
    /// The private key.
    pub key: Arc<dyn UnwrapKey>,
    /// The certificate that is handed out for it. Whoever builds the entry checks [`Certificate::matches`].
    pub certificate: Arc<Certificate>,
    /// What the key may be used for.
    pub key_use: KeyUse,
    /// The moment that orders the key among others.
    pub ordered_at: Timestamp,
    /// Where the key came from, e.g. the name of its Secret. Shown to people, breaks ties.
    pub source: String,
}

impl KeyEntry {
    /// The id of the key.
    pub fn key_id(&self) -> KeyId {
        self.key.key_id()
    }
}

/// A value that opened, and with which key.
pub struct Opened {
    /// The value.
    pub plaintext: Plaintext,
    /// The key that opened it.
    pub key_id: KeyId,
}

/// The keys, newest first. Never empty, never the same key twice.
#[derive(Debug, Clone)]
pub struct KeyRing {
    entries: Vec<KeyEntry>,
}

impl KeyRing {
    /// A ring of these keys; `None` if there are none.
    ///
    /// Of several entries with the same key, the first that may seal is kept, else the first. Equal ordering times are
    /// broken by `source`, so that every replica agrees.
    pub fn new(mut entries: Vec<KeyEntry>) -> Option<Self> {
        entries.sort_by(|a, b| {
            b.ordered_at
                .cmp(&a.ordered_at)
                .then_with(|| a.source.cmp(&b.source))
        });
        // By the whole public key: a key id is too short to prove that two keys are one.
        let sealing: HashSet<Vec<u8>> = entries
            .iter()
            .filter(|entry| entry.key_use == KeyUse::SealAndOpen)
            .map(|entry| entry.key.spki_der().to_vec())
            .collect();
        let mut seen = HashSet::new();
        entries.retain(|entry| {
            let spki = entry.key.spki_der();
            let shadowed = entry.key_use == KeyUse::OpenOnly && sealing.contains(spki);
            !shadowed && seen.insert(spki.to_vec())
        });
        (!entries.is_empty()).then_some(Self { entries })
    }

    /// All keys, newest first.
    pub fn entries(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The key that is handed out: the newest that may seal and whose times (the ordering time, and NotBefore of its
    /// certificate) are not in the future by more than [`MAX_CLOCK_SKEW`].
    pub fn current(&self, now: Timestamp) -> Option<&KeyEntry> {
        let skew = SignedDuration::try_from(MAX_CLOCK_SKEW).expect("ten minutes fit");
        let latest = now.checked_add(skew).unwrap_or(Timestamp::MAX);
        self.entries.iter().find(|entry| {
            let begun = entry.ordered_at <= latest && entry.certificate.not_before() <= latest;
            entry.key_use == KeyUse::SealAndOpen && begun
        })
    }

    /// Whether any key could open a blob with a wrapped key of this length; if not, no private operation is spent.
    pub fn fits(&self, blob: &SealedBlob) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key.wrapped_len() == blob.wrapped().len())
    }

    /// Opens a value: the hinted key first, then newest to oldest. `operations` is increased by each private
    /// operation spent, also when opening fails.
    ///
    /// # Errors
    /// [`OpenError`] if no key opens it.
    pub fn open(
        &self,
        blob: &SealedBlob,
        target: &SealTarget,
        item: &str,
        hint: Option<KeyId>,
        operations: &mut u64,
    ) -> Result<Opened, OpenError> {
        let hinted = self
            .entries
            .iter()
            .filter(|entry| Some(entry.key_id()) == hint);
        let others = self
            .entries
            .iter()
            .filter(|entry| Some(entry.key_id()) != hint);
        for entry in hinted.chain(others) {
            if entry.key.wrapped_len() != blob.wrapped().len() {
                continue;
            }
            *operations += 1;
            if let Ok(plaintext) = open(&*entry.key, blob, target, item) {
                return Ok(Opened {
                    plaintext,
                    key_id: entry.key_id(),
                });
            }
        }
        Err(OpenError)
    }

    /// A MAC key that stays the same while the oldest key that may seal stays; `None` if there is no such key. Who made
    /// another knows it.
    pub fn mac_key(&self, purpose: &str) -> Option<MacKey> {
        let mut entries = self.entries.iter().rev();
        let oldest = entries.find(|entry| entry.key_use == KeyUse::SealAndOpen)?;
        Some(oldest.key.derive(purpose))
    }
}
