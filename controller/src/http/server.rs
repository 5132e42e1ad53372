//! Serving a router over HTTP/1.1, with bounds on connections and on slow clients.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::places::{Place, Places};
use super::turns::Peer;
use crate::args::Address;

/// Connections at once. Of those that wait for their clients, one gives way to a further one.
const CONNECTIONS: usize = 256;
/// What a connection keeps of what it read and has to write; the headers of a request are no longer than that.
const BUFFER: usize = 32 * 1024;
/// Longest time for the headers of a request.
const HEADERS: Duration = Duration::from_secs(10);
/// What is read and thrown away of a request that was answered before its end.
const LEFT_OVER: u64 = 4 * 1024 * 1024;
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
    let places = Places::new(CONNECTIONS);
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Too many open files, or a client that is gone already.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (place, gives_way) = places.enter().await;
        let client = (place, Peer::of(address.ip()));
        let serving = serve_one(stream, router.clone(), client, timeouts.headers);
        tokio::spawn(async move {
            tokio::select! {
                () = serving => {}
                _ = gives_way => {}
                () = tokio::time::sleep(timeouts.connection) => {}
            }
        });
    }
}

async fn serve_one(
    stream: TcpStream,
    router: Router,
    (place, peer): (Place, Peer),
    headers: Duration,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        let too_large = head_size(&request) > BUFFER;
        request.extensions_mut().insert(place.clone());
        request.extensions_mut().insert(peer);
        let answer = router.call(request);
        Box::pin(async move {
            match too_large {
                true => Ok(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()),
                false => answer.await,
            }
        })
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_headers(64)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown();
    // A client's mistakes are its own.
    if let Ok(parts) = connection.await {
        let _ = tokio::time::timeout(headers, end(parts.io.into_inner())).await;
    }
}

/// Bytes of a request before its body. What comes in one piece is read before its size is looked at, and may be more than
/// [`BUFFER`].
fn head_size(request: &Request<Incoming>) -> usize {
    let of_header = |(name, value): (&HeaderName, &HeaderValue)| {
        // A colon, a space and the end of the line.
        name.as_str().len() + value.len() + 4
    };
    let headers: usize = request.headers().iter().map(of_header).sum();
    let path = request.uri().path_and_query();
    headers + path.map_or(0, |path| path.as_str().len())
}

/// Ends a connection, after a client that still sends had the time to read the answer.
///
/// Closing with unread bytes resets the connection, and takes an answer with it that is on its way: a client behind the
/// API server's proxy would see 503 instead of 413 or 429.
async fn end(mut stream: TcpStream) {
    if stream.shutdown().await.is_ok() {
        let mut rest = stream.take(LEFT_OVER);
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of a server that knows one path.
    async fn running() -> std::net::SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/", axum::routing::get(async || "hello\n"));
        tokio::spawn(serve(listener, router, Timeouts::new(DEFAULT, DEFAULT)));
        address
    }

    /// What a client gets that sends this and then waits for the end.
    async fn answer(said: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(running().await)
            .await
            .expect("a connection");
        stream.write_all(said).await.expect("sent");
        let mut got = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut got).await;
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

    /// What clients do that write and read at the same time, as the API server's proxy does.
    #[tokio::test]
    async fn a_client_that_still_sends_when_it_is_answered_is_not_reset() {
        let address = running().await;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n";
        stream.write_all(head).await.expect("sent");
        let mut got = [0; 13];
        stream.read_exact(&mut got).await.expect("an answer");
        assert_eq!(&got, b"HTTP/1.1 405 ");
        for part in 0..32 {
            let sent = stream.write_all(&[b'x'; 64 * 1024]).await;
            sent.unwrap_or_else(|error| panic!("part {part}: {error}"));
            tokio::task::yield_now().await;
        }
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("no reset");
    }

    #[tokio::test]
    async fn headers_have_a_bound_also_when_they_come_in_one_piece() {
        let ask = |size: usize| {
            let filler = "x".repeat(size);
            format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: {filler}\r\n\r\n")
        };
        let small = answer(ask(BUFFER - 100).as_bytes()).await;
        assert!(small.starts_with(b"HTTP/1.1 200 "), "{small:?}");
        for size in [BUFFER, BUFFER + BUFFER / 2] {
            let large = answer(ask(size).as_bytes()).await;
            assert!(large.starts_with(b"HTTP/1.1 431 "), "{size}");
        }
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

    /// Nobody's time is up in this test, so that who gives way is all that can help the last client.
    #[tokio::test]
    async fn a_client_that_asks_is_served_however_many_say_nothing() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let address = "127.0.0.1:0".parse().expect("an address");
        let listener = listen(&address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let hour = Duration::from_secs(3600);
        let timeouts = Timeouts {
            headers: hour,
            connection: hour,
        };
        let router = Router::new().route("/", axum::routing::get(async || "here"));
        tokio::spawn(serve(listener, router, timeouts));

        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS + 5 {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        let mut asks = TcpStream::connect(address).await.expect("a connection");
        let question = b"GET / HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n";
        asks.write_all(question).await.expect("sent");
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, asks.read_to_string(&mut answer)).await;
        read.expect("an answer").expect("text");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("here"),
            "{answer}"
        );
        // Six gave way, those that had said nothing for longest.
        let mut end = [0];
        for first in &mut silent[..6] {
            let read = tokio::time::timeout(PATIENCE, first.read(&mut end)).await;
            assert_eq!(read.expect("it is ended").unwrap_or(0), 0);
        }
        let last = silent.last().expect("some");
        let error = last.try_read(&mut end).expect_err("it stays");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
