//! When a new sealing key is due.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Settings of key renewal, as upstream's flags name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalPolicy {
    /// `--key-renew-period`; zero turns automatic renewal off.
    pub period: Duration,
    /// `--key-cutoff-time`: a newest key from before this moment is replaced at once.
    pub cutoff: Option<Timestamp>,
}

/// Why a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalReason {
    /// There is no key that could be handed out.
    FirstKey,
    /// The newest key is older than the period.
    Period,
    /// The newest key is from before the cutoff.
    Cutoff,
}

impl RenewalPolicy {
    /// Whether a key is due now, given the ordering time of the newest usable key.
    ///
    /// A cutoff in the future is not in force yet: it would replace a key that is made before it, again and again.
    pub fn due(&self, newest: Option<Timestamp>, now: Timestamp) -> Option<RenewalReason> {
        let Some(newest) = newest else {
            return Some(RenewalReason::FirstKey);
        };
        if self
            .cutoff
            .is_some_and(|cutoff| newest < cutoff && cutoff <= now)
        {
            return Some(RenewalReason::Cutoff);
        }
        self.next(newest)
            .filter(|due| *due <= now)
            .map(|_| RenewalReason::Period)
    }

    /// When the key with this ordering time is to be replaced; `None` if never.
    pub fn next(&self, newest: Timestamp) -> Option<Timestamp> {
        if self.period.is_zero() {
            return None;
        }
        let period = SignedDuration::try_from(self.period).ok()?;
        newest.checked_add(period).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_key_is_due_when_missing_old_or_cut_off() {
        let day = 86_400;
        let policy = |cutoff: Option<i64>| RenewalPolicy {
            period: Duration::from_secs(30 * 86_400),
            cutoff: cutoff.map(at),
        };
        let table = [
            (policy(None), None, 0, Some(RenewalReason::FirstKey)),
            (policy(None), Some(0), 30 * day - 1, None),
            (policy(None), Some(0), 30 * day, Some(RenewalReason::Period)),
            (
                policy(Some(5 * day)),
                Some(0),
                6 * day,
                Some(RenewalReason::Cutoff),
            ),
            (policy(Some(5 * day)), Some(5 * day), 6 * day, None),
            (policy(Some(5 * day)), Some(0), 4 * day, None),
        ];
        for (policy, newest, now, expected) in table {
            assert_eq!(
                policy.due(newest.map(at), at(now)),
                expected,
                "{policy:?} {newest:?} {now}"
            );
        }
    }

    #[test]
    fn a_period_of_zero_never_renews() {
        let never = RenewalPolicy {
            period: Duration::ZERO,
            cutoff: None,
        };
        assert_eq!(never.next(at(0)), None);
        assert_eq!(never.due(Some(at(0)), at(i64::from(u32::MAX))), None);
    }
}
