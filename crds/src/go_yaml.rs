//! What Go reads in an unquoted scalar of YAML: the rules of `sigs.k8s.io/yaml` v1.6, which kubectl and upstream use.
//!
//! That library follows YAML 1.1: `yes` is a boolean and `017` is 15. Where a text is wanted it makes one of them again, which
//! may be another than the one that was written. Does not parse YAML documents.

use granit_parser::{Event, Parser, ScalarStyle};

/// A plain scalar as Go sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'a> {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `yes`, `on`, `y`, and their opposites.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// A whole number above that.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Everything else, dates too.
    Text(&'a str),
}

/// Reads a plain scalar.
pub fn resolve(plain: &str) -> Resolved<'_> {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match plain.as_bytes()[0] {
        b'.' => point_float(plain),
        b'0'..=b'9' | b'+' | b'-' => number(&plain.replace('_', "")),
        _ => None,
    };
    number.unwrap_or(Resolved::Text(plain))
}

/// A number without its underscores.
fn number(plain: &str) -> Option<Resolved<'static>> {
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let signed = digits.len() < plain.len();
    integer(digits, negative)
        .filter(|number| !(signed && matches!(number, Resolved::Uint(_))))
        .or_else(|| decimal_float(plain))
        .or_else(|| odd_binary(plain))
}

/// Digits with Go's prefixes; a leading zero alone means base 8.
fn integer(digits: &str, negative: bool) -> Option<Resolved<'static>> {
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    from_digits(digits, radix, negative)
}

fn from_digits(digits: &str, radix: u32, negative: bool) -> Option<Resolved<'static>> {
    // The library of Rust would take a second sign.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -number } else { number };
    let int = i64::try_from(number).map(Resolved::Int);
    int.or_else(|_| u64::try_from(number).map(Resolved::Uint))
        .ok()
}

/// `0b` and `-0b` before digits that may have a sign of their own.
fn odd_binary(plain: &str) -> Option<Resolved<'static>> {
    if let Some(digits) = plain.strip_prefix("-0b") {
        return from_digits(digits, 2, true);
    }
    let digits = plain.strip_prefix("0b")?;
    match digits.strip_prefix('-') {
        Some(rest) => from_digits(rest, 2, true),
        None => from_digits(digits.strip_prefix('+').unwrap_or(digits), 2, false),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, unless it is too large for Go, which then takes it as a text.
fn decimal_float(plain: &str) -> Option<Resolved<'static>> {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !mantissa_fits || !exponent_fits {
        return None;
    }
    let float: f64 = plain.parse().ok()?;
    float.is_finite().then_some(Resolved::Float(float))
}

/// A number that begins with a point, in which an underscore may stand between two digits.
fn point_float(plain: &str) -> Option<Resolved<'static>> {
    let bytes = plain.as_bytes();
    let digit = |index: Option<usize>| {
        index
            .and_then(|index| bytes.get(index))
            .is_some_and(u8::is_ascii_digit)
    };
    let separates = |at: usize| digit(at.checked_sub(1)) && digit(Some(at + 1));
    let fits = bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| *byte != b'_' || separates(at));
    fits.then(|| plain.replace('_', ""))
        .and_then(|plain| decimal_float(&plain))
}

impl Resolved<'_> {
    /// What Go puts into a field that is a text; of `null` it makes an empty one.
    pub fn go_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Float(value) => float_text(*value),
            Self::Text(text) => (*text).to_owned(),
        }
    }

    /// What Go makes of it as the key of a mapping; `None` where it gives up.
    pub fn go_key(&self) -> Option<String> {
        match self {
            Self::Null | Self::Uint(_) => None,
            Self::Float(value) if value.is_nan() => Some(".nan".to_owned()),
            Self::Float(value) => Some(match float_text(*value).as_str() {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                text => text.to_owned(),
            }),
            other => Some(other.go_text()),
        }
    }
}

/// Go's `FormatFloat(value, 'g', -1, 32)`.
fn float_text(value: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "Go rounds to 32 bits as well, which is one of the changes to be found"
    )]
    let short = value as f32;
    if short.is_nan() {
        return "NaN".to_owned();
    }
    if short.is_infinite() {
        return if short > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{short:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    short.to_string()
}

/// The key of a mapping as Go reads it, from its spelling in YAML: `on`, `"on"`, `!!str on`.
///
/// `8080` and `"8080"` are one name, `on` is `true`, `1.0` is `1`. `None` for what is no single scalar, and for keys that Go
/// refuses (`null`, numbers above 2⁶³).
pub fn key_name(spelling: &str) -> Option<String> {
    let mut found = None;
    for event in Parser::new_from_str(spelling) {
        match event.ok()?.0 {
            Event::Scalar(text, style, _, tag) if found.is_none() => {
                let is_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
                found = Some(match is_text {
                    true => text.into_owned(),
                    false => resolve(&text).go_key()?,
                });
            }
            Event::Scalar(..)
            | Event::Alias(_)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                return None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
