//! sprig: typeOf, kindIs, deepEqual.

use crate::{Call, Entry, Fault, Limits, List, Map, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("typeOf", &[Param::Any], |call| {
        call.text(type_name(call.any(0)?))
    }),
    Entry::new("typeIs", &[Param::Str, Param::Any], |call| {
        Ok(Value::Bool(
            call.str(0)? == type_name(call.any(1)?).as_bytes(),
        ))
    }),
    Entry::new("typeIsLike", &[Param::Str, Param::Any], type_is_like),
    Entry::new("kindOf", &[Param::Any], |call| {
        call.text(call.any(0)?.kind().name())
    }),
    Entry::new("kindIs", &[Param::Str, Param::Any], |call| {
        Ok(Value::Bool(
            call.str(0)? == call.any(1)?.kind().name().as_bytes(),
        ))
    }),
    Entry::new("deepEqual", &[Param::Any, Param::Any], |call| {
        let (one, other) = (call.any(0)?, call.any(1)?);
        Ok(Value::Bool(deep_equal(call, one, other)?))
    }),
];

fn type_name(value: &Value) -> String {
    value
        .type_of()
        .map_or_else(|| "<nil>".to_owned(), |found| found.name())
}

fn type_is_like(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let wanted = call.str(0)?;
    let found = type_name(call.any(1)?);
    let pointed_at = found.strip_prefix('*');
    Ok(Value::Bool(
        wanted == found.as_bytes() || pointed_at.is_some_and(|name| wanted == name.as_bytes()),
    ))
}

/// `reflect.DeepEqual`, charged.
pub(crate) fn deep_equal(
    call: &mut Call<'_, '_>,
    one: &Value,
    other: &Value,
) -> Result<bool, Fault> {
    equal(call, one, other, 0)
}

fn equal(call: &mut Call<'_, '_>, one: &Value, other: &Value, depth: usize) -> Result<bool, Fault> {
    if depth > Limits::DEPTH {
        return Err(Fault::too_deep());
    }
    call.work(size(one))?;
    Ok(match (one, other) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) | (Value::Int64(one), Value::Int64(other)) => {
            one == other
        }
        (Value::Int32(one), Value::Int32(other)) => one == other,
        (Value::Uint8(one), Value::Uint8(other)) => one == other,
        (Value::Uint64(one), Value::Uint64(other)) => one == other,
        (Value::Float64(one), Value::Float64(other)) => one == other,
        (Value::Str(one), Value::Str(other)) => **one == **other,
        (Value::List(one), Value::List(other)) => lists_equal(call, one, other, depth)?,
        (Value::Map(one), Value::Map(other)) => maps_equal(call, one, other, depth)?,
        (Value::Object(one), Value::Object(other)) => {
            one.type_name() == other.type_name() && one.deep_equal(&**other)
        }
        _ => false,
    })
}

/// What a comparison looks at, without what is nested.
fn size(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => 1,
    }
}

fn lists_equal(
    call: &mut Call<'_, '_>,
    one: &List,
    other: &List,
    depth: usize,
) -> Result<bool, Fault> {
    let alike = one.element() == other.element()
        && one.is_nil() == other.is_nil()
        && one.len() == other.len();
    if !alike || one.same(other) {
        return Ok(alike);
    }
    for (one, other) in one.items().iter().zip(other.items()) {
        if !equal(call, one, other, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_equal(
    call: &mut Call<'_, '_>,
    one: &Map,
    other: &Map,
    depth: usize,
) -> Result<bool, Fault> {
    let alike = one.value_type() == other.value_type()
        && one.is_nil() == other.is_nil()
        && one.len() == other.len();
    if !alike || one.same(other) {
        return Ok(alike);
    }
    for (key, value) in one.borrow().iter() {
        let Some(found) = other.get(key) else {
            return Ok(false);
        };
        if !equal(call, value, &found, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}
