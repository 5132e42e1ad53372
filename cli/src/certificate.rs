//! Where the sealing certificate comes from, and what is checked before it is used (docs/trust.md rows 13 and 15).

use std::path::PathBuf;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use signet_common::{Certificate, CertificateError, Printable, SealingKeyError};

use crate::cluster::{self, Controller};
use crate::error::Failure;
use crate::fetch::{self, UrlPolicy};
use crate::input::read_file;
use crate::known_keys::{self, ControllerName};
use crate::session::{Program, Session};

/// Larger answers and files are no certificate.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// Where to look for the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// A file.
    File(PathBuf),
    /// An address, http or https.
    Url(http::Uri),
    /// The controller, through the API server.
    Cluster(Box<Controller>),
}

/// What a source gave.
pub struct Fetched {
    /// The bytes of the certificate, unread.
    pub bytes: Vec<u8>,
    /// The controller that handed it out, if it was asked itself.
    pub controller: Option<ControllerName>,
}

impl Fetched {
    /// Remembers the controller's key, and announces a new one.
    pub fn remember(&self, session: &mut Session<'_>, certificate: &Certificate) {
        if let Some(controller) = &self.controller {
            known_keys::check(session, controller, certificate);
        }
    }
}

/// SHA-256 of a whole SubjectPublicKeyInfo: the only keys that may be sealed with, if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl std::str::FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected sha256: and 64 hex digits";
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let mut pin = [0; 32];
        for (index, byte) in pin.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(pin))
    }
}

impl CertificateSource {
    /// Reads what a person gives as `--cert`: an address if it has a scheme, else a path.
    ///
    /// # Errors
    /// An address that is not http, https or file.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let malformed = |detail: &dyn std::fmt::Display| {
            Failure::trouble(format_args!(
                "the address {} of the certificate cannot be used: {detail}",
                Printable(text)
            ))
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                Ok(Self::File(PathBuf::from(path)))
            }
            "http" | "https" => text
                .parse()
                .map(Self::Url)
                .map_err(|error: http::uri::InvalidUri| malformed(&error)),
            _ => Err(malformed(&"only http, https and file are supported")),
        }
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", Printable(&path.to_string_lossy())),
            Self::Url(url) => Printable(&url.to_string()).to_string(),
            Self::Cluster(controller) => {
                format!("service {}/{}", controller.namespace, controller.name)
            }
        }
    }

    /// The bytes as they are, unread.
    ///
    /// # Errors
    /// The file, the address or the cluster does not give any.
    pub fn fetch(&self, session: &mut Session<'_>, pinned: bool) -> Result<Fetched, Failure> {
        let outside = |bytes: Vec<u8>| Fetched {
            bytes,
            controller: None,
        };
        match self {
            Self::File(path) => {
                let bytes = read_file(path)?;
                if bytes.len() > MAX_CERTIFICATE_BYTES {
                    let path = Printable(&path.to_string_lossy()).to_string();
                    return Err(Failure::trouble(format_args!(
                        "{path} is too large to be a certificate"
                    )));
                }
                Ok(outside(bytes.to_vec()))
            }
            Self::Url(url) => {
                let policy = match (session.program, pinned) {
                    (Program::Signet, false) => UrlPolicy::SecureOnly,
                    (Program::Signet, true) => UrlPolicy::Any,
                    (Program::Kubeseal, _) => UrlPolicy::WarnInsecure,
                };
                fetch::fetch(session, url, policy).map(outside)
            }
            Self::Cluster(controller) => {
                let (bytes, name) = cluster::fetch_certificate(session, controller)?;
                Ok(Fetched {
                    bytes,
                    controller: Some(name),
                })
            }
        }
    }

    /// A certificate that may be sealed with now.
    ///
    /// # Errors
    /// It cannot be had, is none, is unfit, expired, or not one of the pinned ones.
    pub fn load(&self, session: &mut Session<'_>, pins: &[Pin]) -> Result<Certificate, Failure> {
        let fetched = self.fetch(session, !pins.is_empty())?;
        let certificate = parse(&fetched.bytes).map_err(|failure| match session.program {
            Program::Signet => failure.within(self.describe()),
            Program::Kubeseal => failure,
        })?;
        certificate
            .check_not_expired(session.now)
            .map_err(|error| explain(&error))?;
        check_pins(&certificate, pins)?;
        fetched.remember(session, &certificate);
        Ok(certificate)
    }
}

/// Refuses a key that is not pinned, if any is.
///
/// # Errors
/// The key is another one; its fingerprint is in the text.
pub fn check_pins(certificate: &Certificate, pins: &[Pin]) -> Result<(), Failure> {
    let fingerprint: [u8; 32] = Sha256::digest(certificate.key().spki_der()).into();
    if pins.is_empty() || pins.contains(&Pin(fingerprint)) {
        return Ok(());
    }
    let hex: String = fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let message =
        format!("the certificate's key is not one of the pinned ones: it is sha256:{hex}");
    Err(Failure::trouble(message).hint("find out why the key changed before you add it with --pin"))
}

/// Reads a certificate. Expiry is not judged.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn parse(bytes: &[u8]) -> Result<Certificate, Failure> {
    Certificate::parse_pem(bytes).map_err(|error| match (&error, looks_like(bytes)) {
        (CertificateError::NoCertificate, Some(hint)) => Failure::trouble(&error).hint(hint),
        _ => explain(&error),
    })
}

/// What it is instead, if that can be seen.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    let has = |word: &str| text.contains(word);
    if bytes.starts_with(&[0x30, 0x82]) {
        return Some(
            "this looks like DER: 'openssl x509 -inform DER -in FILE' prints the text that is needed",
        );
    }
    if has("-----BEGIN PUBLIC KEY") || has("-----BEGIN RSA PUBLIC KEY") {
        return Some("this is a bare public key; the certificate around it is needed");
    }
    if bytes.trim_ascii().is_empty() {
        return Some("it is empty: was the command that writes it successful?");
    }
    if has("kind:") || has("\"kind\"") {
        return Some(
            "this looks like a manifest; of a key Secret the certificate is tls.crt: 'signet cert fetch' prints it",
        );
    }
    None
}

fn explain(error: &CertificateError) -> Failure {
    let hint = match error {
        CertificateError::NoCertificate => {
            "a certificate is a text that starts with -----BEGIN CERTIFICATE-----"
        }
        CertificateError::PrivateKeyInInput => {
            "keep the private key apart; pass the part from BEGIN CERTIFICATE to END CERTIFICATE only"
        }
        CertificateError::Expired(_) => {
            "fetch the current certificate from the controller; it renews its key on its own"
        }
        CertificateError::Key(SealingKeyError::Size(_)) => {
            "have the controller make a new key; shorter ones are no longer safe"
        }
        CertificateError::Key(_) => "sealing needs a certificate with an RSA key",
        CertificateError::Malformed | CertificateError::Build => {
            "the file may be cut short; fetch it again"
        }
    };
    Failure::trouble(error).hint(hint)
}

/// The line that says which certificate was used.
pub fn summary(certificate: &Certificate, source: &CertificateSource) -> String {
    format!(
        "certificate from {}, key {}, valid until {}",
        source.describe(),
        certificate.key_id(),
        day(certificate.not_after())
    )
}

/// A date as `2036-01-31`.
pub fn day(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%Y-%m-%d")
        .to_string()
}
