//! Functions that make a list from lists.

use super::slice_of;
use crate::sprig::convert::anys;
use crate::sprig::types::deep_equal;
use crate::{Call, Fault, List, Type, Value};

/// A `[]interface{}` of these elements.
pub(super) fn copy(call: &mut Call<'_, '_>, items: &[Value]) -> Result<Value, Fault> {
    call.room(size_of_val(items))?;
    anys(call, items.to_vec())
}

pub(super) fn append(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    joined(call, &[items, &call.args[1..]])
}

pub(super) fn prepend(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    joined(call, &[&call.args[1..], items])
}

pub(super) fn concat(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut parts = Vec::new();
    for index in 0..call.args.len() {
        parts.push(slice_of(call, index)?.items());
    }
    if parts.iter().all(|items| items.is_empty()) {
        return Ok(Value::List(List::nil(Type::Any)));
    }
    joined(call, &parts)
}

fn joined(call: &mut Call<'_, '_>, parts: &[&[Value]]) -> Result<Value, Fault> {
    let len: usize = parts.iter().map(|items| items.len()).sum();
    call.room(len * size_of::<Value>())?;
    anys(call, parts.concat())
}

pub(super) fn reverse(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    call.room(size_of_val(items))?;
    anys(call, items.iter().rev().cloned().collect())
}

pub(super) fn uniq(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let mut kept: Vec<Value> = Vec::new();
    for item in slice_of(call, 0)?.items() {
        if !contains(call, &kept, item)? {
            kept.push(item.clone());
        }
    }
    anys(call, kept)
}

pub(super) fn compact(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let items = slice_of(call, 0)?.items();
    call.room(size_of_val(items))?;
    anys(
        call,
        items.iter().filter(|item| item.truth()).cloned().collect(),
    )
}

pub(super) fn without(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let unwanted = &call.args[1..];
    let mut kept = Vec::new();
    for item in slice_of(call, 0)?.items() {
        if !contains(call, unwanted, item)? {
            kept.push(item.clone());
        }
    }
    anys(call, kept)
}

fn contains(call: &mut Call<'_, '_>, items: &[Value], wanted: &Value) -> Result<bool, Fault> {
    for item in items {
        if deep_equal(call, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists of `size` elements each; the last one has what is left. A size below zero gives what it gives in Go: nothing,
/// a failure, or the one list that is left over.
pub(super) fn chunk(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    const NEGATIVE: Fault = Fault::failed("a list of negative length");
    let size = call.int(0)?;
    let items = slice_of(call, 1)?.items();
    let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let Some(left) = len.checked_rem(size) else {
        return Err(NEGATIVE);
    };
    let count = usize::try_from(floor_divide(len - 1, size) + 1).map_err(|_| NEGATIVE)?;
    let mut chunks = Vec::new();
    let mut rest = items;
    for index in 1..=count {
        let length = if index == count && left != 0 {
            left
        } else {
            size
        };
        let length = usize::try_from(length).map_err(|_| NEGATIVE)?;
        let (chunk, others) = rest.split_at_checked(length).ok_or(NEGATIVE)?;
        chunks.push(copy(call, chunk)?);
        rest = others;
    }
    call.list(Type::slice_of(Type::Any), chunks)
}

/// Rounded down. The divisor is not zero.
fn floor_divide(dividend: i64, divisor: i64) -> i64 {
    let quotient = dividend / divisor;
    let inexact = quotient * divisor != dividend;
    quotient - i64::from(inexact && (dividend < 0) != (divisor < 0))
}
