//! sprig: slices.

mod build;
mod ranges;
mod split;

use super::convert::{anys, to_int64};
use super::types::deep_equal;
use crate::{Call, Entry, Fault, List, Param, Type, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::variadic("list", &[], Param::Any, list),
    Entry::variadic("tuple", &[], Param::Any, list),
    one("first", first),
    one("mustFirst", first),
    one("last", last),
    one("mustLast", last),
    one("rest", rest),
    one("mustRest", rest),
    one("initial", initial),
    one("mustInitial", initial),
    Entry::variadic("slice", &[Param::Any], Param::Any, slice),
    Entry::variadic("mustSlice", &[Param::Any], Param::Any, slice),
    two("has", has),
    two("mustHas", has),
    two("append", build::append),
    two("mustAppend", build::append),
    two("push", build::append),
    two("mustPush", build::append),
    two("prepend", build::prepend),
    two("mustPrepend", build::prepend),
    one("reverse", build::reverse),
    one("mustReverse", build::reverse),
    one("uniq", build::uniq),
    one("mustUniq", build::uniq),
    one("compact", build::compact),
    one("mustCompact", build::compact),
    Entry::variadic("without", &[Param::Any], Param::Any, build::without),
    Entry::variadic("mustWithout", &[Param::Any], Param::Any, build::without),
    Entry::variadic("concat", &[], Param::Any, build::concat),
    Entry::new("chunk", &[Param::Int, Param::Any], build::chunk),
    Entry::new("mustChunk", &[Param::Int, Param::Any], build::chunk),
    Entry::new("until", &[Param::Int], ranges::until),
    Entry::new(
        "untilStep",
        &[Param::Int, Param::Int, Param::Int],
        ranges::until_step,
    ),
    Entry::variadic("seq", &[], Param::Int, ranges::seq),
    one("sortAlpha", split::sort_alpha),
    Entry::new("join", &[Param::Str, Param::Any], split::join),
    Entry::new("split", &[Param::Str, Param::Str], split::split),
    Entry::new("splitList", &[Param::Str, Param::Str], split::split_list),
    Entry::new(
        "splitn",
        &[Param::Str, Param::Int, Param::Str],
        split::splitn,
    ),
];

type Run = fn(&mut Call<'_, '_>) -> Result<Value, Fault>;

const fn one(name: &'static str, run: Run) -> Entry {
    Entry::new(name, &[Param::Any], run)
}

const fn two(name: &'static str, run: Run) -> Entry {
    Entry::new(name, &[Param::Any, Param::Any], run)
}

/// An argument that must be a slice of any type, also where Go declares `interface{}`.
fn slice_of<'a>(call: &Call<'a, '_>, index: usize) -> Result<&'a List, Fault> {
    match call.any(index)? {
        Value::List(list) => Ok(list),
        _ => Err(Fault::failed("not a list")),
    }
}

fn list(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.room(size_of_val(call.args))?;
    let items = call.args.to_vec();
    anys(call, items)
}

fn first(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    Ok(items.first().cloned().unwrap_or(Value::Nil))
}

fn last(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    Ok(items.last().cloned().unwrap_or(Value::Nil))
}

fn rest(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match slice_of(call, 0)?.items().split_first() {
        Some((_, rest)) => build::copy(call, rest),
        None => Ok(Value::List(List::nil(Type::Any))),
    }
}

fn initial(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    match slice_of(call, 0)?.items().split_last() {
        Some((_, initial)) => build::copy(call, initial),
        None => Ok(Value::List(List::nil(Type::Any))),
    }
}

/// `slice list [from [to]]`; the slice keeps the type of its elements.
fn slice(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let list = slice_of(call, 0)?;
    if list.len() == 0 {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| match call.args.get(index) {
        Some(value) => usize::try_from(to_int64(value)).ok(),
        None => Some(default),
    };
    let window = bound(1, 0).zip(bound(2, list.len()));
    window
        .and_then(|(from, to)| list.window(from, to))
        .map(Value::List)
        .ok_or(Fault::failed("slice index out of bounds"))
}

fn has(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (needle, haystack) = (call.any(0)?, call.any(1)?);
    if matches!(haystack, Value::Nil) {
        return Ok(Value::Bool(false));
    }
    for item in slice_of(call, 1)?.items() {
        if deep_equal(call, needle, item)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
