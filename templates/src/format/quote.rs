//! Quoted strings and hexadecimal, as Go's `strconv` writes them.

use std::fmt::Write as _;

use super::printer::{Spec, first_rune};

/// Whether a character is shown as it is: Go's `strconv.IsPrint`.
pub(crate) fn is_printable(c: char) -> bool {
    // Rust's own escaping knows. It escapes a combining character only at the beginning.
    let mut text = String::from("a");
    text.push(c);
    matches!(c, '"' | '\'' | '\\') || text.escape_debug().count() == 2
}

/// `strconv.Quote`, or `QuoteToASCII`.
pub(crate) fn quote(text: &[u8], ascii: bool) -> Vec<u8> {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while !rest.is_empty() {
        let (c, len) = first_rune(rest);
        match c {
            Some(c) => push(&mut out, c, '"', ascii),
            None => {
                let _ = write!(out, "\\x{:02x}", rest[0]);
            }
        }
        rest = &rest[len..];
    }
    out.push('"');
    out.into_bytes()
}

/// `strconv.QuoteRune`, or `QuoteRuneToASCII`.
pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    let mut out = String::from("'");
    push(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

fn push(out: &mut String, c: char, quote: char, ascii: bool) {
    match c {
        _ if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        _ if c.is_ascii() && !c.is_ascii_control() => out.push(c),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        _ if c.is_ascii() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        _ if !ascii && is_printable(c) => out.push(c),
        _ if u32::from(c) < 0x10000 => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        _ => {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
}

/// `strconv.CanBackquote`
pub(super) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|c| c != '\u{feff}' && c != '`' && c != '\x7f' && (c >= ' ' || c == '\t'))
    })
}

/// `%x` of a string, with its flags: `#` for the prefix, a space between the bytes.
pub(super) fn hex(text: &[u8], upper: bool, spec: &Spec) -> Vec<u8> {
    let text = match spec.precision {
        Some(precision) if precision < text.len() => &text[..precision],
        _ => text,
    };
    let prefix = match (spec.sharp, upper) {
        (false, _) => "",
        (true, false) => "0x",
        (true, true) => "0X",
    };
    let mut out = String::new();
    for (at, byte) in text.iter().enumerate() {
        if at > 0 && spec.space {
            out.push(' ');
        }
        if at == 0 || spec.space {
            out.push_str(prefix);
        }
        let _ = if upper {
            write!(out, "{byte:02X}")
        } else {
            write!(out, "{byte:02x}")
        };
    }
    out.into_bytes()
}
