//! Sealing format, keys, certificates and decisions of Signet.
//!
//! Pure: no kube client, no async runtime, no file system, no environment, no clock. Randomness and
//! the current time are arguments (`rng` first, `now` last). Two things draw randomness inside
//! `aws-lc-rs`: [`PrivateKey::generate`], and the blinding of every private operation.
//!
//! The byte format is specified in `docs/format.md`; section numbers in these docs refer to it.

mod blob;
mod certificate;
mod encodings;
mod key_id;
mod key_ring;
mod mac;
mod open;
mod plaintext;
mod printable;
mod private_key;
mod renewal;
mod seal;
mod target;

pub use blob::{BlobError, SealedBlob};
pub use certificate::{Certificate, CertificateError, CertificateRequest};
pub use encodings::{decode_base64, decode_text};
pub use key_id::{KeyId, KeyIdError, sha256_hex};
pub use key_ring::{KeyEntry, KeyOrder, KeyRing, KeyUse, MAX_CLOCK_SKEW, Opened};
pub use mac::{MacKey, Tag};
pub use open::{OpenError, UnwrapContext, UnwrapKey, open};
pub use plaintext::{Plaintext, SessionKey};
pub use printable::Printable;
pub use private_key::{KeySize, PrivateKey, PrivateKeyError};
pub use renewal::{NewestKey, RenewalPolicy, RenewalReason};
pub use seal::{SealError, SealingKey, SealingKeyError, seal};
pub use target::{Scope, ScopeError, SealTarget, TargetError};
