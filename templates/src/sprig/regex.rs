//! sprig: regular expressions, in Go's syntax.

mod budget;
mod class;
mod engine;
mod syntax;
#[cfg(test)]
mod tests;

use budget::Unusable;
use engine::{Groups, Regex};

use super::runes::{is_digit, is_letter, runes};
use crate::{Call, Entry, Fault, Param, Type, Value};
use Param::{Int, Str};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("mustRegexFind", &[Str, Str], find),
    Entry::new("mustRegexFindAll", &[Str, Str, Int], find_all),
    Entry::new("mustRegexMatch", &[Str, Str], must_match),
    Entry::new("mustRegexReplaceAll", &[Str, Str, Str], replace_all),
    Entry::new(
        "mustRegexReplaceAllLiteral",
        &[Str, Str, Str],
        replace_all_literal,
    ),
    Entry::new("mustRegexSplit", &[Str, Str, Int], split),
    Entry::new("regexFind", &[Str, Str], find),
    Entry::new("regexFindAll", &[Str, Str, Int], find_all),
    Entry::new("regexMatch", &[Str, Str], matches),
    Entry::new("regexQuoteMeta", &[Str], quote_meta),
    Entry::new("regexReplaceAll", &[Str, Str, Str], replace_all),
    Entry::new(
        "regexReplaceAllLiteral",
        &[Str, Str, Str],
        replace_all_literal,
    ),
    Entry::new("regexSplit", &[Str, Str, Int], split),
];

/// The compiled first argument, for whole matches.
fn regex(call: &mut Call<'_, '_>) -> Result<Regex, Fault> {
    let pattern = call.str(0)?;
    Ok(Regex::new(call, pattern, false)?)
}

/// Where the first match is.
fn first(
    call: &mut Call<'_, '_>,
    regex: &Regex,
    text: &[u8],
) -> Result<Option<(usize, usize)>, Fault> {
    let mut found = None;
    regex.each(call, text, 1, |_, groups| {
        found = groups[0];
        Ok(())
    })?;
    Ok(found)
}

fn must_match(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let regex = regex(call)?;
    let text = call.str(1)?;
    Ok(Value::Bool(first(call, &regex, text)?.is_some()))
}

/// Alone among the functions, `regexMatch` says no when the expression is wrong.
fn matches(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let pattern = call.str(0)?;
    match Regex::new(call, pattern, false) {
        Err(Unusable::Syntax) => Ok(Value::Bool(false)),
        Err(why) => Err(why.into()),
        Ok(regex) => {
            let text = call.str(1)?;
            Ok(Value::Bool(first(call, &regex, text)?.is_some()))
        }
    }
}

fn find(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let regex = regex(call)?;
    let text = call.str(1)?;
    let (from, to) = first(call, &regex, text)?.unwrap_or((0, 0));
    call.text(&text[from..to])
}

/// The ranges of at most `limit` matches; all if that is negative.
fn ranges(
    call: &mut Call<'_, '_>,
    regex: &Regex,
    text: &[u8],
    limit: i64,
) -> Result<Vec<(usize, usize)>, Fault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    regex.each(call, text, limit, |call, groups| {
        call.room((found.len() + 1) * (size_of::<Value>() + size_of::<(usize, usize)>()))?;
        found.extend(groups[0]);
        Ok(())
    })?;
    Ok(found)
}

fn find_all(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let regex = regex(call)?;
    let (text, limit) = (call.str(1)?, call.int(2)?);
    let found = ranges(call, &regex, text, limit)?;
    if found.is_empty() {
        return Ok(Value::List(crate::List::nil(Type::Str)));
    }
    call.texts(found.into_iter().map(|(from, to)| &text[from..to]))
}

fn split(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let regex = regex(call)?;
    let (pattern, text, limit) = (call.str(0)?, call.str(1)?, call.int(2)?);
    if limit == 0 {
        return Ok(Value::List(crate::List::nil(Type::Str)));
    }
    if !pattern.is_empty() && text.is_empty() {
        return call.texts([b""]);
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let (mut from, mut last) = (0, 0);
    for (start, end) in ranges(call, &regex, text, limit)? {
        if parts.len() + 1 == most {
            break;
        }
        last = start;
        // An empty match at the very beginning splits nothing off.
        if end != 0 {
            parts.push(&text[from..start]);
        }
        from = end;
    }
    if last != text.len() {
        parts.push(&text[from..]);
    }
    call.texts(parts)
}

fn replace_all(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    replaced(call, true)
}

fn replace_all_literal(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    replaced(call, false)
}

fn replaced(call: &mut Call<'_, '_>, expand: bool) -> Result<Value, Fault> {
    let (pattern, text, with) = (call.str(0)?, call.str(1)?, call.str(2)?);
    let references = if expand {
        memchr::memchr_iter(b'$', with).count()
    } else {
        0
    };
    let regex = Regex::new(call, pattern, references > 0)?;
    // A reference can mean every group there is.
    let meant = references.saturating_mul(regex.names.len());
    call.room(references.saturating_mul(size_of::<[Part<'_>; 4]>()))?;
    call.room(meant.saturating_mul(size_of::<usize>()))?;
    call.work(meant.saturating_mul(16))?;
    let with = if references > 0 {
        parts(with, &regex.names)
    } else {
        vec![Part::Literal(with)]
    };
    let mut out = Vec::new();
    let mut at = 0;
    regex.each(call, text, usize::MAX, |call, groups| {
        let (from, to) = groups[0].unwrap_or((at, at));
        let size: usize = with.iter().map(|part| part.of(text, groups).len()).sum();
        // Twice, because a buffer that is full doubles.
        let made = out.len().saturating_add(size).saturating_mul(2);
        call.room(made.saturating_add(text.len()))?;
        call.work(size.saturating_add(with.len()).saturating_add(meant))?;
        out.extend_from_slice(&text[at..from]);
        with.iter()
            .for_each(|part| out.extend_from_slice(part.of(text, groups)));
        at = to;
        Ok(())
    })?;
    out.extend_from_slice(&text[at..]);
    call.text(out)
}

/// A piece of a replacement.
enum Part<'r> {
    Literal(&'r [u8]),
    /// The first of these groups that takes part in the match.
    Groups(Vec<usize>),
}

impl<'r> Part<'r> {
    fn of(&self, text: &'r [u8], groups: &Groups) -> &'r [u8] {
        match self {
            Self::Literal(text) => text,
            Self::Groups(numbers) => numbers
                .iter()
                .find_map(|&number| *groups.get(number)?)
                .map_or(&b""[..], |(from, to)| &text[from..to]),
        }
    }
}

/// A replacement with `$1`, `${1}`, `$name`, `${name}` and `$$` in it. A `$` of another kind is itself; a group that
/// does not exist is empty.
fn parts<'r>(replacement: &'r [u8], names: &[String]) -> Vec<Part<'r>> {
    let mut parts = Vec::new();
    let mut rest = replacement;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        parts.push(Part::Literal(&rest[..dollar]));
        let behind = &rest[dollar + 1..];
        if let Some((name, length)) = reference(behind) {
            rest = &behind[length..];
            parts.push(Part::Groups(numbers(name, names)));
        } else {
            parts.push(Part::Literal(b"$"));
            rest = behind.strip_prefix(b"$").unwrap_or(behind);
        }
    }
    parts.push(Part::Literal(rest));
    parts
}

/// The name behind a `$`, and how many bytes it takes with its braces.
fn reference(behind: &[u8]) -> Option<(&str, usize)> {
    let braced = behind.strip_prefix(b"{");
    let text = braced.unwrap_or(behind);
    let word = |ch: char| ch == '_' || is_letter(ch) || is_digit(ch);
    let length: usize = runes(text)
        .take_while(|rune| word(rune.ch))
        .map(|rune| rune.width)
        .sum();
    let name = str::from_utf8(&text[..length])
        .ok()
        .filter(|name| !name.is_empty())?;
    match braced {
        None => Some((name, length)),
        Some(text) => (text.get(length) == Some(&b'}')).then_some((name, length + 2)),
    }
}

/// The groups that a reference means: one by number, all of a name.
fn numbers(name: &str, names: &[String]) -> Vec<usize> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.parse().into_iter().collect();
    }
    (0..names.len())
        .filter(|&number| names[number] == name)
        .collect()
}

fn quote_meta(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    let text = call.str(0)?;
    call.room(text.len().saturating_mul(2))?;
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if br"\.+*?()|[]{}^$".contains(&byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
    call.text(out)
}
