//! The HTTP API that kubeseal talks to, and the probes (ARCHITECTURE.md "HTTP").
//!
//! No answer, length or time depends on plaintext: verify says yes or no, rotate swaps ciphertexts for ciphertexts.

pub mod server;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::state::State;
use crate::verify::{Judgement, rotate, verify};

/// Largest body; an object in etcd has 1.5 MiB at most.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Requests that may open values at the same time.
const OPENERS: usize = 1;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    state: Arc<State>,
    limiter: Arc<DefaultDirectRateLimiter>,
    openers: Arc<Semaphore>,
}

impl Api {
    /// Handlers over this state; `rate` requests a second that cost private operations, `burst` at once.
    pub fn new(state: Arc<State>, rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let limiter = Arc::new(RateLimiter::direct(
            Quota::per_second(rate).allow_burst(burst),
        ));
        Self {
            state,
            limiter,
            openers: Arc::new(Semaphore::new(OPENERS)),
        }
    }

    /// Certificate, verify, rotate and probes.
    pub fn router(self) -> Router {
        let costly = Router::new()
            .route("/v1/verify", post(handle_verify))
            .route("/v1/rotate", post(handle_rotate))
            // Of these routes alone: an unknown path takes nobody's turn.
            .route_layer(middleware::from_fn_with_state(self.clone(), limit))
            .route_layer(DefaultBodyLimit::max(MAX_BODY));
        Router::new()
            .route("/v1/cert.pem", get(certificate))
            .merge(probes())
            .merge(costly)
            .layer(middleware::from_fn_with_state(self.clone(), count))
            .with_state(self)
    }

    /// Metrics and probes.
    pub fn metrics_router(self) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
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

async fn metrics(Shared(api): Shared<Api>) -> Response {
    let state = &api.state;
    for lane in [crate::queue::Lane::Fresh, crate::queue::Lane::Sweep] {
        state
            .metrics
            .set_queue(lane.as_str(), state.queue.len(lane));
    }
    state.metrics.set_objects(state.index().len());
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        state.metrics.render(),
    )
        .into_response()
}

async fn handle_verify(Shared(api): Shared<Api>, body: Bytes) -> Response {
    match api.judge(body, verify).await {
        Judgement::Yes(()) => StatusCode::OK.into_response(),
        Judgement::No => StatusCode::CONFLICT.into_response(),
        Judgement::Unreadable(text) => {
            (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response()
        }
    }
}

async fn handle_rotate(Shared(api): Shared<Api>, body: Bytes) -> Response {
    match api.judge(body, rotate).await {
        Judgement::Yes(object) => {
            ([(header::CONTENT_TYPE, "application/json")], object).into_response()
        }
        Judgement::No => (StatusCode::CONFLICT, "an item cannot be opened\n").into_response(),
        Judgement::Unreadable(text) => {
            (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response()
        }
    }
}

impl Api {
    /// Runs one judgement on a blocking thread, one at a time, and counts what it spent.
    async fn judge<T: Send + 'static>(
        &self,
        body: Bytes,
        judge: fn(&[u8], &signet_common::KeyRing, Timestamp, &mut u64) -> Judgement<T>,
    ) -> Judgement<T> {
        let Some(keys) = self.state.keys() else {
            return Judgement::No;
        };
        let _permit = self.openers.acquire().await;
        let ring = Arc::clone(&keys.ring);
        let (judgement, operations) = self
            .state
            .on_cores(move || {
                let mut operations = 0;
                let judgement = judge(&body, &ring, Timestamp::now(), &mut operations);
                (judgement, operations)
            })
            .await;
        self.state.metrics.add_private_operations(operations);
        judgement
    }
}

/// One bucket for everything that costs private operations. What a client says about where it comes from means nothing.
async fn limit(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    let Err(not_until) = api.limiter.check() else {
        return next.run(request).await;
    };
    let wait = not_until
        .wait_time_from(DefaultClock::default().now())
        .as_secs()
        + 1;
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "limit exceeded\n").into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait));
    response
}

async fn count(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    let path = match request.uri().path() {
        "/v1/cert.pem" => "/v1/cert.pem",
        "/v1/verify" => "/v1/verify",
        "/v1/rotate" => "/v1/rotate",
        "/healthz" => "/healthz",
        "/readyz" => "/readyz",
        _ => "other",
    };
    let response = next.run(request).await;
    api.state
        .metrics
        .count_http(path, response.status().as_u16());
    response
}

#[cfg(test)]
mod tests;
