//! Text and base64 as people hand them over: one reader for all files that are not ours.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Standard alphabet, padding required, non-zero trailing bits tolerated: what Go's `base64.StdEncoding` reads.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bytes of a base64 text; line breaks anywhere are ignored, as Go does.
pub fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let decoded = match text.contains(['\r', '\n']) {
        true => {
            // As long as the text from the start, so that no piece of it stays behind in memory.
            let mut joined = Zeroizing::new(String::with_capacity(text.len()));
            joined.extend(text.chars().filter(|c| !matches!(c, '\r' | '\n')));
            BASE64.decode(joined.as_str())
        }
        false => BASE64.decode(text),
    };
    decoded.ok().map(Zeroizing::new)
}

/// The text of a file. UTF-16 with a byte order mark, as PowerShell's `>` writes it, is converted, and a mark before UTF-8 is
/// left out. `None` if it is neither.
pub fn decode_text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok()?.to_owned(),
        _ => std::str::from_utf8(bytes).ok()?.to_owned(),
    };
    Some(Zeroizing::new(text))
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(pairs.iter().copied().map(unit).collect());
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_go_reads_it() {
        let read = |text| decode_base64(text).map(|bytes| bytes.to_vec());
        assert_eq!(read("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(read("aGVsbG9="), Some(b"hello".to_vec()));
        assert_eq!(read("aGVs\r\nbG8=\n"), Some(b"hello".to_vec()));
        assert_eq!(read("\naGVsbG8\n="), Some(b"hello".to_vec()));
        for wrong in ["aGVsbG8", "aGVs bG8=", "aGVsbG8=x", "aGVsbG8==", "_GVsbG8="] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn text_is_read_from_utf8_and_utf16_with_their_marks() {
        let units = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}k\u{e4}y".encode_utf16().flat_map(order).collect()
        };
        let expected = Some("k\u{e4}y".to_owned());
        let read = |bytes: &[u8]| decode_text(bytes).map(|text| text.to_string());
        assert_eq!(read("k\u{e4}y".as_bytes()), expected);
        assert_eq!(read("\u{feff}k\u{e4}y".as_bytes()), expected);
        assert_eq!(read(&units(u16::to_le_bytes)), expected);
        assert_eq!(read(&units(u16::to_be_bytes)), expected);
        assert_eq!(read(b"k\xe4y"), None);
        assert_eq!(read(b"\xff\xfek"), None);
    }
}
