//! Changes that know nothing of what the bytes mean.

use rand::RngExt as _;

use super::{Rng, choose, range};

/// Bytes at which code often changes its mind.
const EDGES: [u8; 16] = [
    0, 1, 2, 9, 10, 13, 15, 16, 32, 34, 47, 92, 127, 128, 254, 255,
];

/// One change.
pub(super) fn change(rng: &mut Rng, input: &mut Vec<u8>) {
    let at = range(rng, input.len());
    match rng.random_range(0..8_u32) {
        0 => {
            if let Some(byte) = input.get_mut(at.start) {
                *byte ^= 1 << rng.random_range(0..8_u32);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at.start) {
                *byte = choose(rng, &EDGES).copied().unwrap_or_default();
            }
        }
        2 => {
            if let Some(byte) = input.get_mut(at.start) {
                *byte = byte.wrapping_add_signed(rng.random_range(-2..=2));
            }
        }
        3 => {
            let added: Vec<u8> = (0..rng.random_range(1..=8)).map(|_| rng.random()).collect();
            input.splice(at.start..at.start, added);
        }
        4 | 5 => {
            input.drain(at);
        }
        6 => {
            let times = if rng.random_ratio(1, 8) {
                1 << rng.random_range(1..7_u32)
            } else {
                1
            };
            let again = input[at.clone()].repeat(times);
            // Within reason: the input is cut to its longest size afterwards.
            input.splice(at.end..at.end, again.into_iter().take(4096));
        }
        _ => {
            let moved: Vec<u8> = input.drain(at).collect();
            let to = rng.random_range(0..=input.len());
            input.splice(to..to, moved);
        }
    }
}
