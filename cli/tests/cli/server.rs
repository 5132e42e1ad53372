//! An HTTP server on 127.0.0.1 that answers from a table and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::key;

/// What to answer: status line, headers, body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// `METHOD path` and body of each request, in order.
pub(crate) type Requests = Arc<Mutex<Vec<(String, String)>>>;

/// Answers until the process ends.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: Requests,
    headers: Arc<Mutex<Vec<String>>>,
}

pub(crate) fn answer(status: &'static str, body: impl AsRef<[u8]>) -> Answer {
    Answer {
        status,
        headers: String::new(),
        body: body.as_ref().to_vec(),
    }
}

impl Server {
    /// Serves a table of `METHOD path`; everything else is 404.
    pub(crate) fn start(table: &[(&str, Answer)]) -> Self {
        let table: BTreeMap<String, Answer> = table
            .iter()
            .map(|(request, answer)| ((*request).to_owned(), answer.clone()))
            .collect();
        Self::start_with(move |request, _body| table.get(request).cloned())
    }

    /// Serves what `respond` gives; nothing is 404.
    pub(crate) fn start_with(
        respond: impl Fn(&str, &str) -> Option<Answer> + Send + 'static,
    ) -> Self {
        Self::start_as("http", Some, respond)
    }

    /// The same over TLS, with the test certificate, which nobody signed.
    pub(crate) fn start_tls(
        respond: impl Fn(&str, &str) -> Option<Answer> + Send + 'static,
    ) -> Self {
        Self::start_tls_as(&key("seal"), respond)
    }

    /// The same with the certificate and the key whose paths begin so.
    pub(crate) fn start_tls_as(
        identity: &str,
        respond: impl Fn(&str, &str) -> Option<Answer> + Send + 'static,
    ) -> Self {
        let pem = |end| std::fs::read(format!("{identity}.{end}")).expect("a test key");
        let certificate = CertificateDer::from_pem_slice(&pem("crt")).expect("PEM");
        let private = PrivateKeyDer::from_pem_slice(&pem("key")).expect("PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)
            .expect("a certificate");
        let config = Arc::new(config);
        let wrap = move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(StreamOwned::new(connection, stream))
        };
        Self::start_as("https", wrap, respond)
    }

    fn start_as<S: Read + Write>(
        scheme: &str,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + 'static,
        respond: impl Fn(&str, &str) -> Option<Answer> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let requests = Requests::default();
        let headers = Arc::<Mutex<Vec<String>>>::default();
        let seen = (Arc::clone(&requests), Arc::clone(&headers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().filter_map(wrap) {
                // A client that goes away is its own business.
                let _ = serve(stream, &respond, &seen);
            }
        });
        Self {
            address,
            requests,
            headers,
        }
    }

    /// Every header line of every request, its name in lower case.
    pub(crate) fn headers(&self) -> Vec<String> {
        self.headers.lock().expect("no panic while locked").clone()
    }

    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().expect("no panic while locked").clone()
    }
}

fn serve(
    stream: impl Read + Write,
    respond: &impl Fn(&str, &str) -> Option<Answer>,
    (requests, headers): &(Requests, Arc<Mutex<Vec<String>>>),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let request: Vec<&str> = line.split(' ').take(2).collect();
    let request = request.join(" ");
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        let line = format!("{}:{}", name.to_ascii_lowercase(), value.trim_end());
        headers.lock().expect("no panic while locked").push(line);
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let found = respond(&request, &body).unwrap_or_else(|| answer("404 Not Found", "no"));
    requests
        .lock()
        .expect("no panic while locked")
        .push((request, body));
    let head = format!(
        "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n",
        found.status,
        found.body.len(),
        found.headers
    );
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(&found.body)?;
    stream.flush()
}
