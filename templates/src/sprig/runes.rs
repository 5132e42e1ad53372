//! Runes as Go sees them: a byte that is not UTF-8 is U+FFFD of width one, classes are those of
//! Unicode 15.0 (what Go 1.21 to 1.26 carry), and case mappings are one rune to one rune.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// What Go decodes a byte to that belongs to no character.
pub(crate) const RUNE_ERROR: char = char::REPLACEMENT_CHARACTER;

/// One decoded rune and the bytes it was read from.
#[derive(Clone, Copy)]
pub(crate) struct Rune {
    /// The character, U+FFFD for a stray byte.
    pub(crate) ch: char,
    /// How many bytes it takes in the input: 1 for a stray byte.
    pub(crate) width: usize,
}

/// The runes of `text`, as `for _, r := range text` yields them.
pub(crate) fn runes(text: &[u8]) -> impl Iterator<Item = Rune> + '_ {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|ch| Rune {
            ch,
            width: ch.len_utf8(),
        });
        valid.chain(chunk.invalid().iter().map(|_| Rune {
            ch: RUNE_ERROR,
            width: 1,
        }))
    })
}

/// The runes of `text` as characters.
pub(crate) fn chars(text: &[u8]) -> impl Iterator<Item = char> + '_ {
    runes(text).map(|rune| rune.ch)
}

/// Appends `ch` in UTF-8.
pub(crate) fn push(out: &mut Vec<u8>, ch: char) {
    out.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
}

/// `text` with every rune mapped; stray bytes become U+FFFD, as `strings.Map` does.
pub(crate) fn map(text: &[u8], with: impl Fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for ch in chars(text) {
        push(&mut out, with(ch));
    }
    out
}

/// `unicode.ToUpper`.
pub(crate) fn to_upper(ch: char) -> char {
    match u32::from(ch) {
        // Upper case in full is two characters there (ᾀ to ἈΙ); Go takes the title case one.
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => shifted(ch, 8),
        0x1fb3 | 0x1fc3 | 0x1ff3 => shifted(ch, 9),
        _ => only(ch, ch.to_uppercase()),
    }
}

/// `unicode.ToLower`.
pub(crate) fn to_lower(ch: char) -> char {
    // In full this is i and a combining dot.
    if ch == '\u{130}' {
        'i'
    } else {
        only(ch, ch.to_lowercase())
    }
}

/// `unicode.ToTitle`.
pub(crate) fn to_title(ch: char) -> char {
    match u32::from(ch) {
        0x1c4..=0x1c6 => '\u{1c5}',
        0x1c7..=0x1c9 => '\u{1c8}',
        0x1ca..=0x1cc => '\u{1cb}',
        0x1f1..=0x1f3 => '\u{1f2}',
        // Georgian has no title case.
        0x10d0..=0x10fa | 0x10fd..=0x10ff => ch,
        _ => to_upper(ch),
    }
}

fn shifted(ch: char, by: u32) -> char {
    char::from_u32(u32::from(ch) + by).unwrap_or(ch)
}

/// The mapping if it is one character that Unicode 15.0 knows.
fn only(ch: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) if ch.is_ascii() || (ASSIGNED.has(ch) && ASSIGNED.has(one)) => one,
        _ => ch,
    }
}

/// `unicode.IsUpper`: category Lu.
pub(crate) fn is_upper(ch: char) -> bool {
    if ch.is_ascii() {
        ch.is_ascii_uppercase()
    } else {
        UPPER.has(ch)
    }
}

/// `unicode.IsLower`: category Ll.
pub(crate) fn is_lower(ch: char) -> bool {
    if ch.is_ascii() {
        ch.is_ascii_lowercase()
    } else {
        LOWER.has(ch)
    }
}

/// `unicode.IsTitle`: category Lt.
pub(crate) fn is_title(ch: char) -> bool {
    TITLE.has(ch)
}

/// `unicode.IsLetter`: category L.
pub(crate) fn is_letter(ch: char) -> bool {
    if ch.is_ascii() {
        ch.is_ascii_alphabetic()
    } else {
        LETTER.has(ch)
    }
}

/// `unicode.IsDigit`: category Nd.
pub(crate) fn is_digit(ch: char) -> bool {
    if ch.is_ascii() {
        ch.is_ascii_digit()
    } else {
        DIGIT.has(ch)
    }
}

/// `unicode.IsNumber`: category N.
pub(crate) fn is_number(ch: char) -> bool {
    if ch.is_ascii() {
        ch.is_ascii_digit()
    } else {
        NUMBER.has(ch)
    }
}

/// `unicode.IsPunct`: category P.
pub(crate) fn is_punct(ch: char) -> bool {
    PUNCT.has(ch)
}

/// `unicode.IsSpace`: White_Space.
pub(crate) fn is_space(ch: char) -> bool {
    ch.is_whitespace()
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and the ASCII space.
pub(crate) fn is_print(ch: char) -> bool {
    if ch.is_ascii() {
        matches!(ch, ' '..='~')
    } else {
        PRINT.has(ch)
    }
}

static ASSIGNED: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"\p{age=15.0}"));
static UPPER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{Lu}&&\p{age=15.0}]"));
static LOWER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{Ll}&&\p{age=15.0}]"));
static TITLE: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{Lt}&&\p{age=15.0}]"));
static LETTER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{L}&&\p{age=15.0}]"));
static DIGIT: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{Nd}&&\p{age=15.0}]"));
static NUMBER: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{N}&&\p{age=15.0}]"));
static PUNCT: LazyLock<Ranges> = LazyLock::new(|| Ranges::of(r"[\p{P}&&\p{age=15.0}]"));
static PRINT: LazyLock<Ranges> =
    LazyLock::new(|| Ranges::of(r"[[\p{L}\p{M}\p{N}\p{P}\p{S}]&&\p{age=15.0}]"));

/// A set of characters as sorted ranges.
struct Ranges(Vec<(char, char)>);

impl Ranges {
    /// The set that a class of regex syntax names.
    fn of(class: &str) -> Self {
        let hir = regex_syntax::parse(class).expect("the classes above are valid");
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else {
            return Self(Vec::new());
        };
        Self(
            class
                .iter()
                .map(|range| (range.start(), range.end()))
                .collect(),
        )
    }

    fn has(&self, ch: char) -> bool {
        let after = self.0.partition_point(|range| range.0 <= ch);
        after > 0 && self.0[after - 1].1 >= ch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_byte_is_one_replacement_rune() {
        let got: Vec<_> = runes(b"a\xe2\x82b\xffc\xed\xa0\x80")
            .map(|r| (r.ch, r.width))
            .collect();
        let err = (RUNE_ERROR, 1);
        assert_eq!(
            got,
            [('a', 1), err, err, ('b', 1), err, ('c', 1), err, err, err]
        );
    }

    #[test]
    fn case_is_mapped_one_to_one() {
        let upper: String = "ßıǆiİŉſᾀᾳა".chars().map(to_upper).collect();
        assert_eq!(upper, "ßIǄIİŉSᾈᾼᲐ");
        let lower: String = "ΑΣİẞǅ".chars().map(to_lower).collect();
        assert_eq!(lower, "ασißǆ");
        let title: String = "ǆǄაß".chars().map(to_title).collect();
        assert_eq!(title, "ǅǅაß");
    }
}
