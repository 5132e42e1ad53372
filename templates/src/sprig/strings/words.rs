//! `snakecase`, `kebabcase` and `camelcase` by the rules of huandu/xstrings 1.5.

use crate::sprig::runes::{
    RUNE_ERROR, chars, is_letter, is_number, is_punct, is_space, is_upper, push, runes, to_lower,
    to_upper,
};

/// What a run of characters is to the rules of joining.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `_`, `-` and white space.
    Connector,
    Punct,
    Number,
    /// Starts with an upper case letter.
    Upper,
    /// Letters that are neither upper case nor Chinese.
    Letter,
    /// Anything else: symbols, marks, Chinese.
    Other,
}

pub(super) struct Word<'a> {
    kind: Kind,
    text: &'a [u8],
}

/// `text` in lower case, its words joined by `connector` (`_` or `-`).
pub(crate) fn delimited(text: &[u8], connector: char) -> Vec<u8> {
    let words = split(text);
    let mut out = Vec::with_capacity(text.len() + words.len());
    let mut at = 0;
    while at < words.len() {
        let taken = unit(&words[at..], connector, &mut out);
        let last = words[at + taken - 1].kind;
        at += taken;
        let joins = |kind| !matches!(kind, Kind::Connector | Kind::Punct);
        if at < words.len() && joins(last) && joins(words[at].kind) {
            push(&mut out, connector);
        }
    }
    out
}

/// Writes what belongs together at the start of `words`; says how many words that was.
fn unit(words: &[Word<'_>], connector: char, out: &mut Vec<u8>) -> usize {
    let write = |word: &Word<'_>, out: &mut Vec<u8>| match word.kind {
        Kind::Connector | Kind::Upper => {
            for ch in chars(word.text) {
                push(
                    out,
                    if is_connector(ch) {
                        connector
                    } else {
                        to_lower_of_upper(ch)
                    },
                );
            }
        }
        _ => out.extend_from_slice(word.text),
    };
    let kind = |at: usize| words.get(at).map(|word| word.kind);
    // A number takes the lower case letters and numbers that follow it: 2m3s, 20x.
    let numeric = |from: usize| {
        (from..words.len())
            .find(|&at| !matches!(words[at].kind, Kind::Letter | Kind::Number))
            .unwrap_or(words.len())
    };
    write(&words[0], out);
    match words[0].kind {
        Kind::Connector | Kind::Punct => 1,
        Kind::Number => {
            let end = numeric(1);
            words[1..end].iter().for_each(|word| write(word, out));
            end
        }
        _ if kind(1) != Some(Kind::Number) => 1,
        // Floor3rd is floor_3rd, but Bld4Floor is bld4_floor.
        _ if kind(2) == Some(Kind::Letter) => {
            push(out, connector);
            let end = numeric(1);
            words[1..end].iter().for_each(|word| write(word, out));
            end
        }
        _ => {
            write(&words[1], out);
            2
        }
    }
}

/// Letters of title case stay.
fn to_lower_of_upper(ch: char) -> char {
    if is_upper(ch) { to_lower(ch) } else { ch }
}

/// Splits `text` into words. Of several upper case letters before another letter, the last starts the
/// next word: HTTPServer is HTTP, Server.
fn split(text: &[u8]) -> Vec<Word<'_>> {
    let units = units(text);
    let mut words = Vec::new();
    let mut at = 0;
    while at < units.len() {
        let kind = units[at].kind;
        let run = |from: usize, kind| {
            (from..units.len())
                .find(|&i| !units[i].continues(kind))
                .unwrap_or(units.len())
        };
        let mut end = run(at, kind);
        if kind == Kind::Upper && units.get(end).is_some_and(|unit| unit.kind == Kind::Letter) {
            end = if end - at == 1 {
                run(end, Kind::Letter)
            } else {
                end - 1
            };
        }
        let ends = units.get(end).map_or(text.len(), |unit| unit.start);
        words.push(Word {
            kind,
            text: &text[units[at].start..ends],
        });
        at = end;
    }
    words
}

/// A character with the stray bytes before it.
struct Unit {
    ch: char,
    kind: Kind,
    start: usize,
}

impl Unit {
    /// `_` and `-` start a run of connectors, but do not end one of punctuation.
    fn continues(&self, kind: Kind) -> bool {
        self.kind == kind || (kind == Kind::Punct && is_punct(self.ch))
    }
}

/// Cuts `text` into characters. Bytes that are not UTF-8 (and U+FFFD) go with the character behind
/// them, or, at the end, with the one before.
fn units(text: &[u8]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::with_capacity(text.len());
    let (mut start, mut at) = (0, 0);
    for rune in runes(text) {
        at += rune.width;
        if rune.ch != RUNE_ERROR {
            units.push(Unit {
                ch: rune.ch,
                kind: kind_of(rune.ch),
                start,
            });
            start = at;
        }
    }
    if units.is_empty() && !text.is_empty() {
        units.push(Unit {
            ch: RUNE_ERROR,
            kind: Kind::Other,
            start,
        });
    }
    units
}

fn kind_of(ch: char) -> Kind {
    match ch {
        ch if is_connector(ch) => Kind::Connector,
        ch if is_punct(ch) => Kind::Punct,
        ch if is_upper(ch) => Kind::Upper,
        ch if is_number(ch) => Kind::Number,
        '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}' => {
            Kind::Other
        }
        ch if is_letter(ch) => Kind::Letter,
        _ => Kind::Other,
    }
}

fn is_connector(ch: char) -> bool {
    matches!(ch, '_' | '-') || is_space(ch)
}

/// `xstrings.ToPascalCase`.
pub(crate) fn camelcase(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1);
    // Leading connectors stay as they are; of several between words, the last goes.
    let mut held: Option<char> = None;
    let mut starts = true;
    let mut shouting = false;
    let mut leading = true;
    for ch in chars(text) {
        if is_connector(ch) {
            if leading {
                push(&mut out, ch);
            } else if let Some(before) = held.replace(ch) {
                push(&mut out, before);
            }
            starts = true;
            continue;
        }
        leading = false;
        held = None;
        if starts {
            push(&mut out, to_upper(ch));
            shouting = is_upper(ch);
        } else if shouting && is_upper(ch) {
            push(&mut out, to_lower(ch));
        } else {
            push(&mut out, ch);
            shouting = false;
        }
        starts = false;
    }
    // Of nothing but connectors, the last comes out twice.
    let last = if leading { chars(text).last() } else { held };
    if let Some(last) = last {
        push(&mut out, last);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_as_xstrings_does() {
        // What xstrings 1.5.0 printed.
        for (text, snake, camel) in [
            ("HTTPServer", "http_server", "Httpserver"),
            ("_complex__case_", "_complex__case_", "_Complex_Case_"),
            ("ABc", "a_bc", "Abc"),
            ("aB1C", "a_b1_c", "AB1C"),
            ("AB1cD", "ab_1c_d", "Ab1cD"),
            ("中1a", "中_1a", "中1a"),
            ("A$B", "a_$_b", "A$B"),
            ("BBb1b2B", "b_bb_1b2_b", "Bbb1b2B"),
            ("Bld4Floor3rd", "bld4_floor_3rd", "Bld4Floor3rd"),
            ("a- _b", "a___b", "A- B"),
            ("don'tDo", "don't_do", "Don'tDo"),
        ] {
            assert_eq!(delimited(text.as_bytes(), '_'), snake.as_bytes(), "{text}");
            assert_eq!(camelcase(text.as_bytes()), camel.as_bytes(), "{text}");
        }
    }
}
