//! Sealing and opening, with every scope and key size.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use signet_common::{
    KeyId, MacKey, OpenError, Plaintext, Scope, SealTarget, SealedBlob, SessionKey, UnwrapContext,
    UnwrapKey, open, seal,
};

use crate::test_keys::{KEY_3072, KEY_4096, KEY_A, KEY_B, TestKey, rng};

fn sealed(key: &TestKey, target: &SealTarget, value: &[u8]) -> SealedBlob {
    sealed_with_seed(1, key, target, value)
}

fn sealed_with_seed(seed: u64, key: &TestKey, target: &SealTarget, value: &[u8]) -> SealedBlob {
    let plaintext = Plaintext::new(value.to_vec());
    seal(
        &mut rng(seed),
        key.certificate.key(),
        target,
        "item",
        &plaintext,
    )
    .unwrap()
}

fn opened(key: &TestKey, target: &SealTarget, blob: &SealedBlob) -> Result<Vec<u8>, OpenError> {
    open(&*key.key, blob, target, "item").map(|plaintext| plaintext.expose().to_vec())
}

/// Five targets of which no two share a label.
fn targets() -> Vec<SealTarget> {
    let target = |scope, namespace, name| SealTarget::new(scope, namespace, name).unwrap();
    vec![
        target(Scope::Strict, "a", "b"),
        target(Scope::Strict, "b", "a"),
        target(Scope::NamespaceWide, "a", "b"),
        target(Scope::NamespaceWide, "b", "a"),
        target(Scope::ClusterWide, "a", "b"),
    ]
}

#[test]
fn a_value_opens_under_the_target_it_was_sealed_for_and_no_other() {
    for (sealed_for, target) in targets().iter().enumerate() {
        let blob = sealed(&KEY_A, target, b"value");
        for (opened_as, target) in targets().iter().enumerate() {
            let expected = if sealed_for == opened_as {
                Ok(b"value".to_vec())
            } else {
                Err(OpenError)
            };
            assert_eq!(
                opened(&KEY_A, target, &blob),
                expected,
                "{sealed_for} {opened_as}"
            );
        }
    }
}

#[test]
fn every_key_size_seals_and_opens_and_no_key_opens_for_another() {
    let keys = [&*KEY_A, &KEY_B, &KEY_3072, &KEY_4096];
    let target = SealTarget::cluster_wide();
    for (sealer, key) in keys.iter().enumerate() {
        let blob = sealed(key, &target, b"value");
        assert_eq!(blob.wrapped().len(), key.certificate.key().wrapped_len());
        assert_eq!(key.key.wrapped_len(), key.certificate.key().wrapped_len());
        for (opener, key) in keys.iter().enumerate() {
            let expected = if sealer == opener {
                Ok(b"value".to_vec())
            } else {
                Err(OpenError)
            };
            assert_eq!(opened(key, &target, &blob), expected, "{sealer} {opener}");
        }
    }
}

/// A key that counts what it is asked to do, and passes it on.
#[derive(Debug)]
struct CountingKey(AtomicU64);

impl UnwrapKey for CountingKey {
    fn key_id(&self) -> KeyId {
        KEY_A.key.key_id()
    }

    fn spki_der(&self) -> &[u8] {
        KEY_A.key.spki_der()
    }

    fn derive(&self, purpose: &str) -> MacKey {
        KEY_A.key.derive(purpose)
    }

    fn wrapped_len(&self) -> usize {
        KEY_A.key.wrapped_len()
    }

    fn unwrap(&self, wrapped: &[u8], context: UnwrapContext<'_>) -> Result<SessionKey, OpenError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        KEY_A.key.unwrap(wrapped, context)
    }
}

#[test]
fn a_blob_that_does_not_fit_the_key_costs_no_private_operation() {
    let target = SealTarget::cluster_wide();
    let table = [(&*KEY_A, 1), (&KEY_B, 1), (&KEY_3072, 0), (&KEY_4096, 0)];
    for (sealer, operations) in table {
        let key = CountingKey(AtomicU64::new(0));
        let opened = open(&key, &sealed(sealer, &target, b"value"), &target, "item");
        assert_eq!(opened.is_ok(), sealer.key.key_id() == key.key_id());
        assert_eq!(key.0.into_inner(), operations);
    }
}

#[test]
fn the_item_name_is_not_bound() {
    let target = SealTarget::cluster_wide();
    let blob = sealed(&KEY_A, &target, b"value");
    assert!(open(&*KEY_A.key, &blob, &target, "another item").is_ok());
}

#[test]
fn sealing_twice_shares_neither_wrapped_key_nor_ciphertext() {
    let (mut rng, target) = (rng(1), SealTarget::cluster_wide());
    let plaintext = Plaintext::new(vec![0; 32]);
    let mut seal_once = || {
        seal(
            &mut rng,
            KEY_A.certificate.key(),
            &target,
            "item",
            &plaintext,
        )
        .unwrap()
    };
    let (first, second) = (seal_once(), seal_once());
    assert_ne!(first.wrapped(), second.wrapped());
    assert_ne!(first.sealed(), second.sealed());
}

#[test]
fn a_megabyte_goes_round() {
    let (target, value) = (SealTarget::cluster_wide(), vec![0xa5; 1 << 20]);
    assert_eq!(
        opened(&KEY_A, &target, &sealed(&KEY_A, &target, &value)),
        Ok(value)
    );
}

#[test]
fn plaintexts_compare_by_content() {
    let plaintext = |bytes: &[u8]| Plaintext::new(bytes.to_vec());
    assert!(plaintext(b"same").same_as(&plaintext(b"same")));
    assert!(!plaintext(b"same").same_as(&plaintext(b"sane")));
    assert!(!plaintext(b"same").same_as(&plaintext(b"sam")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens_again_through_its_text_form(
        value in prop::collection::vec(any::<u8>(), 0..2000),
        namespace in "[^/]{1,20}",
        name in "[^/]{1,20}",
        scope in prop::sample::select(&Scope::ALL),
        seed in any::<u64>(),
    ) {
        let target = SealTarget::new(scope, &namespace, &name).unwrap();
        let text = sealed_with_seed(seed, &KEY_A, &target, &value).to_base64();
        let blob = SealedBlob::parse_base64(&text).unwrap();
        prop_assert_eq!(blob.plaintext_len(), value.len());
        prop_assert_eq!(opened(&KEY_A, &target, &blob), Ok(value));
    }
}
