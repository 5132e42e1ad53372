//! Changes inside what is written as base64, also in lines as PEM has it, and in base64 within base64.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;

use super::{Rng, bytes, choose};

/// Shorter ones are words.
const SHORTEST: usize = 16;

/// Decodes one run of base64, changes the bytes, and writes it back. `depth` bounds base64 within base64.
pub(super) fn change(rng: &mut Rng, input: &mut Vec<u8>, depth: u32) {
    let runs = runs(input);
    let Some(run) = choose(rng, &runs).cloned() else {
        return;
    };
    let old = &input[run.clone()];
    let in_lines = old.contains(&b'\n');
    let packed: Vec<u8> = old
        .iter()
        .copied()
        .filter(|byte| !b"\r\n ".contains(byte))
        .collect();
    let Ok(mut inner) = STANDARD.decode(packed) else {
        return;
    };
    if depth > 0 && rng.random() {
        change(rng, &mut inner, depth - 1);
    }
    for _ in 0..rng.random_range(0..3_u32) {
        bytes::change(rng, &mut inner);
    }
    let mut text = STANDARD.encode(inner);
    if in_lines {
        let lines: Vec<&[u8]> = text.as_bytes().chunks(64).collect();
        text = String::from_utf8_lossy(&lines.join(&b'\n')).into_owned();
        text.push('\n');
    }
    input.splice(run, text.into_bytes());
}

/// Where base64 stands.
fn runs(input: &[u8]) -> Vec<Range<usize>> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 0..=input.len() {
        if input.get(at).is_some_and(|byte| belongs(*byte)) {
            continue;
        }
        // A PEM body begins after the line of its header.
        let blanks = input[start..at]
            .iter()
            .take_while(|byte| b"\r\n".contains(byte))
            .count();
        if at - start >= SHORTEST + blanks {
            runs.push(start + blanks..at);
        }
        start = at + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn base64_in_json_and_in_pem_is_found() {
        let json = br#"{"a": "QUFBQUFBQUFBQUFBQUFBQQ==", "b": "short"}"#;
        assert_eq!(runs(json).len(), 1);
        let pem = b"-----BEGIN X-----\nQUFBQUFBQUFBQUFB\nQUFBQQ==\n-----END X-----\n";
        let found = runs(pem);
        assert_eq!(found.len(), 1);
        assert_eq!(&pem[found[0].clone()], b"QUFBQUFBQUFBQUFB\nQUFBQQ==\n");
        let mut input = pem.to_vec();
        let mut rng = Rng::seed_from_u64(3);
        let changed = (0..100).any(|_| {
            change(&mut rng, &mut input, 0);
            input != pem
        });
        assert!(changed && input.starts_with(b"-----BEGIN X-----\n"));
    }
}
