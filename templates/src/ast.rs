//! What a template's text is parsed into.

use std::rc::Rc;

use crate::{Entry, Text};

/// A name in the text: a field, a variable (with its `$`), a template.
pub(crate) type Name = Rc<str>;

/// A sequence of nodes.
pub(crate) type Nodes = Vec<Node>;

/// One piece of a template.
pub(crate) enum Node {
    /// Text outside of actions, trimmed.
    Text(Text),
    /// `{{pipeline}}`
    Action(Pipe),
    /// `{{if}} … {{else if}} … {{else}} … {{end}}`
    If(Branches),
    /// `{{with}} … {{else with}} … {{else}} … {{end}}`
    With(Branches),
    /// `{{range}} … {{else}} … {{end}}`
    Range(Box<Range>),
    /// `{{template "name" pipeline}}`, and what is left of a `{{block}}`.
    Template {
        pos: usize,
        name: Name,
        pipe: Option<Pipe>,
    },
    /// `{{break}}`
    Break,
    /// `{{continue}}`
    Continue,
}

/// The arms of an `if` or `with`, tried in order. A chain of `else if` is flat, so it may be long.
pub(crate) struct Branches {
    pub(crate) arms: Vec<(Pipe, Nodes)>,
    pub(crate) otherwise: Nodes,
}

/// A loop.
pub(crate) struct Range {
    pub(crate) pipe: Pipe,
    pub(crate) body: Nodes,
    pub(crate) otherwise: Nodes,
}

/// Commands joined by `|`, perhaps with variables that take the result.
pub(crate) struct Pipe {
    /// Offset in the text.
    pub(crate) pos: usize,
    /// Variables, with their `$`.
    pub(crate) variables: Vec<Name>,
    /// Whether it is `=` rather than `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A function with arguments, or a lone value.
pub(crate) struct Command {
    pub(crate) pos: usize,
    /// Never empty.
    pub(crate) terms: Vec<Term>,
}

/// What stands in a command.
pub(crate) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Str(Text),
    /// `.a.b`
    Field(Vec<Name>),
    /// `$x.a.b`
    Variable(Name, Vec<Name>),
    Function(&'static Entry),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
    /// `(pipeline).a.b` or `function.a.b`
    Chain(Box<Self>, Vec<Name>),
}

/// A numeric constant: every type that it can take, and the one that it takes where any would do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    /// Whether it is written as a float: with a point or an exponent.
    pub(crate) is_float: bool,
}

/// A parsed template: its body and the templates it defines.
pub(crate) struct Template {
    pub(crate) main: Rc<Nodes>,
    pub(crate) defined: std::collections::BTreeMap<Name, Rc<Nodes>>,
}

/// Whether nothing but white space would come out.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(text) => String::from_utf8_lossy(text).trim().is_empty(),
        _ => false,
    })
}
