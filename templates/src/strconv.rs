//! Numbers from text, as Go's `strconv` reads them.

/// Why text is not the number that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// Not a number.
    Syntax,
    /// Too large; holds the nearest `int64`.
    Range(i64),
}

/// `strconv.ParseInt(text, base, 64)`. Base 0 reads `0x`, `0o`, `0b`, a leading `0`, and underscores between digits.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Result<i64, ParseError> {
    let (negative, unsigned) = sign(text);
    let (base, digits, separated) = match base {
        0 => {
            if !underscores_separate_digits(unsigned) {
                return Err(ParseError::Syntax);
            }
            let (base, digits) = prefix(unsigned);
            (base, digits, true)
        }
        _ => (base, unsigned, false),
    };
    let limit = if negative { i64::MIN } else { i64::MAX };
    let mut value: u64 = 0;
    let mut any = false;
    for &byte in digits {
        if byte == b'_' && separated {
            continue;
        }
        let digit = char::from(byte).to_digit(base).ok_or(ParseError::Syntax)?;
        // Go stops here too, and does not see what is wrong further on.
        value = value
            .checked_mul(u64::from(base))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .ok_or(ParseError::Range(limit))?;
        any = true;
    }
    if !any {
        return Err(ParseError::Syntax);
    }
    let value = i128::from(value);
    i64::try_from(if negative { -value } else { value }).map_err(|_| ParseError::Range(limit))
}

/// `strconv.ParseFloat(text, 64)`; `None` where Go gives an error, also for what is too large.
pub(crate) fn parse_float(text: &[u8]) -> Option<f64> {
    let (negative, unsigned) = sign(text);
    let value = magnitude(unsigned, unsigned.len() != text.len())?;
    Some(if negative { -value } else { value })
}

fn magnitude(text: &[u8], signed: bool) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.as_slice() {
        b"inf" | b"infinity" => return Some(f64::INFINITY),
        b"nan" if !signed => return Some(f64::NAN),
        _ => {}
    }
    if !underscores_separate_digits(&lower) {
        return None;
    }
    let plain: Vec<u8> = lower.into_iter().filter(|&byte| byte != b'_').collect();
    if let Some(hex) = plain.strip_prefix(b"0x") {
        return hex_float(hex);
    }
    // Rust also reads words; Go's were handled above.
    let known = |byte: &u8| byte.is_ascii_digit() || b".e+-".contains(byte);
    if !plain.iter().all(known) {
        return None;
    }
    let value: f64 = std::str::from_utf8(&plain).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// What follows `0x`: digits with at most one point, then a `p` and a decimal exponent.
fn hex_float(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|&byte| byte == b'p')?;
    let (digits, exponent) = (&text[..at], &text[at + 1..]);
    let (exponent_negative, exponent) = sign(exponent);
    if exponent.is_empty() || !exponent.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = exponent.iter().fold(0_i64, |value, digit| {
        (value * 10 + i64::from(digit - b'0')).min(1 << 32)
    });
    let mut exponent = if exponent_negative {
        -exponent
    } else {
        exponent
    };
    let mut mantissa: u64 = 0;
    let (mut any, mut fraction) = (false, false);
    for &byte in digits {
        if byte == b'.' {
            if fraction {
                return None;
            }
            fraction = true;
            continue;
        }
        let digit = u64::from(char::from(byte).to_digit(16)?);
        any = true;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if fraction { 4 } else { 0 };
        } else {
            // Too small to count, but it tells a half from more than a half.
            mantissa |= u64::from(digit != 0);
            exponent += if fraction { 0 } else { 4 };
        }
    }
    let value = scale(mantissa, exponent);
    (any && value.is_finite()).then_some(value)
}

/// `mantissa · 2^exponent`, to the nearest `f64`, halves to even.
fn scale(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let bits = i64::from(64 - mantissa.leading_zeros());
    let top = exponent + bits;
    if top > 1024 {
        return f64::INFINITY;
    }
    // A normal number has 53 bits, one near zero has fewer.
    let kept = 53.min(top + 1074);
    if kept < 0 {
        return 0.0;
    }
    let dropped = bits - kept;
    let rounded = if dropped > 0 {
        let value = u128::from(mantissa);
        let half = 1_u128 << (dropped - 1);
        let (whole, rest) = (value >> dropped, value & ((half << 1) - 1));
        whole + u128::from(rest > half || (rest == half && whole & 1 == 1))
    } else {
        u128::from(mantissa)
    };
    let shift = exponent + dropped.max(0);
    #[allow(
        clippy::cast_precision_loss,
        reason = "at most 53 bits are left, or few"
    )]
    let value = rounded as f64;
    // In two steps, because 2^-1074 alone may be needed, and 2^1024 does not exist.
    let half = shift / 2;
    value * power_of_two(half) * power_of_two(shift - half)
}

fn power_of_two(exponent: i64) -> f64 {
    2.0_f64.powi(i32::try_from(exponent).unwrap_or(if exponent < 0 { i32::MIN } else { i32::MAX }))
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// The base that a prefix names, and the digits after it.
fn prefix(text: &[u8]) -> (u32, &[u8]) {
    match text {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] if !rest.is_empty() => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, text),
    }
}

/// Whether every underscore stands between digits, or between a prefix and a digit.
fn underscores_separate_digits(text: &[u8]) -> bool {
    if !text.contains(&b'_') {
        return true;
    }
    let (hex, prefixed, rest) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (true, true, rest),
        [b'0', b'o' | b'O' | b'b' | b'B', rest @ ..] => (false, true, rest),
        _ => (false, false, text),
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit());
    let mut after_digit = prefixed;
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'_' && !(after_digit && bytes.peek().is_some_and(|&next| is_digit(next))) {
            return false;
        }
        after_digit = is_digit(byte);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        let read = |text: &str| parse_int(text.as_bytes(), 0).ok();
        for (text, value) in [
            ("0x1F", 31),
            ("-0b11", -3),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("0x_1", 1),
            ("0_7", 7),
            ("0", 0),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
        for text in ["", "-", "08", "0x", "1__0", "_1", "1_", " 1", "1e3", "٣"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            parse_int(b"99999999999999999999", 10),
            Err(ParseError::Range(i64::MAX))
        );
        assert_eq!(parse_int(b"1_0", 10), Err(ParseError::Syntax));
        assert_eq!(
            parse_int(b"-99999999999999999999x", 10),
            Err(ParseError::Range(i64::MIN))
        );
        assert_eq!(
            parse_int(b"9999999999999999999x", 10),
            Err(ParseError::Syntax)
        );
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        let read = |text: &str| parse_float(text.as_bytes());
        for (text, value) in [
            ("1e3", 1000.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("1_0.5", 10.5),
            ("0x1.8p1", 3.0),
            ("0x_1p-2", 0.25),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffff8p1022", 2.0_f64.powi(1023)),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080001p0", 1.000_000_000_000_000_2),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
        for text in [
            "", "1e400", "0x1", "1e", "infin", "1__0", "1_e5", "+nan", "e5", ".",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
