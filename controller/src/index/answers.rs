//! The words of settled answers: a status that somebody else changed is written again from here, and nothing is unsealed for it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use signet_common::Tag;
use signet_crds::{ItemStatus, Reason};

use super::ObjectKey;
use crate::status::{Outcome, cut};

/// Bytes that all answers take together; the oldest give way.
const ROOM: usize = 1024 * 1024;
/// About what one takes beside its text.
const EACH: usize = 192;

#[derive(Debug)]
struct Answer {
    of: Tag,
    reason: Reason,
    /// A message; of a success a line `item=key` for each item.
    text: Box<str>,
    number: u64,
}

/// What was said last of each object, within [`ROOM`].
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_key: HashMap<ObjectKey, Answer>,
    /// Oldest first, with the number of the answer: those that are out of date are skipped.
    order: VecDeque<(ObjectKey, u64)>,
    bytes: usize,
    next: u64,
}

impl Answers {
    /// Keeps what was said. `of` is the tag that was settled.
    pub(super) fn keep(&mut self, key: &ObjectKey, of: Tag, outcome: &Outcome) {
        self.forget(key);
        let text = if outcome.items.is_empty() {
            cut(&outcome.message)
        } else {
            let line = |(item, known): (&String, &ItemStatus)| format!("{item}={}\n", known.key);
            outcome.items.iter().map(line).collect()
        };
        if text.len() > ROOM / 16 {
            return;
        }
        self.bytes += EACH + text.len();
        self.next += 1;
        let (reason, number) = (outcome.reason, self.next);
        let text = text.into_boxed_str();
        let answer = Answer {
            of,
            reason,
            text,
            number,
        };
        self.by_key.insert(key.clone(), answer);
        self.order.push_back((key.clone(), number));
        while self.bytes > ROOM || self.order.len() > 2 * self.by_key.len() + 64 {
            let Some((oldest, number)) = self.order.pop_front() else {
                break;
            };
            let current = self.by_key.get(&oldest);
            if current.is_some_and(|answer| answer.number == number) {
                if self.bytes > ROOM {
                    self.forget(&oldest);
                } else {
                    // Still the answer, only long ago.
                    self.order.push_back((oldest, number));
                }
            }
        }
    }

    /// What was said of this object, if it was this and for this reason.
    pub(super) fn get(&self, key: &ObjectKey, of: Tag, reason: Reason) -> Option<Outcome> {
        let answer = self.by_key.get(key)?;
        if answer.of != of || answer.reason != reason {
            return None;
        }
        if reason != Reason::Unsealed {
            return Some(Outcome::new(reason, &*answer.text));
        }
        let mut outcome = Outcome::new(reason, "");
        let lines = answer.text.lines().filter_map(|line| line.rsplit_once('='));
        outcome.items = lines
            .map(|(item, key)| {
                let key = key.to_owned();
                (item.to_owned(), ItemStatus { key })
            })
            .collect::<BTreeMap<_, _>>();
        Some(outcome)
    }

    /// Forgets what was said of an object.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        if let Some(answer) = self.by_key.remove(key) {
            self.bytes -= EACH + answer.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> ObjectKey {
        ObjectKey {
            namespace: "ns".into(),
            name: n.to_string().into(),
        }
    }

    fn tag(n: u8) -> Tag {
        static KEY: std::sync::OnceLock<signet_common::MacKey> = std::sync::OnceLock::new();
        let ring = || signet_common::KeyRing::new(vec![crate::tags::tests::entry(1)]).unwrap();
        KEY.get_or_init(|| ring().mac_key("test").unwrap())
            .tag([&[n][..]])
    }

    #[test]
    fn an_answer_comes_back_as_it_was_said_for_the_same_inputs_and_reason() {
        let mut answers = Answers::default();
        let mut good = Outcome::new(Reason::Unsealed, "");
        for item in ["a", "b.c"] {
            let key = "0123456789abcdef".to_owned();
            good.items.insert(item.to_owned(), ItemStatus { key });
        }
        let bad = Outcome::new(Reason::NoKey, "no key could decrypt secret (k)\nk: why");
        answers.keep(&key(1), tag(1), &good);
        answers.keep(&key(2), tag(2), &bad);
        assert_eq!(answers.get(&key(1), tag(1), Reason::Unsealed), Some(good));
        assert_eq!(answers.get(&key(2), tag(2), Reason::NoKey), Some(bad));
        assert_eq!(answers.get(&key(2), tag(1), Reason::NoKey), None);
        assert_eq!(answers.get(&key(2), tag(2), Reason::NotManaged), None);
    }

    #[test]
    fn answers_take_a_bounded_room_however_many_and_however_often() {
        let mut answers = Answers::default();
        let long = Outcome::new(Reason::NoKey, "x".repeat(5_000));
        for n in 0..10_000 {
            answers.keep(&key(n % 3_000), tag(1), &long);
            answers.keep(&key(9_999), tag(1), &long);
        }
        let count = answers.by_key.len();
        assert!(answers.bytes <= ROOM && count > 100, "{count}");
        assert!(
            answers.order.len() <= 2 * count + 66,
            "{}",
            answers.order.len()
        );
        assert!(answers.get(&key(9_999), tag(1), Reason::NoKey).is_some());
        (0..10_000).for_each(|n| answers.forget(&key(n)));
        assert_eq!(answers.bytes, 0);
    }
}
