//! The one place where a client of the API server is made.
//!
//! Nothing is sent twice below us: whoever asked decides whether to ask again, after a look at the fence and without
//! holding a worker (docs/decisions/0008-fencing.md). Every request has a deadline, the lists of watches included; a
//! watch that is open is ended by silence.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use futures::future::BoxFuture;
use http::response::Parts;
use http::{Request, Response, Uri, header};
use kube::client::Body as Asked;
use kube::core::Status;
use kube::core::response::StatusDetails;
use kube::{Client, Config};
use tower::buffer::Buffer;
use tower::{BoxError, Service};

use super::pages::Pages;

/// Longest time for one request, up to the last byte of its answer. Of a watch: up to its first.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// A connection that says nothing for so long is dead: a little more than the 290 s after which the API server ends a
/// watch by itself.
const SILENCE: Duration = Duration::from_secs(295);

/// Requests that may wait for the connection.
const WAITING: usize = 1024;

/// There was no answer within the deadline.
#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
pub(super) struct NoAnswerInTime;

/// The client of a cluster.
///
/// # Errors
/// If the configuration cannot be used.
pub fn client(config: Config) -> kube::Result<Client> {
    patient_for(config, DEADLINE)
}

fn patient_for(mut config: Config, deadline: Duration) -> kube::Result<Client> {
    config.read_timeout = Some(SILENCE);
    // Otherwise the silence before a request would count, too.
    config.reset_reader_on_write = true;
    let pages = tower::layer::layer_fn(|service| Pages::new(Buffer::new(service, WAITING)));
    let bounded = tower::layer::layer_fn(|service| Bounded { service, deadline });
    // What it makes sends each request once.
    let builder = signet_tls::client_builder(config)?;
    Ok(builder.with_layer(&pages).with_layer(&bounded).build())
}

/// A service whose answers come in time, or not at all.
struct Bounded<S> {
    service: S,
    deadline: Duration,
}

impl<S, B> Service<Request<Asked>> for Bounded<S>
where
    S: Service<Request<Asked>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        let watches = is_watch(request.uri());
        let whole = whole(self.service.call(request), watches);
        let answer = tokio::time::timeout(self.deadline, whole);
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(NoAnswerInTime.into())) })
    }
}

/// An answer with its body; of a watch that began, with a body that is still to come.
async fn whole<B>(
    answer: impl Future<Output = Result<Response<B>, BoxError>>,
    watches: bool,
) -> Result<Response<Body>, BoxError>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = answer.await?.into_parts();
    let body = Body::new(body);
    if watches && parts.status.is_success() {
        return Ok(Response::from_parts(parts, body));
    }
    let bytes = to_bytes(body, usize::MAX).await?;
    let body = said_when(&parts, &bytes).map_or(Body::from(bytes), Body::from);
    Ok(Response::from_parts(parts, body))
}

fn is_watch(uri: &Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| pair == "watch=true")
}

/// The body of an error whose header says when to come again, with that in it: of an answer's headers kube keeps none.
fn said_when(parts: &Parts, body: &Bytes) -> Option<String> {
    if parts.status.is_success() {
        return None;
    }
    let seconds = parts.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = seconds.trim().parse().ok()?;
    let mut status: Status = serde_json::from_slice(body).unwrap_or_else(|_| {
        let reason = parts.status.canonical_reason().unwrap_or_default();
        Status::failure("", &reason.replace(' ', ""))
    });
    status.code = parts.status.as_u16();
    let details = status.details.get_or_insert_with(no_details);
    details.retry_after_seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    serde_json::to_string(&status).ok()
}

fn no_details() -> StatusDetails {
    StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    }
}

#[cfg(test)]
mod tests;
