//! sprig: checksums.

use sha2::Digest;

use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("adler32sum", &[Param::Str], adler32sum),
    Entry::new("sha1sum", &[Param::Str], hashed::<sha1::Sha1>),
    Entry::new("sha256sum", &[Param::Str], hashed::<sha2::Sha256>),
    Entry::new("sha512sum", &[Param::Str], hashed::<sha2::Sha512>),
];

fn hashed<D: Digest>(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let sum = D::digest(call.str(0)?);
    call.text(hex(&sum))
}

/// Lower case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .collect()
}

fn adler32sum(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let sum = adler2::adler32_slice(call.str(0)?);
    call.text(sum.to_string())
}
