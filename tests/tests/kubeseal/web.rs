//! A small web server on the loopback for `--cert URL`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Serves the certificate until the process ends, and gives its address.
pub(crate) fn serve(certificate: Vec<u8>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let certificate = certificate.clone();
            // A client that goes away is its own business.
            thread::spawn(move || drop(answer(stream, &certificate)));
        }
    });
    Ok(address)
}

fn answer(stream: TcpStream, certificate: &[u8]) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    // A proxy is asked for whole addresses.
    let path = path
        .strip_prefix("http://cert.example.invalid")
        .unwrap_or(&path);
    let page = b"<html>log in first</html>".to_vec();
    let many = vec![b'x'; 100_000];
    let (status, header, body) = match path {
        "/cert.pem" => ("200 OK", "", certificate.to_vec()),
        "/moved" => ("302 Found", "location: /cert.pem\r\n", Vec::new()),
        "/loop" => ("302 Found", "location: /loop\r\n", Vec::new()),
        "/page" => ("200 OK", "content-type: text/html\r\n", page),
        "/many" => ("200 OK", "", many),
        "/empty" => ("200 OK", "", Vec::new()),
        "/broken" => ("500 Internal Server Error", "", Vec::new()),
        _ => ("404 Not Found", "", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{header}\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}
