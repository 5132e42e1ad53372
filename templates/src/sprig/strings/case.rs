//! Upper, lower and title case, as Go's `strings` and goutils change it.

use crate::sprig::runes::{
    is_lower, is_space, is_title, is_upper, map, push, runes, to_lower, to_title, to_upper,
};

/// `strings.ToUpper`.
pub(crate) fn upper(text: &[u8]) -> Vec<u8> {
    map(text, to_upper)
}

/// `strings.ToLower`.
pub(crate) fn lower(text: &[u8]) -> Vec<u8> {
    map(text, to_lower)
}

/// `strings.Title`: the first letter of each word. Only ASCII punctuation and white space end one.
pub(crate) fn title(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut before = ' ';
    for rune in runes(text) {
        let starts = if before.is_ascii() {
            !before.is_ascii_alphanumeric() && before != '_'
        } else {
            is_space(before)
        };
        push(&mut out, if starts { to_title(rune.ch) } else { rune.ch });
        before = rune.ch;
    }
    out
}

/// `goutils.Uncapitalize`: the first rune of each word in lower case; white space ends a word.
pub(crate) fn untitle(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut starts = true;
    for rune in runes(text) {
        push(&mut out, if starts { to_lower(rune.ch) } else { rune.ch });
        starts = is_space(rune.ch);
    }
    out
}

/// `goutils.SwapCase`: a lower case rune that starts a word becomes title case.
pub(crate) fn swapcase(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut starts = true;
    for rune in runes(text) {
        let swapped = match rune.ch {
            ch if is_upper(ch) || is_title(ch) => to_lower(ch),
            ch if is_lower(ch) && starts => to_title(ch),
            ch if is_lower(ch) => to_upper(ch),
            ch => ch,
        };
        push(&mut out, swapped);
        starts = is_space(rune.ch);
    }
    out
}

/// `goutils.Initials`: the first *byte* of each word, written as the rune of that number.
pub(crate) fn initials(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut starts = true;
    for &byte in text {
        let ch = char::from(byte);
        if is_space(ch) {
            starts = true;
        } else if starts {
            push(&mut out, ch);
            starts = false;
        }
    }
    out
}

/// `goutils.DeleteWhiteSpace`: looks at bytes as if they were runes, so the second byte of `à` counts
/// as a no-break space, and what is not ASCII comes out in another encoding once a space was found.
pub(crate) fn nospace(text: &[u8]) -> Vec<u8> {
    if !text.iter().any(|&byte| is_space(char::from(byte))) {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for ch in text
        .iter()
        .map(|&byte| char::from(byte))
        .filter(|&ch| !is_space(ch))
    {
        push(&mut out, ch);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 with sprig 3.3.0 printed.
    #[test]
    fn case_changes_as_go_does_it() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            text(title(
                "wörld ǆabc foo-bar don't x_y élan \u{a0}z".as_bytes()
            )),
            "Wörld ǅabc Foo-Bar Don'T X_y Élan \u{a0}Z"
        );
        assert_eq!(
            text(untitle(
                "Hello Wörld Foo-Bar \u{a0}Zed\u{2003}Xx".as_bytes()
            )),
            "hello wörld foo-Bar \u{a0}zed\u{2003}xx"
        );
        assert_eq!(
            text(swapcase("Hello World ǅ ǆabc ß éÉ \u{a0}x X".as_bytes())),
            "hELLO wORLD ǆ ǅABC ß Éé \u{a0}X x"
        );
        assert_eq!(text(initials("  ab  cd\u{a0}ef éo".as_bytes())), "aceÃ");
        assert_eq!(text(nospace("éà_éB".as_bytes())), "Ã©Ã_Ã©B");
        assert_eq!(text(nospace("éB".as_bytes())), "éB");
    }
}
