//! What may stand in a text: a filter before a search for many needles in long texts.

/// Bytes of a window. A shorter needle may stand anywhere.
pub(crate) const WINDOW: usize = 8;
/// 4 MiB of them: a text of 2 MB fills a third.
const SLOTS: usize = 1 << 22;

/// Which windows, eight bytes in a row, stand in some texts. Never says that one is missing that is there.
pub(crate) struct Windows(Vec<bool>);

impl Windows {
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = vec![false; SLOTS];
        for text in texts {
            for window in text.as_bytes().windows(WINDOW) {
                seen[slot(window)] = true;
            }
        }
        Self(seen)
    }

    /// Whether one of the texts may hold this one: all of its windows stand somewhere.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        let mut windows = text.as_bytes().windows(WINDOW);
        windows.all(|window| self.0[slot(window)])
    }
}

/// Fibonacci hashing: the upper bits of a product hang on all bits of the factor.
fn slot(window: &[u8]) -> usize {
    let number = window
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (u64::BITS - SLOTS.trailing_zeros())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_text_is_held_and_hardly_anything_else() {
        let long: String = (0..250_000).map(|number| format!("{number:x}-")).collect();
        assert!(long.len() > 1_000_000);
        let windows = Windows::of([long.as_str(), "hunter2-hunter2", "short"].into_iter());
        for text in ["hunter2-", "hunter2-hunter2", &long[7..90_000], "tiny", ""] {
            assert!(windows.may_hold(text), "{} bytes", text.len());
        }
        let taken = |number: u32| windows.may_hold(&format!("value {number} that is not there"));
        assert_eq!((0..10_000).filter(|number| taken(*number)).count(), 0);
    }
}
