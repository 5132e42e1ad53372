//! What is to be looked at next.
//!
//! Two lanes: new and changed objects before the start-up sweep. One entry an object. Within a lane, namespaces take
//! turns, so that one tenant cannot make another wait (design §6 row 7). An entry may carry the object that the event
//! brought, within a byte budget. Knows nothing of what a pass does.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signet_crds::Opening;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::index::ObjectKey;
use crate::object::RawSealedSecret;

/// Bytes of objects that may wait in the queue; beyond it, entries keep the name only.
const CARRIED_BYTES: usize = 16 * 1024 * 1024;

/// Which objects come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// New and changed objects, repairs, retries.
    Fresh,
    /// What a list at the start, or the hourly look, brought.
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
}

/// What follows a turn.
pub enum Next {
    /// Nothing until something happens.
    Idle,
    /// Another turn after this time.
    After(Duration),
    /// Another turn when the others had theirs.
    GoOn(Unfinished),
}

#[derive(Default)]
struct Waiting {
    lane: Option<Lane>,
    object: Option<Box<RawSealedSecret>>,
    opening: Option<Unfinished>,
    was_put_off: bool,
}

#[derive(Default)]
struct Turns {
    order: VecDeque<Arc<str>>,
    by_namespace: HashMap<Arc<str>, VecDeque<ObjectKey>>,
    len: usize,
}

impl Turns {
    fn push(&mut self, key: ObjectKey) {
        let queue = self
            .by_namespace
            .entry(Arc::clone(&key.namespace))
            .or_default();
        if queue.is_empty() {
            self.order.push_back(Arc::clone(&key.namespace));
        }
        queue.push_back(key);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<ObjectKey> {
        let namespace = self.order.pop_front()?;
        let queue = self.by_namespace.get_mut(&namespace)?;
        let key = queue.pop_front();
        if queue.is_empty() {
            self.by_namespace.remove(&namespace);
        } else {
            self.order.push_back(namespace);
        }
        self.len -= usize::from(key.is_some());
        key
    }
}

#[derive(Default)]
struct State {
    fresh: Turns,
    sweep: Turns,
    waiting: HashMap<ObjectKey, Waiting>,
    running: HashSet<ObjectKey>,
    delayed: BTreeMap<(Instant, ObjectKey), ()>,
    delays: HashMap<ObjectKey, Instant>,
    carried: usize,
    open: bool,
    closed: bool,
}

/// The queue. Starts paused; see [`Queue::start`].
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

impl Queue {
    /// An empty, paused queue.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets jobs out.
    pub fn start(&self) {
        self.state().open = true;
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
        state.enqueue(key, lane, object, None);
        drop(state);
        self.changed.notify_one();
    }

    /// Asks for a turn of an object after a while, unless an earlier one is due.
    pub fn push_after(&self, key: ObjectKey, delay: Duration) {
        self.state().delay(key, Instant::now() + delay);
        self.changed.notify_one();
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, key: &ObjectKey) {
        let mut state = self.state();
        state.cancel_delay(key);
        state.drop_carried(key);
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
        state.running.remove(key);
        let was_waiting = state.waiting.contains_key(key);
        match next {
            Next::Idle => {}
            Next::After(delay) => state.delay(key.clone(), Instant::now() + delay),
            // An event that came meanwhile makes the unfinished opening worthless.
            Next::GoOn(_) if state.waiting.contains_key(key) => {}
            Next::GoOn(unfinished) => {
                state.enqueue(key.clone(), Lane::Fresh, None, Some(unfinished))
            }
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

    /// Whether nothing waits, runs or is due by now.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        let due = state.next_due().is_some_and(|due| due <= Instant::now());
        state.waiting.is_empty() && state.running.is_empty() && !due
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
        let running = self.running.contains(&key);
        let room = CARRIED_BYTES.saturating_sub(self.carried);
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
            self.delays.remove(&key);
            if !self.waiting.contains_key(&key) {
                self.enqueue(key.clone(), Lane::Fresh, None, None);
                if let Some(waiting) = self.waiting.get_mut(&key) {
                    waiting.was_put_off = true;
                }
            }
        }
        if !self.open {
            return None;
        }
        while let Some(key) = self.fresh.pop().or_else(|| self.sweep.pop()) {
            if self.running.contains(&key) {
                continue;
            }
            let Some(waiting) = self.waiting.remove(&key) else {
                continue;
            };
            self.carried -= waiting.object.as_ref().map_or(0, |object| object.size());
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

    fn delay(&mut self, key: ObjectKey, due: Instant) {
        if self.delays.get(&key).is_some_and(|earlier| *earlier <= due) {
            return;
        }
        self.cancel_delay(&key);
        self.delays.insert(key.clone(), due);
        self.delayed.insert((due, key), ());
    }

    fn cancel_delay(&mut self, key: &ObjectKey) {
        if let Some(due) = self.delays.remove(key) {
            self.delayed.remove(&(due, key.clone()));
        }
    }

    fn drop_carried(&mut self, key: &ObjectKey) {
        if let Some(waiting) = self.waiting.get_mut(key) {
            self.carried -= waiting.object.take().map_or(0, |object| object.size());
            waiting.opening = None;
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), ())| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> ObjectKey {
        ObjectKey {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    async fn take(queue: &Queue) -> ObjectKey {
        queue.next().await.expect("the queue is open").key
    }

    fn started() -> Queue {
        let queue = Queue::new();
        queue.start();
        queue
    }

    #[tokio::test]
    async fn fresh_objects_come_before_the_sweep_and_namespaces_take_turns() {
        let queue = started();
        for name in ["1", "2", "3"] {
            queue.push(key("sweep", name), Lane::Sweep, None);
        }
        for name in ["1", "2", "3"] {
            queue.push(key("loud", name), Lane::Fresh, None);
        }
        queue.push(key("quiet", "1"), Lane::Fresh, None);
        let order: Vec<_> = [
            take(&queue).await,
            take(&queue).await,
            take(&queue).await,
            take(&queue).await,
            take(&queue).await,
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(order, ["loud/1", "quiet/1", "loud/2", "loud/3", "sweep/1"]);
    }

    #[tokio::test]
    async fn an_object_of_the_sweep_that_changes_moves_up_and_has_one_turn() {
        let queue = started();
        queue.push(key("a", "1"), Lane::Sweep, None);
        queue.push(key("b", "1"), Lane::Sweep, None);
        queue.push(key("b", "1"), Lane::Fresh, None);
        assert_eq!(take(&queue).await, key("b", "1"));
        queue.done(&key("b", "1"), Next::Idle);
        assert_eq!(take(&queue).await, key("a", "1"));
        queue.done(&key("a", "1"), Next::Idle);
        assert!(queue.is_idle());
    }

    #[tokio::test]
    async fn a_change_during_a_turn_gives_one_more_turn_and_never_two_at_once() {
        let queue = started();
        queue.push(key("a", "1"), Lane::Fresh, None);
        let first = take(&queue).await;
        queue.push(first.clone(), Lane::Fresh, None);
        queue.push(first.clone(), Lane::Sweep, None);
        queue.push(key("z", "sentinel"), Lane::Sweep, None);
        assert_eq!(take(&queue).await, key("z", "sentinel"));
        queue.done(&first, Next::Idle);
        assert_eq!(take(&queue).await, first);
        queue.done(&first, Next::Idle);
        queue.done(&key("z", "sentinel"), Next::Idle);
        assert!(queue.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_was_put_off_comes_in_time_and_an_event_brings_it_forward() {
        let queue = started();
        queue.push_after(key("a", "late"), Duration::from_secs(60));
        queue.push_after(key("a", "soon"), Duration::from_secs(5));
        queue.push_after(key("a", "late"), Duration::from_secs(90));
        assert_eq!(take(&queue).await, key("a", "soon"));
        queue.push(key("a", "late"), Lane::Fresh, None);
        assert_eq!(take(&queue).await, key("a", "late"));
        assert_eq!(queue.state().next_due(), None);
    }

    #[tokio::test]
    async fn a_paused_queue_gives_nothing_and_a_closed_one_ends() {
        let queue = Queue::new();
        queue.push(key("a", "1"), Lane::Fresh, None);
        assert!(queue.state().take(Instant::now()).is_none());
        queue.close();
        assert!(queue.next().await.is_none());
    }
}
