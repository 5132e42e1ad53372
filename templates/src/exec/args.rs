//! Arguments: evaluated for a parameter's type, and checked as Go checks them.

use super::{Exec, ExecError, Run, Slot};
use crate::ast::{Number, Term};
use crate::{Call, Entry, Fault, Kind, List, Map, Param, Type, Value, builtins};

impl Exec<'_, '_, '_> {
    /// Calls a function or method. `last` is what the pipe brings: the last argument.
    pub(super) fn call(
        &mut self,
        entry: &'static Entry,
        receiver: Option<&Value>,
        terms: &[Term],
        dot: &Slot,
        last: Option<Slot>,
    ) -> Run<Slot> {
        self.step()?;
        let pos = self.pos;
        let given = terms.len() + usize::from(last.is_some());
        let fits = match entry.rest {
            None => given == entry.params.len(),
            Some(_) => given >= entry.params.len(),
        };
        let fail = |fault| ExecError {
            fault,
            pos,
            function: Some(entry.name),
        };
        if !fits {
            return Err(fail(Fault::failed("wrong number of args")));
        }
        if let Some(stops_at) = builtins::short_circuit(entry) {
            return self.and_or(stops_at, terms, dot, last);
        }
        let param = |at: usize| {
            let fixed = entry.params.get(at).copied();
            fixed.or(entry.rest).unwrap_or(Param::Any)
        };
        let mut args = Vec::with_capacity(given);
        for (at, term) in terms.iter().enumerate() {
            let arg = self.arg(term, param(at), dot).map_err(|mut error| {
                error.function.get_or_insert(entry.name);
                error
            })?;
            args.push(arg);
        }
        if let Some(last) = last {
            args.push(convert(last, param(given - 1)).map_err(fail)?);
        }
        self.pos = pos;
        let work = args.iter().map(size).sum::<u64>() / 64;
        self.env.meter.step(work + 1).map_err(fail)?;
        let mut call = Call {
            name: entry.name,
            args: &args,
            receiver,
            env: self.env,
        };
        (entry.run)(&mut call).map(Some).map_err(fail)
    }

    /// `and` and `or` stop at the first argument that decides.
    fn and_or(
        &mut self,
        stops_at: bool,
        terms: &[Term],
        dot: &Slot,
        last: Option<Slot>,
    ) -> Run<Slot> {
        let mut value = Value::Nil;
        for term in terms {
            value = self.arg(term, Param::Any, dot)?;
            if value.truth() == stops_at {
                return Ok(Some(value));
            }
        }
        Ok(Some(match last {
            Some(last) => last.unwrap_or(Value::Nil),
            None => value,
        }))
    }

    /// One argument, for a parameter of this type.
    pub(super) fn arg(&mut self, term: &Term, param: Param, dot: &Slot) -> Run<Value> {
        self.step()?;
        let slot = match term {
            Term::Dot => dot.clone(),
            Term::Nil => {
                let takes_nil =
                    matches!(param, Param::Any | Param::Anys | Param::Strs | Param::Map);
                if !takes_nil {
                    return self.error(Fault::failed("cannot assign nil"));
                }
                None
            }
            Term::Bool(value) => Some(Value::Bool(*value)),
            Term::Str(text) => Some(Value::Str(text.clone())),
            Term::Number(number) => return self.number(*number, param),
            Term::Field(names) => self.fields(dot.clone(), names, &[], dot, None)?,
            Term::Variable(name, names) => {
                let start = self.variable(name)?;
                if names.is_empty() {
                    start
                } else {
                    self.fields(start, names, &[], dot, None)?
                }
            }
            Term::Pipe(pipe) => self.pipe(pipe, dot)?,
            Term::Function(entry) => self.call(entry, None, &[], dot, None)?,
            Term::Chain(inner, names) => {
                let start = self.chain_start(inner, dot)?;
                self.fields(start, names, &[], dot, None)?
            }
        };
        self.check(convert(slot, param))
    }

    /// What a chain of fields begins with.
    pub(super) fn chain_start(&mut self, inner: &Term, dot: &Slot) -> Run<Slot> {
        match inner {
            Term::Pipe(pipe) => self.pipe(pipe, dot),
            Term::Function(entry) => self.call(entry, None, &[], dot, None),
            other => self.arg(other, Param::Any, dot).map(Some),
        }
    }

    fn number(&mut self, number: Number, param: Param) -> Run<Value> {
        let value = match param {
            Param::Any => return self.ideal(number),
            Param::Int => number.int.map(Value::Int),
            Param::Int64 => number.int.map(Value::Int64),
            // Go drops the upper half of what is larger.
            Param::Uint32 => number.uint.map(|uint| Value::Uint64(uint & 0xffff_ffff)),
            Param::Float64 => number.float.map(Value::Float64),
            Param::Named("time.Duration") => number.int.map(crate::sprig::date::duration_value),
            _ => None,
        };
        match value {
            Some(value) => Ok(value),
            None => self.error(Fault::wrong_type()),
        }
    }

    /// A number where anything would do.
    pub(super) fn ideal(&self, number: Number) -> Run<Value> {
        match (number.is_float, number.float, number.int) {
            (true, Some(float), _) => Ok(Value::Float64(float)),
            (_, _, Some(int)) => Ok(Value::Int(int)),
            _ => self.error(Fault::failed("constant overflows int")),
        }
    }
}

/// Whether a value may be given where this type is wanted; nothing becomes the type's nil.
fn convert(slot: Slot, param: Param) -> Result<Value, Fault> {
    let Some(value) = slot else {
        return match param {
            Param::Any => Ok(Value::Nil),
            Param::Anys => Ok(Value::List(List::nil(Type::Any))),
            Param::Strs => Ok(Value::List(List::nil(Type::Str))),
            Param::Map => Ok(Value::Map(Map::nil(Type::Any))),
            _ => Err(Fault::wrong_type()),
        };
    };
    let fits = match (param, &value) {
        (Param::Any, _)
        | (Param::Str, Value::Str(_))
        | (Param::Bool, Value::Bool(_))
        | (Param::Int, Value::Int(_))
        | (Param::Int64, Value::Int64(_))
        | (Param::Float64, Value::Float64(_)) => true,
        (Param::Anys, Value::List(list)) => *list.element() == Type::Any,
        (Param::Strs, Value::List(list)) => *list.element() == Type::Str,
        (Param::Map, Value::Map(map)) => *map.value_type() == Type::Any,
        (Param::Named(name), Value::Object(object)) => object.type_name() == name,
        _ => false,
    };
    if fits {
        Ok(value)
    } else {
        Err(Fault::wrong_type())
    }
}

/// What a function that is linear in its arguments looks at.
fn size(value: &Value) -> u64 {
    let size = match value {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len() * 16,
        Value::Map(map) => map.len() * 64,
        _ => 0,
    };
    debug_assert!(value.kind() != Kind::Str || size < usize::MAX);
    size as u64
}
