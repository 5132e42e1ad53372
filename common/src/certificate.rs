//! Sealing certificates: reading them, judging them, making the self-signed one.
//!
//! A certificate is only a carrier of a public key: its chain, its signature, its usage bits and NotBefore are not
//! checked when sealing, as upstream does not.

use std::time::Duration;

use jiff::Timestamp;
use rand::CryptoRng;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use signature::{Keypair, Signer};
use thiserror::Error;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{BitString, OctetString, PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
use x509_cert::der::{Any, Decode, Encode, pem};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, Document, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::encodings::decode_text;
use crate::{KeyId, PrivateKey, SealingKey, SealingKeyError};

/// What texts with a private key of some kind hold: PEM, encrypted or not, PGP, SSH2, PuTTY, age.
const PRIVATE_KEY_MARKS: [&[u8]; 5] = [
    b"PRIVATE KEY-----",
    b"PRIVATE KEY BLOCK-----",
    b"PRIVATE KEY ----",
    b"PuTTY-User-Key-File-",
    b"AGE-SECRET-KEY-",
];

/// A certificate whose key is fit to seal with.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    key: SealingKey,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// No `CERTIFICATE` block in the PEM text.
    #[error("data does not contain any valid RSA or ECDSA certificates")]
    NoCertificate,
    /// The input holds a private key, which must never be handed out as a certificate.
    #[error("the input contains a private key, but only the certificate is needed here")]
    PrivateKeyInInput,
    /// The first `CERTIFICATE` block is not an X.509 certificate.
    #[error("the certificate cannot be read")]
    Malformed,
    /// The key inside is not one that is sealed with.
    #[error(transparent)]
    Key(#[from] SealingKeyError),
    /// NotAfter has passed.
    #[error("failed to encrypt using an expired certificate on {}", expiry_date(*.0))]
    Expired(Timestamp),
    /// The certificate could not be made or signed.
    #[error("the certificate could not be made")]
    Build,
}

/// What a self-signed certificate says, apart from its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// Common name of issuer and subject; empty gives an empty name.
    pub common_name: &'a str,
    /// NotAfter minus NotBefore.
    pub valid_for: Duration,
}

impl Certificate {
    /// Reads the first `CERTIFICATE` block of a PEM text (RFC 7468); what follows it is not looked at. A byte order mark,
    /// UTF-16 behind one, and CRLF line ends are accepted.
    ///
    /// # Errors
    /// [`CertificateError`]; a private key of any kind, anywhere in the text, is refused. Expiry is not judged here.
    pub fn parse_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let text = decode_text(pem);
        // A text around the block may be in any encoding.
        let pem = text.as_ref().map_or(pem, |text| text.as_bytes());
        // On the text, so that kinds of keys which the PEM reader does not know are found as well.
        if PRIVATE_KEY_MARKS.iter().any(|mark| contains(pem, mark)) {
            return Err(CertificateError::PrivateKeyInInput);
        }
        let der =
            CertificateDer::from_pem_slice(pem).map_err(|_| CertificateError::NoCertificate)?;
        Self::parse_der(&der)
    }

    /// Reads a DER certificate (RFC 5280 §4.1).
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed =
            x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let tbs = parsed.tbs_certificate();
        let validity = tbs.validity();
        Ok(Self {
            key: SealingKey::from_spki(tbs.subject_public_key_info())?,
            not_before: to_timestamp(validity.not_before),
            not_after: to_timestamp(validity.not_after),
            der: der.to_vec(),
        })
    }

    /// The self-signed certificate of `key`, as upstream makes it: serial below 2¹²⁸, issuer = subject, NotBefore = now,
    /// KeyUsage `encipherOnly` and BasicConstraints `CA:TRUE`, both critical, SHA256-RSA (`docs/format.md` §6).
    ///
    /// # Errors
    /// [`CertificateError::Build`] if the name or the times cannot be written, or signing fails.
    pub fn self_signed<R: CryptoRng + ?Sized>(
        rng: &mut R,
        key: &PrivateKey,
        request: &CertificateRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        let build = |_| CertificateError::Build;
        let mut serial = [0; 16];
        rng.fill_bytes(&mut serial);
        let serial = SerialNumber::new(&serial).map_err(build)?;
        let valid_for = jiff::SignedDuration::try_from(request.valid_for)
            .map_err(|_| CertificateError::Build)?;
        let not_after = now
            .checked_add(valid_for)
            .map_err(|_| CertificateError::Build)?;
        let validity = Validity::new(to_time(now)?, to_time(not_after)?);
        let spki = SubjectPublicKeyInfoOwned::from_der(key.spki_der()).map_err(build)?;
        let profile = SelfSigned(distinguished_name(request.common_name)?);
        let builder = CertificateBuilder::new(profile, serial, validity, spki)
            .map_err(|_| CertificateError::Build)?;
        let built = builder
            .build(&CertificateSigner(key))
            .map_err(|_| CertificateError::Build)?;
        Self::parse_der(&built.to_der().map_err(build)?)
    }

    /// The key to seal with.
    pub fn key(&self) -> &SealingKey {
        &self.key
    }

    /// The id of the key.
    pub fn key_id(&self) -> KeyId {
        self.key.key_id()
    }

    /// Start of validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Refuses a certificate whose time is over.
    ///
    /// # Errors
    /// [`CertificateError::Expired`].
    pub fn check_not_expired(&self, now: Timestamp) -> Result<(), CertificateError> {
        if now > self.not_after {
            return Err(CertificateError::Expired(self.not_after));
        }
        Ok(())
    }

    /// Whether `key` is the private half of this certificate's key.
    pub fn matches(&self, key: &PrivateKey) -> bool {
        self.key.spki_der() == key.spki_der()
    }

    /// The PEM text, one `CERTIFICATE` block.
    pub fn to_pem(&self) -> String {
        pem::encode_string("CERTIFICATE", pem::LineEnding::LF, &self.der)
            .expect("a certificate that was read fits into memory as text")
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The day as Go's layout `January 2, 2006` writes it, which upstream's users know.
fn expiry_date(time: Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .strftime("%B %-d, %Y")
        .to_string()
}

/// RFC 5280 §4.1.2.5 writes "no end" as the last second of the year 9999, which lies just past what a `Timestamp` holds.
fn to_timestamp(time: Time) -> Timestamp {
    Timestamp::try_from(time.to_system_time()).unwrap_or(Timestamp::MAX)
}

fn to_time(timestamp: Timestamp) -> Result<Time, CertificateError> {
    let seconds = u64::try_from(timestamp.as_second()).map_err(|_| CertificateError::Build)?;
    let date_time = x509_cert::der::DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_err(|_| CertificateError::Build)?;
    Ok(Time::from(date_time))
}

fn distinguished_name(common_name: &str) -> Result<Name, CertificateError> {
    if common_name.is_empty() {
        return Ok(Name::default());
    }
    let build = |_| CertificateError::Build;
    let value = match PrintableStringRef::new(common_name) {
        Ok(printable) => Any::from(printable),
        Err(_) => Any::from(Utf8StringRef::new(common_name).map_err(build)?),
    };
    let mut relative = RelativeDistinguishedName::default();
    relative
        .insert(AttributeTypeAndValue {
            oid: COMMON_NAME,
            value,
        })
        .map_err(build)?;
    let mut names = RdnSequence::default();
    names.push(relative);
    // By way of DER and not of a name's text form, in which the common name would need escapes.
    names
        .to_der()
        .and_then(|der| Name::from_der(&der))
        .map_err(build)
}

/// Upstream's certificate profile.
struct SelfSigned(Name);

impl BuilderProfile for SelfSigned {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        spki: SubjectPublicKeyInfoRef<'_>,
        _issuer_spki: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        // The leftmost 160 bits of SHA-256 over the key bits (RFC 7093 §2 method 1).
        let key_hash = Sha256::digest(spki.subject_public_key.raw_bytes());
        let key_identifier = SubjectKeyIdentifier(OctetString::new(&key_hash[..20])?);
        let subject = tbs.subject();
        Ok(vec![
            KeyUsage(KeyUsages::EncipherOnly.into()).to_extension(subject, &[])?,
            BasicConstraints {
                ca: true,
                path_len_constraint: None,
            }
            .to_extension(subject, &[])?,
            key_identifier.to_extension(subject, &[])?,
        ])
    }
}

/// Lets the X.509 builder sign with `aws-lc-rs`.
struct CertificateSigner<'a>(&'a PrivateKey);

#[derive(Clone)]
struct PublicDer(Vec<u8>);

struct RsaSignature(Vec<u8>);

impl Keypair for CertificateSigner<'_> {
    type VerifyingKey = PublicDer;

    fn verifying_key(&self) -> PublicDer {
        PublicDer(self.0.spki_der().to_vec())
    }
}

impl EncodePublicKey for PublicDer {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<Document> {
        Ok(Document::from_der(&self.0)?)
    }
}

impl DynSignatureAlgorithmIdentifier for CertificateSigner<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned {
            oid: SHA_256_WITH_RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        })
    }
}

impl Signer<RsaSignature> for CertificateSigner<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<RsaSignature, signature::Error> {
        self.0
            .sign(message)
            .map(RsaSignature)
            .map_err(|_| signature::Error::new())
    }
}

impl SignatureBitStringEncoding for RsaSignature {
    fn to_bitstring(&self) -> x509_cert::der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}
