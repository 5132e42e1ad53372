//! Secrets that were deleted a moment ago.
//!
//! An answer of the API server may be overtaken by the watch: without this, a Secret that was read before its end and
//! remembered after it would be taken for alive for ever.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::ObjectKey;

/// How long a deletion is remembered: longer than any request takes.
const KEPT: Duration = Duration::from_secs(60);
/// Deletions that are remembered before old ones are looked for.
const MANY: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Deletion {
    /// The uid; 0 if it is not known.
    uid: u128,
    at: Instant,
    foreign: bool,
}

/// The last deletion under each name.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    by_key: HashMap<ObjectKey, Deletion>,
    /// How many there may be before old ones are looked for again.
    limit: usize,
}

impl Deletions {
    /// Notes a deletion. `foreign` says that the Secret was not ours.
    pub(super) fn note(&mut self, key: &ObjectKey, uid: u128, foreign: bool, now: Instant) {
        if self.by_key.len() >= self.limit.max(MANY) {
            self.by_key
                .retain(|_, deletion| now.saturating_duration_since(deletion.at) < KEPT);
            // Doubled, so that a flood of deletions is not looked through for each of them.
            self.limit = 2 * self.by_key.len();
        }
        let at = now;
        self.by_key
            .insert(key.clone(), Deletion { uid, at, foreign });
    }

    /// Whether this very Secret is known to be gone.
    pub(super) fn is_gone(&self, key: &ObjectKey, uid: u128) -> bool {
        uid != 0
            && self
                .by_key
                .get(key)
                .is_some_and(|deletion| deletion.uid == uid)
    }

    /// When the Secret of this name was deleted, if that was remembered.
    pub(super) fn last(&self, key: &ObjectKey) -> Option<Instant> {
        self.by_key.get(key).map(|deletion| deletion.at)
    }

    /// When a Secret of somebody else was deleted, if that was remembered.
    pub(super) fn foreign(&self, key: &ObjectKey) -> Option<Instant> {
        let deletion = self.by_key.get(key)?;
        deletion.foreign.then_some(deletion.at)
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

    #[tokio::test(start_paused = true)]
    async fn old_deletions_are_dropped_when_there_are_many() {
        let mut deletions = Deletions::default();
        for n in 0..MANY {
            deletions.note(&key(n), 1, true, Instant::now());
        }
        tokio::time::advance(KEPT).await;
        deletions.note(&key(MANY), 1, false, Instant::now());
        assert_eq!(deletions.by_key.len(), 1);
        assert!(deletions.is_gone(&key(MANY), 1));
        assert_eq!(deletions.foreign(&key(MANY)), None);
    }
}
