//! How values of flags are read: as upstream's programs, which are written in Go, read them.

use std::time::Duration;

use jiff::Timestamp;
use signet_common::{KeyOrder, KeySize};

/// A boolean as Go reads it.
pub(super) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(super) fn key_prefix(text: &str) -> Result<String, String> {
    let valid = (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    valid
        .then(|| text.to_owned())
        .ok_or_else(|| "1 to 200 of a-z, 0-9 and '-'".to_owned())
}

pub(super) fn key_size(text: &str) -> Result<KeySize, String> {
    let size = text.parse().ok().and_then(KeySize::from_bits);
    size.ok_or_else(|| "one of 2048, 3072, 4096, 8192".to_owned())
}

pub(super) fn key_order(text: &str) -> Result<KeyOrder, String> {
    match text {
        "CertNotBefore" => Ok(KeyOrder::CertNotBefore),
        "SecretCreationTimestamp" => Ok(KeyOrder::SecretCreationTimestamp),
        _ => Err("CertNotBefore or SecretCreationTimestamp".to_owned()),
    }
}

/// `--key-cutoff-time`; an empty text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff(pub Option<Timestamp>);

pub(super) fn cutoff(text: &str) -> Result<Cutoff, String> {
    if text.is_empty() {
        return Ok(Cutoff(None));
    }
    let parsed = jiff::fmt::rfc2822::parse(text).map(|zoned| Cutoff(Some(zoned.timestamp())));
    parsed.map_err(|_| "a time as `date -R` prints it".to_owned())
}

/// A duration as Go reads it: `720h`, `1h30m`, `1.5s`, `300ms`, `0`. Not a negative one: none makes sense here.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let error = || "a duration such as 720h, 1h30m or 45s".to_owned();
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(error)?;
        let value: f64 = rest[..digits].parse().map_err(|_| error())?;
        let (unit, tail) = [
            ("ms", 1e-3),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("μs", 1e-6),
            ("ns", 1e-9),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ]
        .into_iter()
        .find_map(|(unit, scale)| Some((scale, rest[digits..].strip_prefix(unit)?)))
        .ok_or_else(error)?;
        seconds += value * unit;
        rest = tail;
    }
    if text.is_empty() {
        return Err(error());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let table = [
            ("720h", Some(720 * 3600 * 1000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("300ms", Some(300)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("+1h", Some(3_600_000)),
            (".5s", Some(500)),
            ("1.s", Some(1000)),
            ("2000µs", Some(2)),
            ("2000μs", Some(2)),
            ("+", None),
            (".s", None),
            ("", None),
            ("30d", None),
            ("5", None),
            ("-1h", None),
        ];
        for (text, milliseconds) in table {
            assert_eq!(
                duration(text).ok(),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
    }

    #[test]
    fn booleans_are_read_as_go_reads_them() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(go_bool(text), Ok(true), "{text}");
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(go_bool(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "tRUE", "01", " true"] {
            assert!(go_bool(text).is_err(), "{text}");
        }
    }
}
