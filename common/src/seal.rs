//! The public side: sealing a value with a certificate's key.
//!
//! Pure Rust (`rsa`, `aes-gcm`, `sha2`), portable, and never near a private key.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use rand::CryptoRng;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Oaep, RsaPublicKey};
use sha2::Sha256;
use thiserror::Error;
use x509_cert::der::oid::db::rfc5912::RSA_ENCRYPTION;
use x509_cert::der::{Any, Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::{KeyId, Plaintext, SealTarget, SealedBlob, SessionKey};

/// Modulus sizes that are sealed to, in bits. Below lies what can be factored; above, each opening costs the controller too much.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;
/// Public exponents that are sealed to; even ones are refused as well.
const EXPONENTS: std::ops::RangeInclusive<u64> = 65_537..=(1 << 32);

/// Factors that are looked for lie below this. Products of two large primes have none.
const SMALL_FACTORS: u64 = 1000;

/// An RSA public key that values can be sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingKey {
    public: RsaPublicKey,
    spki_der: Vec<u8>,
}

/// Why a public key is not sealed with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealingKeyError {
    /// The bytes are not a `SubjectPublicKeyInfo` with an RSA key in it.
    #[error("the public key cannot be read")]
    Malformed,
    /// The key is of another kind; the object identifier of its algorithm.
    #[error("expected RSA public key but found {0}")]
    NotRsa(String),
    /// Fewer than 2048 or more than 8192 bits.
    #[error("the RSA key has {0} bits, but only 2048 to 8192 are accepted")]
    Size(u32),
    /// Even, below 65537 or above 2³².
    #[error("the RSA key has an unsafe public exponent")]
    Exponent,
    /// The modulus has a factor below 1000, or is a power of two give or take one.
    #[error("the RSA key can be factored")]
    Factored,
}

impl SealingKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7) and checks that it is fit to seal with.
    ///
    /// # Errors
    /// [`SealingKeyError`] names what is wrong.
    pub fn from_spki_der(spki_der: &[u8]) -> Result<Self, SealingKeyError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(spki_der)
            .map_err(|_| SealingKeyError::Malformed)?;
        Self::from_spki(&spki)
    }

    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, SealingKeyError> {
        if spki.algorithm.oid != RSA_ENCRYPTION {
            return Err(SealingKeyError::NotRsa(algorithm_name(
                &spki.algorithm.oid.to_string(),
            )));
        }
        // RFC 3279 §2.3.1: the parameters are NULL. Anything else would give one key several ids.
        if !spki.algorithm.parameters.as_ref().is_some_and(Any::is_null) {
            return Err(SealingKeyError::Malformed);
        }
        let pkcs1 = spki
            .subject_public_key
            .as_bytes()
            .ok_or(SealingKeyError::Malformed)?;
        let public = read_rsa(pkcs1)?;
        let spki_der = spki.to_der().map_err(|_| SealingKeyError::Malformed)?;
        Ok(Self { public, spki_der })
    }

    /// The id of this key.
    pub fn key_id(&self) -> KeyId {
        KeyId::of_spki(&self.spki_der)
    }

    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Length in bytes of a session key wrapped by this key.
    pub fn wrapped_len(&self) -> usize {
        self.public.size()
    }

    /// Size of the modulus in bits.
    pub fn bits(&self) -> usize {
        usize::try_from(self.public.n().bits()).unwrap_or(usize::MAX)
    }
}

/// The usual name of a public key algorithm, or its object identifier.
fn algorithm_name(oid: &str) -> String {
    match oid {
        "1.2.840.10045.2.1" => "an elliptic curve key (ECDSA)".to_owned(),
        "1.3.101.112" => "an Ed25519 key".to_owned(),
        "1.2.840.113549.1.1.10" => "an RSA-PSS key, which is for signing only".to_owned(),
        oid => format!("a key with algorithm {oid}"),
    }
}

fn read_rsa(pkcs1: &[u8]) -> Result<RsaPublicKey, SealingKeyError> {
    let parts =
        rsa::pkcs1::RsaPublicKeyRef::from_der(pkcs1).map_err(|_| SealingKeyError::Malformed)?;
    let bits = BoxedUint::from_be_slice_vartime(parts.modulus.as_bytes()).bits();
    if !MODULUS_BITS.contains(&bits) {
        return Err(SealingKeyError::Size(bits));
    }
    let exponent = parts.public_exponent.as_bytes();
    let exponent = exponent
        .iter()
        .try_fold(0_u64, |value, byte| {
            Some(value.checked_mul(256)? + u64::from(*byte))
        })
        .ok_or(SealingKeyError::Exponent)?;
    if exponent % 2 == 0 || !EXPONENTS.contains(&exponent) {
        return Err(SealingKeyError::Exponent);
    }
    let key = RsaPublicKey::from_pkcs1_der(pkcs1).map_err(|_| SealingKeyError::Malformed)?;
    if is_trivially_factored(parts.modulus.as_bytes()) {
        return Err(SealingKeyError::Factored);
    }
    Ok(key)
}

/// Whether a modulus shows at a glance that it is no product of two large primes. That it shows nothing proves nothing.
fn is_trivially_factored(modulus: &[u8]) -> bool {
    let ones: u32 = modulus.iter().map(|byte| byte.count_ones()).sum();
    let bits = modulus.iter().skip_while(|byte| **byte == 0);
    let bits: u32 = bits
        .enumerate()
        .map(|(index, byte)| {
            if index == 0 {
                8 - byte.leading_zeros()
            } else {
                8
            }
        })
        .sum();
    if ones <= 2 || ones == bits {
        return true;
    }
    // Several divisors at once, as long as their product leaves room for one more byte.
    const ROOM: u64 = u64::MAX >> 8;
    let remainder = |by: u64| {
        modulus
            .iter()
            .fold(0, |rest, byte| ((rest << 8) | u64::from(*byte)) % by)
    };
    let mut divisors = (3..SMALL_FACTORS).step_by(2).peekable();
    while let Some(first) = divisors.next() {
        let mut batch = vec![first];
        let mut product = first;
        while let Some(next) = divisors.next_if(|next| product <= ROOM / next) {
            product *= next;
            batch.push(next);
        }
        let rest = remainder(product);
        if batch.iter().any(|divisor| rest % divisor == 0) {
            return true;
        }
    }
    false
}

/// A value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// RSA-OAEP refused; cannot happen with a checked key.
    #[error("the session key cannot be wrapped with this certificate's key")]
    Wrap,
    /// AES-GCM refused: more than 2³⁶ − 32 bytes.
    #[error("the value is too long to be sealed")]
    TooLong,
}

/// Seals one value: `u16 BE length ‖ RSA-OAEP-SHA256(session key, label) ‖ AES-256-GCM(value)` (`docs/format.md` §2).
///
/// The nonce is twelve zero bytes and there is no additional data. That is safe because the session key is made here,
/// used for this one value and dropped: a key and nonce pair never repeats. It would break at once if a session key
/// were used twice (NIST SP 800-38D §8).
///
/// `_item` is the item's name. Version 1 does not bind it; a later format will.
///
/// # Errors
/// [`SealError`]; neither case depends on the value's bytes.
pub fn seal<R: CryptoRng + ?Sized>(
    rng: &mut R,
    key: &SealingKey,
    target: &SealTarget,
    _item: &str,
    plaintext: &Plaintext,
) -> Result<SealedBlob, SealError> {
    let session_key = SessionKey::init_with(|bytes| rng.fill_bytes(bytes));
    let padding = Oaep::<Sha256>::new_with_label(target.label());
    let wrapped = key
        .public
        .encrypt(rng, padding, session_key.expose())
        .map_err(|_| SealError::Wrap)?;
    let sealed = Aes256Gcm::new(session_key.expose().into())
        .encrypt(&Nonce::default(), plaintext.expose())
        .map_err(|_| SealError::TooLong)?;
    SealedBlob::from_parts(wrapped, sealed).ok_or(SealError::Wrap)
}
