//! Verify and rotate over bodies from anybody.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;
use signet_common::{
    Certificate, CertificateRequest, KeyEntry, KeySize, KeyUse, Plaintext, PrivateKey, Scope,
};

use super::*;

static KEYS: LazyLock<[KeyEntry; 2]> = LazyLock::new(|| [entry(1_000), entry(2_000)]);

fn entry(ordered_at: i64) -> KeyEntry {
    let key = PrivateKey::generate(KeySize::Rsa2048).unwrap();
    let request = CertificateRequest {
        common_name: "",
        valid_for: Duration::from_secs(1_000_000),
    };
    let ordered_at = Timestamp::from_second(ordered_at).unwrap();
    let certificate =
        Certificate::self_signed(&mut rand::rng(), &key, &request, ordered_at).unwrap();
    KeyEntry {
        key: Arc::new(key),
        certificate: Arc::new(certificate),
        key_use: KeyUse::SealAndOpen,
        ordered_at,
        source: ordered_at.to_string(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(3_000).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(KEYS.to_vec()).unwrap()
}

/// A blob for `ns/db` in a scope, sealed with the old key (0) or the new one (1).
fn blob(key: usize, scope: Scope, value: &[u8]) -> String {
    let target = SealTarget::new(scope, "ns", "db").unwrap();
    let plaintext = Plaintext::new(value.to_vec());
    seal(
        &mut rand::rng(),
        KEYS[key].certificate.key(),
        &target,
        "item",
        &plaintext,
    )
    .unwrap()
    .to_base64()
}

fn object(items: Value) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "ns", "labels": {"kept": "yes"}},
        "spec": {"template": {"metadata": {"annotations": {"also": "kept"}}, "data": {"t": "{{ .a }}"}}, "encryptedData": items},
    })
}

/// Goes on in turns of this size, as the servers do: whatever the size is, the result is the same.
const SLICE: u64 = 2;

/// The judgement, and the private operations that it took.
fn judge<O: Opens>(read: Result<O, Judgement<O::Yes>>) -> (Judgement<O::Yes>, u64) {
    let mut opening = match read {
        Ok(opening) => opening,
        Err(judgement) => return (judgement, 0),
    };
    let (ring, mut spent) = (ring(), 0);
    loop {
        let (judgement, operations) = opening.go_on(&ring, SLICE);
        spent += operations;
        if let Some(judgement) = judgement {
            return (judgement, spent);
        }
        assert!(operations >= SLICE, "a turn that does nothing");
    }
}

fn run_verify(body: &Value) -> (&'static str, u64) {
    let (judgement, operations) =
        judge(Verify::read(body.to_string().as_bytes(), V1Data::Accepted));
    let verdict = match judgement {
        Judgement::Yes(()) => "yes",
        Judgement::No => "no",
        Judgement::NotLive => "not live",
        Judgement::Unreadable(_) => "unreadable",
    };
    (verdict, operations)
}

fn run_rotate(body: &Value) -> Result<Value, &'static str> {
    run_rotate_beside(body, None).0
}

/// The result, and the private operations that it took.
fn run_rotate_beside(body: &Value, live: Option<&LiveItems>) -> (Result<Value, &'static str>, u64) {
    let body = body.to_string();
    let read = Reseal::read(body.as_bytes(), V1Data::Accepted, now(), live);
    let (judgement, operations) = judge(read);
    let result = match judgement {
        Judgement::Yes(text) => Ok(serde_json::from_str(&text).unwrap()),
        Judgement::No => Err("no"),
        Judgement::NotLive => Err("not live"),
        Judgement::Unreadable(_) => Err("unreadable"),
    };
    (result, operations)
}

#[test]
fn verify_opens_every_item_and_stops_at_the_first_that_does_not() {
    let (old, new) = (blob(0, Scope::Strict, b"x"), blob(1, Scope::Strict, b"y"));
    assert_eq!(run_verify(&object(json!({"a": new}))), ("yes", 1));
    assert_eq!(run_verify(&object(json!({"a": old, "b": new}))), ("yes", 3));
    let wrong = blob(1, Scope::ClusterWide, b"z");
    assert_eq!(
        run_verify(&object(json!({"a": wrong, "b": new, "c": new}))),
        ("no", 2)
    );
    assert_eq!(run_verify(&object(json!({"a": "no base64!"}))), ("no", 0));
}

#[test]
fn many_items_are_opened_in_turns() {
    let new = blob(1, Scope::Strict, b"1");
    let items = (0..5).map(|number| (number.to_string(), json!(new)));
    let body = object(Value::Object(items.collect())).to_string();
    let mut opening = Verify::read(body.as_bytes(), V1Data::Accepted)
        .ok()
        .unwrap();
    let turns: Vec<_> = std::iter::from_fn(|| {
        let (judgement, operations) = opening.go_on(&ring(), SLICE);
        judgement.is_none().then_some(operations)
    })
    .collect();
    assert_eq!(turns, [2, 2]);
}

#[test]
fn names_that_make_labels_ambiguous_are_refused_before_a_private_operation() {
    for (namespace, name) in [("", "db"), ("ns/db", "x"), ("ns", "a/b"), ("ns", "")] {
        let mut body = object(json!({"a": blob(1, Scope::Strict, b"x")}));
        body["metadata"]["namespace"] = json!(namespace);
        body["metadata"]["name"] = json!(name);
        assert_eq!(run_verify(&body), ("unreadable", 0), "{namespace} {name}");
        assert_eq!(run_rotate(&body), Err("unreadable"));
    }
}

#[test]
fn rotate_swaps_old_ciphertexts_and_changes_nothing_else() {
    let (old, new) = (blob(0, Scope::Strict, b"x"), blob(1, Scope::Strict, b"y"));
    let before = object(json!({"a": old, "b": new}));
    let mut after = run_rotate(&before).unwrap();
    let fresh = after["spec"]["encryptedData"]["a"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(fresh, old);
    let target = SealTarget::strict("ns", "db").unwrap();
    let parsed = SealedBlob::parse_base64(&fresh).unwrap();
    let opened = signet_common::open(&*KEYS[1].key, &parsed, &target, "a").unwrap();
    assert_eq!(opened.expose(), b"x");
    after["spec"]["encryptedData"]["a"] = json!(old);
    assert_eq!(after, before);
}

#[test]
fn rotate_takes_its_one_label_from_the_objects_own_metadata() {
    // The template asks for a wider scope, as in CVE-2026-22728: it plays no part.
    let mut body = object(json!({"a": blob(0, Scope::Strict, b"x")}));
    body["spec"]["template"]["metadata"]["annotations"] =
        json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
    let after = run_rotate(&body).unwrap();
    let parsed =
        SealedBlob::parse_base64(after["spec"]["encryptedData"]["a"].as_str().unwrap()).unwrap();
    let open = |target| signet_common::open(&*KEYS[1].key, &parsed, &target, "a").is_ok();
    assert!(open(SealTarget::strict("ns", "db").unwrap()));
    assert!(!open(SealTarget::cluster_wide()));
    // An annotation on the object itself names another label than the one it was sealed with: nothing opens.
    body["metadata"]["annotations"] = json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
    assert_eq!(run_rotate(&body), Err("no"));
}

#[test]
fn rotate_gives_all_items_or_none() {
    let (good, bad) = (
        blob(0, Scope::Strict, b"x"),
        blob(0, Scope::ClusterWide, b"y"),
    );
    assert_eq!(run_rotate(&object(json!({"a": good, "b": bad}))), Err("no"));
}

#[test]
fn live_takes_only_what_stands_under_the_same_item_and_asks_before_it_opens() {
    let (mine, other) = (
        blob(0, Scope::Strict, b"x"),
        blob(0, Scope::ClusterWide, b"y"),
    );
    let live = |items: &[(&str, &str)]| -> LiveItems {
        let pairs = items.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        pairs.collect()
    };
    let body = object(json!({"a": mine}));
    let wrapped = format!("{}\r\n{}\n", &mine[..76], &mine[76..]);
    for there in [&mine, &wrapped] {
        let (result, operations) = run_rotate_beside(&body, Some(&live(&[("a", there)])));
        assert!(result.is_ok() && operations > 0);
    }
    let tables = [
        live(&[]),
        live(&[("b", &mine)]),
        live(&[("a", &other)]),
        live(&[("a", "no base64!")]),
    ];
    for there in tables {
        let found = run_rotate_beside(&body, Some(&there));
        assert_eq!(found, (Err("not live"), 0), "{there:?}");
    }
    let unreadable = object(json!({"a": "no base64!"}));
    let found = run_rotate_beside(&unreadable, Some(&live(&[("a", "no base64!")])));
    assert_eq!(found, (Err("not live"), 0));
}

#[test]
fn live_takes_the_deprecated_single_blob_that_stands_in_the_cluster() {
    let mut body = object(json!({}));
    body["spec"]["data"] = json!(blob(0, Scope::Strict, b"x"));
    let sealed = SealedSecret::parse(&body).unwrap();
    let (result, operations) = run_rotate_beside(&body, Some(&live_items(&sealed)));
    assert!(operations > 0, "{result:?}");
}

#[test]
fn bodies_that_are_no_sealed_secret_are_unreadable_and_their_values_are_not_repeated() {
    let canary = "canary-4711";
    let bodies = [
        format!("{canary}: ["),
        format!("{{\"spec\": {{\"encryptedData\": {{\"a\": [\"{canary}\"]}}}}}}"),
        "a: 1\n---\nb: 2".to_owned(),
        String::new(),
    ];
    for body in bodies {
        let read = Verify::read(body.as_bytes(), V1Data::Accepted);
        let Err(Judgement::Unreadable(text)) = read else {
            panic!("{body} was read")
        };
        assert!(!text.contains(canary), "{text}");
    }
}
