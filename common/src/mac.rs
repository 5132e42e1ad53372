//! Keyed tags over decisions and data, so that "nothing changed" can be recognised without opening anything.
//!
//! A tag in a status is a hint that nobody else can forge; it never authorises a write.

use aws_lc_rs::hmac;

/// A key for HMAC-SHA256 (RFC 2104), derived from a private key.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

/// A truncated HMAC-SHA256: 16 bytes, shown as 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; 16]);

impl MacKey {
    /// HMAC-SHA256(`secret`, `purpose`) as a key of its own.
    pub(crate) fn derive(secret: &[u8], purpose: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, purpose.as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The tag of a list of parts. Each is preceded by its length, so that no two lists share an encoding.
    pub fn tag<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
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
    fn purposes_and_secrets_give_different_keys() {
        let tag = |secret: &[u8], purpose| MacKey::derive(secret, purpose).tag([&b"x"[..]]);
        assert_ne!(tag(b"one", "a"), tag(b"one", "b"));
        assert_ne!(tag(b"one", "a"), tag(b"two", "a"));
    }
}
