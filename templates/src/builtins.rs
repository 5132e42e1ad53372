//! The functions that Go's `text/template` has itself, except `slice`: sprig's takes its place.

mod compare;
mod escape;

use crate::{Call, Entry, Fault, Param, Value, format};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::variadic("and", &[Param::Any], Param::Any, never),
    Entry::variadic("or", &[Param::Any], Param::Any, never),
    Entry::new("not", &[Param::Any], not),
    Entry::variadic("call", &[Param::Any], Param::Any, call_value),
    Entry::new("len", &[Param::Any], len),
    Entry::variadic("index", &[Param::Any], Param::Any, index),
    Entry::variadic("print", &[], Param::Any, print),
    Entry::variadic("println", &[], Param::Any, println),
    Entry::variadic("printf", &[Param::Str], Param::Any, printf),
    Entry::variadic("html", &[], Param::Any, escape::html),
    Entry::variadic("js", &[], Param::Any, escape::js),
    Entry::variadic("urlquery", &[], Param::Any, escape::urlquery),
    Entry::variadic("eq", &[Param::Any], Param::Any, compare::eq),
    Entry::new("ne", &[Param::Any, Param::Any], compare::ne),
    Entry::new("lt", &[Param::Any, Param::Any], compare::lt),
    Entry::new("le", &[Param::Any, Param::Any], compare::le),
    Entry::new("gt", &[Param::Any, Param::Any], compare::gt),
    Entry::new("ge", &[Param::Any, Param::Any], compare::ge),
];

/// For `and` and `or`: the truth of an argument that ends the evaluation.
pub(crate) fn short_circuit(entry: &Entry) -> Option<bool> {
    match entry.name {
        "and" => Some(false),
        "or" => Some(true),
        _ => None,
    }
}

/// `and` and `or` are the evaluator's.
fn never(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.any(0).cloned()
}

fn not(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Ok(Value::Bool(!call.any(0)?.truth()))
}

/// No value of ours is a function.
fn call_value(_: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Err(Fault::failed("call of a non-function"))
}

fn len(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let len = match call.any(0)? {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err(Fault::failed("len of a type that has none")),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// An index into something of this length.
fn position(value: &Value, limit: usize) -> Result<usize, Fault> {
    let at = match (value.as_signed(), value.as_unsigned()) {
        (Some(signed), _) => usize::try_from(signed).ok(),
        (None, Some(unsigned)) => usize::try_from(unsigned).ok(),
        (None, None) => return Err(Fault::failed("cannot index with this type")),
    };
    at.filter(|at| *at <= limit)
        .ok_or(Fault::failed("index out of range"))
}

fn index(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut item = call.any(0)?.clone();
    if matches!(item, Value::Nil) {
        return Err(Fault::failed("index of untyped nil"));
    }
    for index in &call.args[1..] {
        item = match &item {
            Value::Nil => return Err(Fault::failed("index of nil pointer")),
            Value::Str(text) => {
                let at = position(index, text.len())?;
                let byte = text.get(at).ok_or(Fault::failed("index out of range"))?;
                Value::Uint8(*byte)
            }
            Value::List(list) => {
                let at = position(index, list.len())?;
                let item = list.items().get(at);
                item.cloned().ok_or(Fault::failed("index out of range"))?
            }
            Value::Map(map) => {
                let Value::Str(key) = index else {
                    return Err(Fault::failed("a map is indexed by a string"));
                };
                map.get(key).unwrap_or_else(|| map.value_type().zero())
            }
            _ => return Err(Fault::failed("can't index this type")),
        };
    }
    Ok(item)
}

fn print(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = format::print_all(&mut call.env.meter, call.args)?;
    call.text(text)
}

fn println(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = format::print_line(&mut call.env.meter, call.args)?;
    call.text(text)
}

fn printf(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let format = call.str(0)?;
    let text = format::printf(&mut call.env.meter, format, &call.args[1..])?;
    call.text(text)
}
