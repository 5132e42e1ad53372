//! Tokens to nodes.
//!
//! Nesting is counted here, as the text is read, so no text is deep enough to exhaust the stack: not in here, not in the
//! evaluator, and not when the tree is dropped.

mod pipeline;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ParseError;
use super::lex::{Keyword, Lexer, Token};
use crate::ast::{Branches, Name, Node, Nodes, Range, Template, is_empty};
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
}
