//! Types for what must not leak: values and session keys.
//!
//! Neither has `Debug`, `Display` or `Serialize`; both are wiped when dropped.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The plain bytes of one item of a Secret. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(Vec<u8>);

impl Plaintext {
    /// Takes ownership of the bytes; they are wiped when the value is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes. The caller must not log, print or store them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both hold the same bytes. Takes time that depends on the lengths only.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The AES-256 key of one value: fresh for each seal, never reused (`docs/format.md` §4).
///
/// Not `Clone`: one key, one value. Boxed, so that a move leaves no copy on the stack.
pub struct SessionKey(Box<Zeroizing<[u8; Self::LEN]>>);

impl SessionKey {
    /// Length in bytes. A key of any other length is refused on opening: AES would take a shorter one.
    pub const LEN: usize = 32;

    /// A key that `fill` writes in place.
    pub fn init_with(fill: impl FnOnce(&mut [u8; Self::LEN])) -> Self {
        let mut key = Self(Box::new(Zeroizing::new([0; Self::LEN])));
        fill(&mut key.0);
        key
    }

    /// A key from exactly [`Self::LEN`] bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::LEN).then(|| Self::init_with(|key| key.copy_from_slice(bytes)))
    }

    /// The key's bytes.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}
