//! Requests that no honest client sends (docs/trust.md row 12): each is refused, and the next client is served.

use anyhow::ensure;

use crate::scene;
use crate::wire::{Wire, parse};

/// An answer that a request of the table may get; the connection ends after each.
enum Expected {
    /// These, and nothing else.
    Answers(&'static [u16]),
    /// A refusal, which may be lost: the connection is cut with something unread.
    Refusal,
}
use Expected::{Answers, Refusal};

/// A request that ends the connection.
const LAST: &str = "GET /healthz HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n";
/// What a neighbour of the connection would get if somebody in between reads lengths in another way.
const SMUGGLED: &str = "GET /v1/cert.pem HTTP/1.1\r\nHost: s\r\n\r\n";

fn table() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let verify = |headers: &str, body: &str| {
        format!("POST /v1/verify HTTP/1.1\r\nHost: s\r\n{headers}\r\n\r\n{body}").into_bytes()
    };
    let healthz = |headers: &str| {
        format!("GET /healthz HTTP/1.1\r\nHost: s\r\n{headers}\r\n\r\n").into_bytes()
    };
    let last = "Connection: close";
    let long = "x".repeat(1024 * 1024);
    let many: String = (0..65).map(|number| format!("X-{number}: y\r\n")).collect();
    vec![
        (
            "a length below zero",
            verify("Content-Length: -1", ""),
            Answers(&[400]),
        ),
        (
            "no length",
            verify("Content-Length: abc", ""),
            Answers(&[400]),
        ),
        (
            "a length with a sign",
            verify("Content-Length: +2", "{}"),
            Answers(&[400]),
        ),
        (
            "two lengths",
            verify("Content-Length: 2\r\nContent-Length: 3", "{} "),
            Answers(&[400]),
        ),
        (
            "two lengths in one",
            verify("Content-Length: 2, 3", "{} "),
            Answers(&[400]),
        ),
        (
            "a length beyond all numbers",
            verify("Content-Length: 99999999999999999999999", ""),
            Answers(&[400]),
        ),
        (
            "a body that is too large",
            verify("Content-Length: 2097153", "{"),
            Answers(&[413]),
        ),
        (
            "chunked is not last",
            verify("Transfer-Encoding: chunked, gzip", ""),
            Answers(&[400]),
        ),
        (
            "an unknown coding",
            verify("Transfer-Encoding: gzip", ""),
            Answers(&[400]),
        ),
        (
            "a chunk without a size",
            verify("Transfer-Encoding: chunked", "zz\r\n"),
            Answers(&[400]),
        ),
        (
            "a chunk beyond all numbers",
            verify("Transfer-Encoding: chunked", "fffffffffffffffff\r\n"),
            Answers(&[400]),
        ),
        (
            "a body in chunks, and a request behind it",
            verify("Transfer-Encoding: chunked", &format!("0\r\n\r\n{LAST}")),
            Answers(&[400, 200]),
        ),
        (
            "a request behind a body that ends by its chunks and not by its length",
            verify(
                "Content-Length: 45\r\nTransfer-Encoding: chunked",
                &format!("0\r\n\r\n{SMUGGLED}"),
            ),
            Answers(&[400]),
        ),
        (
            "the same, the other way round",
            verify(
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                &format!("0\r\n\r\n{SMUGGLED}"),
            ),
            Answers(&[400]),
        ),
        (
            "an endless path",
            format!("GET /{long} HTTP/1.1\r\nHost: s\r\n\r\n").into_bytes(),
            Refusal,
        ),
        (
            "an endless method",
            format!("{long} / HTTP/1.1\r\nHost: s\r\n\r\n").into_bytes(),
            Refusal,
        ),
        ("an endless header", healthz(&format!("X: {long}")), Refusal),
        (
            "an endless name of a header",
            healthz(&format!("{long}: x")),
            Refusal,
        ),
        (
            "too many headers",
            healthz(many.trim_end()),
            Answers(&[431]),
        ),
        (
            "a header without a value",
            healthz("nothing"),
            Answers(&[400]),
        ),
        (
            "a space before the colon",
            healthz("Content-Length : 1"),
            Answers(&[400]),
        ),
        (
            "a header on two lines",
            healthz("X: a\r\n b"),
            Answers(&[400]),
        ),
        ("a NUL", healthz("X: a\0b"), Answers(&[400])),
        (
            "HTTP/2 at once",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            Refusal,
        ),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaa\r\n\r\n".to_vec(),
            Refusal,
        ),
        ("no HTTP", b"EHLO signet\r\n\r\n".to_vec(), Answers(&[400])),
        (
            "HTTP/2 as an upgrade",
            healthz(&format!(
                "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n{last}"
            )),
            Answers(&[200]),
        ),
        (
            "a web socket",
            healthz(&format!("Upgrade: websocket\r\n{last}")),
            Answers(&[200]),
        ),
        (
            "a tunnel",
            b"CONNECT s:443 HTTP/1.1\r\nHost: s:443\r\nConnection: close\r\n\r\n".to_vec(),
            Answers(&[404]),
        ),
        (
            "the address of another server",
            format!("GET http://elsewhere/healthz HTTP/1.1\r\nHost: s\r\n{last}\r\n\r\n")
                .into_bytes(),
            Answers(&[200]),
        ),
        (
            "a path upwards",
            format!("GET /v1/../metrics HTTP/1.1\r\nHost: s\r\n{last}\r\n\r\n").into_bytes(),
            Answers(&[404]),
        ),
        (
            "a body where none belongs",
            healthz(&format!("Content-Length: 3\r\n{last}"))
                .into_iter()
                .chain(*b"abc")
                .collect(),
            Answers(&[200]),
        ),
    ]
}

#[test]
fn requests_that_no_client_sends_are_refused_and_the_next_is_served() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let mut wrong = Vec::new();
    for (what, bytes, expected) in table() {
        let mut wire = Wire::open(scene.controller.port)?;
        wire.send(&bytes);
        let found: Vec<u16> = match wire.answers() {
            Ok(answers) => answers.iter().map(|answer| answer.status).collect(),
            Err(error) => {
                wrong.push(format!("{what}: {error:#}"));
                continue;
            }
        };
        let right = match expected {
            Answers(statuses) => found == statuses,
            Refusal => found.iter().all(|status| (400..500).contains(status)) && found.len() < 2,
        };
        if !right {
            wrong.push(format!("{what}: {found:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    ensure!(
        scene
            .controller
            .certificate()?
            .contains("BEGIN CERTIFICATE")
    );
    scene.ensure_same_process()
}

#[test]
fn each_path_takes_its_own_methods_and_no_other() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let paths = [
        (scene.controller.port, "/v1/cert.pem", Some("GET")),
        (scene.controller.port, "/healthz", Some("GET")),
        (scene.controller.port, "/readyz", Some("GET")),
        (scene.controller.port, "/v1/verify", Some("POST")),
        (scene.controller.port, "/v1/rotate", Some("POST")),
        (scene.controller.port, "/metrics", None),
        (scene.controller.port, "/", None),
        (scene.controller.port, "/v1/verify/", None),
        (scene.controller.metrics_port, "/metrics", Some("GET")),
        (scene.controller.metrics_port, "/healthz", Some("GET")),
        (scene.controller.metrics_port, "/readyz", Some("GET")),
        (scene.controller.metrics_port, "/v1/verify", None),
        (scene.controller.metrics_port, "/v1/cert.pem", None),
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND", "X",
    ];
    for (port, path, allowed) in paths {
        for method in methods {
            let mut wire = Wire::open(port)?;
            let head = "Host: s\r\nConnection: close\r\nContent-Length: 0";
            wire.send(format!("{method} {path} HTTP/1.1\r\n{head}\r\n\r\n").as_bytes());
            let answers = parse(&wire.read_to_end()?, method == "HEAD")?;
            let found: Vec<_> = answers.iter().map(|answer| answer.status).collect();
            let expected = match (allowed, method) {
                (None, _) => 404,
                (Some("GET"), "GET" | "HEAD") => 200,
                // An empty body is no SealedSecret.
                (Some("POST"), "POST") => 400,
                _ => 405,
            };
            ensure!(found == [expected], "{method} {path}: {found:?}");
        }
    }
    scene.ensure_same_process()
}

#[test]
fn pipelined_requests_are_answered_in_their_order() -> anyhow::Result<()> {
    const REQUESTS: usize = 500;
    let scene = scene::enter()?;
    let paths = ["/healthz", "/nothing", "/v1/cert.pem", "/v1/verify"];
    let expected = [200, 404, 200, 405];
    let mut text: String = (0..REQUESTS)
        .map(|number| format!("GET {} HTTP/1.1\r\nHost: s\r\n\r\n", paths[number % 4]))
        .collect();
    text.push_str("GET /healthz HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n");
    let mut wire = Wire::open(scene.controller.port)?;
    wire.send(text.as_bytes());
    let answers = wire.answers()?;
    ensure!(answers.len() == REQUESTS + 1, "{} answers", answers.len());
    for (number, answer) in answers.iter().take(REQUESTS).enumerate() {
        ensure!(
            answer.status == expected[number % 4],
            "{number}: {answer:?}"
        );
    }
    Ok(())
}
