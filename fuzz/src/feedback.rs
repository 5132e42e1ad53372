//! What a target says about the input it was given: which error, how many items.
//!
//! It takes the place of coverage. An input that shows something new is kept and mutated further.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

thread_local! {
    static SEEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Notes a behaviour. There should be few different ones: kinds and magnitudes, and not values.
pub fn note(behaviour: impl Hash) {
    let mut hasher = DefaultHasher::new();
    behaviour.hash(&mut hasher);
    SEEN.with_borrow_mut(|seen| {
        if seen.len() < 256 {
            seen.push(hasher.finish());
        }
    });
}

/// Notes what a refusal says: how its text begins, without numbers.
pub fn note_text(text: &str) {
    let letters = text.chars().filter(|char| !char.is_ascii_digit());
    note(letters.take(40).collect::<String>());
}

/// About how large something is: the number of its binary digits.
pub fn magnitude(size: usize) -> u32 {
    usize::BITS - size.leading_zeros()
}

/// Takes what was noted since the last call, on this thread.
pub(crate) fn take() -> Vec<u64> {
    SEEN.take()
}
