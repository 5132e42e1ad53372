//! Connections from the proxy to the API server.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The API server, and connections to it that wait for their next request.
pub(super) struct Upstream {
    address: (String, u16),
    name: ServerName<'static>,
    connector: TlsConnector,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    pub(super) fn new(host: &str, port: u16, ca_file: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_file)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address: (host.to_owned(), port),
            name: ServerName::try_from(host.to_owned()).context("the API server's address")?,
            connector: TlsConnector::from(Arc::new(config)),
            idle: Mutex::default(),
        })
    }

    /// Asks the API server; returns as soon as the head of its answer is there, with the connection, which is to be kept
    /// when the body is done.
    pub(super) async fn ask(
        &self,
        request: Request<Incoming>,
    ) -> anyhow::Result<(Response<Incoming>, SendRequest<Incoming>)> {
        let mut sender = match self.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        Ok((answer, sender))
    }

    /// Keeps a connection whose answer has been read.
    pub(super) fn keep(&self, sender: SendRequest<Incoming>) {
        self.idle().push(sender);
    }

    fn take(&self) -> Option<SendRequest<Incoming>> {
        let mut idle = self.idle();
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Incoming>> {
        let (host, port) = &self.address;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let stream = self.connector.connect(self.name.clone(), stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the connection; whoever uses the connection learns of it.
        tokio::spawn(async move { connection.await.ok() });
        Ok(sender)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Incoming>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
