//! Go's numeric constants.

use crate::ast::Number;

/// A number as the lexer cut it out: digits, prefixes, underscores, exponent. `None` if Go refuses it.
pub(super) fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() != text.len();
    if let Some(magnitude) = integer(digits) {
        let int = if negative {
            0i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        // Go reads an unsigned constant without a sign only, except for a zero.
        let uint = (!signed || int == Some(0)).then_some(magnitude);
        if int.is_some() || uint.is_some() {
            #[allow(clippy::cast_precision_loss, reason = "as Go converts")]
            let float = match int {
                Some(int) => int as f64,
                None => magnitude as f64,
            };
            return Some(Number {
                int,
                uint,
                float: Some(float),
                is_float: false,
            });
        }
    }
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return None;
    }
    let float = float(digits)?;
    Some(from_float(if negative { -float } else { float }))
}

/// A character constant.
pub(super) fn character(code: i64) -> Number {
    #[allow(clippy::cast_precision_loss, reason = "code points are exact")]
    Number {
        int: Some(code),
        uint: u64::try_from(code).ok(),
        float: Some(code as f64),
        is_float: false,
    }
}

/// The first float that is no `i64`.
const TWO_TO_63: f64 = (1_u64 << 63) as f64;

/// A float that is whole is an integer too.
fn from_float(float: f64) -> Number {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::float_cmp,
        reason = "the comparison is whether the conversion is exact"
    )]
    let (int, uint) = {
        let (int, uint) = (float as i64, float as u64);
        let fits_int = (-TWO_TO_63..TWO_TO_63).contains(&float);
        let fits_uint = (0.0..2.0 * TWO_TO_63).contains(&float);
        (
            (fits_int && int as f64 == float).then_some(int),
            (fits_uint && uint as f64 == float).then_some(uint),
        )
    };
    Number {
        int,
        uint,
        float: Some(float),
        is_float: true,
    }
}

/// An unsigned integer with Go's prefixes. `None` if it is none, or too large.
fn integer(text: &str) -> Option<u64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let digits = digits.replace('_', "");
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(&digits, base).ok()
}

/// Underscores stand between digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let prefixed = bytes.len() > 1
        && bytes[0] == b'0'
        && matches!(bytes[1].to_ascii_lowercase(), b'x' | b'o' | b'b');
    let hex = prefixed && bytes[1].eq_ignore_ascii_case(&b'x');
    let is_digit = |at: usize| {
        bytes.get(at).is_some_and(|byte| {
            byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) || (prefixed && at == 1)
        })
    };
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

/// A float without sign.
fn float(text: &str) -> Option<f64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let clean = text.replace('_', "").to_ascii_lowercase();
    if let Some(hex) = clean.strip_prefix("0x") {
        return hex_float(hex);
    }
    let valid = clean
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    // Too large is an error in Go, not infinity.
    valid
        .then(|| clean.parse::<f64>().ok())
        .flatten()
        .filter(|float| float.is_finite())
}

/// `1.8p3`: hexadecimal mantissa, binary exponent, which is not optional.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut exponent = exponent.parse::<i64>().ok()? - 4 * i64::try_from(fraction.len()).ok()?;
    // 15 digits are exact in 64 bits; a longer mantissa keeps a sticky bit for rounding.
    let (head, tail) = digits.split_at(digits.len().min(15));
    let mut value = u64::from_str_radix(head, 16)
        .ok()
        .or(head.is_empty().then_some(0))?;
    exponent += 4 * i64::try_from(tail.len()).ok()?;
    if tail.bytes().any(|byte| byte != b'0') {
        value |= 1;
    }
    if !tail.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "rounds as Go does")]
    let mut float = value as f64;
    let exponent = exponent.clamp(-4000, 4000);
    // In steps, so that the scale itself neither overflows nor vanishes.
    let mut left = exponent;
    while left != 0 && float != 0.0 {
        let step = left.clamp(-1000, 1000);
        float *= 2f64.powi(i32::try_from(step).ok()?);
        left -= step;
    }
    float.is_finite().then_some(float)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        let int = |text| number(text).and_then(|number| number.int);
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("017", 15),
            ("0o17", 15),
            ("0b101", 5),
            ("0x_fF", 255),
            ("1_000", 1000),
            ("+7", 7),
            ("-9223372036854775808", i64::MIN),
            ("1e3", 1000),
            ("2.0", 2),
        ] {
            assert_eq!(int(text), Some(value), "{text}");
        }
        for text in [
            "08",
            "1__0",
            "_1",
            "1_",
            "0x",
            "18446744073709551616",
            "1e999",
            "1p3",
            "0x1.8",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        let float = |text| number(text).and_then(|number| number.float);
        assert_eq!(float("0x1.8p1"), Some(3.0));
        assert_eq!(float("1_0.5"), Some(10.5));
        assert_eq!(
            number("18446744073709551615").and_then(|n| n.uint),
            Some(u64::MAX)
        );
        assert_eq!(int("18446744073709551615"), None);
    }
}
