//! Keyed tags over decisions and data, so that "nothing changed" can be recognised without opening anything.
//!
//! A tag in a status is a hint that nobody else can forge; it never authorises a write.

use aws_lc_rs::hmac;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// A key for HMAC-SHA256 (RFC 2104) of 32 bytes. No `Debug`.
#[derive(Clone)]
pub struct MacKey {
    key: hmac::Key,
    bytes: Zeroizing<[u8; 32]>,
}

/// A truncated HMAC-SHA256: 16 bytes, shown as 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; 16]);

impl MacKey {
    /// HMAC-SHA256(`secret`, `purpose`) as a key of its own.
    pub(crate) fn derive(secret: &[u8], purpose: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, purpose.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(derived.as_ref());
        Self::from_bytes(bytes)
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            bytes: Zeroizing::new(bytes),
        }
    }

    /// A new key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// The bytes, to be kept as a private key is.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.bytes.clone()
    }

    /// The tag of a list of parts. Each is preceded by its length, so that no two lists share an encoding.
    pub fn tag<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            let length = u64::try_from(part.len()).expect("a slice is shorter than 2^64 bytes");
            context.update(&length.to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(&context.sign().as_ref()[..16]);
        Tag(tag)
    }
}

impl Tag {
    /// The tag's bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_boundary_between_parts_changes_the_tag() {
        let key = MacKey::derive(b"secret", "test");
        let tag = |parts: &[&[u8]]| key.tag(parts.iter().copied());
        assert_eq!(tag(&[b"ab", b"c"]), tag(&[b"ab", b"c"]));
        assert_ne!(tag(&[b"ab", b"c"]), tag(&[b"a", b"bc"]));
        assert_ne!(tag(&[b"abc"]), tag(&[b"abc", b""]));
    }

    #[test]
    fn a_key_is_its_bytes() {
        let tag = |key: &MacKey| key.tag([&b"x"[..]]);
        let key = MacKey::derive(b"secret", "test");
        assert_eq!(tag(&MacKey::from_bytes(*key.to_bytes())), tag(&key));
    }

    #[test]
    fn purposes_and_secrets_give_different_keys() {
        let tag = |secret: &[u8], purpose| MacKey::derive(secret, purpose).tag([&b"x"[..]]);
        assert_ne!(tag(b"one", "a"), tag(b"one", "b"));
        assert_ne!(tag(b"one", "a"), tag(b"two", "a"));
    }
}
