//! Private keys: making them, reading them, writing them.
//!
//! `rsa` makes RSA keys from the caller's generator. It never uses one: signatures are made by aws-lc-rs, in constant time.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::PrivateKeyInfoRef;
use rustls_pki_types::pem::{PemObject, SectionKind};
use signature::Signer;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION,
};
use x509_cert::der::oid::db::rfc8410::ID_ED_25519;
use x509_cert::der::pem::{LineEnding, encode_string};
use x509_cert::der::{Decode, Encode};
use zeroize::Zeroizing;

use super::Cost;
use crate::{Call, Fault};

/// A private key, in the encoding that it is written in.
pub(super) enum Key {
    /// PKCS #1.
    Rsa(Zeroizing<Vec<u8>>),
    /// On P-256.
    Ecdsa(p256::SecretKey),
    /// The seed.
    Ed25519(Zeroizing<Vec<u8>>),
    /// OpenSSL's sequence of numbers. It signs no certificates.
    Dsa(Zeroizing<Vec<u8>>),
}

const NOT_MADE: Fault = Fault::failed("the key could not be made");
const UNREADABLE: Fault = Fault::failed(
    "not a private key of a kind that is known: RSA from 2048 bits, ECDSA on P-256, Ed25519",
);

/// A new RSA key.
pub(super) fn rsa(call: &mut Call<'_, '_>, bits: usize) -> Result<Key, Fault> {
    call.env.meter.step(match bits {
        2048 => Cost::RSA_2048,
        _ => Cost::RSA_4096,
    })?;
    let key = rsa::RsaPrivateKey::new(&mut call.env.rng, bits).map_err(|_| NOT_MADE)?;
    let der = key.to_pkcs1_der().map_err(|_| NOT_MADE)?;
    Ok(Key::Rsa(der.to_bytes()))
}

/// A new key on P-256.
pub(super) fn ecdsa(call: &mut Call<'_, '_>) -> Result<Key, Fault> {
    call.env.meter.step(Cost::CURVE)?;
    loop {
        call.env.meter.step(1)?;
        let mut scalar = Zeroizing::new([0; 32]);
        call.env.rng.fill_bytes(&mut *scalar);
        // All but one in 2³² are below the group's order.
        if let Ok(key) = p256::SecretKey::from_slice(&*scalar) {
            return Ok(Key::Ecdsa(key));
        }
    }
}

/// A new Ed25519 key.
pub(super) fn ed25519(call: &mut Call<'_, '_>) -> Result<Key, Fault> {
    call.env.meter.step(Cost::CURVE)?;
    let mut seed = Zeroizing::new(vec![0; 32]);
    call.env.rng.fill_bytes(&mut seed);
    Ok(Key::Ed25519(seed))
}

/// A new DSA key, 2048 bits with a subgroup of 256.
pub(super) fn dsa(call: &mut Call<'_, '_>) -> Result<Key, Fault> {
    call.env.meter.step(Cost::DSA)?;
    let rng = &mut call.env.rng;
    let size = dsa::KeySize::DSA_2048_256;
    let common = dsa::Components::try_generate_from_rng_with_key_size(rng, size);
    let common = common.map_err(|_| NOT_MADE)?;
    let rng = &mut call.env.rng;
    let key = dsa::SigningKey::try_generate_from_rng_with_components(rng, common);
    let key = key.map_err(|_| NOT_MADE)?;
    let public = key.verifying_key();
    let common = public.components();
    let numbers = [
        common.p().to_be_bytes(),
        common.q().to_be_bytes(),
        common.g().to_be_bytes(),
        public.y().to_be_bytes(),
        key.x().to_be_bytes(),
    ];
    let version: &[u8] = &[0];
    let mut sequence = Vec::new();
    for bytes in std::iter::once(version).chain(numbers.iter().map(|number| &**number)) {
        sequence.push(UintRef::new(bytes).map_err(|_| NOT_MADE)?);
    }
    let der = sequence.to_der().map_err(|_| NOT_MADE)?;
    Ok(Key::Dsa(Zeroizing::new(der)))
}

impl Key {
    /// The first block of a PEM text.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, Fault> {
        let (kind, der) = first_block(text).ok_or(UNREADABLE)?;
        let der = Zeroizing::new(der);
        let key = match kind {
            SectionKind::RsaPrivateKey => Some(Self::Rsa(der)),
            SectionKind::EcPrivateKey => p256::SecretKey::from_sec1_der(&der).ok().map(Self::Ecdsa),
            SectionKind::PrivateKey => Self::from_pkcs8(&der),
            _ => None,
        };
        let key = key.ok_or(UNREADABLE)?;
        // Whatever is read can be used.
        key.spki().map_err(|_| UNREADABLE)?;
        Ok(key)
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let info = PrivateKeyInfoRef::from_der(der).ok()?;
        match info.algorithm.oid {
            RSA_ENCRYPTION => {
                let pkcs1 = info.private_key.as_bytes().to_vec();
                Some(Self::Rsa(Zeroizing::new(pkcs1)))
            }
            ID_EC_PUBLIC_KEY => p256::SecretKey::from_pkcs8_der(der).ok().map(Self::Ecdsa),
            ID_ED_25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
                let seed = pair.seed().ok()?.as_be_bytes().ok()?;
                Some(Self::Ed25519(Zeroizing::new(seed.as_ref().to_vec())))
            }
            _ => None,
        }
    }

    /// The PEM text, as Go writes this kind.
    pub(super) fn to_pem(&self) -> Result<Zeroizing<String>, Fault> {
        let (label, der) = match self {
            Self::Rsa(der) => ("RSA PRIVATE KEY", der.clone()),
            Self::Ecdsa(key) => {
                let der = key.to_sec1_der().map_err(|_| NOT_MADE)?;
                ("EC PRIVATE KEY", der)
            }
            Self::Ed25519(seed) => {
                let der = ed25519_pair(seed)?.to_pkcs8v1().map_err(|_| NOT_MADE)?;
                ("PRIVATE KEY", Zeroizing::new(der.as_ref().to_vec()))
            }
            Self::Dsa(der) => ("DSA PRIVATE KEY", der.clone()),
        };
        let text = encode_string(label, LineEnding::LF, &der).map_err(|_| NOT_MADE)?;
        Ok(Zeroizing::new(text))
    }

    /// The public half: a SubjectPublicKeyInfo.
    pub(super) fn spki(&self) -> Result<Vec<u8>, Fault> {
        let of = |key: Result<PublicKeyX509Der<'static>, _>| {
            key.map(|der| der.as_ref().to_vec()).map_err(|_| UNREADABLE)
        };
        match self {
            Self::Rsa(der) => of(rsa_pair(der)?.public_key().as_der()),
            Self::Ecdsa(key) => {
                let der = key.public_key().to_public_key_der();
                Ok(der.map_err(|_| UNREADABLE)?.as_bytes().to_vec())
            }
            Self::Ed25519(seed) => of(ed25519_pair(seed)?.public_key().as_der()),
            Self::Dsa(_) => Err(UNREADABLE),
        }
    }

    /// How it signs certificates: the algorithm, and whether that has a NULL for parameters.
    pub(super) fn algorithm(&self) -> (ObjectIdentifier, bool) {
        match self {
            Self::Rsa(_) | Self::Dsa(_) => (SHA_256_WITH_RSA_ENCRYPTION, true),
            Self::Ecdsa(_) => (ECDSA_WITH_SHA_256, false),
            Self::Ed25519(_) => (ID_ED_25519, false),
        }
    }

    /// A signature. The same text gives the same one.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Fault> {
        const FAILED: Fault = Fault::failed("the certificate could not be signed");
        match self {
            Self::Rsa(der) => {
                let pair = rsa_pair(der)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                // This kind of signature draws nothing but the blinding.
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    text,
                    &mut signature,
                )
                .map_err(|_| FAILED)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => {
                let signature: p256::ecdsa::DerSignature =
                    p256::ecdsa::SigningKey::from(key).sign(text);
                Ok(signature.as_bytes().to_vec())
            }
            Self::Ed25519(seed) => Ok(ed25519_pair(seed)?.sign(text).as_ref().to_vec()),
            Self::Dsa(_) => Err(FAILED),
        }
    }
}

fn rsa_pair(pkcs1: &[u8]) -> Result<RsaKeyPair, Fault> {
    RsaKeyPair::from_der(pkcs1).map_err(|_| UNREADABLE)
}

fn ed25519_pair(seed: &[u8]) -> Result<Ed25519KeyPair, Fault> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| UNREADABLE)
}

/// The first block of a PEM text, if its kind is one that is known: blocks of other kinds are not skipped, as in Go.
pub(super) fn first_block(text: &[u8]) -> Option<(SectionKind, Vec<u8>)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let (kind, der) = <(SectionKind, Vec<u8>)>::pem_slice_iter(text)
        .next()?
        .ok()?;
    let label: &[u8] = match kind {
        SectionKind::Certificate => b"CERTIFICATE-",
        SectionKind::RsaPrivateKey => b"RSA PRIVATE KEY-",
        SectionKind::EcPrivateKey => b"EC PRIVATE KEY-",
        SectionKind::PrivateKey => b"PRIVATE KEY-",
        _ => return None,
    };
    let from = text.windows(BEGIN.len()).position(|found| found == BEGIN)?;
    let is_first = text[from + BEGIN.len()..].starts_with(label);
    is_first.then_some((kind, der))
}
