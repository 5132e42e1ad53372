//! Serving a router over HTTP/1.1, with bounds on connections and on slow clients.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::args::Address;

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS: usize = 256;
/// Longest time for the headers of a request.
const HEADERS: Duration = Duration::from_secs(10);
/// `--read-timeout` and `--write-timeout` by default, and where they are zero: nothing is waited for without an end.
const DEFAULT: Duration = Duration::from_secs(120);

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    headers: Duration,
    connection: Duration,
}

impl Timeouts {
    /// From `--read-timeout` and `--write-timeout`. A connection lives as long as the longer of the two.
    pub fn new(read: Duration, write: Duration) -> Self {
        let [read, write] = [read, write].map(|time| if time.is_zero() { DEFAULT } else { time });
        Self {
            headers: read.min(HEADERS),
            connection: read.max(write),
        }
    }
}

/// Opens a port. Without a host, IPv6 and IPv4 alike, as Go's programs do; IPv4 alone where the kernel has no IPv6.
///
/// # Errors
/// The address is taken, is not of this machine, or may not be used.
pub async fn listen(address: &Address) -> std::io::Result<TcpListener> {
    let port = address.port;
    match &address.host {
        Some(host) => TcpListener::bind((host.as_str(), port)).await,
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
            Err(error) if error.kind() != ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
            }
            bound => bound,
        },
    }
}

/// Accepts connections until the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
) -> std::io::Result<()> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return Ok(());
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Too many open files, or a client that is gone already.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(timeouts.headers)
                .max_headers(64)
                .serve_connection(TokioIo::new(stream), service);
            // A client's mistakes are its own.
            let _ = tokio::time::timeout(timeouts.connection, connection).await;
            drop(slot);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// What a client gets that sends this and then waits for the end.
    async fn answer(said: &[u8]) -> Vec<u8> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/", axum::routing::get(async || "hello\n"));
        let server = tokio::spawn(serve(listener, router, Timeouts::new(DEFAULT, DEFAULT)));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(said).await.expect("sent");
        let mut got = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut got).await;
        server.abort();
        got
    }

    #[tokio::test]
    async fn a_client_that_speaks_http_2_is_turned_away() {
        // The floods of CVE-2023-45288 and CVE-2022-27664 need a server that speaks it: the preface, SETTINGS, and
        // HEADERS whose CONTINUATION frames do not end.
        let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        said.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        said.extend([0, 0, 0, 1, 0, 0, 0, 0, 1]);
        for _ in 0..100 {
            said.extend([0, 0, 1, 9, 0, 0, 0, 0, 1, 0x88]);
        }
        let got = answer(&said).await;
        assert!(
            got.is_empty() || got.starts_with(b"HTTP/1.1 400 "),
            "{got:?}"
        );
        // An offer to change to it is passed over.
        let offer = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
            Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
        let got = answer(offer).await;
        assert!(
            got.starts_with(b"HTTP/1.1 200 ") && got.ends_with(b"hello\n"),
            "{got:?}"
        );
    }

    #[test]
    fn timeouts_are_bounded_whatever_the_flags_say() {
        let seconds = Duration::from_secs;
        let table = [
            ((120, 120), (10, 120)),
            ((0, 0), (10, 120)),
            ((5, 60), (5, 60)),
            ((300, 1), (10, 300)),
        ];
        for ((read, write), (headers, connection)) in table {
            let found = Timeouts::new(seconds(read), seconds(write));
            assert_eq!(found.headers, seconds(headers), "{read} {write}");
            assert_eq!(found.connection, seconds(connection), "{read} {write}");
        }
    }
}
