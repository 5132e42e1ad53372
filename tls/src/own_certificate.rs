//! Trust in a server's certificate that is itself among the configured ones.
//!
//! Path building of webpki takes no certificate of a CA for a server's, and asks for an issuer. Go asks neither of a certificate
//! that stands in the roots: only that it is valid now, for this host, and for servers.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::ExtendedKeyUsage;

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A verifier that trusts the configured certificates themselves, and leaves all others to another verifier.
pub struct OwnCertificate {
    trusted: Vec<CertificateDer<'static>>,
    others: Arc<dyn ServerCertVerifier>,
}

impl OwnCertificate {
    /// `trusted` are the certificates of the configuration, never those of the system.
    pub fn new(trusted: Vec<CertificateDer<'static>>, others: Arc<dyn ServerCertVerifier>) -> Self {
        Self { trusted, others }
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificate")
    }
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.trusted.iter().any(|own| own == end_entity) {
            return self.others.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        }
        // Refuses what cannot be read, and critical extensions that nobody here knows.
        let parsed = ParsedCertificate::try_from(end_entity)?;
        check_dates_and_usage(end_entity, now)?;
        verify_server_name(&parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    // That the server has the key is shown by its signature, as with any other certificate.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}

/// rustls has no function of its own for these two without a path.
fn check_dates_and_usage(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let unreadable = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
    let certificate = x509_cert::Certificate::from_der(certificate).map_err(unreadable)?;
    let fields = certificate.tbs_certificate();
    let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs();
    let validity = fields.validity();
    if now.as_secs() < seconds(&validity.not_before) {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > seconds(&validity.not_after) {
        return Err(CertificateError::Expired.into());
    }
    let usage = fields
        .get_extension::<ExtendedKeyUsage>()
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    match usage {
        Some((_, usage)) if !usage.0.contains(&SERVER_AUTH) && !usage.0.contains(&ANY_USAGE) => {
            Err(CertificateError::InvalidPurpose.into())
        }
        _ => Ok(()),
    }
}
