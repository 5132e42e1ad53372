//! Integers and floats.

use std::fmt::Write as _;

use super::printer::Spec;
use super::quote;

/// An integer with sign, prefix and leading zeros, not yet padded with spaces.
pub(super) fn integer(magnitude: u64, negative: bool, verb: char, spec: &Spec) -> String {
    let mut digits = match verb {
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    };
    let signed = negative || spec.plus || spec.space;
    let wanted = match (spec.precision, spec.width) {
        (Some(0), _) if magnitude == 0 => return String::new(),
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero && !spec.minus => width - usize::from(signed && width > 0),
        _ => 0,
    };
    if digits.len() < wanted {
        digits.insert_str(0, &"0".repeat(wanted - digits.len()));
    }
    let prefix = match verb {
        'b' if spec.sharp => "0b",
        'o' if spec.sharp && !digits.starts_with('0') => "0",
        'O' if spec.sharp && !digits.starts_with('0') => "0o0",
        'O' => "0o",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    let sign = match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    format!("{sign}{prefix}{digits}")
}

/// `%c`
pub(super) fn character(magnitude: u64, negative: bool) -> String {
    let code = if negative {
        None
    } else {
        u32::try_from(magnitude).ok()
    };
    code.and_then(char::from_u32)
        .unwrap_or('\u{fffd}')
        .to_string()
}

/// `%U`
pub(super) fn code_point(magnitude: u64, negative: bool, spec: &Spec) -> String {
    let magnitude = if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    };
    let digits = spec.precision.map_or(4, |precision| precision.max(4));
    let mut text = format!("U+{magnitude:0digits$X}");
    if spec.sharp
        && let Some(c) = u32::try_from(magnitude).ok().and_then(char::from_u32)
        && quote::is_printable(c)
    {
        let _ = write!(text, " '{c}'");
    }
    text
}

/// A float under a verb, and how it is to be padded; `None` if the verb is none for floats.
pub(super) fn float(float: f64, verb: char, spec: &Spec) -> Option<(Vec<u8>, Spec)> {
    let mut spec = spec.clone();
    let (verb, precision) = match verb {
        'v' => ('g', spec.precision),
        'e' | 'E' | 'f' | 'F' => (verb, Some(spec.precision.unwrap_or(6))),
        'b' | 'g' | 'G' | 'x' | 'X' => (verb, spec.precision),
        _ => return None,
    };
    let finite = float.is_finite();
    let mut body = if float.is_nan() {
        "NaN".to_owned()
    } else if !finite {
        "Inf".to_owned()
    } else {
        magnitude(float.abs(), verb, precision)
    };
    if spec.sharp && finite && verb != 'b' {
        body = keep_zeros(&body, verb, precision);
    }
    let sign = if float.is_sign_negative() && !float.is_nan() {
        "-"
    } else if spec.plus {
        "+"
    } else if spec.space {
        " "
    } else if !finite && !float.is_nan() {
        // Go writes the sign of an infinity always.
        "+"
    } else {
        ""
    };
    if !finite {
        spec.zero = false;
    }
    let width = spec.width.unwrap_or(0);
    if spec.zero && !spec.minus && !sign.is_empty() && width > body.len() + 1 {
        body.insert_str(0, &"0".repeat(width - body.len() - 1));
    }
    Some((format!("{sign}{body}").into_bytes(), spec))
}

/// A finite float that is not negative, as `strconv.FormatFloat` writes it.
fn magnitude(float: f64, verb: char, precision: Option<usize>) -> String {
    match verb {
        'e' | 'E' => exponential(float, precision, verb),
        'f' | 'F' => match precision {
            Some(precision) => format!("{float:.precision$}"),
            None => {
                let (digits, exponent) = shortest(float);
                positional(&digits, exponent)
            }
        },
        'b' => {
            let (mantissa, exponent) = parts(float);
            format!("{mantissa}p{exponent:+}")
        }
        'x' | 'X' => hex(float, precision, verb),
        _ => general(float, precision, if verb == 'G' { 'E' } else { 'e' }),
    }
}

/// The fewest digits that read back as the same float, which must be finite and not negative, and the power of ten of
/// the first. Where two texts are as short and as near, Go takes the one with an even digit at the end; Rust does not.
pub(crate) fn shortest(float: f64) -> (String, i32) {
    let text = format!("{float:e}");
    let places = text
        .split_once('e')
        .map_or("", |(mantissa, _)| mantissa)
        .len()
        .saturating_sub(2);
    let even = format!("{float:.places$e}");
    let text = if even.parse() == Ok(float) {
        even
    } else {
        text
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// `d.ddde±dd`
fn exponential(float: f64, precision: Option<usize>, e: char) -> String {
    let Some(precision) = precision else {
        let (digits, exponent) = shortest(float);
        return scientific(&digits, exponent, e);
    };
    let text = format!("{float:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{e}{sign}{:02}", exponent.abs())
}

/// Digits with a point behind the first, and an exponent.
fn scientific(digits: &str, exponent: i32, e: char) -> String {
    let (head, tail) = digits.split_at(1);
    let point = if tail.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{head}{point}{tail}{e}{sign}{:02}", exponent.abs())
}

/// `%g`: with an exponent if it is small or large.
fn general(float: f64, precision: Option<usize>, e: char) -> String {
    let digits = precision.map(|precision| precision.max(1));
    let text = exponential(float, digits.map(|digits| digits - 1), 'e');
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut significant = mantissa.replace('.', "");
    if digits.is_some() {
        let kept = significant.trim_end_matches('0').len().max(1);
        significant.truncate(kept);
    }
    let count = i32::try_from(significant.len()).unwrap_or(i32::MAX);
    // With a given precision, trailing zeros of an integer need no exponent either.
    let threshold = match digits {
        None => 6,
        Some(digits) => {
            let digits = i32::try_from(digits).unwrap_or(i32::MAX);
            if digits > count && count > exponent {
                count
            } else {
                digits
            }
        }
    };
    if exponent < -4 || exponent >= threshold {
        return scientific(&significant, exponent, e);
    }
    positional(&significant, exponent)
}

/// Digits with the point where the exponent says.
pub(crate) fn positional(digits: &str, exponent: i32) -> String {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!(
            "0.{}{digits}",
            "0".repeat(exponent.unsigned_abs() as usize - 1)
        );
    };
    if whole == 0 {
        return format!("0.{digits}");
    }
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

/// Mantissa and binary exponent.
fn parts(float: f64) -> (u64, i64) {
    let bits = float.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i64::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    if exponent == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), exponent - 1075)
    }
}

/// `0x1.8p+01`
fn hex(float: f64, precision: Option<usize>, verb: char) -> String {
    let (mut mantissa, mut exponent) = parts(float);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One digit before the point, 60 bits after it.
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - i64::from(shift);
        if let Some(digits) = precision.filter(|digits| *digits < 15) {
            let drop = 60 - u32::try_from(digits * 4).unwrap_or(0);
            let half = 1u64 << (drop - 1);
            let rest = mantissa & ((1 << drop) - 1);
            mantissa >>= drop;
            if rest > half || (rest == half && mantissa & 1 == 1) {
                mantissa += 1;
            }
            mantissa <<= drop;
            if mantissa >> 61 != 0 {
                mantissa >>= 1;
                exponent += 1;
            }
        }
    }
    let head = mantissa >> 60;
    let mut tail = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => tail.truncate(tail.trim_end_matches('0').len()),
        Some(digits) if digits <= 15 => tail.truncate(digits),
        Some(digits) => tail.push_str(&"0".repeat(digits - 15)),
    }
    let point = if tail.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("0x{head}{point}{tail}p{sign}{:02}", exponent.abs());
    if verb == 'X' {
        text.to_uppercase()
    } else {
        text
    }
}

/// The `#` flag: a point always, and for `%g` the zeros up to the precision.
fn keep_zeros(body: &str, verb: char, precision: Option<usize>) -> String {
    let is_hex = matches!(verb, 'x' | 'X');
    let at = body
        .find(|c: char| {
            if is_hex {
                matches!(c, 'p' | 'P')
            } else {
                matches!(c, 'e' | 'E')
            }
        })
        .unwrap_or(body.len());
    let (mantissa, tail) = body.split_at(at);
    let mut mantissa = mantissa.to_owned();
    let wanted = match verb {
        'g' | 'G' => precision.unwrap_or(6),
        'x' if precision.is_none() => 5,
        'x' | 'X' => 0,
        _ => precision.unwrap_or(0),
    };
    let digits = mantissa.trim_start_matches("0x").trim_start_matches("0X");
    let mut significant = 0;
    let mut seen = false;
    for c in digits.chars().filter(|c| *c != '.') {
        seen |= c != '0';
        significant += usize::from(seen);
    }
    if !seen {
        significant = digits.chars().filter(|c| *c != '.').count().min(1);
    }
    if !mantissa.contains('.') {
        mantissa.push('.');
    }
    if matches!(verb, 'g' | 'G' | 'x') && significant < wanted {
        mantissa.push_str(&"0".repeat(wanted - significant));
    }
    format!("{mantissa}{tail}")
}
