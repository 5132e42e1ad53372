//! The private side: opening a value.
//!
//! Owns the one trait behind which private keys live, and the opaque error that every failure ends in.

use std::fmt::Debug;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;

use crate::{KeyId, MacKey, Plaintext, SealTarget, SealedBlob, SessionKey};

/// The value does not open with this key and target. Says nothing else: all causes look alike,
/// so that nobody can use the answers to work on a wrapped key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the value cannot be opened")]
pub struct OpenError;

/// What a private operation is for: the OAEP label, and the item for formats that bind it.
#[derive(Debug, Clone, Copy)]
pub struct UnwrapContext<'a> {
    /// The OAEP label of the target (`docs/format.md` §3).
    pub label: &'a [u8],
    /// The item's name; version 1 does not use it.
    pub item: &'a str,
}

/// A private key that can unwrap session keys. In memory today; a KMS or HSM later.
///
/// `Debug` shows public facts only.
pub trait UnwrapKey: Send + Sync + Debug {
    /// The id of the key pair.
    fn key_id(&self) -> KeyId;

    /// The DER `SubjectPublicKeyInfo` of the public half: which key this is, without a doubt.
    fn spki_der(&self) -> &[u8];

    /// A key for `purpose` that only the holder of this private key can compute.
    fn derive(&self, purpose: &str) -> MacKey;

    /// Length in bytes of what this key can unwrap; anything else costs no private operation.
    fn wrapped_len(&self) -> usize;

    /// RSA-OAEP-SHA256 decryption (RFC 8017 §7.1.2) of a session key of exactly 32 bytes.
    ///
    /// # Errors
    /// [`OpenError`] for every cause.
    fn unwrap(&self, wrapped: &[u8], context: UnwrapContext<'_>) -> Result<SessionKey, OpenError>;
}

/// Opens one value with one key: one private operation, if the blob fits the key at all.
///
/// # Errors
/// [`OpenError`] for every cause.
pub fn open(
    key: &dyn UnwrapKey,
    blob: &SealedBlob,
    target: &SealTarget,
    item: &str,
) -> Result<Plaintext, OpenError> {
    if blob.wrapped().len() != key.wrapped_len() {
        return Err(OpenError);
    }
    let label = target.label();
    let context = UnwrapContext {
        label: &label,
        item,
    };
    let session_key = key.unwrap(blob.wrapped(), context)?;
    decrypt(&session_key, blob.sealed())
}

/// AES-256-GCM with a zero nonce and no additional data (`docs/format.md` §4).
fn decrypt(session_key: &SessionKey, sealed: &[u8]) -> Result<Plaintext, OpenError> {
    let key = UnboundKey::new(&AES_256_GCM, session_key.expose()).map_err(|_| OpenError)?;
    let mut buffer = zeroize::Zeroizing::new(sealed.to_vec());
    let plaintext_len = LessSafeKey::new(key)
        .open_in_place(
            Nonce::assume_unique_for_key([0; 12]),
            Aad::empty(),
            &mut buffer,
        )
        .map_err(|_| OpenError)?
        .len();
    buffer.truncate(plaintext_len);
    Ok(Plaintext::new(std::mem::take(&mut *buffer)))
}
