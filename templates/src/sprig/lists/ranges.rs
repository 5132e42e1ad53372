//! Sequences of integers.

use crate::{Call, Fault, Type, Value};

pub(super) fn until(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let to = call.int(0)?;
    list(call, Range::new(0, to, if to < 0 { -1 } else { 1 }))
}

pub(super) fn until_step(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let range = Range::new(call.int(0)?, call.int(1)?, call.int(2)?);
    list(call, range)
}

/// `seq [from [step]] to`, both ends included, separated by spaces.
pub(super) fn seq(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (from, step, to) = match call.args.len() {
        1 => (1, None, call.int(0)?),
        2 => (call.int(0)?, None, call.int(1)?),
        3 => (call.int(0)?, Some(call.int(1)?), call.int(2)?),
        _ => return call.text(""),
    };
    let direction = if to < from { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if direction < 0 && step > 0 {
        return call.text("");
    }
    let range = Range::new(from, to.wrapping_add(direction), step);
    range.charge(call)?;
    let numbers: Vec<String> = range.map(|number| number.to_string()).collect();
    call.text(numbers.join(" "))
}

fn list(call: &mut Call<'_, '_>, range: Range) -> Result<Value, Fault> {
    range.charge(call)?;
    call.list(Type::Int, range.map(Value::Int).collect())
}

/// From the first number by steps to before the last; empty if the step leads away from it, or nowhere.
struct Range {
    next: i64,
    step: i64,
    left: u64,
}

impl Range {
    fn new(from: i64, to: i64, step: i64) -> Self {
        let leads_there = (step > 0 && from < to) || (step < 0 && from > to);
        let left = if leads_there {
            from.abs_diff(to).div_ceil(step.unsigned_abs())
        } else {
            0
        };
        Self {
            next: from,
            step,
            left,
        }
    }

    /// Before anything is made: the elements, and the longest text of each.
    fn charge(&self, call: &mut Call<'_, '_>) -> Result<(), Fault> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        call.work(left)?;
        call.room(left.saturating_mul(size_of::<Value>()))
    }
}

impl Iterator for Range {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        self.next = number.wrapping_add(self.step);
        Some(number)
    }
}
