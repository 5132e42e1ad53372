//! X.509 certificates with the fields that Go gives them.

use core::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use signature::{Keypair, Signer};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{BitString, Ia5String, OctetString, PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::pem::{LineEnding, encode_string};
use x509_cert::der::{Any, DateTime, Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, Document, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use super::key::Key;
use crate::Fault;

/// What a certificate says.
pub(super) struct Request {
    pub(super) common_name: String,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) names: Vec<String>,
    pub(super) is_authority: bool,
    pub(super) not_before: Timestamp,
    /// Until it ends; may be negative.
    pub(super) days: i64,
}

/// Who signs it.
#[derive(Clone, Copy)]
pub(super) enum Issuer<'a> {
    Itself,
    Authority(&'a Certificate),
}

const NOT_MADE: Fault = Fault::failed("the certificate could not be made");
const NANOS_A_DAY: i64 = 86_400_000_000_000;

/// The PEM text of a certificate for the public key `spki`.
pub(super) fn build<R: CryptoRng + ?Sized>(
    rng: &mut R,
    request: &Request,
    spki: &[u8],
    issuer: Issuer<'_>,
    signer: &Key,
) -> Result<String, Fault> {
    let signer = CertificateSigner {
        spki: signer.spki()?,
        key: signer,
    };
    if let Issuer::Authority(parent) = issuer {
        let public = parent.tbs_certificate().subject_public_key_info().to_der();
        if public.map_err(|_| NOT_MADE)? != signer.spki {
            return Err(Fault::failed(
                "the authority's key is not its certificate's",
            ));
        }
    }
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    let serial = SerialNumber::new(&serial).map_err(|_| NOT_MADE)?;
    // Go's durations wrap.
    let valid_for = SignedDuration::from_nanos(NANOS_A_DAY.wrapping_mul(request.days));
    let not_after = request.not_before.checked_add(valid_for);
    let not_after = not_after.map_err(|_| NOT_MADE)?;
    let validity = Validity::new(time(request.not_before)?, time(not_after)?);
    let spki = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| NOT_MADE)?;
    let profile = Profile {
        subject: name(&request.common_name).map_err(|_| NOT_MADE)?,
        request,
        issuer,
    };
    let builder = CertificateBuilder::new(profile, serial, validity, spki).map_err(|_| NOT_MADE)?;
    let built = builder.build(&signer).map_err(|_| NOT_MADE)?;
    let der = built.to_der().map_err(|_| NOT_MADE)?;
    encode_string("CERTIFICATE", LineEnding::LF, &der).map_err(|_| NOT_MADE)
}

fn time(at: Timestamp) -> Result<Time, Fault> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| NOT_MADE)?;
    let date = DateTime::from_unix_duration(Duration::from_secs(seconds));
    Ok(Time::from(date.map_err(|_| NOT_MADE)?))
}

fn name(common_name: &str) -> x509_cert::der::Result<Name> {
    if common_name.is_empty() {
        return Ok(Name::default());
    }
    let value = match PrintableStringRef::new(common_name) {
        Ok(printable) => Any::from(printable),
        Err(_) => Any::from(Utf8StringRef::new(common_name)?),
    };
    let mut relative = RelativeDistinguishedName::default();
    relative.insert(AttributeTypeAndValue {
        oid: COMMON_NAME,
        value,
    })?;
    let mut names = RdnSequence::default();
    names.push(relative);
    // By way of DER and not of a name's text form, in which the common name would need escapes.
    Name::from_der(&names.to_der()?)
}

struct Profile<'a> {
    subject: Name,
    request: &'a Request,
    issuer: Issuer<'a>,
}

impl Profile<'_> {
    /// The key identifier of an authority that is somebody else.
    fn issuer_key(&self) -> x509_cert::builder::Result<Option<AuthorityKeyIdentifier>> {
        let Issuer::Authority(parent) = self.issuer else {
            return Ok(None);
        };
        let parent = parent.tbs_certificate();
        if *parent.subject() == self.subject {
            return Ok(None);
        }
        let found = parent.get_extension::<SubjectKeyIdentifier>()?;
        Ok(found.map(|(_, identifier)| AuthorityKeyIdentifier {
            key_identifier: Some(identifier.0),
            ..AuthorityKeyIdentifier::default()
        }))
    }

    fn alternative_names(&self) -> x509_cert::builder::Result<Option<SubjectAltName>> {
        let mut names = Vec::new();
        for name in &self.request.names {
            names.push(GeneralName::DnsName(Ia5String::new(name)?));
        }
        for address in &self.request.addresses {
            let bytes = match address {
                IpAddr::V4(address) => OctetString::new(address.octets())?,
                IpAddr::V6(address) => OctetString::new(address.octets())?,
            };
            names.push(GeneralName::IpAddress(bytes));
        }
        Ok((!names.is_empty()).then_some(SubjectAltName(names)))
    }
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, subject: &Name) -> Name {
        match self.issuer {
            Issuer::Itself => subject.clone(),
            Issuer::Authority(parent) => parent.tbs_certificate().subject().clone(),
        }
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    /// In Go's order.
    fn build_extensions(
        &self,
        spki: SubjectPublicKeyInfoRef<'_>,
        _issuer_spki: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = &self.subject;
        let is_authority = self.request.is_authority;
        let mut usages = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
        if is_authority {
            usages |= KeyUsages::KeyCertSign;
        }
        let mut extensions = vec![
            KeyUsage(usages).to_extension(subject, &[])?,
            ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH])
                .to_extension(subject, &[])?,
            BasicConstraints {
                ca: is_authority,
                path_len_constraint: None,
            }
            .to_extension(subject, &[])?,
        ];
        if is_authority {
            // The leftmost 160 bits of SHA-256 over the key bits (RFC 7093 §2 method 1).
            let hash = Sha256::digest(spki.subject_public_key.raw_bytes());
            let identifier = SubjectKeyIdentifier(OctetString::new(&hash[..20])?);
            extensions.push(identifier.to_extension(subject, &[])?);
        }
        if let Some(identifier) = self.issuer_key()? {
            extensions.push(identifier.to_extension(subject, &[])?);
        }
        if let Some(names) = self.alternative_names()? {
            extensions.push(names.to_extension(subject, &[])?);
        }
        Ok(extensions)
    }
}

/// Lets the X.509 builder sign with a [`Key`].
struct CertificateSigner<'a> {
    key: &'a Key,
    spki: Vec<u8>,
}

#[derive(Clone)]
struct PublicDer(Vec<u8>);

struct Signature(Vec<u8>);

impl Keypair for CertificateSigner<'_> {
    type VerifyingKey = PublicDer;

    fn verifying_key(&self) -> PublicDer {
        PublicDer(self.spki.clone())
    }
}

impl EncodePublicKey for PublicDer {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<Document> {
        Ok(Document::from_der(&self.0)?)
    }
}

impl DynSignatureAlgorithmIdentifier for CertificateSigner<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        let (oid, has_null) = self.key.algorithm();
        Ok(AlgorithmIdentifierOwned {
            oid,
            parameters: has_null.then(Any::null),
        })
    }
}

impl Signer<Signature> for CertificateSigner<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        let signed = self.key.sign(message);
        signed.map(Signature).map_err(|_| signature::Error::new())
    }
}

impl SignatureBitStringEncoding for Signature {
    fn to_bitstring(&self) -> x509_cert::der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}
