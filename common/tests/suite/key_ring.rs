//! Which key is handed out, which is tried, and what that costs.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use signet_common::{
    Certificate, CertificateRequest, KeyEntry, KeyId, KeyRing, KeyUse, OpenError, Plaintext,
    SealTarget, SealedBlob, UnwrapKey, seal,
};

use crate::test_keys::{KEY_3072, KEY_4096, KEY_A, KEY_B, TestKey, rng};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// After NotBefore of the test certificates.
fn now() -> i64 {
    KEY_A.certificate.not_before().as_second() + 1_000_000
}

fn entry(key: &TestKey, ordered_at: i64, source: &str) -> KeyEntry {
    KeyEntry {
        key: key.key.clone(),
        certificate: Arc::clone(&key.certificate),
        key_use: KeyUse::SealAndOpen,
        ordered_at: at(ordered_at),
        source: source.to_owned(),
    }
}

fn open_only(entry: KeyEntry) -> KeyEntry {
    KeyEntry {
        key_use: KeyUse::OpenOnly,
        ..entry
    }
}

fn ring(entries: impl IntoIterator<Item = KeyEntry>) -> KeyRing {
    KeyRing::new(entries.into_iter().collect()).unwrap()
}

fn sources(ring: &KeyRing) -> Vec<&str> {
    ring.entries()
        .iter()
        .map(|entry| entry.source.as_str())
        .collect()
}

fn current(ring: &KeyRing) -> Option<&str> {
    ring.current(at(now())).map(|entry| entry.source.as_str())
}

fn sealed(key: &TestKey) -> SealedBlob {
    let plaintext = Plaintext::new(b"value".to_vec());
    seal(
        &mut rng(1),
        key.certificate.key(),
        &SealTarget::cluster_wide(),
        "item",
        &plaintext,
    )
    .unwrap()
}

/// Which key opened the blob, and how many private operations it took.
fn opened(
    ring: &KeyRing,
    blob: &SealedBlob,
    hint: Option<KeyId>,
) -> (Result<KeyId, OpenError>, u64) {
    let mut operations = 0;
    let opened = ring.open(
        blob,
        &SealTarget::cluster_wide(),
        "item",
        hint,
        &mut operations,
    );
    (opened.map(|opened| opened.key_id), operations)
}

#[test]
fn a_ring_is_never_empty() {
    assert!(KeyRing::new(Vec::new()).is_none());
}

#[test]
fn keys_are_ordered_newest_first_and_ties_by_source() {
    let ring = ring([
        entry(&KEY_A, 1, "old"),
        entry(&KEY_B, 2, "tie-b"),
        entry(&KEY_3072, 2, "tie-a"),
        entry(&KEY_4096, 3, "new"),
    ]);
    assert_eq!(sources(&ring), ["new", "tie-a", "tie-b", "old"]);
    assert_eq!(current(&ring), Some("new"));
}

#[test]
fn the_same_key_twice_is_one_entry_and_the_one_that_seals_stays() {
    let old_and_new = ring([entry(&KEY_A, 1, "old"), entry(&KEY_A, 2, "new")]);
    assert_eq!(sources(&old_and_new), ["new"]);
    let open_only_is_newer = ring([
        entry(&KEY_A, 1, "sealing"),
        open_only(entry(&KEY_A, 2, "copy")),
    ]);
    assert_eq!(sources(&open_only_is_newer), ["sealing"]);
    let none_seals = ring([
        open_only(entry(&KEY_A, 1, "old")),
        open_only(entry(&KEY_A, 2, "new")),
    ]);
    assert_eq!(sources(&none_seals), ["new"]);
}

#[test]
fn a_key_that_only_opens_is_never_current() {
    let mixed = ring([entry(&KEY_A, 1, "old"), open_only(entry(&KEY_B, 2, "new"))]);
    assert_eq!(current(&mixed), Some("old"));
    assert_eq!(
        opened(&mixed, &sealed(&KEY_B), None).0,
        Ok(KEY_B.key.key_id())
    );
    assert_eq!(current(&ring([open_only(entry(&KEY_B, 2, "new"))])), None);
}

#[test]
fn a_key_from_the_future_is_current_only_within_ten_minutes() {
    let with_newest_at = |time| ring([entry(&KEY_A, 1, "old"), entry(&KEY_B, time, "new")]);
    assert_eq!(current(&with_newest_at(now() + 600)), Some("new"));
    assert_eq!(current(&with_newest_at(now() + 601)), Some("old"));
    let future = with_newest_at(now() + 601);
    assert_eq!(
        opened(&future, &sealed(&KEY_B), None).0,
        Ok(KEY_B.key.key_id()),
        "it opens all the same"
    );
    assert_eq!(current(&ring([entry(&KEY_B, now() + 601, "new")])), None);
    assert_eq!(future.current(Timestamp::MAX).unwrap().source, "new");
}

#[test]
fn a_certificate_from_the_future_is_not_handed_out_whatever_orders_the_keys() {
    let request = CertificateRequest {
        common_name: "",
        valid_for: std::time::Duration::from_hours(1),
    };
    let made_at =
        |time| Certificate::self_signed(&mut rng(1), &KEY_B.key, &request, at(time)).unwrap();
    let with_certificate = |certificate| {
        let newest = KeyEntry {
            certificate: Arc::new(certificate),
            ..entry(&KEY_B, 2, "new")
        };
        ring([entry(&KEY_A, 1, "old"), newest])
    };
    assert_eq!(
        current(&with_certificate(made_at(now() + 600))),
        Some("new")
    );
    assert_eq!(
        current(&with_certificate(made_at(now() + 601))),
        Some("old")
    );
}

#[test]
fn the_hinted_key_is_tried_first_then_newest_to_oldest() {
    let ring = ring([entry(&KEY_A, 1, "old"), entry(&KEY_B, 2, "new")]);
    let (old, new) = (KEY_A.key.key_id(), KEY_B.key.key_id());
    let table = [
        (&KEY_A, None, Ok(old), 2),
        (&KEY_B, None, Ok(new), 1),
        (&KEY_A, Some(old), Ok(old), 1),
        (&KEY_B, Some(old), Ok(new), 2),
        (&KEY_A, Some(KEY_4096.key.key_id()), Ok(old), 2),
    ];
    for (sealer, hint, key_id, operations) in table {
        assert_eq!(
            opened(&ring, &sealed(sealer), hint),
            (key_id, operations),
            "{hint:?}"
        );
    }
}

#[test]
fn only_keys_of_the_right_size_cost_a_private_operation() {
    let ring = ring([
        entry(&KEY_A, 1, "a"),
        entry(&KEY_B, 2, "b"),
        entry(&KEY_3072, 3, "c"),
    ]);
    assert_eq!(
        opened(&ring, &sealed(&KEY_3072), None),
        (Ok(KEY_3072.key.key_id()), 1)
    );
    assert_eq!(opened(&ring, &sealed(&KEY_4096), None), (Err(OpenError), 0));
    assert!(ring.fits(&sealed(&KEY_3072)));
    assert!(!ring.fits(&sealed(&KEY_4096)));
    let mut damaged = sealed(&KEY_A).to_bytes();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = SealedBlob::parse(&damaged).unwrap();
    assert_eq!(
        opened(&ring, &damaged, None),
        (Err(OpenError), 2),
        "every key of the size is tried"
    );
}

#[test]
fn operations_are_added_to_what_was_counted_before() {
    let (ring, mut operations) = (ring([entry(&KEY_A, 1, "a")]), 40);
    for _ in 0..2 {
        assert!(
            ring.open(
                &sealed(&KEY_A),
                &SealTarget::cluster_wide(),
                "item",
                None,
                &mut operations
            )
            .is_ok()
        );
    }
    assert_eq!(operations, 42);
}

#[test]
fn the_mac_key_stays_while_the_oldest_key_that_may_seal_stays() {
    let tag = |ring: KeyRing| ring.mac_key("status").unwrap().tag([&b"x"[..]]);
    let alone = tag(ring([entry(&KEY_A, 1, "a")]));
    assert_eq!(
        tag(ring([entry(&KEY_A, 1, "a"), entry(&KEY_B, 2, "b")])),
        alone
    );
    assert_eq!(
        tag(ring([
            entry(&KEY_A, 1, "renamed"),
            open_only(entry(&KEY_B, 0, "sealed"))
        ])),
        alone,
        "whoever sealed a key knows it"
    );
    let sealed = ring([open_only(entry(&KEY_A, 1, "a"))]);
    assert!(sealed.mac_key("status").is_none());
    assert_ne!(
        tag(ring([entry(&KEY_A, 1, "a"), entry(&KEY_B, 0, "b")])),
        alone
    );
    assert_ne!(
        ring([entry(&KEY_A, 1, "a")])
            .mac_key("other")
            .unwrap()
            .tag([&b"x"[..]]),
        alone
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_keys_arrive_does_not_matter(
        times in prop::collection::vec(0_i64..4, 6),
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let keys = [&*KEY_A, &KEY_B, &KEY_3072, &KEY_4096, &KEY_A, &KEY_B];
        let entries: Vec<_> = (0..6).map(|index| entry(keys[index], times[index], &index.to_string())).collect();
        let shuffled = ring(order.iter().map(|index| entries[*index].clone()));
        let ring = ring(entries);
        prop_assert_eq!(sources(&ring), sources(&shuffled));
        prop_assert_eq!(ring.entries().len(), 4);
        prop_assert!(ring.entries().is_sorted_by_key(|entry| std::cmp::Reverse(entry.ordered_at)));
    }
}
