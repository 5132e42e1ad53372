//! What happens in one run, drawn from its seed: objects, what is done to them, and the faults meanwhile.

mod draw;

use crate::slot::{Scope, Shape, Slot};

/// Objects of one run.
pub(crate) const OBJECTS: usize = 500;
/// Rounds of one run: each has its share of the operations, and a fault or two.
const ROUNDS: usize = 12;
/// Operations on objects that exist already, for each round.
const CHANGES: usize = 35;
/// Keys that are put into the cluster by hand.
pub(crate) const HAND_KEYS: usize = 2;
/// Namespaces with objects of every shape.
const NAMESPACES: usize = 4;
/// The namespace that may be deleted; it has only objects that nobody else's Secret stands beside.
pub(crate) const DOOMED: &str = "soak-doomed";

/// With which key a version is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealedWith {
    /// The newest that the controller made.
    Newest,
    /// The oldest of the cluster.
    Oldest,
    /// One that is put in by hand, maybe later.
    Hand(usize),
    /// One that the cluster never has.
    Nobody,
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Creates or changes the SealedSecret.
    Apply {
        slot: usize,
        version: u32,
        with: SealedWith,
    },
    /// Deletes the SealedSecret.
    Delete { slot: usize },
    /// Edits the Secret.
    Tamper { slot: usize },
    /// Deletes the Secret.
    Lose { slot: usize },
    /// Makes the Secret somebody else's, if there is one: without owner, and with other content.
    Usurp { slot: usize },
    /// Deletes somebody's Secret that was in the way.
    Free { slot: usize },
    /// Puts a key into the cluster.
    AddKey(usize),
    /// Asks for a new key.
    Renew,
}

/// What goes wrong in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    KillReplica,
    PauseReplica,
    /// For longer than a Lease lasts.
    PauseBeyondLease,
    KillApiServer,
    KillEtcd,
    CutWatches,
    Refuse,
    TooManyRequests,
    ServerErrors,
    SlowAnswers,
    LostAnswers,
    RotateCertificate,
    RotateToken,
    /// The wall clock of one replica is set wrong, and right again.
    StepClock,
    Webhook,
    Quota,
    DeleteNamespace,
    DeleteCrd,
    Restore,
}

impl Fault {
    /// Every run has these.
    const COMMON: [Self; 6] = [
        Self::KillReplica,
        Self::PauseReplica,
        Self::CutWatches,
        Self::LostAnswers,
        Self::ServerErrors,
        Self::SlowAnswers,
    ];
    /// Of these every run has a third: three seeds in a row, from a multiple of three on, have all.
    const RARE: [Self; 15] = [
        Self::PauseBeyondLease,
        Self::StepClock,
        Self::SlowAnswers,
        Self::KillApiServer,
        Self::KillEtcd,
        Self::Refuse,
        Self::TooManyRequests,
        Self::RotateCertificate,
        Self::RotateToken,
        Self::Webhook,
        Self::Quota,
        Self::DeleteNamespace,
        Self::DeleteCrd,
        Self::Restore,
        Self::KillReplica,
    ];
}

/// A fault, when it begins, and what it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) fault: Fault,
    /// Begins when this many operations of the round are done.
    pub(crate) after: usize,
    /// Lasts at least this long.
    pub(crate) milliseconds: u64,
    /// Which replica, namespace, … : to be taken modulo how many there are.
    pub(crate) target: usize,
}

/// Some operations, and the faults meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) operations: Vec<Operation>,
    pub(crate) strikes: Vec<Strike>,
}

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
    pub(crate) rounds: Vec<Round>,
}

impl Plan {
    /// The run of a seed; always the same.
    pub(crate) fn draw(seed: u64) -> Self {
        draw::draw(seed)
    }

    /// Some objects of each shape, and nothing that goes wrong.
    pub(crate) fn of_each_shape() -> Self {
        let shapes = [
            Shape::Plain,
            Shape::Templated,
            Shape::Managed,
            Shape::Patched,
            Shape::Blocked,
            Shape::Misscoped,
            Shape::Keyless,
        ];
        let scopes = [
            Scope::Strict,
            Scope::Namespace,
            Scope::Cluster,
            Scope::Strict,
        ];
        let slots: Vec<Slot> = shapes
            .into_iter()
            .flat_map(|shape| scopes.map(|scope| (shape, scope)))
            .enumerate()
            .map(|(number, (shape, scope))| Slot {
                namespace: "planted".to_owned(),
                name: format!("object-{number}"),
                shape,
                scope,
            })
            .collect();
        let apply = |(number, slot): (usize, &Slot)| Operation::Apply {
            slot: number,
            version: 1,
            with: match slot.shape {
                Shape::Keyless => SealedWith::Nobody,
                _ => SealedWith::Newest,
            },
        };
        let round = Round {
            operations: slots.iter().enumerate().map(apply).collect(),
            strikes: Vec::new(),
        };
        Self {
            slots,
            rounds: vec![round],
        }
    }

    /// Every namespace with objects.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .slots
            .iter()
            .map(|slot| slot.namespace.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

#[test]
fn a_seed_always_draws_the_same_run() {
    let text = |seed| format!("{:?}", Plan::draw(seed));
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn three_seeds_in_a_row_have_every_fault() {
    for first in [0, 3, 99] {
        let mut faults: Vec<Fault> = (first..first + 3)
            .flat_map(|seed| Plan::draw(seed).rounds)
            .flat_map(|round| round.strikes)
            .map(|strike| strike.fault)
            .collect();
        faults.sort();
        faults.dedup();
        assert_eq!(faults.len(), 19, "{faults:?}");
    }
}

#[test]
fn each_object_is_created_first_and_its_versions_come_in_order() {
    let plan = Plan::draw(1);
    let mut versions = vec![0; OBJECTS];
    for operation in plan.rounds.iter().flat_map(|round| &round.operations) {
        match *operation {
            Operation::Apply { slot, version, .. } => {
                assert_eq!(version, versions[slot] + 1);
                versions[slot] = version;
            }
            Operation::Delete { slot }
            | Operation::Tamper { slot }
            | Operation::Lose { slot }
            | Operation::Usurp { slot }
            | Operation::Free { slot } => assert!(versions[slot] > 0),
            Operation::AddKey(_) | Operation::Renew => {}
        }
    }
    assert!(versions.iter().all(|version| *version > 0));
}
