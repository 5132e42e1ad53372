//! Which keys SealedSecrets need, as their statuses say. There are few sets of keys and many objects, so an object holds
//! the number of its set.

use signet_common::KeyId;

/// Sets that are told apart. Forged statuses could name any; what comes after these needs no key that is known.
const MOST: usize = 1024;

/// A set of keys; the default is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeySet(u16);

/// Every set that an object has had.
#[derive(Debug, Default)]
pub(super) struct KeySets(Vec<Box<[KeyId]>>);

impl KeySets {
    /// The set of these keys, which are sorted.
    pub(super) fn of(&mut self, keys: &[KeyId]) -> KeySet {
        if keys.is_empty() {
            return KeySet::default();
        }
        let known = self.0.iter().position(|set| **set == *keys);
        let at = known.unwrap_or(self.0.len());
        if known.is_none() && at < MOST {
            self.0.push(keys.into());
        }
        let number = u16::try_from(at + 1).ok().filter(|_| at < MOST);
        KeySet(number.unwrap_or_default())
    }

    /// Whether a set holds this key.
    pub(super) fn has(&self, set: KeySet, key: KeyId) -> bool {
        let at = usize::from(set.0).checked_sub(1);
        at.and_then(|at| self.0.get(at))
            .is_some_and(|set| set.contains(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_keys_has_one_number_and_there_are_not_too_many() {
        let key = |at: usize| KeyId::of_spki(&at.to_be_bytes());
        let mut sets = KeySets::default();
        let (one, both) = (sets.of(&[key(1)]), sets.of(&[key(1), key(2)]));
        assert_eq!(sets.of(&[key(1)]), one);
        assert!(sets.has(one, key(1)) && !sets.has(one, key(2)) && sets.has(both, key(2)));
        assert!(!sets.has(KeySet::default(), key(1)));
        assert_eq!(sets.of(&[]), KeySet::default());
        for at in 0..2 * MOST {
            sets.of(&[key(at), key(at + 1)]);
        }
        assert_eq!(sets.0.len(), MOST);
        assert_eq!(sets.of(&[key(5000)]), KeySet::default());
    }
}
