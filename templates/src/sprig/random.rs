//! sprig: random texts. Every call gives another one; templates that use them change their Secret with
//! every pass, as with upstream.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt;

use super::runes::{chars, push};
use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("randAlpha", &[Param::Int], rand_alpha).varies(),
    Entry::new("randAlphaNum", &[Param::Int], rand_alpha_num).varies(),
    Entry::new("randAscii", &[Param::Int], rand_ascii).varies(),
    Entry::new("randBytes", &[Param::Int], rand_bytes).varies(),
    Entry::new("randNumeric", &[Param::Int], rand_numeric).varies(),
    Entry::new("shuffle", &[Param::Str], shuffle).varies(),
    Entry::new("uuidv4", &[], uuidv4).varies(),
];

const DIGITS: &str = "0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn rand_alpha(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    drawn(call, LETTERS.as_bytes())
}

fn rand_alpha_num(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    drawn(call, [LETTERS, DIGITS].concat().as_bytes())
}

fn rand_ascii(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    drawn(call, &(b' '..=b'~').collect::<Vec<_>>())
}

fn rand_numeric(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    drawn(call, DIGITS.as_bytes())
}

/// As many of `from` as the argument says; none if that is negative.
fn drawn(call: &mut Call<'_, '_>, from: &[u8]) -> Result<Value, Fault> {
    let count = usize::try_from(call.int(0)?).unwrap_or(0);
    call.room(count)?;
    call.work(count.saturating_mul(64))?;
    let text: Vec<u8> = (0..count)
        .map(|_| from[call.env.rng.random_range(0..from.len())])
        .collect();
    call.text(text)
}

/// In base64.
fn rand_bytes(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let count = usize::try_from(call.int(0)?).map_err(|_| Fault::failed("negative length"))?;
    call.room(count.saturating_mul(3))?;
    call.work(count)?;
    let mut bytes = vec![0; count];
    call.env.rng.fill_bytes(&mut bytes);
    call.text(BASE64_STANDARD.encode(bytes))
}

fn shuffle(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len().saturating_mul(3 + size_of::<char>()))?;
    call.work(text.len().saturating_mul(64))?;
    let mut runes: Vec<char> = chars(text).collect();
    for last in (1..runes.len()).rev() {
        runes.swap(last, call.env.rng.random_range(0..=last));
    }
    let mut out = Vec::with_capacity(text.len());
    runes.into_iter().for_each(|ch| push(&mut out, ch));
    call.text(out)
}

/// RFC 9562, section 5.4.
fn uuidv4(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut bytes = [0_u8; 16];
    call.env.rng.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    call.text(parts.join("-"))
}
