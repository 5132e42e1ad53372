//! sprig: arithmetic. Integers wrap; floats are added, multiplied and divided as decimal numbers.

mod decimal;
mod round;

use rand::RngExt;

use self::decimal::Decimal;
use super::convert::{to_float64, to_int64};
use crate::{Call, Entry, Fault, Param, Value};

type Run = fn(&mut Call<'_, '_>) -> Result<Value, Fault>;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::variadic("add", &[], Param::Any, |call| {
        Ok(fold(call, 0, i64::wrapping_add))
    }),
    Entry::new("add1", &[Param::Any], |call| {
        Ok(Value::Int64(to_int64(call.any(0)?).wrapping_add(1)))
    }),
    Entry::new("sub", &[Param::Any, Param::Any], |call| {
        let (one, other) = (to_int64(call.any(0)?), to_int64(call.any(1)?));
        Ok(Value::Int64(one.wrapping_sub(other)))
    }),
    Entry::new("div", &[Param::Any, Param::Any], |call| {
        divide(call, i64::wrapping_div)
    }),
    Entry::new("mod", &[Param::Any, Param::Any], |call| {
        divide(call, i64::wrapping_rem)
    }),
    integers("mul", |call| Ok(fold(call, 1, i64::wrapping_mul))),
    integers("max", |call| Ok(fold(call, i64::MIN, i64::max))),
    integers("biggest", |call| Ok(fold(call, i64::MIN, i64::max))),
    integers("min", |call| Ok(fold(call, i64::MAX, i64::min))),
    Entry::new("floor", &[Param::Any], |call| {
        Ok(Value::Float64(to_float64(call.any(0)?).floor()))
    }),
    Entry::new("ceil", &[Param::Any], |call| {
        Ok(Value::Float64(to_float64(call.any(0)?).ceil()))
    }),
    Entry::variadic("round", &[Param::Any, Param::Int], Param::Float64, round),
    Entry::variadic("addf", &[], Param::Any, |call| {
        decimals(call, Decimal::zero(), Decimal::add)
    }),
    Entry::new("add1f", &[Param::Any], |call| {
        decimals(call, Decimal::one(), Decimal::add)
    }),
    Entry::variadic("subf", &[Param::Any], Param::Any, |call| {
        from_first(call, Decimal::subtract)
    }),
    Entry::variadic("mulf", &[Param::Any], Param::Any, |call| {
        from_first(call, Decimal::multiply)
    }),
    Entry::variadic("divf", &[Param::Any], Param::Any, |call| {
        from_first(call, Decimal::divide)
    }),
    Entry::variadic("maxf", &[Param::Any], Param::Any, |call| {
        Ok(fold_floats(call, larger))
    }),
    Entry::variadic("minf", &[Param::Any], Param::Any, |call| {
        Ok(fold_floats(call, |one, other| -larger(-one, -other)))
    }),
    Entry::new("randInt", &[Param::Int, Param::Int], random).varies(),
];

const fn integers(name: &'static str, run: Run) -> Entry {
    Entry::variadic(name, &[Param::Any], Param::Any, run)
}

fn fold(call: &Call<'_, '_>, start: i64, with: fn(i64, i64) -> i64) -> Value {
    Value::Int64(call.args.iter().map(to_int64).fold(start, with))
}

fn divide(call: &Call<'_, '_>, with: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    let (one, other) = (to_int64(call.any(0)?), to_int64(call.any(1)?));
    match other {
        0 => Err(Fault::failed("integer divide by zero")),
        _ => Ok(Value::Int64(with(one, other))),
    }
}

/// `math.Max`: infinity beats not-a-number, which beats everything else; zero beats minus zero.
fn larger(one: f64, other: f64) -> f64 {
    if one == f64::INFINITY || other == f64::INFINITY {
        f64::INFINITY
    } else if one.is_nan() || other.is_nan() {
        f64::NAN
    } else if one == 0.0 && other == 0.0 {
        if one.is_sign_negative() { other } else { one }
    } else {
        one.max(other)
    }
}

fn fold_floats(call: &Call<'_, '_>, with: fn(f64, f64) -> f64) -> Value {
    let floats = call.args.iter().map(to_float64);
    Value::Float64(floats.reduce(with).unwrap_or(0.0))
}

fn round(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let up_from = match call.args.len() {
        0..=2 => 0.5,
        _ => call.float(2)?,
    };
    let value = to_float64(call.any(0)?);
    Ok(Value::Float64(round::round(value, call.int(1)?, up_from)))
}

type Step = fn(&Decimal, &Decimal) -> Result<Decimal, Fault>;

/// All arguments are one operation after the other applied to `start`.
fn decimals(call: &mut Call<'_, '_>, start: Decimal, with: Step) -> Result<Value, Fault> {
    let args = call.args;
    fold_decimals(call, start, args, with)
}

/// All further arguments are applied to the first.
fn from_first(call: &mut Call<'_, '_>, with: Step) -> Result<Value, Fault> {
    let start = Decimal::from_float(to_float64(call.any(0)?))?;
    let rest = &call.args[1..];
    fold_decimals(call, start, rest, with)
}

fn fold_decimals(
    call: &mut Call<'_, '_>,
    start: Decimal,
    args: &[Value],
    with: Step,
) -> Result<Value, Fault> {
    let mut result = start;
    for value in args {
        let next = Decimal::from_float(to_float64(value))?;
        // Long multiplication and division look at every digit of one for every digit of the other.
        let (size, other) = (result.size(), next.size());
        call.work(size * other)?;
        call.room(size + other)?;
        result = with(&result, &next)?;
    }
    Ok(Value::Float64(result.to_float()))
}

/// From the first to the second, without the second.
fn random(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let (from, to) = (call.int(0)?, call.int(1)?);
    let width = to.wrapping_sub(from);
    if width <= 0 {
        return Err(Fault::failed("invalid range"));
    }
    let offset = call.env.rng.random_range(0..width);
    Ok(Value::Int(from.wrapping_add(offset)))
}
