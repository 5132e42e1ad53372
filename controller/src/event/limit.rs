//! How many events there may be about one object: 25 at once, then one in five minutes, as client-go's correlator has it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::index::ObjectKey;

/// Events at once.
const BURST: u32 = 25;
/// Between two events after these.
const REFILL: Duration = Duration::from_secs(5 * 60);
/// Objects that are remembered, as client-go does.
const MANY: usize = 4096;

/// A token bucket for each object that had an event lately. Full buckets are not kept.
#[derive(Debug, Default)]
pub struct EventLimit {
    /// When the bucket will be full again.
    full_at: Mutex<HashMap<ObjectKey, Instant>>,
}

impl EventLimit {
    /// Takes a token of this object; `false` if there is none, so that the event is left out.
    pub fn allows(&self, key: &ObjectKey, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full_at.get(key).map_or(now, |at| (*at).max(now));
        let after = before + REFILL;
        if after > now + BURST * REFILL {
            return false;
        }
        if full_at.len() >= MANY && !full_at.contains_key(key) {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= MANY {
                // The fullest lose least when they are forgotten; half of them at once, so that this is rare.
                let mut times: Vec<_> = full_at.values().copied().collect();
                let (_, median, _) = times.select_nth_unstable(MANY / 2);
                let median = *median;
                full_at.retain(|_, at| *at > median);
            }
        }
        full_at.insert(key.clone(), after);
        true
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

    #[test]
    fn of_300_events_about_one_object_25_are_written_and_then_one_in_five_minutes() {
        let (limit, start) = (EventLimit::default(), Instant::now());
        let written = |now| (0..300).filter(|_| limit.allows(&key(0), now)).count();
        assert_eq!(written(start), 25);
        assert_eq!(written(start + REFILL - Duration::from_secs(1)), 0);
        assert_eq!(written(start + REFILL), 1);
        assert!(limit.allows(&key(1), start), "another object");
        assert_eq!(written(start + 100 * REFILL), 25);
    }

    #[test]
    fn the_objects_that_are_remembered_are_bounded() {
        let (limit, now) = (EventLimit::default(), Instant::now());
        for n in 0..3 * MANY {
            assert!(limit.allows(&key(n), now));
        }
        assert!(limit.full_at.lock().unwrap().len() <= MANY);
    }
}
