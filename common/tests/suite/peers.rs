//! The two implementations held against each other: `rsa` with `aes-gcm`, and `aws-lc-rs`.
//!
//! Signet seals with the first and opens with the second. Here each does both, and they must agree.
//! Nowhere else does the `rsa` crate see a private key.

use std::sync::LazyLock;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as AwsNonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use proptest::prelude::*;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::{Oaep, RsaPrivateKey};
use rustls_pki_types::PrivatePkcs1KeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::Sha256;
use signet_common::{OpenError, Plaintext, SealTarget, SealedBlob, open, seal};

use crate::test_keys::{KEY_A, rng};

static RSA_KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let der = PrivatePkcs1KeyDer::from_pem_slice(KEY_A.pem.as_bytes()).unwrap();
    RsaPrivateKey::from_pkcs1_der(der.secret_pkcs1_der()).unwrap()
});

static AWS_PUBLIC_KEY: LazyLock<OaepPublicEncryptingKey> = LazyLock::new(|| {
    OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(KEY_A.key.spki_der()).unwrap())
        .unwrap()
});

/// Opens with `rsa` and `aes-gcm`.
fn rsa_opens(blob: &SealedBlob, label: &[u8]) -> Result<Vec<u8>, OpenError> {
    // Both take a shorter number for the same value; the format does not (RFC 8017 §7.1.2 step 1b).
    if blob.wrapped().len() != 256 {
        return Err(OpenError);
    }
    let padding = Oaep::<Sha256>::new_with_label(label);
    let session_key = RSA_KEY
        .decrypt(padding, blob.wrapped())
        .map_err(|_| OpenError)?;
    let cipher = Aes256Gcm::new_from_slice(&session_key).map_err(|_| OpenError)?;
    cipher
        .decrypt(&Nonce::default(), blob.sealed())
        .map_err(|_| OpenError)
}

/// Opens as Signet does, with `aws-lc-rs`.
fn signet_opens(blob: &SealedBlob, target: &SealTarget) -> Result<Vec<u8>, OpenError> {
    open(&*KEY_A.key, blob, target, "item").map(|plaintext| plaintext.expose().to_vec())
}

fn rsa_seals(seed: u64, target: &SealTarget, value: &[u8]) -> SealedBlob {
    let plaintext = Plaintext::new(value.to_vec());
    seal(
        &mut rng(seed),
        KEY_A.certificate.key(),
        target,
        "item",
        &plaintext,
    )
    .unwrap()
}

/// Seals with `aws-lc-rs` under a session key of any length; the value goes under its first 32 bytes, filled with zeros.
fn aws_lc_seals(session_key: &[u8], label: &[u8], value: &[u8]) -> Vec<u8> {
    let mut wrapped = vec![0; AWS_PUBLIC_KEY.ciphertext_size()];
    let label = (!label.is_empty()).then_some(label);
    AWS_PUBLIC_KEY
        .encrypt(&OAEP_SHA256_MGF1SHA256, session_key, &mut wrapped, label)
        .unwrap();
    let mut aes_key = session_key.to_vec();
    aes_key.resize(32, 0);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &aes_key).unwrap());
    let mut sealed = value.to_vec();
    key.seal_in_place_append_tag(
        AwsNonce::assume_unique_for_key([0; 12]),
        Aad::empty(),
        &mut sealed,
    )
    .unwrap();
    framed(&wrapped, &sealed)
}

fn framed(wrapped: &[u8], sealed: &[u8]) -> Vec<u8> {
    let length = u16::try_from(wrapped.len()).unwrap().to_be_bytes();
    [&length[..], wrapped, sealed].concat()
}

/// Something done to a blob that is otherwise good.
#[derive(Debug, Clone)]
enum Mutation {
    None,
    FlipBit(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Append(Vec<u8>),
    Remove(prop::sample::Index),
    ReplaceWrapped(Vec<u8>),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::None),
            (any::<prop::sample::Index>(), 0_u8..8).prop_map(|(at, bit)| Self::FlipBit(at, bit)),
            any::<prop::sample::Index>().prop_map(Self::Truncate),
            prop::collection::vec(any::<u8>(), 1..20).prop_map(Self::Append),
            any::<prop::sample::Index>().prop_map(Self::Remove),
            prop::collection::vec(any::<u8>(), 256).prop_map(Self::ReplaceWrapped),
        ]
    }

    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::None => {}
            Self::FlipBit(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Self::Append(tail) => bytes.extend(tail),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::ReplaceWrapped(wrapped) => bytes[2..258].copy_from_slice(wrapped),
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_rsa_seals_both_open(
        value in prop::collection::vec(any::<u8>(), 0..500),
        namespace in "[^/]{1,9}",
        seed in any::<u64>(),
    ) {
        let target = SealTarget::namespace_wide(&namespace).unwrap();
        let blob = rsa_seals(seed, &target, &value);
        prop_assert_eq!(signet_opens(&blob, &target), Ok(value.clone()));
        prop_assert_eq!(rsa_opens(&blob, &target.label()), Ok(value));
    }

    #[test]
    fn what_aws_lc_seals_both_open(
        value in prop::collection::vec(any::<u8>(), 0..500),
        session_key in prop::array::uniform32(any::<u8>()),
        namespace in "[^/]{1,9}",
    ) {
        let target = SealTarget::namespace_wide(&namespace).unwrap();
        let blob = SealedBlob::parse(&aws_lc_seals(&session_key, &target.label(), &value)).unwrap();
        prop_assert_eq!(signet_opens(&blob, &target), Ok(value.clone()));
        prop_assert_eq!(rsa_opens(&blob, &target.label()), Ok(value));
    }

    #[test]
    fn both_give_the_same_verdict_on_a_changed_blob(
        value in prop::collection::vec(any::<u8>(), 0..40),
        mutation in Mutation::any(),
        seed in any::<u64>(),
    ) {
        let target = SealTarget::strict("ns", "name").unwrap();
        let bytes = mutation.apply(rsa_seals(seed, &target, &value).to_bytes());
        if let Ok(blob) = SealedBlob::parse(&bytes) {
            let verdict = signet_opens(&blob, &target);
            prop_assert_eq!(&verdict, &rsa_opens(&blob, &target.label()));
            let expected = if matches!(mutation, Mutation::None) { Ok(value) } else { Err(OpenError) };
            prop_assert_eq!(verdict, expected);
        }
    }

    #[test]
    fn both_take_session_keys_of_32_bytes_only(session_key in prop::collection::vec(any::<u8>(), 0..=64)) {
        let target = SealTarget::cluster_wide();
        let blob = SealedBlob::parse(&aws_lc_seals(&session_key, &target.label(), b"value")).unwrap();
        let expected = if session_key.len() == 32 { Ok(b"value".to_vec()) } else { Err(OpenError) };
        prop_assert_eq!(&signet_opens(&blob, &target), &expected);
        prop_assert_eq!(rsa_opens(&blob, &target.label()), expected);
    }

    #[test]
    fn both_bind_the_label(sealed_for in "[^/]{1,6}", opened_as in "[^/]{1,6}") {
        let opened_as = SealTarget::namespace_wide(&opened_as).unwrap();
        let blob = SealedBlob::parse(&aws_lc_seals(&[7; 32], sealed_for.as_bytes(), b"value")).unwrap();
        let same = sealed_for.as_bytes() == opened_as.label();
        prop_assert_eq!(signet_opens(&blob, &opened_as).is_ok(), same);
        prop_assert_eq!(rsa_opens(&blob, &opened_as.label()).is_ok(), same);
    }
}
