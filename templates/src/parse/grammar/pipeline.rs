//! Pipelines: what stands between the delimiters, or in parentheses.

use std::rc::Rc;

use super::{COMMAND_SIZE, Parsed, Parser, TERM_SIZE};
use crate::ast::{Command, Name, Pipe, Term};
use crate::parse::ParseError;
use crate::parse::lex::Token;
use crate::{Fault, Limits, Text};

impl Parser<'_, '_> {
    /// A pipeline up to `end`, which is eaten.
    pub(super) fn pipe(
        &mut self,
        pos: usize,
        end: &Token<'static>,
        in_range: bool,
    ) -> Parsed<Pipe> {
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

    pub(super) fn charge(&mut self, pos: usize, bytes: usize) -> Parsed<()> {
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
