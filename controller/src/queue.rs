//! What is to be looked at next.
//!
//! Two lanes: new and changed objects before the start-up sweep. One entry an object. Within a lane, namespaces take
//! turns, so that one tenant cannot make another wait (docs/trust.md row 7). An entry may carry the object that the event
//! brought, within a byte budget. Knows nothing of what a pass does.

mod turns;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signet_common::KeyRing;
use signet_crds::Opening;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::index::ObjectKey;
use crate::object::RawSealedSecret;
use turns::Turns;

/// Bytes of objects that may wait in the queue; beyond it, entries keep the name only.
const CARRIED_BYTES: usize = 4 * 1024 * 1024;
/// The largest object that is carried: reading a larger one again costs little beside the rest of its pass, and a few
/// hundred of them would leave no room for others.
const CARRIED_OBJECT: usize = 32 * 1024;
/// Openings that may wait half done: each holds its object and the values opened so far, some 3 MiB at most.
const HALF_DONE: usize = 8;

/// Which objects come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// New and changed objects, repairs, retries. These need no complete lists.
    Fresh,
    /// What a list at the start, or the hourly look, brought; the latest change first.
    Sweep,
}

impl Lane {
    /// The lane as metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Sweep => "sweep",
        }
    }
}

/// One object's turn.
pub struct Job {
    /// Which object.
    pub key: ObjectKey,
    /// The object as an event brought it, if it was kept.
    pub object: Option<Box<RawSealedSecret>>,
    /// An opening that an earlier turn did not finish.
    pub opening: Option<Unfinished>,
    /// Whether only time asked for this turn.
    pub was_put_off: bool,
}

/// An opening cut short by its budget, and the object that it belongs to.
pub struct Unfinished {
    /// The state of the opening.
    pub opening: Box<Opening>,
    /// The object as it was.
    pub object: Box<RawSealedSecret>,
    /// The keys that it was begun with.
    pub ring: Arc<KeyRing>,
}

/// What follows a turn.
pub enum Next {
    /// Nothing until something happens.
    Idle,
    /// Another turn after this time, before what a list brought.
    After(Duration),
    /// Another turn after this time, which nobody waits for.
    LookAgain(Duration),
    /// Another turn when the others had theirs. Beyond [`HALF_DONE`] the opening is begun anew when one of those has ended.
    GoOn(Unfinished),
}

#[derive(Default)]
struct Waiting {
    lane: Option<Lane>,
    object: Option<Box<RawSealedSecret>>,
    opening: Option<Unfinished>,
    was_put_off: bool,
    /// The object itself changed: what was begun is worthless.
    changed: bool,
}

#[derive(Default)]
struct State {
    fresh: Turns,
    sweep: Turns,
    waiting: HashMap<ObjectKey, Waiting>,
    running: HashSet<ObjectKey>,
    running_in: HashMap<Arc<str>, usize>,
    per_namespace: usize,
    delayed: BTreeMap<(Instant, ObjectKey), ()>,
    delays: HashMap<ObjectKey, (Instant, Lane)>,
    carried: usize,
    /// What holds an opening that is half done, or may do so next.
    half_done: HashSet<ObjectKey>,
    /// What waits to be one of them.
    parked: Turns,
    open: Open,
    closed: bool,
    stands_by: bool,
}

/// Which jobs are let out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Fresh,
    Everything,
}

/// The queue. Starts paused; see [`Queue::start`].
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

impl Queue {
    /// An empty, paused queue that gives one namespace this many turns at a time.
    pub fn new(per_namespace: usize) -> Self {
        let queue = Self::default();
        queue.state().per_namespace = per_namespace.max(1);
        queue
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything, and takes nothing in until [`Queue::start`].
    pub fn stand_by(&self) {
        let mut state = self.state();
        *state = State {
            per_namespace: state.per_namespace,
            closed: state.closed,
            stands_by: true,
            ..State::default()
        };
    }

    /// Lets new and changed objects out, before it is known what the others need.
    pub fn start_fresh(&self) {
        self.state().open = Open::Fresh;
        self.changed.notify_waiters();
    }

    /// Lets jobs out, and takes them in.
    pub fn start(&self) {
        let mut state = self.state();
        state.open = Open::Everything;
        state.stands_by = false;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Lets no job out any more; [`Queue::next`] ends.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
    }

    /// Asks for a turn of an object. A turn that was put off is brought forward.
    pub fn push(&self, key: ObjectKey, lane: Lane, object: Option<Box<RawSealedSecret>>) {
        let mut state = self.state();
        state.cancel_delay(&key);
        state.enqueue(key.clone(), lane, object, None);
        if let Some(waiting) = state.waiting.get_mut(&key) {
            waiting.changed = true;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Asks for a turn of an object that has not changed itself: an entry that waits already keeps what it carries, and what
    /// was begun goes on.
    pub fn nudge(&self, key: ObjectKey, lane: Lane) {
        let mut state = self.state();
        state.cancel_delay(&key);
        let carried = state.take_carried(&key);
        let waiting = state.waiting.get_mut(&key);
        let opening = waiting.and_then(|waiting| waiting.opening.take());
        state.enqueue(key, lane, carried, opening);
        drop(state);
        self.changed.notify_one();
    }

    /// Puts what waits in the sweep in order: the highest rank first.
    pub fn sort_sweep(&self, rank: impl Fn(&ObjectKey) -> u64) {
        self.state().sweep.sort(rank);
    }

    /// Asks for a turn of an object after a while, unless an earlier one is due.
    pub fn push_after(&self, key: ObjectKey, lane: Lane, delay: Duration) {
        self.state().delay(key, lane, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, key: &ObjectKey) {
        let mut state = self.state();
        state.cancel_delay(key);
        state.drop_carried(key);
        if !state.running.contains(key) {
            state.end_opening(key);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next job, when there is one; `None` once the queue is closed.
    pub async fn next(&self) -> Option<Job> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let due = {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(job) = state.take(Instant::now()) {
                    let more = state.fresh.len + state.sweep.len > 0;
                    drop(state);
                    if more {
                        self.changed.notify_one();
                    }
                    return Some(job);
                }
                state.next_due()
            };
            match due {
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Ends a turn. If something happened to the object meanwhile, it is queued again.
    pub fn done(&self, key: &ObjectKey, next: Next) {
        let mut state = self.state();
        state.stop(key);
        let was_waiting = state.waiting.contains_key(key);
        match next {
            Next::Idle => state.end_opening(key),
            Next::After(delay) => {
                state.end_opening(key);
                state.delay(key.clone(), Lane::Fresh, Instant::now() + delay);
            }
            Next::LookAgain(delay) => {
                state.end_opening(key);
                state.delay(key.clone(), Lane::Sweep, Instant::now() + delay);
            }
            Next::GoOn(unfinished) if was_waiting => state.go_on_with(key, unfinished),
            Next::GoOn(unfinished) => state.go_on(key, unfinished),
        }
        if let Some(lane) = state
            .waiting
            .get(key)
            .filter(|_| was_waiting)
            .and_then(|waiting| waiting.lane)
        {
            state.turns(lane).push(key.clone());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// How many objects wait in a lane.
    pub fn len(&self, lane: Lane) -> usize {
        self.state().turns(lane).len
    }

    /// Whether a single turn is running and nothing waits for one.
    pub fn has_one_turn(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.running.len() == 1
    }

    /// Whether nothing waits, runs or is due by now.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        let due = state.next_due().is_some_and(|due| due <= Instant::now());
        let parked = state.parked.len > 0;
        state.waiting.is_empty() && state.running.is_empty() && !parked && !due
    }
}

impl State {
    fn turns(&mut self, lane: Lane) -> &mut Turns {
        match lane {
            Lane::Fresh => &mut self.fresh,
            Lane::Sweep => &mut self.sweep,
        }
    }

    fn enqueue(
        &mut self,
        key: ObjectKey,
        lane: Lane,
        object: Option<Box<RawSealedSecret>>,
        opening: Option<Unfinished>,
    ) {
        if self.stands_by {
            return;
        }
        let running = self.running.contains(&key);
        let room = CARRIED_BYTES
            .saturating_sub(self.carried)
            .min(CARRIED_OBJECT);
        let object = object.filter(|object| object.size() <= room);
        let waiting = self.waiting.entry(key.clone()).or_default();
        let before = waiting.lane;
        self.carried -= waiting.object.as_ref().map_or(0, |object| object.size());
        self.carried += object.as_ref().map_or(0, |object| object.size());
        // Without an object here, the turn reads it: what was carried before is out of date.
        waiting.object = object;
        waiting.opening = opening;
        waiting.was_put_off = false;
        waiting.lane = Some(before.map_or(lane, |before| before.min(lane)));
        let lane = waiting.lane;
        if !running && before != lane {
            // An entry that moves up stays in the slower lane too; taking skips it there.
            self.turns(lane.unwrap_or(Lane::Fresh)).push(key);
        }
    }

    fn take(&mut self, now: Instant) -> Option<Job> {
        while let Some((due, _)) = self
            .delayed
            .first_key_value()
            .map(|((due, key), ())| (*due, key))
        {
            if due > now {
                break;
            }
            let Some(((_, key), ())) = self.delayed.pop_first() else {
                break;
            };
            let delayed = self.delays.remove(&key);
            if !self.waiting.contains_key(&key) {
                let lane = delayed.map_or(Lane::Fresh, |(_, lane)| lane);
                self.enqueue(key.clone(), lane, None, None);
                if let Some(waiting) = self.waiting.get_mut(&key) {
                    waiting.was_put_off = true;
                }
            }
        }
        if self.open == Open::Nothing {
            return None;
        }
        while let Some(key) = self.pop() {
            if self.running.contains(&key) {
                continue;
            }
            let Some(waiting) = self.waiting.remove(&key) else {
                continue;
            };
            self.carried -= waiting.object.as_ref().map_or(0, |object| object.size());
            *self
                .running_in
                .entry(Arc::clone(&key.namespace))
                .or_default() += 1;
            self.running.insert(key.clone());
            let Waiting {
                object,
                opening,
                was_put_off,
                ..
            } = waiting;
            return Some(Job {
                key,
                object,
                opening,
                was_put_off,
            });
        }
        None
    }

    /// One namespace never holds all workers: its objects may be slow on purpose.
    fn pop(&mut self) -> Option<ObjectKey> {
        let (running, limit) = (&self.running_in, self.per_namespace);
        let may = |namespace: &str| running.get(namespace).is_none_or(|count| *count < limit);
        let fresh = self.fresh.pop(may);
        match self.open {
            Open::Everything => fresh.or_else(|| self.sweep.pop(may)),
            Open::Fresh | Open::Nothing => fresh,
        }
    }

    fn stop(&mut self, key: &ObjectKey) {
        if !self.running.remove(key) {
            return;
        }
        if let Some(count) = self.running_in.get_mut(&key.namespace) {
            *count -= 1;
            if *count == 0 {
                self.running_in.remove(&key.namespace);
            }
        }
    }

    /// As [`State::go_on`], for an object that waits for its next turn already: another object makes the unfinished opening
    /// worthless, another Secret does not.
    fn go_on_with(&mut self, key: &ObjectKey, unfinished: Unfinished) {
        let may = self.half_done.contains(key) || self.half_done.len() < HALF_DONE;
        match self.waiting.get_mut(key) {
            Some(waiting) if may && !waiting.changed => {
                waiting.opening = Some(unfinished);
                self.half_done.insert(key.clone());
            }
            _ => self.end_opening(key),
        }
    }

    /// Keeps an opening if few are half done; otherwise only the name, until one of them has ended. The work of one turn is
    /// lost then, and no object waits for ever: whoever is let in keeps its place to the end.
    fn go_on(&mut self, key: &ObjectKey, unfinished: Unfinished) {
        if self.half_done.contains(key) || self.half_done.len() < HALF_DONE {
            self.half_done.insert(key.clone());
            self.enqueue(key.clone(), Lane::Fresh, None, Some(unfinished));
        } else if !self.stands_by && !self.parked.has(key) {
            self.parked.push(key.clone());
        }
    }

    /// An opening is over: finished, refused or worthless.
    fn end_opening(&mut self, key: &ObjectKey) {
        if !self.half_done.remove(key) {
            return;
        }
        if let Some(next) = self.parked.pop(|_| true) {
            self.half_done.insert(next.clone());
            if !self.running.contains(&next) && !self.waiting.contains_key(&next) {
                self.enqueue(next, Lane::Fresh, None, None);
            }
        }
    }

    fn delay(&mut self, key: ObjectKey, lane: Lane, due: Instant) {
        let earlier = self.delays.get(&key);
        let earlier = earlier.is_some_and(|(earlier, _)| *earlier <= due);
        if earlier || self.stands_by {
            return;
        }
        self.cancel_delay(&key);
        self.delays.insert(key.clone(), (due, lane));
        self.delayed.insert((due, key), ());
    }

    fn cancel_delay(&mut self, key: &ObjectKey) {
        if let Some((due, _)) = self.delays.remove(key) {
            self.delayed.remove(&(due, key.clone()));
        }
    }

    fn drop_carried(&mut self, key: &ObjectKey) {
        self.take_carried(key);
        if let Some(waiting) = self.waiting.get_mut(key) {
            waiting.opening = None;
        }
    }

    fn take_carried(&mut self, key: &ObjectKey) -> Option<Box<RawSealedSecret>> {
        let object = self.waiting.get_mut(key)?.object.take()?;
        self.carried -= object.size();
        Some(object)
    }

    fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), ())| *due)
    }
}

#[cfg(test)]
mod tests;
