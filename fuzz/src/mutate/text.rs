//! Changes to text: words, numbers, lines.

use rand::RngExt as _;

use super::{Rng, choose, range};

/// Numbers at which code often changes its mind.
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "64",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e400",
    "0.1",
    "1e-7",
    "0x1F",
];

/// Puts a word somewhere, or in the place of something.
pub(super) fn word(rng: &mut Rng, input: &mut Vec<u8>, words: &[&str]) {
    let Some(word) = choose(rng, words) else {
        return;
    };
    let at = range(rng, input.len());
    let at = if rng.random() { at.start..at.start } else { at };
    input.splice(at, word.bytes());
}

/// Another number in the place of one.
pub(super) fn number(rng: &mut Rng, input: &mut Vec<u8>) {
    let from = rng.random_range(0..=input.len());
    let Some(start) = input[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let digits = input[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let number = choose(rng, &NUMBERS).copied().unwrap_or_default();
    input.splice(start..start + digits, number.bytes());
}

/// Leaves out, repeats, indents or moves a line.
pub(super) fn line(rng: &mut Rng, input: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = input
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.random_range(0..lines.len());
    let to = rng.random_range(0..lines.len());
    match rng.random_range(0..5_u32) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let again = lines[at].clone();
            lines.insert(to, again);
        }
        2 => lines.swap(at, to),
        3 => {
            let spaces = rng.random_range(0..=4);
            lines[at].splice(0..0, b"    "[..spaces].iter().copied());
        }
        _ => {
            let blanks = lines[at].iter().take_while(|byte| **byte == b' ').count();
            lines[at].drain(..rng.random_range(0..=blanks));
        }
    }
    *input = lines.concat();
}
