//! What is asked of a request that may cost private operations, before it is judged: a body of bounded size, room for it, and
//! a turn.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;

use super::places::Place;
use super::room::{Share, no_room};
use super::turns::Peer;
use super::{Api, MAX_BODY, unreadable};
use crate::verify::subject;

/// A body up to this size that is no SealedSecret takes no turn: to see that costs next to nothing. A larger one costs
/// work, whatever it is.
const SMALL: usize = 8 * 1024;

/// One bucket for everything that costs private operations. What a client says about where it comes from means nothing.
///
/// The body is read here, within the room that there is, so that nothing of a request is done before all of it is there.
pub(super) async fn limit(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        // It is refused, and takes nobody's turn for that.
        return next.run(request).await;
    }
    let place = request.extensions().get::<Place>().cloned();
    let peer = request.extensions().get::<Peer>().copied();
    let (parts, body) = request.into_parts();
    let mut share = api.room.share(place.clone());
    let body = match read(body, &mut share).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    if body.len() <= SMALL
        && let Err(text) = api.look_at(body.clone()).await
    {
        return unreadable(&text);
    }
    let turn = match api.turns.take(peer.unwrap_or_default(), body.len()).await {
        Ok(turn) => Arc::new(turn),
        Err(seconds) => return too_many(seconds),
    };
    share.is_judged();
    let busy = place.as_ref().map(Place::busy);
    let mut request = Request::from_parts(parts, body.into());
    request.extensions_mut().insert(turn);
    let response = next.run(request).await;
    drop(busy);
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Written as JSON, an object may be larger than it came.
    let more = bytes.len().saturating_sub(share.bytes());
    if !share.grow(more).await {
        return no_room();
    }
    share.answer(parts, bytes)
}

/// Reads a body, and takes room for each piece as it comes: what only a header announces takes none.
async fn read(body: Body, share: &mut Share) -> Result<Bytes, Box<Response>> {
    let too_large = || (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n").into_response();
    let max = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    if body.size_hint().lower() > max {
        return Err(Box::new(too_large()));
    }
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        let broken = |_| (StatusCode::BAD_REQUEST, "the body cannot be read\n").into_response();
        let piece = piece.map_err(|error| Box::new(broken(error)))?;
        if whole.len() + piece.len() > MAX_BODY {
            return Err(Box::new(too_large()));
        }
        if !share.grow(piece.len()).await {
            return Err(Box::new(no_room()));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

impl Api {
    /// Whether a body is a SealedSecret at all; the error says what is wrong with it. One at a time.
    async fn look_at(&self, body: Bytes) -> Result<(), String> {
        let reader = Arc::clone(&self.readers).acquire_owned().await;
        let look = move || {
            let seen = subject(&body).map(drop);
            drop(reader);
            seen
        };
        self.state.on_cores(look).await
    }
}

fn too_many(seconds: u64) -> Response {
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "limit exceeded\n").into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
