//! `strconv.Quote`: what `%q` and `quote` write.

use crate::sprig::runes::{RUNE_ERROR, is_print, push, runes};

/// `text` as a Go string literal in double quotes.
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    let mut at = 0;
    for rune in runes(text) {
        if rune.ch == RUNE_ERROR && rune.width == 1 {
            out.extend_from_slice(format!("\\x{:02x}", text[at]).as_bytes());
        } else {
            escape(&mut out, rune.ch);
        }
        at += rune.width;
    }
    out.push(b'"');
    out
}

fn escape(out: &mut Vec<u8>, ch: char) {
    let escaped = match ch {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        ch if is_print(ch) => return push(out, ch),
        ch => return out.extend_from_slice(numbered(u32::from(ch)).as_bytes()),
    };
    out.extend_from_slice(escaped.as_bytes());
}

fn numbered(ch: u32) -> String {
    match ch {
        0..0x20 | 0x7f => format!("\\x{ch:02x}"),
        0..0x1_0000 => format!("\\u{ch:04x}"),
        _ => format!("\\U{ch:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_print_is_escaped() {
        let text = b"b\"\\\xc3\xa9\x00\x07\x7f\xff\xe2\x80\xa8\xc2\xa0\xef\xbf\xbd\xf3\xa0\x80\x81";
        let quoted = String::from_utf8(quote(text)).unwrap();
        assert_eq!(
            quoted,
            "\"b\\\"\\\\é\\x00\\a\\x7f\\xff\\u2028\\u00a0\u{fffd}\\U000e0001\""
        );
    }
}
