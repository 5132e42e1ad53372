//! `eq`, `lt` and their relatives.

use std::cmp::Ordering;

use crate::{Call, Fault, Kind, Type, Value};

/// Kinds that compare with each other.
#[derive(PartialEq, Clone, Copy)]
enum Basic {
    Bool,
    Signed,
    Unsigned,
    Float,
    Str,
}

fn basic(value: &Value) -> Option<Basic> {
    Some(match value.kind() {
        Kind::Bool => Basic::Bool,
        Kind::Int | Kind::Int32 | Kind::Int64 => Basic::Signed,
        Kind::Uint8 | Kind::Uint64 => Basic::Unsigned,
        Kind::Float64 => Basic::Float,
        Kind::Str => Basic::Str,
        _ => return None,
    })
}

/// A signed and an unsigned number compare by value.
fn integers(a: &Value, b: &Value) -> Option<Ordering> {
    let wide = |value: &Value| {
        let signed = value.as_signed().map(i128::from);
        signed.or_else(|| value.as_unsigned().map(i128::from))
    };
    Some(wide(a)?.cmp(&wide(b)?))
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool, Fault> {
    let (kind_a, kind_b) = (basic(a), basic(b));
    if kind_a != kind_b {
        if let Some(order) = integers(a, b) {
            return Ok(order == Ordering::Equal);
        }
        if !matches!(a, Value::Nil) && !matches!(b, Value::Nil) {
            return Err(Fault::failed("incompatible types for comparison"));
        }
        return Ok(false);
    }
    if let Some(kind) = kind_a {
        return Ok(match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Float64(a), Value::Float64(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => **a == **b,
            _ if matches!(kind, Basic::Signed | Basic::Unsigned) => {
                integers(a, b) == Some(Ordering::Equal)
            }
            _ => false,
        });
    }
    if is_nil(a) || is_nil(b) {
        return Ok(is_nil(a) == is_nil(b));
    }
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            if x.type_name() != y.type_name() {
                return Ok(false);
            }
            match (x.kind(), y.kind()) {
                // Pointers are compared as such.
                (Kind::Ptr, Kind::Ptr) => Ok(std::rc::Rc::ptr_eq(x, y)),
                _ => Ok(x.deep_equal(&**y)),
            }
        }
        _ => Err(Fault::failed("non-comparable type")),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, Fault> {
    let (Some(kind_a), Some(kind_b)) = (basic(a), basic(b)) else {
        return Err(Fault::failed("invalid type for comparison"));
    };
    if let Some(order) = integers(a, b) {
        return Ok(Some(order));
    }
    if kind_a != kind_b {
        return Err(Fault::failed("incompatible types for comparison"));
    }
    match (a, b) {
        (Value::Float64(a), Value::Float64(b)) => Ok(a.partial_cmp(b)),
        (Value::Str(a), Value::Str(b)) => Ok(Some((**a).cmp(&**b))),
        _ => Err(Fault::failed("invalid type for comparison")),
    }
}

pub(super) fn eq(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let first = call.any(0)?;
    if call.args.len() < 2 {
        return Err(Fault::failed("missing argument for comparison"));
    }
    for other in &call.args[1..] {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    equal(call.any(0)?, call.any(1)?).map(|equal| Value::Bool(!equal))
}

pub(super) fn lt(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let order = order(call.any(0)?, call.any(1)?)?;
    Ok(Value::Bool(order == Some(Ordering::Less)))
}

pub(super) fn le(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let order = order(call.any(0)?, call.any(1)?)?;
    Ok(Value::Bool(matches!(
        order,
        Some(Ordering::Less | Ordering::Equal)
    )))
}

/// As in Go, the contrary of `le`: with a NaN it is true.
pub(super) fn gt(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let order = order(call.any(0)?, call.any(1)?)?;
    Ok(Value::Bool(!matches!(
        order,
        Some(Ordering::Less | Ordering::Equal)
    )))
}

/// As in Go, the contrary of `lt`.
pub(super) fn ge(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let order = order(call.any(0)?, call.any(1)?)?;
    Ok(Value::Bool(order != Some(Ordering::Less)))
}

impl Type {
    /// The zero value: what a missing key of a map gives.
    pub(crate) fn zero(&self) -> Value {
        match self {
            Self::Any | Self::Named(_) => Value::Nil,
            Self::Bool => Value::Bool(false),
            Self::Int => Value::Int(0),
            Self::Int32 => Value::Int32(0),
            Self::Int64 => Value::Int64(0),
            Self::Uint8 => Value::Uint8(0),
            Self::Uint64 => Value::Uint64(0),
            Self::Float64 => Value::Float64(0.0),
            Self::Str => Value::Str(crate::Text::new("")),
            Self::Slice(element) => Value::List(crate::List::nil((**element).clone())),
            Self::Map(value) => Value::Map(crate::Map::nil((**value).clone())),
        }
    }
}
