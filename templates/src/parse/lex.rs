//! Text to tokens. Spaces are tokens, because operands must be separated by them.

use super::{ParseError, number, quoted};
use crate::ast::Number;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// Text outside of actions, trimmed.
    Text(&'t str),
    /// `{{`
    Open,
    /// `}}`
    Close,
    Space,
    Assign,
    Declare,
    Comma,
    Pipe,
    LeftParen,
    RightParen,
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Str(Vec<u8>),
    /// A field, without its point.
    Field(&'t str),
    /// A variable, with its `$`.
    Variable(&'t str),
    /// The name of a function.
    Word(&'t str),
    Keyword(Keyword),
    End,
}

/// A word that is not a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The reader of one text. Tokens are made as they are asked for, so a huge text costs nothing up front.
pub(super) struct Lexer<'t> {
    text: &'t str,
    pos: usize,
    in_action: bool,
    trim_next: bool,
    parens: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            pos: 0,
            in_action: false,
            trim_next: false,
            parens: 0,
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error<T>(&self, what: &'static str) -> Result<T, ParseError> {
        Err(ParseError::syntax(self.pos, what))
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), ParseError> {
        loop {
            let start = self.pos;
            let token = if self.in_action {
                Some(self.inside()?)
            } else {
                self.outside()?
            };
            if let Some(token) = token {
                return Ok((token, start));
            }
        }
    }

    /// Text up to the next action, or the action's beginning; `None` for a comment and for text that is trimmed away.
    fn outside(&mut self) -> Result<Option<Token<'t>>, ParseError> {
        if let Some(action) = self.rest().strip_prefix("{{") {
            self.trim_next = false;
            self.pos += 2;
            if is_left_trim(action) {
                self.pos += 2;
            }
            if self.rest().starts_with("/*") {
                return self.comment().map(|()| None);
            }
            self.in_action = true;
            self.parens = 0;
            return Ok(Some(Token::Open));
        }
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(Some(Token::End));
        }
        let len = rest.find("{{").unwrap_or(rest.len());
        let mut text = &rest[..len];
        self.pos += len;
        if std::mem::take(&mut self.trim_next) {
            text = text.trim_start_matches(SPACES);
        }
        if rest.get(len + 2..).is_some_and(is_left_trim) {
            text = text.trim_end_matches(SPACES);
        }
        Ok((!text.is_empty()).then_some(Token::Text(text)))
    }

    /// From `/*` to the end; the `*` that opens a comment does not close it.
    fn comment(&mut self) -> Result<(), ParseError> {
        self.pos += 2;
        let Some(end) = self.rest().find("*/") else {
            return self.error("unclosed comment");
        };
        self.pos += end + 2;
        if self.close() {
            return Ok(());
        }
        self.error("comment ends before closing delimiter")
    }

    /// Steps over `}}` or ` -}}`, if one of them is next.
    fn close(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with("}}") {
            self.pos += 2;
        } else if is_right_trim(rest) {
            self.pos += 4;
            self.trim_next = true;
        } else {
            return false;
        }
        self.in_action = false;
        true
    }

    fn inside(&mut self) -> Result<Token<'t>, ParseError> {
        let closing = self.rest().starts_with("}}") || is_right_trim(self.rest());
        if closing && self.parens > 0 {
            return self.error("unclosed left paren");
        }
        if closing {
            self.close();
            return Ok(Token::Close);
        }
        let Some(c) = self.peek() else {
            return self.error("unclosed action");
        };
        match c {
            _ if SPACES.contains(&c) => Ok(self.spaces()),
            '"' => self.quoted(),
            '`' => self.raw(),
            '\'' => self.character(),
            '$' => self.variable(),
            '.' if !self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                self.field()
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_word(c) => self.word(),
            _ => self.punctuation(c),
        }
    }

    fn spaces(&mut self) -> Token<'t> {
        // The last space may belong to a trim marker.
        while self.peek().is_some_and(|c| SPACES.contains(&c)) && !is_right_trim(self.rest()) {
            self.pos += 1;
        }
        Token::Space
    }

    fn punctuation(&mut self, c: char) -> Result<Token<'t>, ParseError> {
        let token = match c {
            '=' => Token::Assign,
            '|' => Token::Pipe,
            ',' => Token::Comma,
            '(' => {
                self.parens += 1;
                Token::LeftParen
            }
            ')' if self.parens == 0 => return self.error("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                Token::RightParen
            }
            ':' if self.rest().starts_with(":=") => {
                self.pos += 1;
                Token::Declare
            }
            _ => return self.error("unexpected character in action"),
        };
        self.pos += 1;
        Ok(token)
    }

    fn quoted(&mut self) -> Result<Token<'t>, ParseError> {
        let inner = self.delimited('"', "unterminated quoted string")?;
        match quoted::string(inner) {
            Some(bytes) => Ok(Token::Str(bytes)),
            None => self.error("invalid quoted string"),
        }
    }

    fn character(&mut self) -> Result<Token<'t>, ParseError> {
        let inner = self.delimited('\'', "unterminated character constant")?;
        match quoted::character(inner) {
            Some(code) => Ok(Token::Number(number::character(code))),
            None => self.error("malformed character constant"),
        }
    }

    /// What stands between two quotes on one line; a backslash takes the next character with it.
    fn delimited(&mut self, quote: char, what: &'static str) -> Result<&'t str, ParseError> {
        let inner = &self.rest()[1..];
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if !matches!(chars.next(), None | Some((_, '\n'))) => {}
                '\\' | '\n' => break,
                _ if c == quote => {
                    self.pos += at + 2;
                    return Ok(&inner[..at]);
                }
                _ => {}
            }
        }
        self.error(what)
    }

    fn raw(&mut self) -> Result<Token<'t>, ParseError> {
        let inner = &self.rest()[1..];
        let Some(end) = inner.find('`') else {
            return self.error("unterminated raw quoted string");
        };
        self.pos += end + 2;
        // As in Go, carriage returns in raw strings vanish.
        Ok(Token::Str(inner[..end].replace('\r', "").into_bytes()))
    }

    /// The letters and digits that follow.
    fn letters(&mut self) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.pos += len;
        &rest[..len]
    }

    /// Whether a name may end here.
    fn ends_name(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) if SPACES.contains(&c) => true,
            Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with("}}"),
        }
    }

    fn field(&mut self) -> Result<Token<'t>, ParseError> {
        self.pos += 1;
        if self.ends_name() {
            return Ok(Token::Dot);
        }
        let name = self.letters();
        if name.is_empty() || !self.ends_name() {
            return self.error("bad character in a name");
        }
        Ok(Token::Field(name))
    }

    fn variable(&mut self) -> Result<Token<'t>, ParseError> {
        let start = self.pos;
        self.pos += 1;
        self.letters();
        if !self.ends_name() {
            return self.error("bad character in a name");
        }
        Ok(Token::Variable(&self.text[start..self.pos]))
    }

    fn word(&mut self) -> Result<Token<'t>, ParseError> {
        let word = self.letters();
        if !self.ends_name() {
            return self.error("bad character in a name");
        }
        Ok(match word {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            "nil" => Token::Nil,
            "block" => Token::Keyword(Keyword::Block),
            "break" => Token::Keyword(Keyword::Break),
            "continue" => Token::Keyword(Keyword::Continue),
            "define" => Token::Keyword(Keyword::Define),
            "else" => Token::Keyword(Keyword::Else),
            "end" => Token::Keyword(Keyword::End),
            "if" => Token::Keyword(Keyword::If),
            "range" => Token::Keyword(Keyword::Range),
            "template" => Token::Keyword(Keyword::Template),
            "with" => Token::Keyword(Keyword::With),
            _ => Token::Word(word),
        })
    }

    fn number(&mut self) -> Result<Token<'t>, ParseError> {
        let start = self.pos;
        self.skip_one_of("+-");
        let mut digits = "0123456789_";
        let mut exponents = "eE";
        if self.skip_one_of("0") {
            if self.skip_one_of("xX") {
                (digits, exponents) = ("0123456789abcdefABCDEF_", "pP");
            } else if self.skip_one_of("oO") {
                (digits, exponents) = ("01234567_", "");
            } else if self.skip_one_of("bB") {
                (digits, exponents) = ("01_", "");
            }
        }
        while self.skip_one_of(digits) {}
        if self.skip_one_of(".") {
            while self.skip_one_of(digits) {}
        }
        if self.skip_one_of(exponents) {
            self.skip_one_of("+-");
            while self.skip_one_of("0123456789_") {}
        }
        if self.peek().is_some_and(|c| is_word(c) || "+-".contains(c)) {
            // Complex constants end here too: nothing in a Secret needs them.
            return self.error("bad number syntax");
        }
        match number::number(&self.text[start..self.pos]) {
            Some(number) => Ok(Token::Number(number)),
            None => self.error("bad number syntax"),
        }
    }

    fn skip_one_of(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        self.pos += usize::from(found);
        found
    }
}

fn is_left_trim(action: &str) -> bool {
    let mut chars = action.chars();
    chars.next() == Some('-') && chars.next().is_some_and(|c| SPACES.contains(&c))
}

fn is_right_trim(rest: &str) -> bool {
    rest.starts_with(SPACES) && rest[1..].starts_with("-}}")
}
