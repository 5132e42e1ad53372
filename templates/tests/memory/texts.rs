//! Texts that make a function work: long ones of one piece, and what it reads as a language of its own.

use crate::cases::Dice;
use crate::patterns;

/// Pieces that some function takes for more than themselves, or makes longer.
const PIECES: [&[u8]; 48] = [
    b"a",
    b"ab ",
    b"\xc3\xa9",
    b"\xff",
    b" ",
    b"\n",
    b"\\",
    b"\"",
    b"'",
    b"&",
    b"<",
    b"\0",
    b"%v",
    b"%9999d",
    b"%#v",
    b"%q",
    b"%x",
    b"1",
    b"9",
    b"0",
    b"-",
    b".",
    b"a.",
    b"1.",
    b"../",
    b"/",
    b"[",
    b"{\"a\":",
    b"[1],",
    b"1,",
    b"a=%41&",
    b":",
    b">1 ",
    b"1 - 2 ",
    b"|| ",
    b"^1,",
    b"Monday ",
    b"2006",
    b"1h",
    b"$1",
    b"${1}",
    b"$n",
    b"${n}",
    b"aB",
    b"A_b-",
    b"\xf0\x9f\x98\x80",
    b"\xef\xac\x83",
    b"e9",
];

/// What a text begins with, for those that are read.
const HEADS: [&[u8]; 12] = [
    b"",
    b"",
    b"",
    b"1.2.3-",
    b"1.2.3+",
    b"http://a/?",
    b"http://",
    b"\"",
    b"0x1p",
    b"-",
    b"1e",
    b"{\"a\":\"",
];

/// A text for this argument of this function.
pub(crate) fn text(dice: &mut Dice, function: &str, at: usize, most: usize) -> Vec<u8> {
    let regex = function.to_lowercase().contains("regex");
    if regex && at == 0 && dice.below(20) > 0 {
        return patterns::pattern(dice, most / 8).into_bytes();
    }
    if function.contains("Json") && dice.below(3) > 0 {
        let count = dice.size(most / 16);
        return match dice.below(3) {
            0 => numbers(count),
            1 => entries(count),
            _ => nested(count.min(80)),
        };
    }
    let size = dice.size(most);
    if regex && dice.below(4) > 0 {
        return repeated(&[dice.pick(&PIECES)], size.min(4096));
    }
    let mut pieces = vec![dice.pick(&HEADS), dice.pick(&PIECES)];
    let mut out = pieces.remove(0).to_vec();
    for _ in 0..dice.below(3) {
        pieces.push(dice.pick(&PIECES));
    }
    out.extend(repeated(&pieces, size));
    out
}

fn repeated(pieces: &[&[u8]], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 8);
    for piece in pieces.iter().cycle() {
        if out.len() + piece.len() > size {
            break;
        }
        out.extend_from_slice(piece);
    }
    out
}

/// A list of so many numbers in JSON.
pub(crate) fn numbers(count: usize) -> Vec<u8> {
    format!("[{}1]", "1,".repeat(count)).into_bytes()
}

/// A map of so many entries in JSON.
pub(crate) fn entries(count: usize) -> Vec<u8> {
    let entries: Vec<_> = (0..count).map(|at| format!("\"{at}\":{at}")).collect();
    format!("{{{}}}", entries.join(",")).into_bytes()
}

/// Lists in lists in JSON.
pub(crate) fn nested(depth: usize) -> Vec<u8> {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes()
}
