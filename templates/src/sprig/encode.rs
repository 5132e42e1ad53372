//! sprig: base64 and base32. Decoding what is not valid gives the text of Go's error, not a failure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("b32dec", &[Param::Str], b32dec),
    Entry::new("b32enc", &[Param::Str], b32enc),
    Entry::new("b64dec", &[Param::Str], b64dec),
    Entry::new("b64enc", &[Param::Str], b64enc),
];

fn b64enc(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len() / 3 * 4 + 4)?;
    call.text(BASE64_STANDARD.encode(text))
}

fn b64dec(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len())?;
    match decode64(text) {
        Ok(bytes) => call.text(bytes),
        Err(Corrupt(at)) => call.text(format!("illegal base64 data at input byte {at}")),
    }
}

fn b32enc(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let text = call.str(0)?;
    call.room(text.len() / 5 * 8 + 8)?;
    let mut out = Vec::with_capacity(text.len() / 5 * 8 + 8);
    for chunk in text.chunks(5) {
        let mut bytes = [0; 8];
        bytes[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bytes);
        let letters = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let five = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or(0);
            out.push(if place < letters {
                ALPHABET[five]
            } else {
                b'='
            });
        }
    }
    call.text(out)
}

fn b32dec(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len().saturating_mul(2))?;
    match decode32(text) {
        Ok(bytes) => call.text(bytes),
        Err(Corrupt(at)) => call.text(format!("illegal base32 data at input byte {at}")),
    }
}

/// Where Go says that a text is not valid.
pub(crate) struct Corrupt(usize);

fn is_newline(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// `base64.StdEncoding`: padded, line breaks anywhere, stray bits at the end ignored. The `base64` crate
/// reports other places.
pub(crate) fn decode64(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let newlines = |from: usize| {
        text[from..]
            .iter()
            .take_while(|byte| is_newline(byte))
            .count()
    };
    let (mut bits, mut held, mut at) = (0_u32, 0, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            b'=' if held >= 2 => {
                at += newlines(at);
                if held == 2 {
                    match text.get(at) {
                        None => return Err(Corrupt(text.len())),
                        Some(b'=') => at += 1,
                        Some(_) => return Err(Corrupt(at - 1)),
                    }
                    at += newlines(at);
                }
                if at < text.len() {
                    return Err(Corrupt(at));
                }
                let last = (bits << (6 * (4 - held))).to_be_bytes();
                out.extend_from_slice(&last[1..held]);
                return Ok(out);
            }
            _ => return Err(Corrupt(at - 1)),
        };
        bits = bits << 6 | u32::from(six);
        held += 1;
        if held == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, held) = (0, 0);
        }
    }
    if held == 0 {
        Ok(out)
    } else {
        Err(Corrupt(at - held))
    }
}

/// `base32.StdEncoding`: padded. Places are counted without line breaks.
fn decode32(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !is_newline(byte))
        .collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    for (number, chunk) in text.chunks(8).enumerate() {
        let start = number * 8;
        let left = text.len() - start;
        let (mut bits, mut held) = (0_u64, 0);
        for (place, &byte) in chunk.iter().enumerate() {
            let behind = left - place - 1;
            let five = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                b'=' if place >= 2 && behind < 8 => {
                    padding(&text, start + place, place, behind)?;
                    break;
                }
                _ => return Err(Corrupt(start + place)),
            };
            bits = bits << 5 | u64::from(five);
            held = place + 1;
        }
        let padded = held < chunk.len();
        if chunk.len() < 8 && !padded {
            return Err(Corrupt(text.len() - held));
        }
        let bytes = (bits << (40 - 5 * held)).to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + held * 5 / 8]);
        // What comes behind the padding is not looked at.
        if padded {
            break;
        }
    }
    Ok(out)
}

/// Checks the padding that starts at `at`, behind `place` letters of the last eight.
fn padding(text: &[u8], at: usize, place: usize, behind: usize) -> Result<(), Corrupt> {
    if behind + place < 7 {
        return Err(Corrupt(text.len()));
    }
    if let Some(wrong) =
        (0..7 - place).find(|&k| text.get(at + 1 + k).is_some_and(|&byte| byte != b'='))
    {
        return Err(Corrupt(at + wrong));
    }
    if matches!(place, 1 | 3 | 6) {
        Err(Corrupt(at))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_valid_is_placed_where_go_places_it() {
        let place64 = |text: &[u8]| decode64(text).map_err(|Corrupt(at)| at);
        assert_eq!(place64(b"YW\nJj"), Ok(b"abc".to_vec()));
        assert_eq!(place64(b"YWJ"), Err(0));
        assert_eq!(place64(b"YWJj%"), Err(4));
        assert_eq!(place64(b"YQ="), Err(3));
        assert_eq!(place64(b"YQ==A"), Err(4));
        let place32 = |text: &[u8]| decode32(text).map_err(|Corrupt(at)| at);
        assert_eq!(place32(b"MFRGG==="), Ok(b"abc".to_vec()));
        assert_eq!(place32(b"MI======="), Ok(b"b".to_vec()));
        assert_eq!(place32(b"1"), Err(0));
        assert_eq!(place32(b"MFRGG"), Err(0));
    }
}
