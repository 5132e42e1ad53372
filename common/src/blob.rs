//! The sealed form of one value: parsing and writing (`docs/format.md` §2).
//!
//! Only framing is judged here. Whether a blob opens is `open`'s business.

use base64::Engine as _;
use thiserror::Error;

use crate::encodings::{BASE64, decode_base64};

/// Length of the length field.
const HEADER_LEN: usize = 2;
/// Length of the GCM tag.
const TAG_LEN: usize = 16;

/// A well-framed version 1 blob: the wrapped session key and the sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBlob {
    wrapped: Vec<u8>,
    sealed: Vec<u8>,
}

/// Why bytes are not a version 1 blob. Public facts only: nothing here depends on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlobError {
    /// Not standard base64 with padding.
    #[error("the value is not valid base64")]
    NotBase64,
    /// Fewer than the two bytes of the length field.
    #[error("the value is too short to be sealed data")]
    TooShort,
    /// The length field is `0x0000`, the escape for later formats (`docs/format.md` §7).
    #[error("the value was sealed by a newer version of the format; update this program")]
    NewerVersion,
    /// The length field points past the end.
    #[error("the value ends inside its wrapped key; it was cut short")]
    WrappedKeyTruncated,
    /// What follows the wrapped key is shorter than a GCM tag.
    #[error("the value ends inside its authentication tag; it was cut short")]
    TagTruncated,
}

impl SealedBlob {
    /// Parses the bytes of a blob.
    ///
    /// # Errors
    /// [`BlobError`] says which boundary the bytes miss.
    pub fn parse(bytes: &[u8]) -> Result<Self, BlobError> {
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(BlobError::TooShort)?;
        let wrapped_len = usize::from(u16::from_be_bytes(*header));
        if wrapped_len == 0 {
            return Err(BlobError::NewerVersion);
        }
        let (wrapped, sealed) = rest
            .split_at_checked(wrapped_len)
            .ok_or(BlobError::WrappedKeyTruncated)?;
        if sealed.len() < TAG_LEN {
            return Err(BlobError::TagTruncated);
        }
        Ok(Self {
            wrapped: wrapped.to_vec(),
            sealed: sealed.to_vec(),
        })
    }

    /// Parses the base64 text of a blob; `\r` and `\n` anywhere are ignored, as Go does (`docs/format.md` §5).
    ///
    /// # Errors
    /// [`BlobError::NotBase64`], or what [`Self::parse`] says.
    pub fn parse_base64(text: &str) -> Result<Self, BlobError> {
        let bytes = decode_base64(text).ok_or(BlobError::NotBase64)?;
        Self::parse(&bytes)
    }

    /// A blob from its two parts. The wrapped key must be 1 to 65,535 bytes and `sealed` at least a tag.
    pub(crate) fn from_parts(wrapped: Vec<u8>, sealed: Vec<u8>) -> Option<Self> {
        let framed =
            (1..=usize::from(u16::MAX)).contains(&wrapped.len()) && sealed.len() >= TAG_LEN;
        framed.then_some(Self { wrapped, sealed })
    }

    /// The bytes of the blob, as [`Self::parse`] reads them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let wrapped_len = u16::try_from(self.wrapped.len())
            .expect("constructors bound the wrapped key to 65,535 bytes");
        [&wrapped_len.to_be_bytes()[..], &self.wrapped, &self.sealed].concat()
    }

    /// Standard base64 with padding, no line breaks.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.to_bytes())
    }

    /// The RSA-OAEP ciphertext of the session key.
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// The AES-256-GCM ciphertext with its tag.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// Length of the plain value in bytes. Public: the format does not hide it.
    pub fn plaintext_len(&self) -> usize {
        self.sealed.len() - TAG_LEN
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(wrapped: usize, sealed: usize) -> Vec<u8> {
        let length = u16::try_from(wrapped).unwrap().to_be_bytes();
        [&length[..], &vec![7; wrapped], &vec![9; sealed]].concat()
    }

    #[test]
    fn each_boundary_has_its_own_error() {
        let table: [(&[u8], BlobError); 6] = [
            (&[], BlobError::TooShort),
            (&[1], BlobError::TooShort),
            (&[0, 0], BlobError::NewerVersion),
            (&[0, 0, 1, 2, 3], BlobError::NewerVersion),
            (&[1, 0, 5], BlobError::WrappedKeyTruncated),
            (&blob(256, 15), BlobError::TagTruncated),
        ];
        for (bytes, error) in table {
            assert_eq!(SealedBlob::parse(bytes), Err(error));
        }
        assert_eq!(
            SealedBlob::parse(&blob(256, 16)).unwrap().plaintext_len(),
            0
        );
    }

    #[test]
    fn base64_is_read_as_go_reads_it() {
        let text = SealedBlob::parse(&blob(4, 17)).unwrap().to_base64();
        let (head, tail) = text.split_at(10);
        let broken_up = format!("\r\n{head}\r\n{tail}\n");
        assert_eq!(
            SealedBlob::parse_base64(&broken_up),
            SealedBlob::parse_base64(&text)
        );
        for bad in [
            " AAAA",
            "A",
            "AAA",
            "AA-_",
            "AAAA AAAA",
            "AAAA\n AAAA",
            "AAAA\r\n\tAAAA",
        ] {
            assert_eq!(
                SealedBlob::parse_base64(bad),
                Err(BlobError::NotBase64),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_written_back_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(parsed) = SealedBlob::parse(&bytes) {
                prop_assert_eq!(parsed.to_bytes(), bytes);
            }
        }
    }
}
