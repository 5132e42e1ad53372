//! Clients that hold every place and never finish a request (docs/trust.md row 12).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::ensure;
use signet_harness::{Options, eventually};
use signet_tests::signet::{CAP, SignetController};
use signet_tests::start;

use crate::http::send;

/// Connections that a listener serves at once.
const PLACES: usize = 256;

/// Half a request: headers that do not end, or a body that does not come.
fn half_a_request(port: u16, number: usize) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let text = match number % 2 {
        0 => "GET /v1/cert.pem HTTP/1.1\r\nHost: signet\r\nX-Slow: ",
        _ => "POST /v1/verify HTTP/1.1\r\nHost: signet\r\nContent-Length: 100\r\n\r\n{",
    };
    stream.write_all(text.as_bytes())?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Whether the controller ended it, with or without an answer.
fn is_ended(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn slow_clients_are_cut_off_and_hold_no_more_than_the_places_there_are() -> anyhow::Result<()> {
    let options = Options {
        controller_manager: false,
        ..Options::default()
    };
    let plane = start(options)?;
    // The bucket would answer most of the slow bodies at once.
    let flags = [
        "--read-timeout=3s",
        "--write-timeout=3s",
        "--rate-limit=1000",
        "--rate-limit-burst=1000",
    ];
    let controller = SignetController::start(&plane, "kube-system", &flags)?;
    let mut slow = (0..PLACES)
        .map(|number| half_a_request(controller.port, number))
        .collect::<anyhow::Result<Vec<_>>>()?;

    // The probes of the other listener have places of their own.
    let probe = format!("http://127.0.0.1:{}/healthz", controller.metrics_port);
    assert_eq!(send("GET", &probe, "")?.0, 200);
    // An honest client is served, and not before a slow one is gone.
    let certificate = format!("{}/v1/cert.pem", controller.url());
    let (status, body) = send("GET", &certificate, "")?;
    ensure!(status == 200 && body.contains("CERTIFICATE"), "{status}");
    let ended = slow
        .iter_mut()
        .filter_map(|s| is_ended(s).then_some(()))
        .count();
    ensure!(
        ended > 0,
        "more than {PLACES} connections were served at once"
    );

    eventually("every slow client is cut off", CAP, || {
        slow.iter_mut().all(is_ended)
    })?;
    assert_eq!(send("GET", &certificate, "")?.0, 200);
    Ok(())
}
