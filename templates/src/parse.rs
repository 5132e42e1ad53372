//! Text to template, as Go's `text/template/parse` does it: same grammar, same refusals, with bounded nesting.

mod grammar;
mod lex;
mod number;
mod quoted;

pub(crate) use grammar::parse;

use crate::{Fault, FaultKind};

/// A fault and where in the text it is.
#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) fault: Fault,
    /// Offset in the text, in bytes.
    pub(crate) pos: usize,
    /// The function that does not exist.
    pub(crate) function: Option<String>,
}

impl ParseError {
    fn at(pos: usize, fault: Fault) -> Self {
        Self {
            fault,
            pos,
            function: None,
        }
    }

    fn syntax(pos: usize, what: &'static str) -> Self {
        Self::at(pos, Fault::syntax(what))
    }

    fn unknown_function(pos: usize, name: &str, what: &'static str) -> Self {
        Self {
            fault: Fault {
                kind: FaultKind::UnknownFunction,
                what,
            },
            pos,
            function: Some(name.to_owned()),
        }
    }
}
