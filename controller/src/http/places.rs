//! Places for connections: how many are served at once, and who gives way when they are taken.
//!
//! A connection that waits for its client gives way to a new one, the longest wait first; one whose request is being judged
//! does not. So a probe is answered however many clients say nothing (docs/trust.md row 12).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// The places of one listener.
pub(super) struct Places {
    limit: usize,
    taken: Mutex<Taken>,
    changed: Notify,
}

#[derive(Default)]
struct Taken {
    /// Numbers connections and waits.
    next: u64,
    connections: BTreeMap<u64, Connection>,
}

struct Connection {
    /// Since when it waits for its client; `None` while a request is being judged.
    waits_since: Option<u64>,
    /// Ends it; taken once that is said.
    end: Option<oneshot::Sender<()>>,
}

/// The place of a connection, until the last copy is dropped.
#[derive(Clone)]
pub(super) struct Place(Arc<Held>);

struct Held {
    places: Arc<Places>,
    id: u64,
}

/// Says that a connection does not wait for its client, until it is dropped.
pub(super) struct Busy(Place);

impl Places {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            taken: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A place for a new connection, and what says that it has to end. Waits if every request is being judged.
    pub(super) async fn enter(self: &Arc<Self>) -> (Place, oneshot::Receiver<()>) {
        loop {
            if let Some(entered) = self.try_enter() {
                return entered;
            }
            // A change since then is remembered: nobody else waits here.
            self.changed.notified().await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut taken = self.taken();
        if taken.connections.len() >= self.limit {
            taken.end_longest_wait();
            return None;
        }
        let (end, ended) = oneshot::channel();
        let id = taken.number();
        let connection = Connection {
            waits_since: Some(id),
            end: Some(end),
        };
        taken.connections.insert(id, connection);
        let places = Arc::clone(self);
        Some((Place(Arc::new(Held { places, id })), ended))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Ends one connection that waits for its client, unless one is ending already.
    fn end_longest_wait(&mut self) {
        let connections = || self.connections.iter();
        if connections().any(|(_, connection)| connection.end.is_none()) {
            return;
        }
        let longest = connections()
            .filter_map(|(id, connection)| Some((connection.waits_since?, *id)))
            .min();
        let connection = longest.and_then(|(_, id)| self.connections.get_mut(&id));
        if let Some(end) = connection.and_then(|connection| connection.end.take()) {
            // Nobody listens if it has ended by itself.
            let _ = end.send(());
        }
    }
}

impl Place {
    /// Keeps the connection while its request is judged.
    pub(super) fn busy(&self) -> Busy {
        self.set(|_| None);
        Busy(self.clone())
    }

    /// Ends the connection.
    pub(super) fn give_way(&self) {
        let mut taken = self.0.places.taken();
        let connection = taken.connections.get_mut(&self.0.id);
        if let Some(end) = connection.and_then(|connection| connection.end.take()) {
            // Nobody listens if it has ended by itself.
            let _ = end.send(());
        }
    }

    fn set(&self, waits_since: impl FnOnce(&mut Taken) -> Option<u64>) {
        let mut taken = self.0.places.taken();
        let since = waits_since(&mut taken);
        if let Some(connection) = taken.connections.get_mut(&self.0.id) {
            connection.waits_since = since;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(|taken| Some(taken.number()));
        self.0.0.places.changed.notify_one();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.places.taken().connections.remove(&self.id);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_connection_that_waits_longest_for_its_client_gives_way() {
        let places = Places::new(3);
        let (first, mut first_ends) = places.enter().await;
        let (second, mut second_ends) = places.enter().await;
        let (third, mut third_ends) = places.enter().await;
        // The first has asked for something since.
        drop(first.busy());
        let judged = second.busy();
        let mut fourth = Box::pin(places.enter());
        assert!(fourth.as_mut().now_or_never().is_none());
        assert!(third_ends.try_recv().is_ok(), "it waits longest");
        assert!(first_ends.try_recv().is_err() && second_ends.try_recv().is_err());
        drop(third);
        let (fourth, _ends) = fourth.await;

        let mut fifth = Box::pin(places.enter());
        assert!(fifth.as_mut().now_or_never().is_none());
        assert!(first_ends.try_recv().is_ok());
        drop(first);
        fifth.await;
        drop((fourth, judged));
    }

    #[tokio::test]
    async fn while_all_are_judged_a_new_one_waits_until_one_is_done() {
        let places = Places::new(1);
        let (place, mut ends) = places.enter().await;
        let judged = place.busy();
        let mut second = Box::pin(places.enter());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(ends.try_recv().is_err());
        drop(judged);
        assert!(second.as_mut().now_or_never().is_none());
        assert!(
            ends.try_recv().is_ok(),
            "an answer that nobody takes is no reason to stay"
        );
        drop(place);
        second.await;
    }
}
