//! The mode `total`: templates that cannot fail whatever the values are, so that nobody learns anything from a failure.
//!
//! What is left: text, `.a`, `$.a`, `index . "a"`, `toJson`, `quote` and `b64enc` of these, and pipelines of these.

use crate::Fault;
use crate::ast::{Command, Node, Pipe, Template, Term};

const FUNCTIONS: [&str; 3] = ["toJson", "quote", "b64enc"];

/// Whether the template is total; otherwise where it is not.
pub(crate) fn check(template: &Template) -> Result<(), (Fault, usize)> {
    template.main.iter().try_for_each(|node| match node {
        Node::Text(_) => Ok(()),
        Node::Action(pipe) if is_total(pipe) => Ok(()),
        Node::Action(pipe) => Err((refusal(), pipe.pos)),
        Node::Template { pos, .. } => Err((refusal(), *pos)),
        Node::If(branches) | Node::With(branches) => {
            Err((refusal(), branches.arms.first().map_or(0, |arm| arm.0.pos)))
        }
        Node::Range(range) => Err((refusal(), range.pipe.pos)),
        Node::Break | Node::Continue => Err((refusal(), 0)),
    })
}

fn refusal() -> Fault {
    Fault::not_allowed("--templates=total allows fields, index, toJson, quote and b64enc only")
}

fn is_total(pipe: &Pipe) -> bool {
    pipe.variables.is_empty()
        && pipe
            .commands
            .split_first()
            .is_some_and(|(first, rest)| is_source(first) && rest.iter().all(is_filter))
}

/// A field, or a function of one.
fn is_source(command: &Command) -> bool {
    match command.terms.as_slice() {
        [value] => is_value(value),
        [Term::Function(entry), Term::Dot, Term::Str(_)] => entry.name == "index",
        [Term::Function(entry), value] => FUNCTIONS.contains(&entry.name) && is_value(value),
        _ => false,
    }
}

/// A function that takes the value from the pipe.
fn is_filter(command: &Command) -> bool {
    matches!(command.terms.as_slice(), [Term::Function(entry)] if FUNCTIONS.contains(&entry.name))
}

fn is_value(term: &Term) -> bool {
    match term {
        Term::Field(names) => names.len() == 1,
        Term::Variable(name, names) => &**name == "$" && names.len() == 1,
        Term::Pipe(pipe) => is_total(pipe),
        _ => false,
    }
}
