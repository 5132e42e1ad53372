//! Who leads: pure, from what a Lease says and a clock of our own (ARCHITECTURE.md "Several replicas").
//!
//! The times in a Lease are another machine's and are never compared. A rival's Lease has run out when this replica has
//! watched it unchanged for its whole duration, as client-go has it.

use std::time::Duration;

use jiff::Timestamp;

/// How long things take; see `--leader-elect-lease-duration` and the two behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a replica that stands by watches an unchanged Lease before it takes it.
    pub lease: Duration,
    /// How long after its last renewal the leader goes on.
    pub renew: Duration,
    /// Pause between two looks at the Lease, and between two renewals.
    pub retry: Duration,
}

impl Timing {
    /// Checks that a leader has stopped before its Lease runs out, and can fail to renew once.
    ///
    /// # Errors
    /// What is wrong, in the words of the flags.
    pub fn check(self) -> Result<Self, &'static str> {
        if self.lease < Duration::from_secs(1) {
            return Err("--leader-elect-lease-duration must be 1s or more");
        }
        if self.lease <= self.renew {
            return Err(
                "--leader-elect-lease-duration must be more than --leader-elect-renew-deadline",
            );
        }
        if self.retry.is_zero() || self.renew < self.retry.mul_f64(JITTER) {
            return Err(
                "--leader-elect-renew-deadline must be 1.2 times --leader-elect-retry-period or more, and that more than 0",
            );
        }
        Ok(self)
    }
}

/// Replicas that stand by look again after a retry period at most, and a retry period divided by this at least.
const JITTER: f64 = 1.2;

/// What a Lease says. Two that are equal mean that nobody renewed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty if it was given back.
    pub holder: String,
    /// How long it is to be watched unchanged before somebody else may take it.
    pub lease: Duration,
    /// When it was renewed, by the holder's clock: compared for equality only.
    pub renewed: Option<Timestamp>,
    /// How often it changed hands.
    pub transitions: i32,
}

/// What follows from a look at the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make it.
    Create,
    /// Write our name over what was read.
    Take,
    /// Somebody else's turn.
    Wait,
    /// It was ours, and is this one's.
    Lost(String),
}

/// One replica's part in the election.
#[derive(Debug)]
pub struct Election {
    me: String,
    timing: Timing,
    /// What a rival's Lease said last, and since when.
    rival: Option<(Record, Duration)>,
    /// Until when this replica leads; `None` before it first does.
    until: Option<Duration>,
}

impl Election {
    /// The part of a replica with this name, which no other may ever have.
    pub fn new(me: String, timing: Timing) -> Self {
        Self {
            me,
            timing,
            rival: None,
            until: None,
        }
    }

    /// This replica's name.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// The times.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// What to do after the Lease was read at this moment; `None` if there is none.
    pub fn saw(&mut self, found: Option<&Record>, now: Duration) -> Step {
        match found {
            Some(record) if record.holder == self.me => Step::Take,
            // Given back in our name by somebody: as long as nobody has it, it is still ours.
            Some(record) if record.holder.is_empty() => Step::Take,
            Some(record) if self.leads() => Step::Lost(record.holder.clone()),
            Some(record) => {
                if self.rival.as_ref().map(|(rival, _)| rival) != Some(record) {
                    self.rival = Some((record.clone(), now));
                }
                self.after_the_rival(now, Step::Take)
            }
            // Deleted by somebody: its holder may still write, and makes it again.
            None => self.after_the_rival(now, Step::Create),
        }
    }

    fn after_the_rival(&self, now: Duration, step: Step) -> Step {
        let runs = self
            .rival
            .as_ref()
            .is_some_and(|(rival, since)| now.saturating_sub(*since) < rival.lease);
        if runs && !self.leads() {
            Step::Wait
        } else {
            step
        }
    }

    /// How long until a rival's Lease has run out, as this replica watched it; `None` if no rival is known.
    pub fn rival_left(&self, now: Duration) -> Option<Duration> {
        let (rival, since) = self.rival.as_ref()?;
        Some((*since + rival.lease).saturating_sub(now))
    }

    /// When a replica that stands by looks again; `draw` is a random number from 0 to 1. Not all look at the same moment,
    /// but none misses the one at which the Lease runs out: a new leader is there within lease and one retry period of
    /// the last renewal.
    pub fn next_look(&self, now: Duration, draw: f64) -> Duration {
        let shortest = self.timing.retry.div_f64(JITTER);
        let pause = shortest + (self.timing.retry - shortest).mul_f64(draw);
        match self.rival_left(now) {
            // It has run out and could not be taken: that is no reason to hurry.
            None | Some(Duration::ZERO) => pause,
            Some(left) => pause.min(left),
        }
    }

    /// Takes in that a write of the Lease in our name, sent at this moment, was stored. Returns until when we lead.
    pub fn won(&mut self, sent: Duration) -> Duration {
        let until = sent + self.timing.renew;
        self.until = Some(until);
        self.rival = None;
        until
    }

    /// Whether this replica has ever led: one that has lost never leads again.
    pub fn leads(&self) -> bool {
        self.until.is_some()
    }

    /// How long this replica may still lead; `None` if it has not led.
    pub fn time_left(&self, now: Duration) -> Option<Duration> {
        self.until.map(|until| until.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn timing(lease: u64, renew: u64, retry: u64) -> Timing {
        Timing {
            lease: seconds(lease),
            renew: seconds(renew),
            retry: seconds(retry),
        }
    }

    fn record(holder: &str, renewed: i64) -> Record {
        Record {
            holder: holder.to_owned(),
            lease: seconds(15),
            renewed: Timestamp::from_second(renewed).ok(),
            transitions: 0,
        }
    }

    fn stands_by() -> Election {
        Election::new("me".to_owned(), timing(15, 10, 2))
    }

    /// A moment in seconds, the holder and the renewal that the Lease shows, and what follows.
    type Look<'a> = (u64, Option<(&'a str, i64)>, Step);

    fn walk(election: &mut Election, looks: &[Look<'_>]) {
        for (now, shown, expected) in looks {
            let shown = shown.map(|(holder, renewed)| record(holder, renewed));
            let step = election.saw(shown.as_ref(), seconds(*now));
            assert_eq!(step, *expected, "at {now} s with {shown:?}");
        }
    }

    #[test]
    fn nobodys_lease_is_taken_at_once() {
        walk(&mut stands_by(), &[(0, None, Step::Create)]);
        walk(&mut stands_by(), &[(0, Some(("", 0)), Step::Take)]);
        // Our own write whose answer was lost.
        walk(&mut stands_by(), &[(0, Some(("me", 0)), Step::Take)]);
    }

    #[test]
    fn a_rivals_lease_is_taken_when_it_was_watched_unchanged_for_its_duration() {
        let rival = |renewed| Some(("rival", renewed));
        walk(
            &mut stands_by(),
            &[
                // Its times lie far in the past, and mean nothing.
                (100, rival(1), Step::Wait),
                (114, rival(1), Step::Wait),
                (115, rival(1), Step::Take),
                // Renewed in the last moment.
                (116, rival(2), Step::Wait),
                (130, rival(2), Step::Wait),
                (131, rival(2), Step::Take),
                // Another rival was faster.
                (132, Some(("third", 3)), Step::Wait),
                (146, Some(("third", 3)), Step::Wait),
                (147, Some(("third", 3)), Step::Take),
            ],
        );
    }

    #[test]
    fn a_replica_that_stands_by_looks_when_the_lease_runs_out() {
        let mut election = stands_by();
        let look = |election: &Election, now: f64, draw| {
            let pause = election.next_look(Duration::from_secs_f64(now), draw);
            (pause.as_secs_f64() * 1e3).round() / 1e3
        };
        assert_eq!(look(&election, 0.0, 1.0), 2.0);
        assert_eq!(look(&election, 0.0, 0.0), 1.667);
        assert_eq!(
            election.saw(Some(&record("rival", 1)), seconds(100)),
            Step::Wait
        );
        assert_eq!(look(&election, 100.0, 1.0), 2.0);
        assert_eq!(look(&election, 114.5, 1.0), 0.5);
        // It could not be taken.
        assert_eq!(look(&election, 115.0, 1.0), 2.0);
        assert_eq!(look(&election, 116.0, 1.0), 2.0);
        election.won(seconds(117));
        assert_eq!(look(&election, 117.0, 1.0), 2.0);
    }

    #[test]
    fn the_duration_is_the_one_in_the_lease() {
        let mut election = stands_by();
        let mut long = record("rival", 1);
        long.lease = seconds(60);
        assert_eq!(election.saw(Some(&long), seconds(0)), Step::Wait);
        assert_eq!(election.saw(Some(&long), seconds(59)), Step::Wait);
        assert_eq!(election.saw(Some(&long), seconds(60)), Step::Take);
    }

    #[test]
    fn a_lease_that_is_deleted_under_a_rival_is_its_own_until_it_would_have_run_out() {
        let rival = Some(("rival", 1));
        walk(
            &mut stands_by(),
            &[
                (0, rival, Step::Wait),
                (5, None, Step::Wait),
                (14, None, Step::Wait),
                (15, None, Step::Create),
            ],
        );
        walk(
            &mut stands_by(),
            &[
                (0, rival, Step::Wait),
                (1, None, Step::Wait),
                // Made anew.
                (2, Some(("rival", 2)), Step::Wait),
                (16, None, Step::Wait),
                (17, None, Step::Create),
            ],
        );
    }

    #[test]
    fn a_rival_that_gives_back_is_followed_at_once() {
        walk(
            &mut stands_by(),
            &[
                (0, Some(("rival", 1)), Step::Wait),
                (1, Some(("", 2)), Step::Take),
            ],
        );
    }

    #[test]
    fn a_leader_takes_its_own_lease_back_and_gives_way_to_a_rival() {
        let mut election = stands_by();
        assert_eq!(election.time_left(seconds(0)), None);
        assert_eq!(election.won(seconds(20)), seconds(30));
        walk(
            &mut election,
            &[
                (21, Some(("me", 1)), Step::Take),
                (22, None, Step::Create),
                (23, Some(("", 1)), Step::Take),
                (24, Some(("rival", 1)), Step::Lost("rival".to_owned())),
            ],
        );
    }

    #[test]
    fn a_leader_counts_from_before_it_asked() {
        let mut election = stands_by();
        election.won(seconds(20));
        assert_eq!(election.time_left(seconds(22)), Some(seconds(8)));
        election.won(seconds(22));
        assert_eq!(election.time_left(seconds(31)), Some(seconds(1)));
        assert_eq!(election.time_left(seconds(32)), Some(seconds(0)));
        assert_eq!(election.time_left(seconds(99)), Some(seconds(0)));
    }

    #[test]
    fn a_leader_has_stopped_before_anybody_may_take_its_lease() {
        // The rival sees the renewal no earlier than it was sent, and every moment of its watch is later still.
        let times = timing(15, 10, 2);
        for delay in 0..30 {
            let (mut leader, mut rival) = (
                Election::new("leader".to_owned(), times),
                Election::new("rival".to_owned(), times),
            );
            let until = leader.won(seconds(100));
            let seen = seconds(100 + delay);
            assert_eq!(rival.saw(Some(&record("leader", 1)), seen), Step::Wait);
            let taken = (0..60)
                .map(|later| seen + seconds(later))
                .find(|now| rival.saw(Some(&record("leader", 1)), *now) == Step::Take);
            assert!(taken.unwrap() >= until + times.lease - times.renew);
        }
    }

    #[test]
    fn times_that_cannot_work_are_refused() {
        assert!(timing(15, 10, 2).check().is_ok());
        let wrong = [
            timing(0, 10, 2),
            timing(10, 10, 2),
            timing(15, 2, 2),
            timing(15, 10, 0),
            timing(15, 0, 0),
        ];
        for timing in wrong {
            assert!(timing.check().is_err(), "{timing:?}");
        }
    }
}
