//! kube's client with [`OwnCertificate`] in it. kube has no place for a verifier of ours, so where one is wanted its layers are
//! put together here; everywhere else they are kube's own.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::rt::{Read, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{AuthError, Body, ClientBuilder, ConfigExt as _, DynBody, RustlsTlsError};
use kube::{Config, Error};
use percent_encoding::percent_decode_str;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use secrecy::ExposeSecret as _;
use tower::util::BoxService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};

use crate::own_certificate::OwnCertificate;

/// What sends the requests of a client.
pub type Service = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// The client of a cluster, before its own layers. Nothing is sent twice: whoever asks decides that.
///
/// # Errors
/// The configuration cannot be used.
pub fn client_builder(mut config: Config) -> kube::Result<ClientBuilder<Service>> {
    config.default_retry = false;
    config.proxy_url = config.proxy_url.map(usable_proxy).transpose()?;
    check_token(&config)?;
    // In a pod the CA is a file that kube reads again and again.
    let certificates = match &config.root_cert {
        Some(certificates) if !config.accept_invalid_certs && config.root_cert_file.is_none() => {
            certificates.clone()
        }
        _ => return ClientBuilder::try_from(config),
    };
    let tls = tls(&config, &certificates)?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let Some(proxy) = config.proxy_url.clone() else {
        return with_connector(&config, https(&config, tls, tcp)?);
    };
    match proxy.scheme_str() {
        Some("socks5") => with_connector(&config, https(&config, tls, SocksV5::new(proxy, tcp))?),
        Some("http") => {
            let tunnel = authorized(&proxy, Tunnel::new(proxy.clone(), tcp));
            with_connector(&config, https(&config, tls, tunnel)?)
        }
        Some("https") => {
            let to_proxy = https(&config, tls.clone(), tcp)?;
            let tunnel = authorized(&proxy, Tunnel::new(proxy.clone(), to_proxy));
            with_connector(&config, https(&config, tls, tunnel)?)
        }
        _ => Err(Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy),
        }),
    }
}

/// Below, a token that is no value of a header is a panic.
fn check_token(config: &Config) -> kube::Result<()> {
    let Some(token) = &config.auth_info.token else {
        return Ok(());
    };
    match HeaderValue::from_str(token.expose_secret()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Auth(AuthError::InvalidBearerToken(error))),
    }
}

/// A proxy's address as it is used. `socks5h`, as curl says for a proxy that looks up names, is all that we know of SOCKS 5.
///
/// # Errors
/// Another kind of proxy. The address in the error is without user and password.
fn usable_proxy(proxy: Uri) -> kube::Result<Uri> {
    let scheme = match proxy.scheme_str() {
        Some("http" | "https" | "socks5") => return Ok(proxy),
        Some("socks5h") => "socks5",
        other => other.unwrap_or_default(),
    };
    let authority = proxy.authority().map_or("", |all| all.as_str());
    let address = |scheme, authority| {
        let address = Uri::builder().scheme(scheme).authority(authority);
        address.path_and_query("/").build().unwrap_or_default()
    };
    if scheme == "socks5" {
        return Ok(address(scheme, authority));
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let proxy_url = Box::new(address(scheme, host));
    Err(Error::ProxyProtocolUnsupported { proxy_url })
}

fn tls(config: &Config, certificates: &[Vec<u8>]) -> kube::Result<rustls::ClientConfig> {
    // With kube's own identity and protocols; only who is trusted is said anew.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else was faster: as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut tls = config.rustls_client_config()?;
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::RustlsTls(RustlsTlsError::AddRootCertificate(error))
    };
    let own: Vec<CertificateDer<'static>> = certificates.iter().cloned().map(Into::into).collect();
    let mut roots = RootCertStore::empty();
    for certificate in &own {
        roots
            .add(certificate.clone())
            .map_err(|error| unusable(error.into()))?;
    }
    let others = WebPkiServerVerifier::builder(roots.into())
        .build()
        .map_err(|error| unusable(error.into()))?;
    tls.dangerous()
        .set_certificate_verifier(Arc::new(OwnCertificate::new(own, others)));
    Ok(tls)
}

fn https<C>(
    config: &Config,
    tls: rustls::ClientConfig,
    connector: C,
) -> kube::Result<HttpsConnector<C>> {
    let mut builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|error| Error::RustlsTls(RustlsTlsError::InvalidServerName(error)))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(connector))
}

/// The user of the proxy's address, which is written in escapes.
fn authorized<C>(proxy: &Uri, tunnel: Tunnel<C>) -> Tunnel<C> {
    let authority = proxy.authority().map_or("", |all| all.as_str());
    let Some((user, _)) = authority.split_once('@') else {
        return tunnel;
    };
    let user: Vec<u8> = percent_decode_str(user).collect();
    match HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user))) {
        Ok(header) => tunnel.with_auth(header),
        Err(_) => tunnel,
    }
}

fn with_connector<C>(config: &Config, connector: C) -> kube::Result<ClientBuilder<Service>>
where
    C: tower::Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http = Builder::new(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http)
        .map_response(|response: Response<hyper::body::Incoming>| {
            response.map(|body| Box::new(body.map_err(BoxError::from)) as Box<DynBody>)
        });
    Ok(ClientBuilder::new(
        service.boxed(),
        config.default_namespace.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        let proxy = |text: &'static str| usable_proxy(Uri::from_static(text));
        for same in ["http://u:p@h:1/", "https://h/", "socks5://u:p@h:1/"] {
            assert_eq!(proxy(same).expect(same), same);
        }
        let names = proxy("socks5h://u:p@h:1/").expect("SOCKS 5");
        assert_eq!(names, "socks5://u:p@h:1/");
        for (other, shown) in [
            ("socks4://user:hunter2@h:1/hunter2", "socks4://h:1/"),
            ("ftp://user:hunter2@h/", "ftp://h/"),
            ("user:hunter2@h:1", "h:1"),
        ] {
            let error = proxy(other).expect_err(other).to_string();
            assert!(error.contains(shown), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
