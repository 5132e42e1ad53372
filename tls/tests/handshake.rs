//! Handshakes in memory: which servers are believed.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs::{default_provider, sign};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};
use signet_tls::OwnCertificate;

fn path(name: &str) -> String {
    format!("{}/tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path(&format!("{name}.crt"))).expect("fit for this test")
}

fn verifier(trusted: &[&str]) -> Arc<OwnCertificate> {
    let trusted: Vec<_> = trusted.iter().map(|name| certificate(name)).collect();
    let mut roots = RootCertStore::empty();
    for certificate in &trusted {
        roots.add(certificate.clone()).expect("fit for this test");
    }
    let provider = Arc::new(default_provider());
    let others = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
        .build()
        .expect("fit for this test");
    Arc::new(OwnCertificate::new(trusted, others))
}

/// Shows a certificate whatever key it signs with.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A server that shows `shown` and signs with the key of `key`.
fn server(shown: &str, key: &str) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_file(path(&format!("{key}.key"))).expect("fit for this test");
    let key = sign::any_supported_type(&key).expect("fit for this test");
    let shows = Shows(Arc::new(CertifiedKey::new(vec![certificate(shown)], key)));
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("fit for this test")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows))
}

/// What the client says of a server, when it is asked for `host`.
fn meet(
    trusted: &[&str],
    (shown, key): (&str, &str),
    host: &str,
    version: &'static SupportedProtocolVersion,
) -> Result<(), Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("fit for this test")
        .dangerous()
        .with_custom_certificate_verifier(verifier(trusted))
        .with_no_client_auth();
    let host = ServerName::try_from(host.to_owned()).expect("fit for this test");
    let mut client = ClientConnection::new(Arc::new(config), host).expect("fit for this test");
    let mut server =
        ServerConnection::new(Arc::new(server(shown, key))).expect("fit for this test");
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("fit for this test");
        }
        server
            .read_tls(&mut bytes.as_slice())
            .expect("fit for this test");
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("fit for this test");
        }
        client
            .read_tls(&mut bytes.as_slice())
            .expect("fit for this test");
        client.process_new_packets()?;
    }
    Ok(())
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn a_configured_certificate_is_believed_whether_it_is_of_a_ca_or_not() {
    for version in VERSIONS {
        for name in ["own", "leaf"] {
            for host in ["api.test", "127.0.0.1"] {
                let met = meet(&[name, "another"], (name, name), host, version);
                assert_eq!(met, Ok(()), "{name} {host} {version:?}");
            }
        }
    }
}

#[test]
fn whoever_has_only_the_certificate_is_not_believed() {
    for version in VERSIONS {
        let met = meet(&["own"], ("own", "another"), "api.test", version);
        assert!(
            matches!(met, Err(Error::InvalidCertificate(_))),
            "{met:?} {version:?}"
        );
    }
}

#[test]
fn another_certificate_of_the_same_name_is_not_believed() {
    for version in VERSIONS {
        for name in ["another", "leaf"] {
            let met = meet(&["own"], (name, name), "api.test", version);
            assert!(met.is_err(), "{name} {version:?}");
        }
    }
}

#[test]
fn another_host_is_not_believed() {
    for host in ["other.test", "127.0.0.2"] {
        let met = meet(&["own"], ("own", "own"), host, &TLS13);
        assert!(
            matches!(met, Err(Error::InvalidCertificate(_))),
            "{host} {met:?}"
        );
    }
}

#[test]
fn a_certificate_for_clients_is_not_believed() {
    let met = meet(&["client"], ("client", "client"), "api.test", &TLS13);
    assert!(matches!(met, Err(Error::InvalidCertificate(_))), "{met:?}");
}

#[test]
fn outside_of_its_time_a_certificate_is_not_believed() {
    let own = certificate("own");
    let host = ServerName::try_from("api.test").expect("fit for this test");
    let at = |years: u64| {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(years * 365 * 86_400));
        verifier(&["own"]).verify_server_cert(&own, &[], &host, &[], now)
    };
    // Made in 2026, for a hundred years.
    assert!(at(80).is_ok());
    for years in [20, 200] {
        let judged = at(years);
        assert!(
            matches!(judged, Err(Error::InvalidCertificate(_))),
            "{judged:?}"
        );
    }
}
