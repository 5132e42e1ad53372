//! Copies that share no map with the original.

use std::collections::BTreeMap;

use crate::{Call, Fault, Limits, Value};

pub(super) fn deep_copy(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match call.any(0)? {
        Value::Nil => Err(Fault::failed("nothing to copy")),
        value => copy(call, value, 0),
    }
}

fn copy(call: &mut Call<'_, '_>, value: &Value, depth: usize) -> Result<Value, Fault> {
    if depth > Limits::DEPTH {
        return Err(Fault::too_deep());
    }
    call.work(size_of::<Value>())?;
    match value {
        Value::List(list) if !list.is_nil() => {
            let mut items = Vec::new();
            call.room(size_of_val(list.items()))?;
            for item in list.items() {
                items.push(copy(call, item, depth + 1)?);
            }
            call.list(list.element().clone(), items)
        }
        Value::Map(map) if !map.is_nil() => {
            let mut entries = BTreeMap::new();
            for (key, value) in map.borrow().iter() {
                call.room(key.len() + size_of::<Value>())?;
                entries.insert(key.clone(), copy(call, value, depth + 1)?);
            }
            call.map(map.value_type().clone(), entries)
        }
        // Nothing in a template can change the others.
        _ => Ok(value.clone()),
    }
}
