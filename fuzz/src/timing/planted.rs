//! Openings that leak, to show that the measurement sees it.

use std::hint::black_box;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use signet_common::{
    KeyId, MacKey, OpenError, PrivateKey, SealedBlob, SessionKey, UnwrapContext, UnwrapKey,
};

use super::classes::mask;

/// A key that computes the two masks of OAEP once more, unless the first byte of the message is not zero: what Manger's
/// attack of 2001 lives on.
#[derive(Debug)]
pub(super) struct EarlyAtFirstByte<'k> {
    /// What opens.
    pub(super) key: &'k PrivateKey,
    /// Whether the first byte of the message is not zero.
    pub(super) early: bool,
}

impl UnwrapKey for EarlyAtFirstByte<'_> {
    fn key_id(&self) -> KeyId {
        self.key.key_id()
    }

    fn spki_der(&self) -> &[u8] {
        self.key.spki_der()
    }

    fn derive(&self, purpose: &str) -> MacKey {
        self.key.derive(purpose)
    }

    fn wrapped_len(&self) -> usize {
        self.key.wrapped_len()
    }

    fn unwrap(&self, wrapped: &[u8], context: UnwrapContext<'_>) -> Result<SessionKey, OpenError> {
        let result = self.key.unwrap(wrapped, context);
        if !self.early {
            let seed = black_box(mask(&wrapped[33..], 32));
            black_box(mask(&seed, 223));
        }
        result
    }
}

/// What an implementation does that computes the right tag and then compares it with what came, byte by byte.
pub(super) fn compared_byte_by_byte(blob: &SealedBlob) -> bool {
    let cipher = Aes256Gcm::new(&[7; SessionKey::LEN].into());
    let (body, tag) = blob.sealed().split_at(blob.plaintext_len());
    let sealed = |value: &[u8]| cipher.encrypt(&Nonce::default(), value).unwrap_or_default();
    let stream = sealed(&vec![0; body.len()]);
    let value: Vec<u8> = body
        .iter()
        .zip(&stream)
        .map(|(byte, key)| byte ^ key)
        .collect();
    let right = sealed(&value);
    let pairs = right[body.len()..].iter().zip(tag);
    pairs
        .into_iter()
        .all(|(right, came)| black_box(right) == black_box(came))
}
