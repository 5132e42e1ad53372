//! What the status of a SealedSecret says: pure, from the outcome of a pass (ARCHITECTURE.md "Status").

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use signet_crds::status::condition_type::{READY, RECONCILING, STALLED, SYNCED};
use signet_crds::{Class, Condition, ItemStatus, Reason, SealedSecretStatus};

/// Longest message in bytes.
const MAX_MESSAGE: usize = 8 * 1024;
/// A transient failure is called a failure after this time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);

/// How a pass ended, for the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// For people; empty on success.
    pub message: String,
    /// Item name to key id; empty when nothing opened.
    pub items: BTreeMap<String, ItemStatus>,
    /// Whether the Secret still matches although the pass failed.
    pub still_synced: bool,
    /// When a row of transient failures began.
    pub failing_since: Option<Timestamp>,
}

impl Outcome {
    /// An outcome with this reason and message and nothing else.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            items: BTreeMap::new(),
            still_synced: false,
            failing_since: None,
        }
    }
}

/// The status after a pass, without its tags. Times are kept where nothing changed.
pub fn next_status(
    before: Option<&SealedSecretStatus>,
    outcome: &Outcome,
    generation: Option<i64>,
    now: Timestamp,
) -> SealedSecretStatus {
    let message = cut(&outcome.message);
    let conditions = verdicts(outcome, now)
        .into_iter()
        .map(|(condition_type, status)| {
            let earlier = before.and_then(|status| {
                status
                    .conditions
                    .iter()
                    .find(|condition| condition.condition_type == condition_type)
            });
            let since = earlier
                .filter(|condition| condition.status == status)
                .and_then(|condition| condition.last_transition_time.clone());
            Condition {
                condition_type: condition_type.to_owned(),
                status: status.to_owned(),
                reason: Some(outcome.reason.to_string()),
                message: (!message.is_empty()).then(|| message.clone()),
                last_update_time: Some(seconds(now)),
                last_transition_time: Some(since.unwrap_or_else(|| seconds(now))),
                observed_generation: generation,
            }
        })
        .collect();
    SealedSecretStatus {
        observed_generation: generation,
        conditions,
        items: outcome.items.clone(),
        inputs: None,
        secret: None,
    }
}

/// Whether two statuses say the same, apart from when they were written.
pub fn says_the_same(a: &SealedSecretStatus, b: &SealedSecretStatus) -> bool {
    let timeless = |status: &SealedSecretStatus| {
        let mut status = status.clone();
        for condition in &mut status.conditions {
            condition.last_update_time = None;
            condition.last_transition_time = None;
        }
        status
    };
    timeless(a) == timeless(b)
}

/// Whether [`next_status`] for a transient failure will say something else once this much time has passed.
pub fn patience_ends(outcome: &Outcome, now: Timestamp) -> Option<SignedDuration> {
    let since = outcome.failing_since?;
    let waited = now.duration_since(since);
    (waited < PATIENCE && !outcome.still_synced).then(|| PATIENCE - waited)
}

/// What the condition `Synced` says after this outcome, as [`number`] gives it.
pub fn synced(outcome: &Outcome, now: Timestamp) -> i8 {
    verdicts(outcome, now)
        .first()
        .map_or(0, |(_, status)| number(status))
}

/// A condition's status as upstream's metric `condition_info` has it.
pub fn number(status: &str) -> i8 {
    match status {
        "True" => 1,
        "False" => -1,
        _ => 0,
    }
}

/// Condition types and statuses. `Synced` is always first: upstream's health checks read `conditions[0]`.
fn verdicts(outcome: &Outcome, now: Timestamp) -> Vec<(&'static str, &'static str)> {
    match outcome.reason.class() {
        Class::Done => vec![(SYNCED, "True"), (READY, "True")],
        Class::Wait => vec![(SYNCED, "False"), (READY, "False"), (STALLED, "True")],
        Class::BackOff => {
            let overdue = outcome
                .failing_since
                .is_some_and(|since| now.duration_since(since) >= PATIENCE);
            let synced = match (outcome.still_synced, overdue) {
                (true, _) => "True",
                (false, true) => "False",
                (false, false) => "Unknown",
            };
            vec![(SYNCED, synced), (READY, "Unknown"), (RECONCILING, "True")]
        }
    }
}

/// Kubernetes times have whole seconds.
fn seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

/// A message as a status has it.
pub fn cut(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let mut end = MAX_MESSAGE - "…".len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn shown(status: &SealedSecretStatus) -> Vec<String> {
        status
            .conditions
            .iter()
            .map(|c| format!("{}={}", c.condition_type, c.status))
            .collect()
    }

    fn status_of(reason: Reason, since: Option<i64>, still_synced: bool, now: i64) -> Vec<String> {
        let outcome = Outcome {
            failing_since: since.map(at),
            still_synced,
            ..Outcome::new(reason, "text")
        };
        shown(&next_status(None, &outcome, Some(1), at(now)))
    }

    #[test]
    fn conditions_follow_the_class_of_the_reason() {
        let transient = Reason::ApiUnavailable;
        let table = [
            (
                Reason::Unsealed,
                None,
                false,
                0,
                vec!["Synced=True", "Ready=True"],
            ),
            (
                Reason::NoKey,
                None,
                false,
                0,
                vec!["Synced=False", "Ready=False", "Stalled=True"],
            ),
            (
                transient,
                Some(0),
                false,
                119,
                vec!["Synced=Unknown", "Ready=Unknown", "Reconciling=True"],
            ),
            (
                transient,
                Some(0),
                false,
                120,
                vec!["Synced=False", "Ready=Unknown", "Reconciling=True"],
            ),
            (
                transient,
                Some(0),
                true,
                500,
                vec!["Synced=True", "Ready=Unknown", "Reconciling=True"],
            ),
        ];
        for (reason, since, still_synced, now, expected) in table {
            assert_eq!(
                status_of(reason, since, still_synced, now),
                expected,
                "{reason} {since:?} {now}"
            );
        }
    }

    #[test]
    fn the_transition_time_moves_only_when_the_status_flips() {
        let first = next_status(None, &Outcome::new(Reason::Unsealed, ""), Some(1), at(10));
        assert_eq!(
            first.conditions[0].last_update_time,
            first.conditions[0].last_transition_time
        );
        let second = next_status(
            Some(&first),
            &Outcome::new(Reason::Unsealed, ""),
            Some(2),
            at(20),
        );
        assert_eq!(second.conditions[0].last_update_time, Some(Time(at(20))));
        assert_eq!(
            second.conditions[0].last_transition_time,
            Some(Time(at(10)))
        );
        let third = next_status(
            Some(&second),
            &Outcome::new(Reason::NoKey, "x"),
            Some(3),
            at(30),
        );
        assert_eq!(third.conditions[0].last_transition_time, Some(Time(at(30))));
    }

    #[test]
    fn a_new_message_with_the_same_verdict_is_a_change_and_a_later_time_is_not() {
        let status = |text: &str, now| {
            next_status(None, &Outcome::new(Reason::NoKey, text), Some(1), at(now))
        };
        assert!(says_the_same(&status("a", 1), &status("a", 2)));
        assert!(!says_the_same(&status("a", 1), &status("b", 1)));
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        let long = "ä".repeat(MAX_MESSAGE);
        assert!(cut(&long).len() <= MAX_MESSAGE);
        assert!(cut(&long).ends_with('…'));
    }
}
