//! sprig: maps.

mod copy;
mod merge;

use std::collections::BTreeMap;

use super::convert::anys;
use crate::{Call, Entry, Fault, Param, Type, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::variadic("dict", &[], Param::Any, dict),
    Entry::new("get", &[Param::Map, Param::Str], get),
    Entry::new("set", &[Param::Map, Param::Str, Param::Any], set),
    Entry::new("unset", &[Param::Map, Param::Str], unset),
    Entry::new("hasKey", &[Param::Map, Param::Str], |call| {
        Ok(Value::Bool(call.dict(0)?.get(call.str(1)?).is_some()))
    }),
    Entry::variadic("pluck", &[Param::Str], Param::Map, pluck),
    Entry::variadic("keys", &[], Param::Map, keys),
    Entry::new("values", &[Param::Map], values),
    Entry::variadic("pick", &[Param::Map], Param::Str, |call| {
        filtered(call, true)
    }),
    Entry::variadic("omit", &[Param::Map], Param::Str, |call| {
        filtered(call, false)
    }),
    Entry::variadic("merge", &[Param::Map], Param::Map, merge::merge),
    Entry::variadic("mustMerge", &[Param::Map], Param::Map, merge::must_merge),
    Entry::variadic(
        "mergeOverwrite",
        &[Param::Map],
        Param::Map,
        merge::merge_overwrite,
    ),
    Entry::variadic(
        "mustMergeOverwrite",
        &[Param::Map],
        Param::Map,
        merge::merge_overwrite,
    ),
    Entry::new("deepCopy", &[Param::Any], copy::deep_copy),
    Entry::new("mustDeepCopy", &[Param::Any], copy::deep_copy),
    Entry::variadic("dig", &[], Param::Any, dig),
];

fn dict(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut entries = BTreeMap::new();
    for pair in call.args.chunks(2) {
        let key = call.strval(&pair[0])?;
        let value = match pair.get(1) {
            Some(value) => value.clone(),
            None => call.text("")?,
        };
        entries.insert(key, value);
    }
    call.map(Type::Any, entries)
}

fn get(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match call.dict(0)?.get(call.str(1)?) {
        Some(value) => Ok(value),
        None => call.text(""),
    }
}

fn set(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let map = call.dict(0)?;
    call.map_set(map, call.str(1)?, call.any(2)?.clone())?;
    Ok(Value::Map(map.clone()))
}

fn unset(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let map = call.dict(0)?;
    call.map_remove(map, call.str(1)?);
    Ok(Value::Map(map.clone()))
}

fn pluck(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let key = call.str(0)?;
    let mut found = Vec::new();
    for index in 1..call.args.len() {
        found.extend(call.dict(index)?.get(key));
    }
    anys(call, found)
}

/// Sorted, where Go gives them in a random order.
fn keys(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut keys = Vec::new();
    for index in 0..call.args.len() {
        let entries = call.dict(index)?.borrow();
        call.work(entries.len() * size_of::<Value>())?;
        for key in entries.keys() {
            keys.push(call.text(key.as_slice())?);
        }
    }
    call.list(Type::Str, keys)
}

/// In the order of the keys, where Go gives them in a random order.
fn values(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let map = call.dict(0)?;
    call.room(map.len() * size_of::<Value>())?;
    let values = map.borrow().values().cloned().collect();
    anys(call, values)
}

/// A copy with only these keys, or without them.
fn filtered(call: &mut Call<'_, '_>, wanted: bool) -> Result<Value, Fault> {
    let map = call.dict(0)?;
    let mut named = BTreeMap::new();
    for index in 1..call.args.len() {
        named.insert(call.str(index)?, ());
    }
    let mut kept = BTreeMap::new();
    for (key, value) in map.borrow().iter() {
        if named.contains_key(key.as_slice()) == wanted {
            call.room(key.len() + size_of::<Value>())?;
            kept.insert(key.clone(), value.clone());
        }
    }
    call.map(Type::Any, kept)
}

/// `dig key… default map`: the value below the keys, or the default as soon as one is missing.
fn dig(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let [keys @ .., default, map] = call.args else {
        return Err(Fault::failed("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(Fault::failed("dig needs at least three arguments"));
    }
    if !keys.iter().all(|key| matches!(key, Value::Str(_))) {
        return Err(Fault::wrong_type());
    }
    let mut found = map.clone();
    for key in keys {
        let (Value::Map(map), Value::Str(key)) = (&found, key) else {
            return Err(Fault::wrong_type());
        };
        if *map.value_type() != Type::Any {
            return Err(Fault::wrong_type());
        }
        let Some(value) = map.get(key) else {
            return Ok(default.clone());
        };
        found = value;
    }
    Ok(found)
}
