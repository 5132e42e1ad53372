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

/// A key is never replaced sooner than this because its certificate ends: certificates that are made to last no time
/// would fill the cluster with keys.
const LEAST_AGE: SignedDuration = SignedDuration::from_hours(1);

/// What renewal asks about the newest key that could be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestKey {
    /// The time that orders keys.
    pub ordered_at: Timestamp,
    /// End of the certificate's validity.
    pub not_after: Timestamp,
}

/// Why a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalReason {
    /// There is no key that could be handed out.
    FirstKey,
    /// The newest key is older than the period.
    Period,
    /// The certificate of the newest key is not valid any more, and the period is longer than that.
    Expired,
    /// The newest key is from before the cutoff.
    Cutoff,
}

impl RenewalPolicy {
    /// Whether a key is due now, given the newest usable key.
    ///
    /// A cutoff in the future is not in force yet: it would replace a key that is made before it, again and again.
    pub fn due(&self, newest: Option<NewestKey>, now: Timestamp) -> Option<RenewalReason> {
        let Some(newest) = newest else {
            return Some(RenewalReason::FirstKey);
        };
        let is_cut_off = |cutoff| newest.ordered_at < cutoff && cutoff <= now;
        if self.cutoff.is_some_and(is_cut_off) {
            return Some(RenewalReason::Cutoff);
        }
        let is_old = |end: Timestamp| end <= now;
        if self.period_ends(newest).is_some_and(is_old) {
            return Some(RenewalReason::Period);
        }
        self.next(newest)
            .filter(|due| is_old(*due))
            .map(|_| RenewalReason::Expired)
    }

    /// When this key is to be replaced; `None` if never.
    pub fn next(&self, newest: NewestKey) -> Option<Timestamp> {
        if self.period.is_zero() {
            return None;
        }
        let least = newest.ordered_at.checked_add(LEAST_AGE).ok();
        let certificate = least.map(|least| newest.not_after.max(least));
        self.period_ends(newest)
            .into_iter()
            .chain(certificate)
            .min()
    }

    fn period_ends(&self, newest: NewestKey) -> Option<Timestamp> {
        if self.period.is_zero() {
            return None;
        }
        let period = SignedDuration::try_from(self.period).ok()?;
        newest.ordered_at.checked_add(period).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(ordered_at: i64, not_after: i64) -> NewestKey {
        NewestKey {
            ordered_at: at(ordered_at),
            not_after: at(not_after),
        }
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
                policy.due(newest.map(|newest| key(newest, 3650 * day)), at(now)),
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
        assert_eq!(never.next(key(0, 1)), None);
        assert_eq!(never.due(Some(key(0, 1)), at(i64::from(u32::MAX))), None);
    }

    #[test]
    fn a_key_whose_certificate_ends_is_due_unless_renewal_is_off() {
        let (hour, day) = (3600, 86_400);
        let table = [
            // Days of the period, end of the certificate, now.
            (30, 2 * day, 2 * day - 1, None),
            (30, 2 * day, 2 * day, Some(RenewalReason::Expired)),
            (1, 2 * day, day, Some(RenewalReason::Period)),
            (0, 2 * day, 20 * day, None),
            // A certificate that was made to last no time at all.
            (30, 1, hour - 1, None),
            (30, 1, hour, Some(RenewalReason::Expired)),
        ];
        for (days, not_after, now, expected) in table {
            let policy = RenewalPolicy {
                period: Duration::from_secs(days * 86_400),
                cutoff: None,
            };
            let newest = key(0, not_after);
            let due = policy.due(Some(newest), at(now));
            assert_eq!(due, expected, "{days} {not_after} {now}");
            let next = policy.next(newest);
            assert_eq!(next.is_some_and(|next| next <= at(now)), due.is_some());
        }
    }
}
