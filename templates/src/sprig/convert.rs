//! sprig: conversions and number parsing.

use crate::strconv::{ParseError, parse_float, parse_int};
use crate::{Call, Entry, Fault, Param, Type, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("atoi", &[Param::Str], atoi),
    Entry::new("int", &[Param::Any], |call| {
        Ok(Value::Int(to_int64(call.any(0)?)))
    }),
    Entry::new("int64", &[Param::Any], |call| {
        Ok(Value::Int64(to_int64(call.any(0)?)))
    }),
    Entry::new("float64", &[Param::Any], |call| {
        Ok(Value::Float64(to_float64(call.any(0)?)))
    }),
    Entry::new("toString", &[Param::Any], to_string),
    Entry::new("toStrings", &[Param::Any], to_strings),
    Entry::new("toDecimal", &[Param::Any], to_decimal),
];

/// A value as an integer: text in any notation of Go, floats cut off, 0 for everything that is no number.
pub(crate) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Str(text) => parse_int(without_zero_fraction(text), 0).unwrap_or(0),
        Value::Bool(value) => i64::from(*value),
        Value::Float64(value) => truncate(*value),
        _ => match (value.as_signed(), value.as_unsigned()) {
            (Some(signed), _) => signed,
            (_, Some(unsigned)) => unsigned.cast_signed(),
            _ => 0,
        },
    }
}

/// A value as a float; 0 for everything that is no number.
pub(crate) fn to_float64(value: &Value) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "as Go converts")]
    match value {
        Value::Str(text) => parse_float(text).unwrap_or(0.0),
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Float64(value) => *value,
        _ => match (value.as_signed(), value.as_unsigned()) {
            (Some(signed), _) => signed as f64,
            (_, Some(unsigned)) => unsigned as f64,
            _ => 0.0,
        },
    }
}

/// What amd64 makes of a float: the smallest integer for all that do not fit.
pub(crate) fn truncate(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "it fits, fractions are cut off"
    )]
    if fits { value as i64 } else { i64::MIN }
}

/// `12.00` is taken for `12`, but `12.` and `12.5` are no integers.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte != b'0');
    match end {
        Some(point) if text[point] == b'.' && point + 1 < text.len() => &text[..point],
        _ => text,
    }
}

/// The elements of a value as texts: of a slice each but nil, of anything else itself.
pub(crate) fn strings(call: &mut Call<'_, '_>, value: &Value) -> Result<Vec<Vec<u8>>, Fault> {
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => {
            let items = list
                .items()
                .iter()
                .filter(|item| !matches!(item, Value::Nil));
            items.map(|item| call.strval(item)).collect()
        }
        _ => Ok(vec![call.strval(value)?]),
    }
}

fn atoi(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(Value::Int(match parse_int(call.str(0)?, 10) {
        Ok(value) | Err(ParseError::Range(value)) => value,
        Err(ParseError::Syntax) => 0,
    }))
}

fn to_string(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.strval(call.any(0)?)?;
    call.text(text)
}

fn to_strings(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let texts = strings(call, call.any(0)?)?;
    call.texts(texts)
}

/// Reads what the value prints as in octal, whatever its name says.
fn to_decimal(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.print(call.any(0)?)?;
    Ok(Value::Int64(parse_int(&text, 8).unwrap_or(0)))
}

/// A `[]interface{}`, charged.
pub(crate) fn anys(call: &mut Call<'_, '_>, items: Vec<Value>) -> Result<Value, Fault> {
    call.list(Type::Any, items)
}
