//! RSA private keys in memory, on `aws-lc-rs` (constant time).
//!
//! Reads and writes the PEM forms of a key Secret (`docs/format.md` §6). The `rsa` crate never sees a private key here:
//! its private operation has a known timing weakness (RUSTSEC-2023-0071).

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{
    self, KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{error::Unspecified, rand::SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::encodings::decode_text;
use crate::{KeyId, OpenError, SessionKey, UnwrapContext, UnwrapKey};

/// Sizes of generated keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySize {
    /// 2048 bits.
    Rsa2048,
    /// 3072 bits.
    Rsa3072,
    /// 4096 bits, the default, as upstream.
    #[default]
    Rsa4096,
    /// 8192 bits.
    Rsa8192,
}

impl KeySize {
    /// The size with this number of bits, if keys of that size can be generated.
    pub fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            2048 => Self::Rsa2048,
            3072 => Self::Rsa3072,
            4096 => Self::Rsa4096,
            8192 => Self::Rsa8192,
            _ => return None,
        })
    }

    fn to_aws_lc(self) -> rsa::KeySize {
        match self {
            Self::Rsa2048 => rsa::KeySize::Rsa2048,
            Self::Rsa3072 => rsa::KeySize::Rsa3072,
            Self::Rsa4096 => rsa::KeySize::Rsa4096,
            Self::Rsa8192 => rsa::KeySize::Rsa8192,
        }
    }
}

/// Why a private key cannot be used. Never carries a byte of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivateKeyError {
    /// No unencrypted `RSA PRIVATE KEY` or `PRIVATE KEY` block.
    #[error("no PEM block with an unencrypted private key (RSA PRIVATE KEY or PRIVATE KEY)")]
    NoKey,
    /// An elliptic curve key.
    #[error("the private key is not an RSA key")]
    NotRsa,
    /// The DER inside the block is not a usable RSA key of 2048 to 8192 bits.
    #[error("the private key is not a valid RSA key of 2048 to 8192 bits")]
    Rejected,
    /// The generator failed.
    #[error("the key could not be generated")]
    Generate,
}

/// An RSA private key of 2048 to 8192 bits.
///
/// No `Display` or `Serialize`; `Debug` shows the key id only. `aws-lc` wipes its own copy when it is freed.
#[derive(Clone)]
pub struct PrivateKey {
    decrypting: std::sync::Arc<OaepPrivateDecryptingKey>,
    pair: KeyPair,
    spki_der: Vec<u8>,
    key_id: KeyId,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.key_id)
    }
}

impl PrivateKey {
    /// Makes a new key. The randomness is drawn inside `aws-lc-rs`.
    ///
    /// # Errors
    /// [`PrivateKeyError::Generate`] if the generator fails.
    pub fn generate(size: KeySize) -> Result<Self, PrivateKeyError> {
        let pair = KeyPair::generate(size.to_aws_lc()).map_err(|_| PrivateKeyError::Generate)?;
        Self::from_pair(pair)
    }

    /// Reads the first private key block of a PEM text: PKCS#1 (RFC 8017 A.1.2) or PKCS#8 (RFC 5958), not encrypted. A byte order
    /// mark, and UTF-16 behind one, are accepted.
    ///
    /// # Errors
    /// [`PrivateKeyError`]; no case shows key material.
    pub fn parse_pem(pem: &[u8]) -> Result<Self, PrivateKeyError> {
        let text = decode_text(pem);
        let pem = text.as_ref().map_or(pem, |text| text.as_bytes());
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| PrivateKeyError::NoKey)?;
        Self::from_der(der)
    }

    /// Reads every private key block of a PEM text, in order: each is a key, or why it cannot be used.
    ///
    /// # Errors
    /// [`PrivateKeyError::NoKey`] if there is none.
    pub fn parse_pem_all(
        pem: &[u8],
    ) -> Result<Vec<Result<Self, PrivateKeyError>>, PrivateKeyError> {
        let text = decode_text(pem);
        let pem = text.as_ref().map_or(pem, |text| text.as_bytes());
        let keys: Vec<_> = PrivateKeyDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(der.map_err(|_| PrivateKeyError::NoKey)?))
            .collect();
        if keys.is_empty() {
            return Err(PrivateKeyError::NoKey);
        }
        Ok(keys)
    }

    fn from_der(mut der: PrivateKeyDer<'static>) -> Result<Self, PrivateKeyError> {
        let pair = match &der {
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(PrivateKeyError::NotRsa),
        };
        der.zeroize();
        Self::from_pair(pair.map_err(|_| PrivateKeyError::Rejected)?)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, PrivateKeyError> {
        let load = || -> Result<(OaepPrivateDecryptingKey, Vec<u8>), Unspecified> {
            let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)?;
            let decrypting = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref())?;
            let spki =
                AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
            Ok((
                OaepPrivateDecryptingKey::new(decrypting)?,
                spki.as_ref().to_vec(),
            ))
        };
        let (decrypting, spki_der) = load().map_err(|Unspecified| PrivateKeyError::Rejected)?;
        Ok(Self {
            decrypting: std::sync::Arc::new(decrypting),
            key_id: KeyId::of_spki(&spki_der),
            pair,
            spki_der,
        })
    }

    /// The PEM `RSA PRIVATE KEY` (PKCS#1) text of the key, as upstream stores it in `tls.key`.
    pub fn to_pkcs1_pem(&self) -> Zeroizing<String> {
        let pkcs1 = self.pkcs1_der();
        let body = Zeroizing::new(STANDARD.encode(&*pkcs1));
        // Reserved up front: a growing string would leave copies of the key behind.
        let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 80));
        pem.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = tail;
        }
        pem.push_str("-----END RSA PRIVATE KEY-----\n");
        pem
    }

    /// The PKCS#1 `RSAPrivateKey` inside the PKCS#8 form that `aws-lc-rs` writes.
    fn pkcs1_der(&self) -> Zeroizing<Vec<u8>> {
        use ::rsa::pkcs8::PrivateKeyInfoRef;
        use x509_cert::der::Decode as _;
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&self.pair)
            .expect("a loaded RSA key has a PKCS#8 form");
        let info =
            PrivateKeyInfoRef::from_der(pkcs8.as_ref()).expect("aws-lc-rs writes valid PKCS#8");
        Zeroizing::new(info.private_key.as_bytes().to_vec())
    }

    /// The DER `SubjectPublicKeyInfo` of the public half.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Size of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.decrypting.key_size_bits()
    }

    /// A key for `purpose` that only the holder of this private key can compute: HMAC-SHA256(PKCS#1 DER, purpose).
    pub fn derive(&self, purpose: &str) -> crate::MacKey {
        crate::MacKey::derive(&self.pkcs1_der(), purpose)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, for the self-signed certificate.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        )?;
        Ok(signature)
    }
}

impl UnwrapKey for PrivateKey {
    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn spki_der(&self) -> &[u8] {
        self.spki_der()
    }

    /// HMAC-SHA256(PKCS#1 DER, purpose).
    fn derive(&self, purpose: &str) -> crate::MacKey {
        self.derive(purpose)
    }

    fn wrapped_len(&self) -> usize {
        self.decrypting.key_size_bytes()
    }

    /// Blinded with randomness drawn inside `aws-lc-rs`.
    fn unwrap(&self, wrapped: &[u8], context: UnwrapContext<'_>) -> Result<SessionKey, OpenError> {
        let mut buffer = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let label = (!context.label.is_empty()).then_some(context.label);
        let session_key = self
            .decrypting
            .decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, label)
            .map_err(|Unspecified| OpenError)?;
        SessionKey::from_slice(session_key).ok_or(OpenError)
    }
}
