//! sprig: default, empty, coalesce, all, any, ternary.

use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::variadic("default", &[Param::Any], Param::Any, default),
    Entry::new("empty", &[Param::Any], |call| {
        Ok(Value::Bool(!call.any(0)?.truth()))
    }),
    Entry::variadic("coalesce", &[], Param::Any, coalesce),
    Entry::variadic("all", &[], Param::Any, |call| {
        Ok(Value::Bool(call.args.iter().all(Value::truth)))
    }),
    Entry::variadic("any", &[], Param::Any, |call| {
        Ok(Value::Bool(call.args.iter().any(Value::truth)))
    }),
    Entry::new("ternary", &[Param::Any, Param::Any, Param::Bool], |call| {
        let chosen = if call.bool(2)? { 0 } else { 1 };
        Ok(call.any(chosen)?.clone())
    }),
];

/// The second argument unless it is empty or missing; further ones are not looked at.
fn default(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let given = call.args.get(1).filter(|value| value.truth());
    Ok(given.unwrap_or(call.any(0)?).clone())
}

fn coalesce(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let found = call.args.iter().find(|value| value.truth());
    Ok(found.cloned().unwrap_or(Value::Nil))
}
