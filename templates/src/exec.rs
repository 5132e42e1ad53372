//! Running a parsed template, as Go's `text/template` does.

mod args;
mod fields;

use std::rc::Rc;

use zeroize::Zeroizing;

use crate::ast::{Branches, Command, Name, Node, Nodes, Pipe, Range, Template, Term};
use crate::{Env, Fault, Kind, Limits, Value, format};

/// A value, or Go's invalid `reflect.Value`: what a missing entry gives. A nil that is really there is `Some(Nil)`;
/// the two differ when a field is asked of them.
pub(crate) type Slot = Option<Value>;

/// A fault and where in the text it is.
pub(crate) struct ExecError {
    pub(crate) fault: Fault,
    /// Offset in the text.
    pub(crate) pos: usize,
    /// The function that failed.
    pub(crate) function: Option<&'static str>,
}

type Run<T> = Result<T, ExecError>;

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// One run of one template.
pub(crate) struct Exec<'t, 'a, 'e> {
    template: &'t Template,
    env: &'a mut Env<'e>,
    out: Zeroizing<Vec<u8>>,
    variables: Vec<(Name, Slot)>,
    depth: usize,
    /// Where the current command is, for errors.
    pos: usize,
}

/// Runs a template over `data`.
pub(crate) fn run(template: &Template, data: Value, env: &mut Env<'_>) -> Run<Zeroizing<Vec<u8>>> {
    let mut exec = Exec {
        template,
        env,
        out: Zeroizing::default(),
        variables: vec![("$".into(), Some(data.clone()))],
        depth: 0,
        pos: 0,
    };
    let main = Rc::clone(&template.main);
    exec.nodes(&main, &Some(data))?;
    Ok(exec.out)
}

impl Exec<'_, '_, '_> {
    fn error<T>(&self, fault: Fault) -> Run<T> {
        Err(ExecError {
            fault,
            pos: self.pos,
            function: None,
        })
    }

    fn check<T>(&self, result: Result<T, Fault>) -> Run<T> {
        result.or_else(|fault| self.error(fault))
    }

    fn step(&mut self) -> Run<()> {
        let result = self.env.meter.step(1);
        self.check(result)
    }

    fn enter(&mut self) -> Run<()> {
        self.depth += 1;
        if self.depth > Limits::CALLS {
            return self.error(Fault::too_deep());
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Run<()> {
        let result = self.env.meter.output(bytes.len());
        self.check(result)?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn nodes(&mut self, nodes: &Nodes, dot: &Slot) -> Run<Flow> {
        self.enter()?;
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Slot) -> Run<Flow> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.print(value)?;
                }
            }
            Node::If(branches) => return self.branches(branches, dot, false),
            Node::With(branches) => return self.branches(branches, dot, true),
            Node::Range(range) => return self.range(range, dot),
            Node::Template { pos, name, pipe } => {
                self.pos = *pos;
                self.call_template(name, pipe.as_ref(), dot)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// What an action shows.
    fn print(&mut self, value: Slot) -> Run<()> {
        match value {
            None | Some(Value::Nil) => self.write(b"<no value>"),
            Some(Value::Str(text)) => self.write(&text),
            Some(value) => {
                let result = format::print(&mut self.env.meter, &value);
                let text = Zeroizing::new(self.check(result)?);
                self.write(&text)
            }
        }
    }

    /// `if` and `with`: variables live until the end of the whole.
    fn branches(&mut self, branches: &Branches, dot: &Slot, with: bool) -> Run<Flow> {
        let mark = self.variables.len();
        let mut chosen = (&branches.otherwise, dot.clone());
        for (pipe, body) in &branches.arms {
            let value = self.pipe(pipe, dot)?;
            if value.as_ref().is_some_and(Value::truth) {
                chosen = (body, if with { value } else { dot.clone() });
                break;
            }
        }
        let flow = self.nodes(chosen.0, &chosen.1)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, range: &Range, dot: &Slot) -> Run<Flow> {
        let mark = self.variables.len();
        let value = self.pipe(&range.pipe, dot)?;
        let body = self.variables.len();
        let mut ran = false;
        let mut each = |exec: &mut Self, index: Value, item: Slot| -> Run<Flow> {
            ran = true;
            exec.variables.truncate(body);
            exec.iterate(range, index, item)
        };
        let mut flow = Flow::On;
        match &value {
            None | Some(Value::Nil) => {}
            Some(Value::List(list)) => {
                for (index, item) in list.items().iter().enumerate() {
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    flow = each(self, index, Some(item.clone()))?;
                    if flow == Flow::Break {
                        break;
                    }
                }
            }
            Some(Value::Map(map)) => {
                let bytes = map.borrow().keys().map(Vec::len).sum::<usize>();
                let result = self.env.meter.allocate(bytes + map.len() * 64);
                self.check(result)?;
                for (key, item) in map.entries() {
                    flow = each(self, Value::Str(key), Some(item))?;
                    if flow == Flow::Break {
                        break;
                    }
                }
            }
            Some(number) => {
                let Some(end) = count(number) else {
                    return self.error(Fault::failed("range can't iterate over this type"));
                };
                if range.pipe.variables.len() > 1 {
                    let what = "can't use a number to iterate over more than one variable";
                    return self.error(Fault::failed(what));
                }
                for index in 0..end {
                    let item = with_kind(number, index);
                    flow = each(self, item.clone(), Some(item))?;
                    if flow == Flow::Break {
                        break;
                    }
                }
            }
        }
        let _ = flow;
        self.variables.truncate(body);
        let flow = if ran {
            Flow::On
        } else {
            self.nodes(&range.otherwise, dot)?
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    /// One round: the loop's variables, and the body.
    fn iterate(&mut self, range: &Range, index: Value, item: Slot) -> Run<Flow> {
        self.step()?;
        let pipe = &range.pipe;
        match pipe.variables.as_slice() {
            [] => {}
            [only] => self.set_loop_variable(only, pipe.assigns, 1, item.clone())?,
            [first, second, ..] => {
                self.set_loop_variable(first, pipe.assigns, 2, Some(index))?;
                self.set_loop_variable(second, pipe.assigns, 1, item.clone())?;
            }
        }
        self.nodes(&range.body, &item)
    }

    /// `back` counts from the newest variable: those that the loop declared are on top.
    fn set_loop_variable(
        &mut self,
        name: &Name,
        assigns: bool,
        back: usize,
        value: Slot,
    ) -> Run<()> {
        if assigns {
            return self.assign(name, value);
        }
        let at = self.variables.len().checked_sub(back);
        if let Some(variable) = at.and_then(|at| self.variables.get_mut(at)) {
            variable.1 = value;
        }
        Ok(())
    }

    fn assign(&mut self, name: &Name, value: Slot) -> Run<()> {
        match self.find_variable(name) {
            Some(at) => {
                self.variables[at].1 = value;
                Ok(())
            }
            None => self.error(Fault::failed("undefined variable")),
        }
    }

    fn find_variable(&self, name: &str) -> Option<usize> {
        self.variables
            .iter()
            .rposition(|(known, _)| **known == *name)
    }

    fn call_template(&mut self, name: &Name, pipe: Option<&Pipe>, dot: &Slot) -> Run<()> {
        let Some(body) = self.template.defined.get(name).map(Rc::clone) else {
            return self.error(Fault::failed("template is not defined"));
        };
        let value = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => None,
        };
        let fresh = vec![("$".into(), value.clone())];
        let variables = std::mem::replace(&mut self.variables, fresh);
        self.nodes(&body, &value)?;
        self.variables = variables;
        Ok(())
    }

    /// The value of a pipeline, after its variables took it. Never `Some(Nil)`: Go looks into interfaces here.
    fn pipe(&mut self, pipe: &Pipe, dot: &Slot) -> Run<Slot> {
        self.enter()?;
        self.pos = pipe.pos;
        let mut value: Option<Slot> = None;
        for command in &pipe.commands {
            let result = self.command(command, dot, value)?;
            value = Some(result.filter(|value| !matches!(value, Value::Nil)));
        }
        let value = value.flatten();
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                if self.variables.len() >= Limits::VARIABLES {
                    return self.error(Fault::too_expensive("more than 1000 variables"));
                }
                self.variables.push((Rc::clone(name), value.clone()));
            }
        }
        self.depth -= 1;
        Ok(value)
    }

    /// `last` is what the pipe brings, if the command is not its first.
    fn command(&mut self, command: &Command, dot: &Slot, last: Option<Slot>) -> Run<Slot> {
        self.step()?;
        self.pos = command.pos;
        let (first, rest) = (&command.terms[0], &command.terms[1..]);
        match first {
            Term::Function(entry) => return self.call(entry, None, rest, dot, last),
            Term::Field(names) => return self.fields(dot.clone(), names, rest, dot, last),
            Term::Chain(inner, names) => {
                let start = self.chain_start(inner, dot)?;
                return self.fields(start, names, rest, dot, last);
            }
            Term::Variable(name, names) if !names.is_empty() => {
                let start = self.variable(name)?;
                return self.fields(start, names, rest, dot, last);
            }
            _ => {}
        }
        if !rest.is_empty() || last.is_some() {
            return self.error(Fault::failed("can't give argument to non-function"));
        }
        match first {
            Term::Variable(name, _) => self.variable(name),
            Term::Pipe(pipe) => self.pipe(pipe, dot),
            Term::Dot => Ok(dot.clone()),
            Term::Bool(value) => Ok(Some(Value::Bool(*value))),
            Term::Number(number) => self.ideal(*number).map(Some),
            Term::Str(text) => Ok(Some(Value::Str(text.clone()))),
            _ => self.error(Fault::failed("nil is not a command")),
        }
    }

    fn variable(&mut self, name: &str) -> Run<Slot> {
        match self.find_variable(name) {
            Some(at) => {
                let distance = self.variables.len() - at;
                let result = self.env.meter.step(distance as u64 / 16);
                self.check(result)?;
                Ok(self.variables[at].1.clone())
            }
            None => self.error(Fault::failed("undefined variable")),
        }
    }
}

/// How often a loop over a number runs; `None` if it is no integer.
fn count(value: &Value) -> Option<u64> {
    if let Some(signed) = value.as_signed() {
        return Some(u64::try_from(signed).unwrap_or(0));
    }
    value.as_unsigned()
}

/// `index` as the kind of integer that the loop is over.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "below the bound, which has this kind"
)]
fn with_kind(bound: &Value, index: u64) -> Value {
    match bound.kind() {
        Kind::Int32 => Value::Int32(index as i32),
        Kind::Int64 => Value::Int64(index as i64),
        Kind::Uint8 => Value::Uint8(index as u8),
        Kind::Uint64 => Value::Uint64(index),
        _ => Value::Int(index as i64),
    }
}
