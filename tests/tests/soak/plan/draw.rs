//! The dice: which objects, operations and faults a seed gives.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::{
    CHANGES, DOOMED, Fault, HAND_KEYS, NAMESPACES, OBJECTS, Operation, Plan, ROUNDS, Round,
    SealedWith, Strike,
};
use crate::slot::{Scope, Shape, Slot};

/// The run of a seed; always the same.
pub(super) fn draw(seed: u64) -> Plan {
    let mut draw = Draw {
        rng: ChaCha20Rng::seed_from_u64(seed),
        objects: Vec::new(),
        slots: Vec::new(),
    };
    for number in 0..OBJECTS {
        draw.slot(number);
    }
    let mut rounds: Vec<Round> = (0..ROUNDS).map(|round| draw.round(round)).collect();
    for (round, strikes) in rounds.iter_mut().zip(draw.strikes(seed)) {
        round.strikes = strikes;
    }
    // A key that is made while the clock is wrong follows none of the others.
    let mut strikes = rounds.iter().flat_map(|round| &round.strikes);
    if strikes.any(|strike| strike.fault == Fault::StepClock) {
        for round in &mut rounds {
            round
                .operations
                .retain(|operation| *operation != Operation::Renew);
        }
    }
    Plan {
        slots: draw.slots,
        rounds,
    }
}

/// What was drawn about an object so far.
#[derive(Clone, Copy, Default)]
struct Object {
    version: u32,
    is_there: bool,
    /// Somebody edits its Secret: then nothing that does not open is applied, for the edit would stay.
    is_tampered: bool,
    is_spoiled: bool,
    is_free: bool,
    is_usurped: bool,
}

struct Draw {
    rng: ChaCha20Rng,
    objects: Vec<Object>,
    slots: Vec<Slot>,
}

impl Draw {
    fn slot(&mut self, number: usize) {
        let (namespace, shape) = match self.rng.random_range(0..=NAMESPACES) {
            NAMESPACES => (DOOMED.to_owned(), self.shape(8)),
            number => (format!("soak-{number}"), self.shape(10)),
        };
        let scopes = [
            Scope::Strict,
            Scope::Strict,
            Scope::Namespace,
            Scope::Cluster,
        ];
        self.slots.push(Slot {
            namespace,
            name: format!("object-{number}"),
            shape,
            scope: *scopes.choose(&mut self.rng).expect("there are some"),
        });
        self.objects.push(Object::default());
    }

    fn shape(&mut self, sides: u32) -> Shape {
        match self.rng.random_range(0..2 * sides) {
            0 => Shape::Keyless,
            1 => Shape::Misscoped,
            2..=5 => Shape::Templated,
            16 => Shape::Managed,
            17 => Shape::Patched,
            18 => Shape::Blocked,
            _ => Shape::Plain,
        }
    }

    fn round(&mut self, round: usize) -> Round {
        let (first, end) = (OBJECTS * round / ROUNDS, OBJECTS * (round + 1) / ROUNDS);
        let mut operations: Vec<Operation> =
            (first..end).map(|slot| self.apply(slot, round)).collect();
        operations.shuffle(&mut self.rng);
        // What is done to objects that exist keeps its order.
        let mut place = 0;
        for _ in 0..CHANGES {
            if first > 0 && place < operations.len() {
                let slot = self.rng.random_range(0..first);
                let changes = self.change(slot, round);
                operations.splice(place..place, changes);
            }
            place += self.rng.random_range(1..4);
        }
        for key in 0..HAND_KEYS {
            if round == key_round(key) {
                operations.insert(operations.len() / 2, Operation::AddKey(key));
            }
        }
        if round % 4 == 2 {
            operations.push(Operation::Renew);
        }
        Round {
            operations,
            strikes: Vec::new(),
        }
    }

    fn apply(&mut self, slot: usize, round: usize) -> Operation {
        let object = &mut self.objects[slot];
        object.version += 1;
        object.is_there = true;
        object.is_spoiled = false;
        let with = match (self.slots[slot].shape, self.rng.random_range(0..10)) {
            (Shape::Keyless, _) => SealedWith::Nobody,
            (Shape::Misscoped, _) => SealedWith::Newest,
            (_, 0) => SealedWith::Hand(self.rng.random_range(0..HAND_KEYS)),
            (_, 1) => SealedWith::Oldest,
            (Shape::Plain, 2) if round > 0 && !object.is_tampered => {
                object.is_spoiled = true;
                SealedWith::Nobody
            }
            _ => SealedWith::Newest,
        };
        Operation::Apply {
            slot,
            version: object.version,
            with,
        }
    }

    fn change(&mut self, slot: usize, round: usize) -> Vec<Operation> {
        let (shape, object) = (self.slots[slot].shape, self.objects[slot]);
        if !object.is_there {
            return vec![self.apply(slot, round)];
        }
        let stands =
            matches!(shape, Shape::Managed | Shape::Patched | Shape::Blocked) || object.is_usurped;
        let opens = matches!(shape, Shape::Plain | Shape::Templated) && !object.is_usurped;
        let is_doomed = self.slots[slot].namespace == DOOMED;
        let object = &mut self.objects[slot];
        let operation = match self.rng.random_range(0..10) {
            0..=2 if !stands => {
                object.is_there = false;
                Operation::Delete { slot }
            }
            3 if opens && !object.is_spoiled => {
                object.is_tampered = true;
                Operation::Tamper { slot }
            }
            4 if opens => Operation::Lose { slot },
            5..=7 if (shape == Shape::Blocked || object.is_usurped) && !object.is_free => {
                object.is_free = true;
                Operation::Free { slot }
            }
            8..=9 if opens && !is_doomed && !object.is_spoiled => {
                // In the moment in which a controller reads and writes it. It stays as it is then.
                object.is_usurped = true;
                object.is_tampered = true;
                return vec![self.apply(slot, round), Operation::Usurp { slot }];
            }
            _ => self.apply(slot, round),
        };
        vec![operation]
    }

    fn strikes(&mut self, seed: u64) -> Vec<Vec<Strike>> {
        // The same order for the three seeds of a group.
        let mut rare = Fault::RARE;
        rare.shuffle(&mut ChaCha20Rng::seed_from_u64(seed / 3));
        let mine = usize::try_from(seed % 3).expect("less than three");
        let mut faults: Vec<Fault> = rare.into_iter().skip(mine).step_by(3).collect();
        faults.extend(Fault::COMMON);
        while faults.len() < ROUNDS {
            faults.extend(Fault::COMMON.choose(&mut self.rng));
        }
        faults.shuffle(&mut self.rng);
        let mut rounds: Vec<Vec<Strike>> = Vec::new();
        for fault in faults {
            let mut strikes = vec![self.strike(fault)];
            // And a replica that is in trouble besides.
            let further = [Fault::KillReplica, Fault::PauseReplica, Fault::CutWatches];
            if self.rng.random_bool(0.3)
                && let Some(further) = further.choose(&mut self.rng)
                && *further != fault
            {
                strikes.push(self.strike(*further));
            }
            rounds.push(strikes);
        }
        rounds
    }

    fn strike(&mut self, fault: Fault) -> Strike {
        Strike {
            fault,
            after: self.rng.random_range(0..40),
            milliseconds: self.rng.random_range(500..2500),
            target: self.rng.random_range(0..60),
        }
    }
}

/// In which round a key is put in by hand: something was sealed with it before.
fn key_round(key: usize) -> usize {
    ROUNDS * (key + 1) / (HAND_KEYS + 1)
}
