//! New inputs from old ones: bytes, words, lines, numbers, and what is inside base64 and JSON.

mod base64_text;
mod bytes;
mod json;
mod text;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::Target;

/// Where randomness comes from.
pub(crate) type Rng = ChaCha8Rng;

/// One to sixteen changes to one input of the corpus.
pub(crate) fn mutate(rng: &mut Rng, corpus: &[Vec<u8>], target: &Target) -> Vec<u8> {
    let mut input = choose(rng, corpus).cloned().unwrap_or_default();
    for _ in 0..1_u32 << rng.random_range(0..5) {
        step(rng, &mut input, corpus, target.words);
    }
    input.truncate(target.longest);
    input
}

fn step(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    match rng.random_range(0..12_u32) {
        0..4 => bytes::change(rng, input),
        4 => text::word(rng, input, words),
        5 => text::number(rng, input),
        6 => text::line(rng, input),
        7 | 8 => base64_text::change(rng, input, 2),
        9 | 10 => json::change(rng, input, words),
        _ => splice(rng, input, corpus),
    }
}

/// The beginning of one input and the end of another.
fn splice(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let Some(other) = choose(rng, corpus) else {
        return;
    };
    let from = rng.random_range(0..=other.len());
    input.truncate(rng.random_range(0..=input.len()));
    input.extend_from_slice(&other[from..]);
}

/// One of these, if there are any.
fn choose<'a, T>(rng: &mut Rng, all: &'a [T]) -> Option<&'a T> {
    (!all.is_empty()).then(|| &all[rng.random_range(0..all.len())])
}

/// A range within so many bytes; short ones are more likely.
fn range(rng: &mut Rng, len: usize) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=len);
    let most = if rng.random_ratio(3, 4) { 8 } else { len };
    let size = rng.random_range(0..=most.min(len - start));
    start..start + size
}
