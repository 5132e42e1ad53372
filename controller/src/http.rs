//! The HTTP API that kubeseal talks to, and the probes (ARCHITECTURE.md "HTTP").
//!
//! No answer, length or time depends on plaintext: verify says yes or no, rotate swaps ciphertexts for ciphertexts.

mod places;
mod room;
pub mod server;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use signet_common::KeyRing;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::places::Place;
use self::room::{Room, no_room};
use crate::metrics;
use crate::state::State;
use crate::verify::{
    Judgement, LiveItems, Opens, Reseal, Rotate, Verify, live_items, subject,
};

/// Largest body; an object in etcd has 1.5 MiB at most.
const MAX_BODY: usize = 2 * 1024 * 1024;
const ROTATE: &str = "/v1/rotate";
/// Requests that may open values at the same time.
const OPENERS: usize = 1;
/// Private operations on a core before a pass may have it.
const SLICE: u64 = 64;

/// Flags of the two servers.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// `--rotate`.
    pub rotate: Rotate,
    /// `--rate-limit`: requests a second that cost private operations.
    pub rate: NonZeroU32,
    /// `--rate-limit-burst`: such requests at once.
    pub burst: NonZeroU32,
    /// `--metrics-omit-secret-labels`.
    pub omit_secret_labels: bool,
}

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    state: Arc<State>,
    limiter: Arc<DefaultDirectRateLimiter>,
    openers: Arc<Semaphore>,
    /// For bodies of requests and answers that clients send and take slowly.
    room: Room,
    /// For metrics.
    metrics_room: Room,
    rotate: Rotate,
    omit_secret_labels: bool,
}

impl Api {
    /// Handlers over this state.
    pub fn new(state: Arc<State>, settings: HttpSettings) -> Self {
        let quota = Quota::per_second(settings.rate).allow_burst(settings.burst);
        let limiter = Arc::new(RateLimiter::direct(quota));
        Self {
            state,
            limiter,
            openers: Arc::new(Semaphore::new(OPENERS)),
            room: Room::new(),
            metrics_room: Room::new(),
            rotate: settings.rotate,
            omit_secret_labels: settings.omit_secret_labels,
        }
    }

    /// Certificate, verify, rotate and probes.
    pub fn router(self) -> Router {
        let costly = Router::new().route("/v1/verify", post(handle_verify));
        let (costly, free) = match self.rotate {
            Rotate::Any | Rotate::Live => {
                (costly.route(ROTATE, post(handle_rotate)), Router::new())
            }
            // A refusal costs nothing, so it takes nobody's turn, and no body is read for it.
            Rotate::Off => (costly, Router::new().route(ROTATE, post(rotate_is_off))),
        };
        let costly = costly
            // Of these routes alone: an unknown path takes nobody's turn.
            .route_layer(middleware::from_fn_with_state(self.clone(), limit))
            .route_layer(DefaultBodyLimit::max(MAX_BODY));
        Router::new()
            .route("/v1/cert.pem", get(certificate))
            .merge(probes())
            .merge(costly)
            .merge(free)
            .layer(middleware::from_fn_with_state(self.clone(), count))
            .with_state(self)
    }

    /// Metrics and probes.
    pub fn metrics_router(self) -> Router {
        Router::new()
            .route("/metrics", get(handle_metrics))
            .merge(probes())
            .with_state(self)
    }
}

fn probes() -> Router<Api> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
}

async fn ready(Shared(api): Shared<Api>) -> Response {
    if api.state.keys().is_some() && api.state.is_ready() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
}

async fn certificate(Shared(api): Shared<Api>) -> Response {
    let keys = api.state.keys();
    let Some(entry) = keys
        .as_ref()
        .and_then(|keys| keys.ring.current(Timestamp::now()))
    else {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "cannot get certificate\n",
        )
            .into_response();
    };
    (
        [(header::CONTENT_TYPE, "application/x-pem-file")],
        entry.certificate.to_pem(),
    )
        .into_response()
}

async fn handle_metrics(Shared(api): Shared<Api>) -> Response {
    let state = &api.state;
    for lane in [crate::queue::Lane::Fresh, crate::queue::Lane::Sweep] {
        state
            .metrics
            .set_queue(lane.as_str(), state.queue.len(lane));
    }
    if let Some(keys) = state.keys()
        && let Some(entry) = keys.ring.current(Timestamp::now())
    {
        state
            .metrics
            .set_certificate_expiry(entry.certificate.not_after());
    }
    let conditions = {
        let index = state.index();
        state.metrics.set_objects(index.len());
        if api.omit_secret_labels {
            Vec::new()
        } else {
            index.conditions()
        }
    };
    let text = state.metrics.render(&conditions);
    let Some(share) = api.metrics_room.take(text.len()) else {
        return no_room();
    };
    let content_type = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    let (parts, ()) = content_type.into_response().map(drop).into_parts();
    share.answer(parts, text.into())
}

async fn handle_verify(Shared(api): Shared<Api>, body: Bytes) -> Response {
    let v1_data = api.state.policy.v1_data;
    match api.judge(move |_| Verify::read(&body, v1_data)).await {
        Judgement::Yes(()) => StatusCode::OK.into_response(),
        Judgement::No | Judgement::NotLive => StatusCode::CONFLICT.into_response(),
        Judgement::Unreadable(text) => unreadable(&text),
    }
}

fn refused(text: &'static str) -> Response {
    (StatusCode::FORBIDDEN, text).into_response()
}

async fn rotate_is_off() -> Response {
    refused("this controller does not re-encrypt (--rotate=off)\n")
}

async fn handle_rotate(Shared(api): Shared<Api>, body: Bytes) -> Response {
    let v1_data = api.state.policy.v1_data;
    let live = match api.rotate {
        Rotate::Any => None,
        Rotate::Off => return rotate_is_off().await,
        Rotate::Live => match api.live_items(body.clone()).await {
            Ok(live) => Some(live),
            Err(response) => return *response,
        },
    };
    let read = move |now| Reseal::read(&body, v1_data, now, live.as_ref());
    match api.judge(read).await {
        Judgement::Yes(object) => {
            ([(header::CONTENT_TYPE, "application/json")], object).into_response()
        }
        Judgement::No => (StatusCode::CONFLICT, "an item cannot be opened\n").into_response(),
        Judgement::NotLive => {
            refused("an item is not in the object of that name in the cluster (--rotate=live)\n")
        }
        Judgement::Unreadable(text) => unreadable(&text),
    }
}

/// Whether an object of the cluster can have this name.
fn is_object_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let edges = [name.bytes().next(), name.bytes().last()];
    name.len() <= 253
        && edges.into_iter().all(|edge| edge.is_some_and(plain))
        && name
            .bytes()
            .all(|byte| plain(byte) || byte == b'-' || byte == b'.')
}

fn unreadable(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response()
}

impl Api {
    /// Runs one judgement, one at a time. It goes on to its end if the client goes away: otherwise those who come and go would
    /// have many made at once.
    async fn judge<O>(
        &self,
        read: impl FnOnce(Timestamp) -> Result<O, Judgement<O::Yes>> + Send + 'static,
    ) -> Judgement<O::Yes>
    where
        O: Opens + Send + 'static,
        O::Yes: Send + 'static,
    {
        let Some(keys) = self.state.keys() else {
            return Judgement::No;
        };
        let opener = Arc::clone(&self.openers).acquire_owned().await;
        let state = Arc::clone(&self.state);
        let judging = tokio::spawn(async move {
            let judgement = judge_in_slices(&state, Arc::clone(&keys.ring), read).await;
            drop(opener);
            judgement
        });
        match judging.await {
            Ok(judgement) => judgement,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The ciphertexts of the object in the cluster that a body is about. Without one there are none, so that the answer
    /// does not tell which objects exist.
    async fn live_items(&self, body: Bytes) -> Result<LiveItems, Box<Response>> {
        let key = self.state.on_cores(move || subject(&body)).await;
        let key = key.map_err(|text| unreadable(&text))?;
        // Anything else would be another path at the API server than that of an object.
        if !is_object_name(&key.namespace) || !is_object_name(&key.name) {
            return Ok(LiveItems::new());
        }
        let found = self.state.cluster.sealed_secret(&key).await;
        let object = found.map_err(|failure| {
            tracing::warn!(object = %key, error = %failure, "SealedSecret could not be read");
            let text = "the object in the cluster cannot be read now\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        })?;
        let sealed = object.and_then(|object| object.decode().ok());
        Ok(sealed.as_ref().map_or_else(LiveItems::new, live_items))
    }
}

/// Reads and opens on the cores, in slices: a body with thousands of items makes no pass over an object wait for all of them.
async fn judge_in_slices<O>(
    state: &State,
    ring: Arc<KeyRing>,
    read: impl FnOnce(Timestamp) -> Result<O, Judgement<O::Yes>> + Send + 'static,
) -> Judgement<O::Yes>
where
    O: Opens + Send + 'static,
    O::Yes: Send + 'static,
{
    let mut opening = match state.on_cores(move || read(Timestamp::now())).await {
        Ok(opening) => opening,
        Err(judgement) => return judgement,
    };
    loop {
        let ring = Arc::clone(&ring);
        let slice = move || {
            let (judgement, operations) = opening.go_on(&ring, SLICE);
            (opening, judgement, operations)
        };
        let (rest, judgement, operations) = state.on_cores(slice).await;
        state.metrics.add_private_operations(operations);
        match judgement {
            Some(judgement) => return judgement,
            None => opening = rest,
        }
    }
}

/// One bucket for everything that costs private operations. What a client says about where it comes from means nothing.
///
/// The body is read here, within the room that there is, so that nothing of a request is done before all of it is there.
async fn limit(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    if let Err(not_until) = api.limiter.check() {
        let wait = not_until
            .wait_time_from(DefaultClock::default().now())
            .as_secs()
            + 1;
        return too_many(wait);
    }
    let length = request.body().size_hint().exact();
    // Without a length it may become as much as is allowed.
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(MAX_BODY);
    if length > MAX_BODY {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n").into_response();
    }
    let Some(share) = api.room.take(length) else {
        return no_room();
    };
    let place = request.extensions().get::<Place>().cloned();
    let (parts, body) = request.into_parts();
    let reading = Request::from_parts(parts.clone(), body);
    let body = match Bytes::from_request(reading, &()).await {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let busy = place.as_ref().map(Place::busy);
    let response = next.run(Request::from_parts(parts, body.into())).await;
    drop(busy);
    let (parts, body) = response.into_parts();
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => share.answer(parts, bytes),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn too_many(seconds: u64) -> Response {
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "limit exceeded\n").into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

async fn count(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    let path = match request.uri().path() {
        "/v1/cert.pem" => "/v1/cert.pem",
        "/v1/verify" => "/v1/verify",
        ROTATE => ROTATE,
        "/healthz" => "/healthz",
        "/readyz" => "/readyz",
        _ => "other",
    };
    let (method, begun) = (request.method().clone(), Instant::now());
    let response = next.run(request).await;
    let (code, took) = (response.status().as_u16(), begun.elapsed());
    api.state
        .metrics
        .count_http(path, method.as_str(), code, took);
    response
}

#[cfg(test)]
mod tests;
