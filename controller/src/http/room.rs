//! Room for what is large: bodies of requests while they come, and of answers while they go. Slow clients hold no more memory
//! than there is room, however many they are, and hold it against nobody: who waits longest for its client gives way
//! (docs/trust.md row 12).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::response::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::places::Place;

/// Room in bytes.
const ROOM: usize = 16 * 1024 * 1024;
/// What is counted.
const UNIT: usize = 1024;
/// What of an answer is handed to the connection at once, and stays until its client takes it.
const CHUNK: usize = 16 * 1024;
/// So long is waited for those who give way, or for those who are judged.
const PATIENCE: Duration = Duration::from_secs(2);

/// The room of one listener.
#[derive(Clone)]
pub(super) struct Room(Arc<Inner>);

struct Inner {
    units: Arc<Semaphore>,
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// Numbers shares.
    next: u64,
    /// Those that wait for their client, the oldest first, and the units that they hold.
    waiting: BTreeMap<u64, (Place, usize)>,
}

/// A part of the room, until it is dropped.
pub(super) struct Share {
    room: Room,
    id: u64,
    /// Whose connection gives way; of none, what is held does not wait for a client.
    place: Option<Place>,
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            units: Arc::new(Semaphore::new(ROOM / UNIT)),
            holders: Mutex::default(),
        }))
    }

    /// A share that holds nothing yet.
    pub(super) fn share(&self, place: Option<Place>) -> Share {
        let mut holders = self.holders();
        holders.next += 1;
        Share {
            room: self.clone(),
            id: holders.next,
            place,
            bytes: 0,
            held: None,
        }
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        let holders = &self.0.holders;
        holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holders {
    /// Ends the connections of those that wait longest, until so many units come free. Returns whether it is not this
    /// one that waits longest.
    fn make_room(&mut self, units: usize, asks: u64) -> bool {
        let mut freed = 0;
        while freed < units {
            let Some(longest) = self.waiting.first_entry() else {
                return true;
            };
            if *longest.key() == asks {
                return freed > 0;
            }
            let (place, held) = longest.remove();
            place.give_way();
            freed += held;
        }
        true
    }
}

impl Share {
    fn units(&self) -> usize {
        let held = self.held.as_ref();
        held.map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Takes so many bytes more. What is larger than all the room gets all of it. Returns whether there was room.
    pub(super) async fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let wanted = self.bytes.div_ceil(UNIT).min(ROOM / UNIT);
        let more = wanted.saturating_sub(self.units());
        if more == 0 {
            return true;
        }
        let units = Arc::clone(&self.room.0.units);
        let count = u32::try_from(more).unwrap_or(u32::MAX);
        let taken = match Arc::clone(&units).try_acquire_many_owned(count) {
            Ok(taken) => taken,
            Err(_) => {
                if !self.room.holders().make_room(more, self.id) {
                    return false;
                }
                let taken = units.acquire_many_owned(count);
                match tokio::time::timeout(PATIENCE, taken).await {
                    Ok(Ok(taken)) => taken,
                    _ => return false,
                }
            }
        };
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        self.waits();
        true
    }

    /// Says that this waits for its client, and gives way to others.
    fn waits(&self) {
        if let Some(place) = self.place.clone() {
            let held = (place, self.units());
            self.room.holders().waiting.insert(self.id, held);
        }
    }

    /// Says that nothing is waited for: the client has done its part.
    pub(super) fn is_judged(&self) {
        self.room.holders().waiting.remove(&self.id);
    }

    /// Bytes that are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An answer that holds the share until its body is handed over to the client, piece by piece.
    pub(super) fn answer(self, parts: Parts, bytes: Bytes) -> Response {
        self.waits();
        answer_holding(self, parts, bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.is_judged();
    }
}

/// An answer that keeps something until its body is handed over to the client, piece by piece.
pub(super) fn answer_holding<T: Send + 'static>(
    held: T,
    mut parts: Parts,
    bytes: Bytes,
) -> Response {
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let pieces = stream::unfold((held, bytes), |(held, mut rest)| async move {
        // A copy, because a part would keep the whole in memory.
        let piece = Bytes::copy_from_slice(&rest.split_to(rest.len().min(CHUNK)));
        (!piece.is_empty()).then(|| (Ok::<_, Infallible>(piece), (held, rest)))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// What a client hears when there is no room for its request or its answer.
pub(super) fn no_room() -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, "too much at once\n").into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(1));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::places::Places;

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_its_share_until_it_is_taken() {
        let room = Room::new();
        let bytes = Bytes::from(vec![7; 3 * CHUNK + 1]);
        let (parts, ()) = Response::new(()).into_parts();
        let mut share = room.share(None);
        assert!(share.grow(ROOM).await);
        let answer = share.answer(parts, bytes.clone());
        assert!(!room.share(None).grow(1).await);
        let taken = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        let taken = taken.expect("a body");
        assert_eq!(taken, bytes);
        assert!(room.share(None).grow(2 * ROOM).await);
    }

    #[tokio::test(start_paused = true)]
    async fn small_requests_find_room_beside_each_other() {
        let room = Room::new();
        let mut shares: Vec<_> = (0..256).map(|_| room.share(None)).collect();
        for share in &mut shares {
            assert!(share.grow(UNIT).await);
        }
        assert!(!room.share(None).grow(ROOM).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_for_its_client_gives_way_and_who_is_judged_does_not() {
        let (room, places) = (Room::new(), Places::new(9));
        let mut held = Vec::new();
        for _ in 0..4 {
            let (place, ended) = places.enter().await;
            let mut share = room.share(Some(place));
            assert!(share.grow(ROOM / 4).await);
            held.push((share, ended));
        }
        held[0].0.is_judged();
        let (place, _ended) = places.enter().await;
        let mut asks = room.share(Some(place));
        let mut grown = Box::pin(asks.grow(1));
        assert!(futures::poll!(&mut grown).is_pending());
        let ended: Vec<_> = held
            .iter_mut()
            .map(|(_, ended)| ended.try_recv().is_ok())
            .collect();
        assert_eq!(ended, [false, true, false, false]);
        held.remove(1);
        assert!(grown.await);
        // The third waits longest now, so it is not the others who make room for it.
        assert!(!held[1].0.grow(ROOM / 4).await);
    }
}
