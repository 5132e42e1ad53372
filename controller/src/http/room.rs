//! Room for what is large: bodies of requests while they come, and of answers while they go. Slow clients hold no more memory
//! than there is room, however many they are (docs/trust.md row 12).

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::response::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room in bytes.
const ROOM: usize = 16 * 1024 * 1024;
/// What is counted.
const UNIT: usize = 1024;
/// What of an answer is handed to the connection at once, and stays until its client takes it.
const CHUNK: usize = 16 * 1024;

/// The room of one listener.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// A part of the room, until it is dropped.
pub(super) struct Share {
    _units: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / UNIT)))
    }

    /// Room for so many bytes, if there is some now. What is larger than all of it gets all of it.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let units = bytes.div_ceil(UNIT).clamp(1, ROOM / UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.0).try_acquire_many_owned(units);
        let units = share.ok()?;
        Some(Share { _units: units })
    }
}

impl Share {
    /// An answer that holds the share until its body is handed over to the client, piece by piece.
    pub(super) fn answer(self, mut parts: Parts, bytes: Bytes) -> Response {
        parts
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let pieces = stream::unfold((self, bytes), |(share, mut rest)| async move {
            // A copy, because a part would keep the whole in memory.
            let piece = Bytes::copy_from_slice(&rest.split_to(rest.len().min(CHUNK)));
            (!piece.is_empty()).then(|| (Ok::<_, Infallible>(piece), (share, rest)))
        });
        Response::from_parts(parts, Body::from_stream(pieces))
    }
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

    #[tokio::test]
    async fn an_answer_holds_its_share_until_it_is_taken() {
        let room = Room::new();
        let bytes = Bytes::from(vec![7; 3 * CHUNK + 1]);
        let (parts, ()) = Response::new(()).into_parts();
        let answer = room.take(ROOM).expect("room").answer(parts, bytes.clone());
        assert!(room.take(1).is_none());
        let taken = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        let taken = taken.expect("a body");
        assert_eq!(taken, bytes);
        assert!(room.take(2 * ROOM).is_some());
    }

    #[test]
    fn small_requests_find_room_beside_each_other() {
        let room = Room::new();
        let shares: Vec<_> = (0..256).map(|_| room.take(UNIT)).collect();
        assert!(shares.iter().all(Option::is_some));
        assert!(room.take(ROOM).is_none());
    }
}
