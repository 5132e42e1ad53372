//! Go's syntax of regular expressions (RE2 with Perl's additions), parsed into what `regex-automata`
//! compiles. Where the syntaxes differ it is Go's that counts: nested brackets, `{,2}`, `\Q…\E`,
//! octal escapes, ASCII `\b`, stacked repetitions that are errors.

use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, Look, Repetition};

use super::budget::{Budget, Unusable};
use super::class;

/// Groups may be nested so deep; Go allows 1000, but what compiles the expression recurses.
const MAX_DEPTH: usize = 200;
/// Go's limit for counts, and for the product of nested ones.
const MAX_REPEAT: u32 = 1000;

/// A parsed expression.
pub(super) struct Parsed {
    /// What it matches.
    pub(super) hir: Hir,
    /// The names of its groups, the whole match first; empty for none. Two can have the same.
    pub(super) names: Vec<String>,
}

/// Parses an expression. In Go it has to be UTF-8.
pub(super) fn parse(pattern: &str, budget: &mut Budget<'_>) -> Result<Parsed, Unusable> {
    let mut parser = Parser {
        rest: pattern,
        flags: Flags::default(),
        open: vec![Group::default()],
        names: vec![String::new()],
        budget,
    };
    while let Some(ch) = parser.rest.chars().next() {
        parser.item(ch)?;
    }
    let last = parser.open.pop().ok_or(Unusable::Syntax)?;
    // A group is still open.
    if !parser.open.is_empty() {
        return Err(Unusable::Syntax);
    }
    let Node { hir, .. } = last.finished();
    Ok(Parsed {
        hir,
        names: parser.names,
    })
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) fold: bool,
    /// `m`
    lines: bool,
    /// `s`
    dot_newline: bool,
    /// `U`
    swap_greed: bool,
}

struct Node {
    hir: Hir,
    /// The largest product of counts on a way down.
    repeats: u32,
}

impl From<Hir> for Node {
    fn from(hir: Hir) -> Self {
        Self { hir, repeats: 1 }
    }
}

/// An open group, or the whole expression.
#[derive(Default)]
struct Group {
    /// Its number if it captures.
    index: Option<u32>,
    /// The flags that hold again behind it.
    outside: Flags,
    /// Finished alternatives.
    branches: Vec<Node>,
    /// What the current alternative consists of.
    items: Vec<Node>,
}

impl Group {
    fn close_branch(&mut self) {
        let items = std::mem::take(&mut self.items);
        let repeats = items.iter().map(|node| node.repeats).max().unwrap_or(1);
        let hir = Hir::concat(items.into_iter().map(|node| node.hir).collect());
        self.branches.push(Node { hir, repeats });
    }

    fn finished(mut self) -> Node {
        self.close_branch();
        let repeats = self
            .branches
            .iter()
            .map(|node| node.repeats)
            .max()
            .unwrap_or(1);
        let mut hir = Hir::alternation(self.branches.into_iter().map(|node| node.hir).collect());
        if let Some(index) = self.index {
            hir = Hir::capture(Capture {
                index,
                name: None,
                sub: Box::new(hir),
            });
        }
        Node { hir, repeats }
    }
}

struct Parser<'p, 'b, 'm> {
    rest: &'p str,
    budget: &'b mut Budget<'m>,
    flags: Flags,
    open: Vec<Group>,
    names: Vec<String>,
}

impl Parser<'_, '_, '_> {
    fn item(&mut self, ch: char) -> Result<(), Unusable> {
        match ch {
            '(' => return self.group(),
            '|' => self.top().close_branch(),
            ')' => return self.close(),
            '^' => self.look(Look::Start, Look::StartLF),
            '$' => self.look(Look::End, Look::EndLF),
            '.' => {
                let dot = if self.flags.dot_newline {
                    Dot::AnyChar
                } else {
                    Dot::AnyCharExceptLF
                };
                self.push(Hir::dot(dot));
            }
            '[' => {
                let class = class::bracketed(&mut self.rest, self.flags.fold, self.budget)?;
                self.class(&class);
                return Ok(());
            }
            '*' | '+' | '?' => {
                self.rest = &self.rest[1..];
                let (min, max) = match ch {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                return self.repeat(min, max);
            }
            '{' => {
                if let Some((min, max, behind)) = counts(self.rest) {
                    self.rest = behind;
                    let too_many = |count| count > MAX_REPEAT;
                    if too_many(min) || max.is_some_and(|max| too_many(max) || max < min) {
                        return Err(Unusable::Syntax);
                    }
                    return self.repeat(min, max);
                }
                self.literal(u32::from(ch))?;
            }
            '\\' => return self.escape(),
            _ => self.literal(u32::from(ch))?,
        }
        self.rest = &self.rest[ch.len_utf8()..];
        Ok(())
    }

    fn top(&mut self) -> &mut Group {
        self.open
            .last_mut()
            .expect("the outermost group is closed at the end only")
    }

    fn push(&mut self, hir: Hir) {
        self.top().items.push(hir.into());
    }

    fn look(&mut self, text: Look, line: Look) {
        self.push(Hir::look(if self.flags.lines { line } else { text }));
    }

    /// A character by number; a surrogate is allowed, and never found.
    fn literal(&mut self, number: u32) -> Result<(), Unusable> {
        let mut class = ClassUnicode::empty();
        class::add(&mut class, number, number);
        let class = class::folded(class, self.flags.fold, self.budget)?;
        self.budget.hold(class.ranges().len())?;
        self.class(&class);
        Ok(())
    }

    /// A class, without the room that it has left over from being made.
    fn class(&mut self, class: &ClassUnicode) {
        let class = ClassUnicode::new(class.iter().copied());
        self.push(Hir::class(Class::Unicode(class)));
    }

    fn repeat(&mut self, min: u32, max: Option<u32>) -> Result<(), Unusable> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.rest = &self.rest[1..];
        }
        // Repetitions are not stacked.
        if self.rest.starts_with(['*', '+', '?']) || counts(self.rest).is_some() {
            return Err(Unusable::Syntax);
        }
        let greedy = lazy == self.flags.swap_greed;
        let node = self.top().items.pop().ok_or(Unusable::Syntax)?;
        let counted = min >= 2 || max.is_some_and(|max| max >= 2);
        let repeats = match max.unwrap_or(min) {
            0 if max.is_some() => 1,
            times => node.repeats.saturating_mul(times.max(1)),
        };
        if counted && repeats > MAX_REPEAT {
            return Err(Unusable::Syntax);
        }
        let hir = Hir::repetition(Repetition {
            min,
            max,
            greedy,
            sub: Box::new(node.hir),
        });
        self.top().items.push(Node { hir, repeats });
        Ok(())
    }

    /// At a `(`: a group, or flags for the rest of this one.
    fn group(&mut self) -> Result<(), Unusable> {
        let outside = self.flags;
        let index = if let Some(rest) = self.rest.strip_prefix("(?") {
            if let Some(rest) = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<')) {
                let (name, rest) = rest.split_once('>').ok_or(Unusable::Syntax)?;
                let word = |ch: char| ch == '_' || ch.is_ascii_alphanumeric();
                if name.is_empty() || !name.chars().all(word) {
                    return Err(Unusable::Syntax);
                }
                self.rest = rest;
                Some(self.capture(name)?)
            } else {
                self.rest = rest;
                if !self.flags()? {
                    return Ok(());
                }
                None
            }
        } else {
            self.rest = &self.rest[1..];
            Some(self.capture("")?)
        };
        if self.open.len() > MAX_DEPTH {
            return Err(Unusable::Syntax);
        }
        self.open.push(Group {
            index,
            outside,
            ..Group::default()
        });
        Ok(())
    }

    fn capture(&mut self, name: &str) -> Result<u32, Unusable> {
        let index = u32::try_from(self.names.len()).map_err(|_| Unusable::Syntax)?;
        self.names.push(name.to_owned());
        Ok(index)
    }

    fn close(&mut self) -> Result<(), Unusable> {
        if self.open.len() < 2 {
            return Err(Unusable::Syntax);
        }
        self.rest = &self.rest[1..];
        let group = self.open.pop().ok_or(Unusable::Syntax)?;
        self.flags = group.outside;
        let node = group.finished();
        self.top().items.push(node);
        Ok(())
    }

    /// Behind `(?`: flags. Whether a group follows.
    fn flags(&mut self) -> Result<bool, Unusable> {
        let mut flags = self.flags;
        let (mut on, mut seen, mut negated) = (true, false, false);
        loop {
            let ch = self.rest.chars().next().ok_or(Unusable::Syntax)?;
            self.rest = &self.rest[ch.len_utf8()..];
            let flag = match ch {
                'i' => &mut flags.fold,
                'm' => &mut flags.lines,
                's' => &mut flags.dot_newline,
                'U' => &mut flags.swap_greed,
                '-' if !negated => {
                    (on, seen, negated) = (false, false, true);
                    continue;
                }
                ':' | ')' if seen || !negated => {
                    self.flags = flags;
                    return Ok(ch == ':');
                }
                _ => return Err(Unusable::Syntax),
            };
            *flag = on;
            seen = true;
        }
    }

    /// At a `\` outside brackets.
    fn escape(&mut self) -> Result<(), Unusable> {
        let ch = self.rest[1..].chars().next().ok_or(Unusable::Syntax)?;
        let behind = &self.rest[1 + ch.len_utf8()..];
        let look = match ch {
            'A' => Look::Start,
            'z' => Look::End,
            'b' => Look::WordAscii,
            'B' => Look::WordAsciiNegate,
            'Q' => {
                let (quoted, rest) = behind.split_once("\\E").unwrap_or((behind, ""));
                self.rest = rest;
                return quoted
                    .chars()
                    .try_for_each(|ch| self.literal(u32::from(ch)));
            }
            _ => {
                if let Some(set) = class::escaped(&mut self.rest, self.flags.fold, self.budget)? {
                    self.class(&set);
                    return Ok(());
                }
                let number = class::character(&mut self.rest)?;
                return self.literal(number);
            }
        };
        self.push(Hir::look(look));
        self.rest = behind;
        Ok(())
    }
}

/// `{2}`, `{2,}` or `{2,3}` at the start of `text`, and what comes behind. Anything else is a literal brace.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (min, rest) = count(text.strip_prefix('{')?)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, None, rest));
    }
    let (max, rest) = count(rest)?;
    Some((min, Some(max), rest.strip_prefix('}')?))
}

/// A number without leading zeros; one that is too large is larger than any limit.
fn count(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if digits == 0 || (digits > 1 && number.starts_with('0')) {
        return None;
    }
    Some((number.parse().unwrap_or(u32::MAX), rest))
}
