//! Showing text that somebody else wrote.

use std::fmt;

/// Untrusted text, escaped for a terminal, a log, an event or a status.
///
/// Control characters, line breaks, bidirectional controls and characters that cannot be seen appear as `\u{…}`.
/// The text is cut after 256 characters, which `…` shows.
#[derive(Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

const MAX_CHARS: usize = 256;

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, character) in self.0.chars().enumerate() {
            if count == MAX_CHARS {
                return f.write_str("…");
            }
            if is_deceptive(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                fmt::Write::write_char(f, character)?;
            }
        }
        Ok(())
    }
}

/// Characters that change how the text around them looks, or that cannot be seen: controls, line and
/// paragraph separators, and what Unicode calls default ignorable (which holds the bidirectional controls).
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bidi_and_newline_characters_are_escaped() {
        let shown = Printable("a\x1b[31m\nb\u{202e}c\u{feff}é").to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\u{a}b\\u{202e}c\\u{feff}é");
    }

    #[test]
    fn characters_that_cannot_be_seen_are_escaped() {
        for invisible in [
            '\u{200b}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{2028}',
            '\u{85}',
        ] {
            let shown = Printable(invisible.encode_utf8(&mut [0; 4])).to_string();
            assert_eq!(shown, invisible.escape_unicode().to_string());
        }
    }

    #[test]
    fn long_text_is_cut() {
        let shown = Printable(&"x".repeat(1000)).to_string();
        assert_eq!(shown.chars().count(), MAX_CHARS + 1);
    }
}
