//! Cutting and wrapping by length. Lengths are bytes throughout, as in Go and goutils: a character
//! can be cut in two.

/// `abbrev`: at most `width` bytes, with an ellipsis at the end. Below 4 nothing is cut.
pub(crate) fn abbrev(width: i64, text: &[u8]) -> Vec<u8> {
    if width < 4 {
        text.to_vec()
    } else {
        abbreviate(text, 0, width)
    }
}

/// `abbrevboth`: at most `width` bytes around `offset`, with an ellipsis at both ends.
pub(crate) fn abbrevboth(offset: i64, width: i64, text: &[u8]) -> Vec<u8> {
    if width < 4 || (offset > 0 && width < 7) {
        return text.to_vec();
    }
    abbreviate(text, offset, width)
}

/// `goutils.AbbreviateFull`, for widths of 4 or more (of 7 or more with an offset).
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    const DOTS: &[u8] = b"...";
    let (Ok(width), len) = (usize::try_from(width), text.len()) else {
        return text.to_vec();
    };
    if len <= width {
        return text.to_vec();
    }
    // The ellipsis takes three; it never starts so late that the rest would be shorter than allowed.
    let kept = width - 3;
    let offset = usize::try_from(offset).unwrap_or(0).min(len - kept);
    if offset <= 4 {
        return [&text[..kept], DOTS].concat();
    }
    if offset + kept < len {
        let rest = abbreviate(&text[offset..], 0, i64::try_from(kept).unwrap_or(i64::MAX));
        return [DOTS, &rest].concat();
    }
    [DOTS, &text[len - kept..]].concat()
}

/// `trunc`: the first `width` bytes, or the last `-width`.
pub(crate) fn trunc(width: i64, text: &[u8]) -> &[u8] {
    let size = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        text
    } else if width < 0 {
        &text[text.len() - size..]
    } else {
        &text[..size]
    }
}

/// `substr`: bytes from `start` to `end`. A negative start means from the beginning, a negative end or
/// one behind the end of `text` to the end.
///
/// `None` where Go slices out of bounds.
pub(crate) fn substr(start: i64, end: i64, text: &[u8]) -> Option<&[u8]> {
    if start < 0 {
        // Here the end is taken as it is.
        return text.get(..usize::try_from(end).ok()?);
    }
    let start = usize::try_from(start).ok()?;
    match usize::try_from(end) {
        Ok(end) if end <= text.len() => text.get(start..end),
        _ => text.get(start..),
    }
}

/// `goutils.WrapCustom`: lines of at most `width` bytes, broken at spaces, joined by `newline` (`\n`
/// if that is empty). A word that is too long is broken only with `long_words`.
pub(crate) fn wrap(text: &[u8], width: i64, newline: &[u8], long_words: bool) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let line = |out: &mut Vec<u8>, line: &[u8]| {
        out.extend_from_slice(line);
        out.extend_from_slice(newline);
    };
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let space = rest[..=width].iter().rposition(|&byte| byte == b' ');
        let space = match space {
            None if !long_words => rest[width..]
                .iter()
                .position(|&byte| byte == b' ')
                .map(|at| at + width),
            found => found,
        };
        match space {
            Some(at) => {
                line(&mut out, &rest[..at]);
                rest = &rest[at + 1..];
            }
            None if long_words => {
                line(&mut out, &rest[..width]);
                rest = &rest[width..];
            }
            None => break,
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_as_goutils_cuts_it() {
        let both = |offset, width| {
            String::from_utf8(abbrevboth(offset, width, b"1234 5678 9123")).unwrap()
        };
        assert_eq!(both(5, 10), "...5678...");
        assert_eq!(both(4, 10), "1234 56...");
        assert_eq!(both(5, 7), "...5...");
        assert_eq!(both(0, 7), "1234...");
        assert_eq!(both(10, 9), "...8 9123");
        assert_eq!(both(20, 10), "...78 9123");
        assert_eq!(both(0, 3), "1234 5678 9123");
        assert_eq!(abbrev(5, b"hello world"), b"he...");
        assert_eq!(abbrev(6, "ééééé".as_bytes()), b"\xc3\xa9\xc3...");
    }

    #[test]
    fn substr_fails_where_go_panics() {
        assert_eq!(substr(0, 5, b"hello world"), Some(&b"hello"[..]));
        assert_eq!(substr(2, -1, b"hello"), Some(&b"llo"[..]));
        assert_eq!(substr(2, 50, b"hello"), Some(&b"llo"[..]));
        assert_eq!(substr(0, 0, b"hello"), Some(&b""[..]));
        for (start, end) in [(-1, -1), (3, 2), (50, 60), (50, -1), (-1, 50)] {
            assert_eq!(substr(start, end, b"hello"), None, "{start} {end}");
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        let wrapped = |text: &str, width, newline: &str, long| {
            String::from_utf8(wrap(text.as_bytes(), width, newline.as_bytes(), long)).unwrap()
        };
        assert_eq!(
            wrapped("hello world foo bar", 5, "", false),
            "hello\nworld\nfoo\nbar"
        );
        assert_eq!(wrapped("  a   b    c  ", 5, "", false), "a   b\n  c  ");
        assert_eq!(wrapped("abcdefgh ij", 3, "", false), "abcdefgh\nij");
        assert_eq!(wrapped("abcdefgh", 3, "XX", true), "abcXXdefXXgh");
        assert_eq!(wrapped("     ", 5, "", false), "     ");
        assert_eq!(wrapped("a b", -3, "", false), "a\nb");
    }
}
