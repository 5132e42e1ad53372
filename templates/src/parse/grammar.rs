//! Tokens to nodes.
//!
//! Nesting is counted here, as the text is read, so no text is deep enough to exhaust the stack: not in here, not in the
//! evaluator, and not when the tree is dropped.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ParseError;
use super::lex::{Keyword, Lexer, Token};
use crate::ast::{Branches, Command, Name, Node, Nodes, Pipe, Range, Template, Term, is_empty};
use crate::{Entry, Fault, Limits, Meter, Text};

/// What a name of a function stands for, or why it stands for nothing.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Result<&'static Entry, &'static str>;

/// Memory of a node with its pipeline and one command, and of a term, rounded up.
const COMMAND_SIZE: usize = 256;
const TERM_SIZE: usize = 96;

type Parsed<T> = Result<T, ParseError>;

/// Parses the text of the template `name`.
pub(crate) fn parse(
    name: &str,
    text: &str,
    lookup: Lookup<'_>,
    meter: &mut Meter,
) -> Parsed<Template> {
    if text.len() > Limits::TEMPLATE {
        return Err(ParseError::at(
            0,
            Fault::too_expensive("more than 1 MiB of template"),
        ));
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        meter,
        waiting: Vec::new(),
        lookup,
        defined: BTreeMap::new(),
        variables: vec!["$".into()],
        loops: 0,
        depth: 0,
    };
    let main = parser.top()?;
    parser.define(0, name.into(), main)?;
    let main = parser.defined.get(name).cloned().unwrap_or_default();
    Ok(Template {
        main,
        defined: parser.defined,
    })
}

/// What ended a list of nodes.
#[derive(PartialEq)]
enum Stop {
    End,
    Else,
}

struct Parser<'t, 'l> {
    lexer: Lexer<'t>,
    /// The tree is charged like any memory.
    meter: &'l mut Meter,
    /// Tokens that were read ahead, the next one last.
    waiting: Vec<(Token<'t>, usize)>,
    lookup: Lookup<'l>,
    defined: BTreeMap<Name, Rc<Nodes>>,
    /// Variables that may be used here.
    variables: Vec<Name>,
    /// How many loops are around.
    loops: usize,
    depth: usize,
}

impl<'t> Parser<'t, '_> {
    fn next(&mut self) -> Parsed<(Token<'t>, usize)> {
        match self.waiting.pop() {
            Some(token) => Ok(token),
            None => self.lexer.next(),
        }
    }

    fn next_visible(&mut self) -> Parsed<(Token<'t>, usize)> {
        loop {
            let token = self.next()?;
            if token.0 != Token::Space {
                return Ok(token);
            }
        }
    }

    fn peek_visible(&mut self) -> Parsed<&Token<'t>> {
        let token = self.next_visible()?;
        self.waiting.push(token);
        Ok(&self.waiting[self.waiting.len() - 1].0)
    }

    fn expect_close(&mut self) -> Parsed<()> {
        match self.next_visible()? {
            (Token::Close, _) => Ok(()),
            (_, pos) => Err(ParseError::syntax(pos, "unexpected token, wanted }}")),
        }
    }

    fn enter(&mut self, pos: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > Limits::DEPTH {
            return Err(ParseError::at(pos, Fault::too_deep()));
        }
        Ok(())
    }

    /// The whole text. Only here can templates be defined.
    fn top(&mut self) -> Parsed<Nodes> {
        let mut nodes = Vec::new();
        loop {
            let (token, pos) = self.next()?;
            match token {
                Token::End => return Ok(nodes),
                Token::Text(text) => nodes.push(Node::Text(Text::new(text))),
                Token::Open if *self.peek_visible()? == Token::Keyword(Keyword::Define) => {
                    self.next_visible()?;
                    let name = self.template_name()?;
                    self.expect_close()?;
                    let body = self.separate_body(pos)?;
                    self.define(pos, name, body)?;
                }
                Token::Open => match self.action(pos)? {
                    Ok(node) => nodes.push(node),
                    Err(_) => {
                        return Err(ParseError::syntax(pos, "unexpected {{end}} or {{else}}"));
                    }
                },
                _ => return Err(ParseError::syntax(pos, "unexpected token")),
            }
        }
    }

    /// A template with variables and loops of its own, up to its end.
    fn separate_body(&mut self, pos: usize) -> Parsed<Nodes> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, stop) = self.nodes(pos)?;
        (self.variables, self.loops) = (variables, loops);
        if stop == Stop::Else {
            return Err(ParseError::syntax(pos, "unexpected {{else}}"));
        }
        Ok(body)
    }

    /// A second definition is an error, unless one of the two is empty.
    fn define(&mut self, pos: usize, name: Name, body: Nodes) -> Parsed<()> {
        match self.defined.get(&name) {
            Some(old) if !is_empty(old) => {
                if !is_empty(&body) {
                    return Err(ParseError::syntax(pos, "multiple definition of a template"));
                }
            }
            _ => {
                self.defined.insert(name, Rc::new(body));
            }
        }
        Ok(())
    }

    /// Nodes up to `{{end}}` or `{{else`.
    fn nodes(&mut self, pos: usize) -> Parsed<(Nodes, Stop)> {
        self.enter(pos)?;
        let mut nodes = Vec::new();
        loop {
            let (token, pos) = self.next_visible()?;
            match token {
                Token::Text(text) => nodes.push(Node::Text(Text::new(text))),
                Token::Open => match self.action(pos)? {
                    Ok(node) => nodes.push(node),
                    Err(stop) => {
                        self.depth -= 1;
                        return Ok((nodes, stop));
                    }
                },
                Token::End => return Err(ParseError::syntax(pos, "unexpected end of text")),
                _ => return Err(ParseError::syntax(pos, "unexpected token")),
            }
        }
    }

    /// What follows `{{`: a node, or the end of a list of nodes.
    fn action(&mut self, pos: usize) -> Parsed<Result<Node, Stop>> {
        self.charge(pos, COMMAND_SIZE)?;
        let (token, at) = self.next_visible()?;
        let Token::Keyword(keyword) = token else {
            self.waiting.push((token, at));
            let pipe = self.pipe(pos, &Token::Close, false)?;
            return Ok(Ok(Node::Action(pipe)));
        };
        Ok(Ok(match keyword {
            Keyword::If => Node::If(self.branches(pos, Keyword::If)?),
            Keyword::With => Node::With(self.branches(pos, Keyword::With)?),
            Keyword::Range => Node::Range(Box::new(self.range(pos)?)),
            Keyword::Template => self.template_call(pos)?,
            Keyword::Block => self.block(pos)?,
            Keyword::Break | Keyword::Continue => {
                self.expect_close()?;
                if self.loops == 0 {
                    let what = "{{break}} or {{continue}} outside {{range}}";
                    return Err(ParseError::syntax(pos, what));
                }
                if keyword == Keyword::Break {
                    Node::Break
                } else {
                    Node::Continue
                }
            }
            Keyword::End => {
                self.expect_close()?;
                return Ok(Err(Stop::End));
            }
            Keyword::Else => {
                // `else if` and `else with`: the keyword is left for whoever can use it.
                let chained = matches!(
                    self.peek_visible()?,
                    Token::Keyword(Keyword::If | Keyword::With)
                );
                if !chained {
                    self.expect_close()?;
                }
                return Ok(Err(Stop::Else));
            }
            Keyword::Define => {
                return Err(ParseError::syntax(pos, "unexpected {{define}}"));
            }
        }))
    }

    fn branches(&mut self, pos: usize, keyword: Keyword) -> Parsed<Branches> {
        let known = self.variables.len();
        let mut arms = Vec::new();
        let otherwise = loop {
            let pipe = self.pipe(pos, &Token::Close, false)?;
            let (body, stop) = self.nodes(pos)?;
            arms.push((pipe, body));
            if stop == Stop::End {
                break Vec::new();
            }
            if *self.peek_visible()? == Token::Keyword(keyword) {
                self.next_visible()?;
                continue;
            }
            break self.otherwise(pos)?;
        };
        self.variables.truncate(known);
        Ok(Branches { arms, otherwise })
    }

    fn otherwise(&mut self, pos: usize) -> Parsed<Nodes> {
        let (nodes, stop) = self.nodes(pos)?;
        if stop == Stop::Else {
            return Err(ParseError::syntax(pos, "expected {{end}}, found {{else}}"));
        }
        Ok(nodes)
    }

    fn range(&mut self, pos: usize) -> Parsed<Range> {
        let known = self.variables.len();
        let pipe = self.pipe(pos, &Token::Close, true)?;
        self.loops += 1;
        let (body, stop) = self.nodes(pos)?;
        self.loops -= 1;
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::Else => self.otherwise(pos)?,
        };
        self.variables.truncate(known);
        Ok(Range {
            pipe,
            body,
            otherwise,
        })
    }

    fn template_name(&mut self) -> Parsed<Name> {
        match self.next_visible()? {
            (Token::Str(bytes), _) => Ok(String::from_utf8_lossy(&bytes).into()),
            (_, pos) => Err(ParseError::syntax(pos, "expected the name of a template")),
        }
    }

    fn template_call(&mut self, pos: usize) -> Parsed<Node> {
        let name = self.template_name()?;
        let pipe = if *self.peek_visible()? == Token::Close {
            self.next_visible()?;
            None
        } else {
            Some(self.pipe(pos, &Token::Close, false)?)
        };
        Ok(Node::Template { pos, name, pipe })
    }

    fn block(&mut self, pos: usize) -> Parsed<Node> {
        let name = self.template_name()?;
        let pipe = Some(self.pipe(pos, &Token::Close, false)?);
        let body = self.separate_body(pos)?;
        self.define(pos, Rc::clone(&name), body)?;
        Ok(Node::Template { pos, name, pipe })
    }

    /// A pipeline up to `end`, which is eaten.
    fn pipe(&mut self, pos: usize, end: &Token<'static>, in_range: bool) -> Parsed<Pipe> {
        let mut pipe = Pipe {
            pos,
            variables: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipe, in_range)?;
        loop {
            let (token, at) = self.next_visible()?;
            if token == *end {
                break;
            }
            let starts_command = matches!(
                token,
                Token::Bool(_)
                    | Token::Number(_)
                    | Token::Dot
                    | Token::Field(_)
                    | Token::Word(_)
                    | Token::Nil
                    | Token::Str(_)
                    | Token::Variable(_)
                    | Token::LeftParen
            );
            if !starts_command {
                return Err(ParseError::syntax(at, "unexpected token in a pipeline"));
            }
            self.waiting.push((token, at));
            let command = self.command(at)?;
            pipe.commands.push(command);
        }
        if pipe.commands.is_empty() {
            return Err(ParseError::syntax(pos, "missing value"));
        }
        let is_constant = |command: &Command| {
            matches!(
                command.terms[0],
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Str(_)
            )
        };
        if pipe.commands[1..].iter().any(is_constant) {
            return Err(ParseError::syntax(
                pos,
                "non executable command in pipeline",
            ));
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, in_range: bool) -> Parsed<()> {
        loop {
            let (first, at) = self.next_visible()?;
            let Token::Variable(name) = first else {
                self.waiting.push((first, at));
                return Ok(());
            };
            let (after, after_at) = self.next()?;
            let spaced = after == Token::Space;
            let (sign, sign_at) = if spaced {
                self.next_visible()?
            } else {
                (after, after_at)
            };
            match sign {
                Token::Assign | Token::Declare => {
                    pipe.assigns = sign == Token::Assign;
                    self.declare(pipe, name)?;
                    return Ok(());
                }
                Token::Comma => {
                    self.declare(pipe, name)?;
                    if !in_range || pipe.variables.len() > 1 {
                        return Err(ParseError::syntax(sign_at, "too many declarations"));
                    }
                    match self.peek_visible()? {
                        Token::Variable(_) | Token::Close | Token::RightParen => {}
                        _ => {
                            let what = "range can only initialize variables";
                            return Err(ParseError::syntax(sign_at, what));
                        }
                    }
                }
                _ => {
                    // An argument after all: put everything back.
                    self.waiting.push((sign, sign_at));
                    if spaced {
                        self.waiting.push((Token::Space, after_at));
                    }
                    self.waiting.push((Token::Variable(name), at));
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, name: &str) -> Parsed<()> {
        let name: Name = name.into();
        if self.variables.len() >= Limits::VARIABLES {
            let fault = Fault::too_expensive("more than 1000 variables");
            return Err(ParseError::at(pipe.pos, fault));
        }
        self.variables.push(Rc::clone(&name));
        pipe.variables.push(name);
        Ok(())
    }

    fn charge(&mut self, pos: usize, bytes: usize) -> Parsed<()> {
        self.meter
            .allocate(bytes)
            .map_err(|fault| ParseError::at(pos, fault))
    }

    fn command(&mut self, pos: usize) -> Parsed<Command> {
        self.charge(pos, COMMAND_SIZE)?;
        let mut terms = Vec::new();
        loop {
            self.peek_visible()?;
            if let Some(term) = self.operand()? {
                terms.push(term);
            }
            let (token, at) = self.next()?;
            match token {
                Token::Space => {}
                Token::Close | Token::RightParen => {
                    self.waiting.push((token, at));
                    break;
                }
                Token::Pipe => break,
                _ => return Err(ParseError::syntax(at, "unexpected token in an operand")),
            }
        }
        if terms.is_empty() {
            return Err(ParseError::syntax(pos, "empty command"));
        }
        Ok(Command { pos, terms })
    }

    fn operand(&mut self) -> Parsed<Option<Term>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let mut fields: Vec<Name> = Vec::new();
        let pos = loop {
            match self.next()? {
                (Token::Field(name), _) => fields.push(name.into()),
                (other, at) => {
                    self.waiting.push((other, at));
                    break at;
                }
            }
        };
        if fields.is_empty() {
            return Ok(Some(term));
        }
        Ok(Some(match term {
            Term::Field(mut names) => {
                names.append(&mut fields);
                Term::Field(names)
            }
            Term::Variable(name, mut names) => {
                names.append(&mut fields);
                Term::Variable(name, names)
            }
            Term::Bool(_) | Term::Str(_) | Term::Number(_) | Term::Nil | Term::Dot => {
                return Err(ParseError::syntax(pos, "unexpected . after a term"));
            }
            other => Term::Chain(Box::new(other), fields),
        }))
    }

    fn term(&mut self) -> Parsed<Option<Term>> {
        let (token, pos) = self.next_visible()?;
        self.charge(pos, TERM_SIZE)?;
        Ok(Some(match token {
            Token::Word(name) => Term::Function(
                (self.lookup)(name)
                    .map_err(|what| ParseError::unknown_function(pos, name, what))?,
            ),
            Token::Dot => Term::Dot,
            Token::Nil => Term::Nil,
            Token::Bool(value) => Term::Bool(value),
            Token::Number(number) => Term::Number(number),
            Token::Str(bytes) => Term::Str(Text::new(bytes)),
            Token::Field(name) => Term::Field(vec![name.into()]),
            Token::Variable(name) => {
                if !self.variables.iter().any(|known| **known == *name) {
                    return Err(ParseError::syntax(pos, "undefined variable"));
                }
                Term::Variable(name.into(), Vec::new())
            }
            Token::LeftParen => {
                self.enter(pos)?;
                let pipe = self.pipe(pos, &Token::RightParen, false)?;
                self.depth -= 1;
                Term::Pipe(Box::new(pipe))
            }
            _ => {
                self.waiting.push((token, pos));
                return Ok(None);
            }
        }))
    }
}
