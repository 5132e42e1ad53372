//! The HTTP API that kubeseal talks to, and the probes (ARCHITECTURE.md "HTTP").
//!
//! No answer, length or time depends on plaintext: verify says yes or no, rotate swaps ciphertexts for ciphertexts.

mod limit;
mod page;
mod places;
mod room;
pub mod server;
mod turns;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::Timestamp;
use signet_common::KeyRing;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::limit::limit;
use self::page::Pages;
use self::room::{Room, no_room};
use self::turns::{Turn, Turns};
use crate::metrics;
use crate::state::State;
use crate::verify::{Judgement, LiveItems, Opens, Reseal, Rotate, Verify, live_items, subject};

/// Largest body; an object in etcd has 1.5 MiB at most.
const MAX_BODY: usize = 2 * 1024 * 1024;
const ROTATE: &str = "/v1/rotate";
/// Bodies that are looked at at the same time, before a turn is taken for them.
const READERS: usize = 1;
/// Judgements that may have a core at the same time.
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
    turns: Arc<Turns>,
    /// For looks at bodies, before a turn is taken for them.
    readers: Arc<Semaphore>,
    openers: Arc<Semaphore>,
    /// For bodies of requests and answers that clients send and take slowly.
    room: Room,
    pages: Pages,
    rotate: Rotate,
    omit_secret_labels: bool,
}

impl Api {
    /// Handlers over this state.
    pub fn new(state: Arc<State>, settings: HttpSettings) -> Self {
        Self {
            state,
            turns: Arc::new(Turns::new(settings.rate, settings.burst)),
            readers: Arc::new(Semaphore::new(READERS)),
            openers: Arc::new(Semaphore::new(OPENERS)),
            room: Room::new(),
            pages: Pages::new(),
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
    let own = api.clone();
    let render = async move || {
        let state = Arc::clone(&own.state);
        state.on_cores(move || render_metrics(&own)).await
    };
    let Some(page) = api.pages.next(render).await else {
        return no_room();
    };
    let content_type = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    let (parts, ()) = content_type.into_response().map(drop).into_parts();
    page.answer(parts)
}

fn render_metrics(api: &Api) -> String {
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
    state.metrics.render(&conditions)
}

async fn handle_verify(
    Shared(api): Shared<Api>,
    Extension(turn): Extension<Arc<Turn>>,
    body: Bytes,
) -> Response {
    let v1_data = api.state.policy.v1_data;
    let read = move |_| Verify::read(&body, v1_data);
    match api.judge(turn, read).await {
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

async fn handle_rotate(
    Shared(api): Shared<Api>,
    Extension(turn): Extension<Arc<Turn>>,
    body: Bytes,
) -> Response {
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
    match api.judge(turn, read).await {
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
    /// Runs one judgement. It goes on to its end, and keeps its turn, if the client goes away: otherwise those who come and go
    /// would have many made at once.
    async fn judge<O>(
        &self,
        turn: Arc<Turn>,
        read: impl FnOnce(Timestamp) -> Result<O, Judgement<O::Yes>> + Send + 'static,
    ) -> Judgement<O::Yes>
    where
        O: Opens + Send + 'static,
        O::Yes: Send + 'static,
    {
        let Some(keys) = self.state.keys() else {
            return Judgement::No;
        };
        let api = self.clone();
        let judging = tokio::spawn(async move {
            let judgement = api.judge_in_slices(Arc::clone(&keys.ring), read).await;
            drop(turn);
            judgement
        });
        match judging.await {
            Ok(judgement) => judgement,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Reads and opens on the cores, in slices between which passes over objects and other judgements have their turn.
    async fn judge_in_slices<O>(
        &self,
        ring: Arc<KeyRing>,
        read: impl FnOnce(Timestamp) -> Result<O, Judgement<O::Yes>> + Send + 'static,
    ) -> Judgement<O::Yes>
    where
        O: Opens + Send + 'static,
        O::Yes: Send + 'static,
    {
        let mut opening = match self.slice(move || read(Timestamp::now())).await {
            Ok(opening) => opening,
            Err(judgement) => return judgement,
        };
        loop {
            let ring = Arc::clone(&ring);
            let slice = move || {
                let (judgement, operations) = opening.go_on(&ring, SLICE);
                (opening, judgement, operations)
            };
            let (rest, judgement, operations) = self.slice(slice).await;
            self.state.metrics.add_private_operations(operations);
            match judgement {
                Some(judgement) => return judgement,
                None => opening = rest,
            }
        }
    }

    /// A piece of a judgement: one at a time, so that together they take one core, and in the order in which they ask.
    async fn slice<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let _opener = self.openers.acquire().await;
        self.state.on_cores(work).await
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
