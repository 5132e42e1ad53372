//! Merging maps into the first one, in place and deep.

use std::collections::BTreeMap;

use crate::{Call, Fault, Kind, Limits, Map, Type, Value};

/// Keeps what the first map has, unless it is empty.
pub(super) fn must_merge(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match all(call, false)? {
        Merged::Into(map) => Ok(map),
        Merged::Unlike => Err(Fault::failed("values of different kinds")),
    }
}

/// As [`must_merge`], but gives an empty text where that fails because of unlike values.
pub(super) fn merge(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match all(call, false)? {
        Merged::Into(map) => Ok(map),
        Merged::Unlike => call.text(""),
    }
}

/// Takes what later maps have.
pub(super) fn merge_overwrite(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match all(call, true)? {
        Merged::Into(map) => Ok(map),
        Merged::Unlike => call.text(""),
    }
}

enum Merged {
    Into(Value),
    /// A pointer meets a map or a struct, which Go does not merge.
    Unlike,
}

fn all(call: &mut Call<'_, '_>, overwrite: bool) -> Result<Merged, Fault> {
    let mut target = call.dict(0)?.clone();
    for index in 1..call.args.len() {
        let source = call.dict(index)?;
        if source.is_nil() {
            continue;
        }
        if target.is_nil() {
            let made = call.map(Type::Any, BTreeMap::new())?;
            if let Value::Map(map) = made {
                target = map;
            }
        }
        if !into(call, &target, source, overwrite, 0)? {
            return Ok(Merged::Unlike);
        }
    }
    Ok(Merged::Into(Value::Map(target)))
}

/// False if values are unlike.
fn into(
    call: &mut Call<'_, '_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<bool, Fault> {
    if depth > Limits::DEPTH {
        return Err(Fault::too_deep());
    }
    call.work(source.len() * size_of::<Value>())?;
    // The target may be, or may hold, the source.
    call.room(source.len() * size_of::<Value>())?;
    for (key, value) in source.entries() {
        let existing = target.get(&key);
        if let (Some(Value::Map(target)), Value::Map(source)) = (&existing, &value) {
            if !into(call, target, source, overwrite, depth + 1)? {
                return Ok(false);
            }
            continue;
        }
        let wanted = match &existing {
            _ if overwrite => true,
            Some(existing) if unlike(existing, &value) => return Ok(false),
            existing => {
                !matches!(value, Value::Nil)
                    && existing.as_ref().is_none_or(|existing| !existing.truth())
            }
        };
        if wanted {
            if *target.value_type() != Type::Any && target.value_type() != source.value_type() {
                return Err(Fault::wrong_type());
            }
            call.map_set(target, &key, value)?;
        }
    }
    Ok(true)
}

fn unlike(existing: &Value, value: &Value) -> bool {
    existing.kind() == Kind::Ptr && matches!(value.kind(), Kind::Map | Kind::Struct)
}
