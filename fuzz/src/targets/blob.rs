//! Blobs and opening them (`docs/format.md` §2 to §5).
//!
//! Holds for every input: the parser agrees with another one, written here from the specification; what parses is
//! written back unchanged; what opens is what another implementation of AES-GCM opens, and nothing else opens.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use signet_common::{
    BlobError, OpenError, Plaintext, Scope, SealTarget, SealedBlob, UnwrapContext, UnwrapKey, open,
};

use crate::fake::KEYS;
use crate::feedback::{magnitude, note};
use crate::{PARSER, Target};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "blob",
    run: target,
    seeds,
    words: &[
        "AgA=", "\r\n", "=", "==", "====", "\u{feff}", "AAAA", "_-", "\0\0",
    ],
    longest: 2048,
    executions: PARSER,
};

/// One input: the bytes of a blob, or its base64.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

/// What is tested.
struct Subject {
    parse: fn(&[u8]) -> Result<SealedBlob, BlobError>,
    parse_base64: fn(&str) -> Result<SealedBlob, BlobError>,
    open: fn(&dyn UnwrapKey, &SealedBlob, &SealTarget, &str) -> Result<Plaintext, OpenError>,
}

const REAL: Subject = Subject {
    parse: SealedBlob::parse,
    parse_base64: SealedBlob::parse_base64,
    open,
};

fn check(data: &[u8], subject: &Subject) {
    let parsed = (subject.parse)(data);
    assert_eq!(parsed.as_ref().err(), judged(data).as_ref().err());
    let text = std::str::from_utf8(data);
    if let Ok(text) = text {
        let bytes = decoded(text);
        let expected = bytes
            .ok_or(BlobError::NotBase64)
            .and_then(|bytes| (subject.parse)(&bytes));
        let found = (subject.parse_base64)(text);
        note(("base64", found.as_ref().err().map(ToString::to_string)));
        assert_eq!(found, expected);
        found.iter().for_each(|blob| check_open(blob, subject));
    }
    note(("bytes", parsed.as_ref().err().map(ToString::to_string)));
    let Ok(blob) = parsed else { return };
    assert_eq!(blob.to_bytes(), data);
    assert_eq!(
        (subject.parse_base64)(&blob.to_base64()).as_ref(),
        Ok(&blob)
    );
    assert_eq!(blob.plaintext_len(), blob.sealed().len() - 16);
    check_open(&blob, subject);
}

/// Where the parts of a blob lie, from the specification.
fn judged(data: &[u8]) -> Result<(), BlobError> {
    let at = |index: usize| data.get(index).map(|byte| usize::from(*byte));
    let (Some(high), Some(low)) = (at(0), at(1)) else {
        return Err(BlobError::TooShort);
    };
    let wrapped = high * 256 + low;
    match data.len() - 2 {
        _ if wrapped == 0 => Err(BlobError::NewerVersion),
        rest if rest < wrapped => Err(BlobError::WrappedKeyTruncated),
        rest if rest - wrapped < 16 => Err(BlobError::TagTruncated),
        _ => Ok(()),
    }
}

/// Padded base64 without line ends, digit by digit.
fn decoded(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: Vec<char> = text
        .chars()
        .filter(|char| !"\r\n".contains(*char))
        .collect();
    let padding = text.iter().rev().take_while(|char| **char == '=').count();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in &text[..text.len() - padding] {
        let value = DIGITS.find(*digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn check_open(blob: &SealedBlob, subject: &Subject) {
    let [key, other] = &*KEYS;
    for target in sealed_for() {
        let label = target.label();
        let context = UnwrapContext {
            label: &label,
            item: "item",
        };
        let expected = (blob.wrapped().len() == key.wrapped_len())
            .then(|| key.unwrap(blob.wrapped(), context).ok())
            .flatten()
            .and_then(|session_key| {
                let cipher = Aes256Gcm::new(session_key.expose().into());
                cipher.decrypt(&Nonce::default(), blob.sealed()).ok()
            });
        let found = (subject.open)(&**key, blob, &target, "item").ok();
        let found = found.as_ref().map(Plaintext::expose);
        note(("opens", found.map(|value| magnitude(value.len()))));
        assert!(
            found == expected.as_deref(),
            "two implementations open it differently"
        );
        assert!(found.is_none_or(|value| value.len() == blob.plaintext_len()));
        let elsewhere = (subject.open)(&**other, blob, &target, "item");
        assert!(elsewhere.is_err() || found.is_none(), "two keys open it");
    }
}

fn sealed_for() -> [SealTarget; 2] {
    let target = |scope| SealTarget::new(scope, "ns", "db").expect("plain names");
    [target(Scope::Strict), target(Scope::ClusterWide)]
}

fn seeds() -> Vec<Vec<u8>> {
    let values: [&[u8]; 3] = [b"", b"x", b"a value of some length, and a bit more of it"];
    let mut seeds = vec![Vec::new(), b"\0\0".to_vec(), b"\x00\x01\x07".to_vec()];
    for (target, value) in sealed_for()
        .iter()
        .zip(values)
        .chain([(&sealed_for()[0], values[2])])
    {
        let blob = KEYS[0].seal(target, value);
        seeds.extend([blob.to_bytes(), blob.to_base64().into_bytes()]);
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn blobs_bear_any_input() {
        passes(&TARGET, 20_000);
    }

    #[test]
    fn a_parser_that_counts_wrongly_is_found() {
        fn parse(data: &[u8]) -> Result<SealedBlob, BlobError> {
            match SealedBlob::parse(data) {
                // A tag of 15 bytes will do.
                Err(BlobError::TagTruncated) => SealedBlob::parse(&[data, b"x"].concat()),
                other => other,
            }
        }
        finds(&TARGET, "left", |data| {
            check(data, &Subject { parse, ..REAL })
        });
    }

    #[test]
    fn base64_that_tolerates_too_much_is_found() {
        fn parse_base64(text: &str) -> Result<SealedBlob, BlobError> {
            SealedBlob::parse_base64(&text.replace('-', "+"))
        }
        finds(&TARGET, "left", |data| {
            check(
                data,
                &Subject {
                    parse_base64,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn an_opening_without_its_tag_is_found() {
        fn unauthentic(
            key: &dyn UnwrapKey,
            blob: &SealedBlob,
            target: &SealTarget,
            item: &str,
        ) -> Result<Plaintext, OpenError> {
            let context = UnwrapContext {
                label: &target.label(),
                item,
            };
            let opened = open(key, blob, target, item);
            let unwraps = key.wrapped_len() == blob.wrapped().len()
                && key.unwrap(blob.wrapped(), context).is_ok();
            match opened {
                Err(_) if unwraps => Ok(Plaintext::new(vec![0; blob.plaintext_len()])),
                other => other,
            }
        }
        finds(&TARGET, "differently", |data| {
            check(
                data,
                &Subject {
                    open: unauthentic,
                    ..REAL
                },
            );
        });
    }

    #[test]
    fn a_panic_behind_a_rare_condition_is_found() {
        fn parse(data: &[u8]) -> Result<SealedBlob, BlobError> {
            let parsed = SealedBlob::parse(data);
            assert!(
                !parsed.iter().any(|blob| blob.wrapped().len() == 257),
                "rare"
            );
            parsed
        }
        finds(&TARGET, "rare", |data| {
            check(data, &Subject { parse, ..REAL })
        });
    }
}
