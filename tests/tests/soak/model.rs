//! What the cluster must hold, known from what was applied. Pure; it knows nothing of what the controller did.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::plan::{Operation, SealedWith};
use crate::slot::{Data, Shape, Slot};

/// What must become of one SealedSecret's Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// There is no SealedSecret and no Secret.
    Nothing,
    /// The Secret holds exactly this.
    Secret {
        data: Data,
        /// Whether the SealedSecret is its controller.
        owned: bool,
    },
    /// The SealedSecret cannot be opened for this reason. There is no Secret, or one of an earlier version.
    Refused {
        reason: &'static str,
        earlier: Vec<Data>,
    },
    /// Somebody else's Secret is in the way, and stays as it is.
    Blocked,
}

/// What was done to one object.
#[derive(Clone, Debug, Default)]
struct Life {
    /// The last version that was applied, and how it was sealed; none if it was deleted, or never made.
    now: Option<(u32, SealedWith)>,
    opened: BTreeSet<u32>,
    is_free: bool,
    is_usurped: bool,
}

/// What was applied so far.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) slots: Vec<Slot>,
    lives: Vec<Life>,
    /// Secrets that belong to somebody else, as they were last written by their owner: `NAMESPACE/NAME`.
    pub(crate) foreign: BTreeMap<String, Value>,
    /// Key Secrets that were put in by hand.
    pub(crate) hand_keys: BTreeSet<String>,
    /// How often a new key was asked for.
    pub(crate) renewals: usize,
}

impl Model {
    pub(crate) fn new(slots: Vec<Slot>) -> Self {
        Self {
            lives: vec![Life::default(); slots.len()],
            slots,
            foreign: BTreeMap::new(),
            hand_keys: BTreeSet::new(),
            renewals: 0,
        }
    }

    /// Takes note of an operation that is certain to have been done, or to be done now.
    pub(crate) fn note(&mut self, operation: Operation) {
        match operation {
            Operation::Apply {
                slot,
                version,
                with,
            } => {
                let life = &mut self.lives[slot];
                life.now = Some((version, with));
                if with != SealedWith::Nobody {
                    life.opened.insert(version);
                }
            }
            Operation::Delete { slot } => self.lives[slot].now = None,
            Operation::Free { slot } => {
                self.lives[slot].is_free = true;
                self.foreign.remove(&self.slots[slot].path());
            }
            Operation::Usurp { slot } => self.lives[slot].is_usurped = true,
            Operation::Renew => self.renewals += 1,
            Operation::Tamper { .. } | Operation::Lose { .. } | Operation::AddKey(_) => {}
        }
    }

    /// What must be at the end, for each object.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (&Slot, Expected)> {
        let all = self.slots.iter().zip(&self.lives);
        all.map(|(slot, life)| (slot, expected(slot, life)))
    }

    /// Whether the object has a SealedSecret now.
    pub(crate) fn is_there(&self, slot: usize) -> bool {
        self.lives[slot].now.is_some()
    }
}

fn expected(slot: &Slot, life: &Life) -> Expected {
    let Some((version, with)) = life.now else {
        return Expected::Nothing;
    };
    let refused = |reason| Expected::Refused {
        reason,
        earlier: life
            .opened
            .iter()
            .map(|version| slot.data(*version))
            .collect(),
    };
    match slot.shape {
        Shape::Blocked if !life.is_free => Expected::Blocked,
        _ if life.is_usurped && !life.is_free => Expected::Blocked,
        Shape::Misscoped => Expected::Refused {
            reason: "ScopeMismatch",
            earlier: Vec::new(),
        },
        _ if with == SealedWith::Nobody => refused("NoKey"),
        shape => Expected::Secret {
            data: slot.data(version),
            owned: shape != Shape::Patched,
        },
    }
}
