//! The side of the proxy that its client sees.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::passing::Passing;
use super::{Fate, Lot, Shared};

type Answer = Response<UnsyncBoxBody<Bytes, anyhow::Error>>;

/// One acceptor for each of the two certificates.
pub(super) fn acceptors() -> anyhow::Result<[TlsAcceptor; 2]> {
    Ok([
        acceptor(include_str!("one.crt"), include_str!("one.key"))?,
        acceptor(include_str!("two.crt"), include_str!("two.key"))?,
    ])
}

fn acceptor(certificate: &str, key: &str) -> anyhow::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        )
        .context("the proxy's certificate")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, acceptors: [TlsAcceptor; 2], shared: Arc<Shared>) {
    loop {
        // Too many open files, for instance; it passes.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let (refused, second) = {
            let state = shared.state();
            (state.faults.refused, state.second_certificate)
        };
        if refused {
            shared.count(Fate::Refused);
            continue;
        }
        let acceptor = acceptors[usize::from(second)].clone();
        tokio::spawn(connection(stream, acceptor, Arc::clone(&shared)));
    }
}

/// One connection, until the client ends it or it is cut.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut cut = shared.connections.subscribe();
    let served = async {
        stream.set_nodelay(true)?;
        let stream = acceptor.accept(stream).await?;
        let service = service_fn(|request| answer(request, Arc::clone(&shared)));
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        anyhow::Ok(())
    };
    // However it ends, the client learns of it by itself.
    tokio::select! {
        _ = served => {}
        _ = cut.changed() => {}
    }
}

/// An error closes the connection without an answer.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> anyhow::Result<Answer> {
    let (after, lose) = match shared.draw(request.method(), request.uri().path()) {
        Lot::Answer(status) => {
            shared.count(Fate::Answered);
            return trouble(status);
        }
        Lot::Pass { after, lose } => (after, lose),
    };
    if shared.holds_up(request.uri()) {
        shared.count(Fate::HeldUp);
        while shared.holds_up(request.uri()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    if let Some(pause) = after {
        shared.count(Fate::Slowed);
        tokio::time::sleep(pause).await;
    }
    let (answer, sender) = shared.upstream.ask(request).await?;
    // The head of the answer to a write comes after the write is stored.
    if lose {
        shared.count(Fate::Lost);
        bail!("the answer is lost");
    }
    shared.count(Fate::Passed);
    let shared = Arc::clone(&shared);
    Ok(answer.map(|body| Passing::new(body, sender, shared).boxed_unsync()))
}

/// What an API server in trouble answers.
fn trouble(status: u16) -> anyhow::Result<Answer> {
    let (reason, message) = match status {
        409 => ("Conflict", "the object changed"),
        429 => ("TooManyRequests", "too many requests"),
        503 => ("ServiceUnavailable", "not now"),
        504 => ("Timeout", "no answer in time"),
        _ => ("InternalError", "an error on the server"),
    };
    let body = serde_json::json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {},
        "status": "Failure", "code": status, "reason": reason, "message": message,
        "details": {"retryAfterSeconds": 1},
    });
    let mut answer = Response::builder()
        .status(StatusCode::from_u16(status)?)
        .header("Content-Type", "application/json");
    if matches!(status, 429 | 503) {
        answer = answer.header("Retry-After", "1");
    }
    let body = Full::new(Bytes::from(body.to_string()));
    Ok(answer.body(
        body.map_err(|never: Infallible| match never {})
            .boxed_unsync(),
    )?)
}
