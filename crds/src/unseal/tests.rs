//! Sealing and opening whole objects, without a cluster.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::json;
use signet_common::{Certificate, CertificateRequest, KeyEntry, KeySize, KeyUse, PrivateKey};

use super::*;
use crate::names::{CLUSTER_WIDE, NAMESPACE_WIDE};
use crate::{InputSecret, seal_secret};

static KEYS: LazyLock<Vec<KeyEntry>> = LazyLock::new(|| {
    let sizes = [KeySize::Rsa2048, KeySize::Rsa2048, KeySize::Rsa3072];
    sizes
        .into_iter()
        .zip(1..)
        .map(|(size, second)| entry(size, second))
        .collect()
});

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn entry(size: KeySize, second: i64) -> KeyEntry {
    let key = PrivateKey::generate(size).unwrap();
    let request = CertificateRequest {
        common_name: "",
        valid_for: Duration::from_secs(1_000_000),
    };
    let ordered_at = Timestamp::from_second(second).unwrap();
    let certificate = Certificate::self_signed(&mut rng(), &key, &request, ordered_at).unwrap();
    KeyEntry {
        key: Arc::new(key),
        certificate: Arc::new(certificate),
        key_use: KeyUse::SealAndOpen,
        ordered_at,
        source: second.to_string(),
    }
}

fn ring(keys: &[usize]) -> KeyRing {
    KeyRing::new(keys.iter().map(|key| KEYS[*key].clone()).collect()).unwrap()
}

fn sealed_with(key: usize, annotation: Option<&str>, items: &[(&str, &[u8])]) -> SealedSecret {
    let mut value = json!({"kind": "Secret", "metadata": {"name": "db", "namespace": "ns", "labels": {"app": "shop"}}, "type": "example.com/t"});
    if let Some(name) = annotation {
        value["metadata"]["annotations"] = json!({ name: "true" });
    }
    let mut secret = InputSecret::parse(&value).unwrap_or_else(|error| panic!("{error}"));
    secret.data = items
        .iter()
        .map(|(item, value)| ((*item).to_owned(), Plaintext::new(value.to_vec())))
        .collect();
    seal_secret(&mut rng(), KEYS[key].certificate.key(), &secret).unwrap()
}

fn open(
    sealed: &SealedSecret,
    ring: &KeyRing,
) -> (Result<OpenedItems, Vec<(String, Reason)>>, u64) {
    let mut operations = 0;
    let opening = Box::new(
        Opening::new(sealed, &BTreeMap::new(), V1Data::Refused)
            .expect("nothing wrong with the names"),
    );
    let result = match opening.advance(ring, u64::MAX, &mut operations) {
        Progress::Opened(opened) => Ok(opened),
        Progress::Failed(failures) => {
            Err(failures.into_iter().map(|f| (f.item, f.reason)).collect())
        }
        Progress::More(_) => panic!("the budget is endless"),
    };
    (result, operations)
}

fn failures(sealed: &SealedSecret, ring: &KeyRing) -> Vec<(String, Reason)> {
    open(sealed, ring).0.err().expect("a failure")
}

#[test]
fn what_is_sealed_opens_in_every_scope_and_records_its_key() {
    for annotation in [None, Some(NAMESPACE_WIDE), Some(CLUSTER_WIDE)] {
        let sealed = sealed_with(0, annotation, &[("a", b"\0\xff"), ("b", b"")]);
        let (opened, operations) = open(&sealed, &ring(&[0, 1]));
        let opened = opened.unwrap_or_else(|failures| panic!("{annotation:?}: {failures:?}"));
        assert_eq!(
            (opened.data["a"].expose(), opened.data["b"].expose()),
            (&b"\0\xff"[..], &b""[..])
        );
        assert_eq!(opened.keys["a"].key, KEYS[0].key_id().to_string());
        assert_eq!(operations, 4, "the newer key is tried first");
    }
}

#[test]
fn a_hint_saves_the_operations_of_the_other_keys() {
    let sealed = sealed_with(0, None, &[("a", b"x")]);
    let hints = BTreeMap::from([(
        "a".to_owned(),
        ItemStatus {
            key: KEYS[0].key_id().to_string(),
        },
    )]);
    let mut operations = 0;
    let opening = Box::new(Opening::new(&sealed, &hints, V1Data::Refused).unwrap());
    assert!(matches!(
        opening.advance(&ring(&[0, 1]), 10, &mut operations),
        Progress::Opened(_)
    ));
    assert_eq!(operations, 1);
}

#[test]
fn each_failure_has_its_own_name() {
    let base = || sealed_with(0, None, &[("a", b"x")]);
    let with_item = |text: &str| {
        let mut sealed = base();
        sealed
            .spec
            .encrypted_data
            .insert("a".to_owned(), text.to_owned());
        sealed
    };
    assert_eq!(
        failures(&with_item("no base64!"), &ring(&[0])),
        [("a".to_owned(), Reason::MalformedItem)]
    );
    assert_eq!(
        failures(&with_item("AAAA"), &ring(&[0])),
        [("a".to_owned(), Reason::NewerFormat)]
    );
    assert_eq!(
        failures(&base(), &ring(&[1])),
        [("a".to_owned(), Reason::NoKey)]
    );
    let (result, operations) = open(&base(), &ring(&[2]));
    assert_eq!(
        result.err().unwrap(),
        [("a".to_owned(), Reason::UnknownKeySize)]
    );
    assert_eq!(operations, 0, "a size that fits no key costs nothing");
    let mut renamed = base();
    renamed.metadata.name = Some("other".to_owned());
    assert_eq!(
        failures(&renamed, &ring(&[0])),
        [("a".to_owned(), Reason::NoKey)]
    );
    let mut widened = sealed_with(0, Some(CLUSTER_WIDE), &[("a", b"x"), ("b", b"y")]);
    widened.metadata.annotations = None;
    // Only one item a pass is diagnosed: the rest could be thousands.
    let expected = [
        ("a".to_owned(), Reason::ScopeMismatch),
        ("b".to_owned(), Reason::NoKey),
    ];
    assert_eq!(failures(&widened, &ring(&[0])), expected);
}

#[test]
fn the_diagnosis_never_tries_another_name_or_namespace() {
    let mut moved = sealed_with(0, Some(NAMESPACE_WIDE), &[("a", b"x")]);
    moved.metadata.namespace = Some("elsewhere".to_owned());
    moved.metadata.annotations = None;
    assert_eq!(
        failures(&moved, &ring(&[0])),
        [("a".to_owned(), Reason::NoKey)]
    );
}

#[test]
fn an_opening_that_exceeds_its_budget_goes_on_where_it_stopped() {
    let sealed = sealed_with(0, None, &[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    let (ring, mut operations, mut turns) = (ring(&[0]), 0, 0);
    let mut opening = Box::new(Opening::new(&sealed, &BTreeMap::new(), V1Data::Refused).unwrap());
    let opened = loop {
        turns += 1;
        match opening.advance(&ring, 1, &mut operations) {
            Progress::More(rest) => opening = rest,
            Progress::Opened(opened) => break opened,
            Progress::Failed(failures) => panic!("{failures:?}"),
        }
    };
    assert_eq!((turns, operations, opened.data.len()), (3, 3, 3));
}

#[test]
fn names_that_no_secret_can_have_are_refused_and_not_repeated() {
    let mut sealed = sealed_with(0, None, &[("a", b"x")]);
    sealed
        .spec
        .encrypted_data
        .insert("canary\u{1b}[2J".to_owned(), String::new());
    let refusal = Opening::new(&sealed, &BTreeMap::new(), V1Data::Refused)
        .err()
        .expect("refused");
    assert_eq!(refusal.reason, Reason::InvalidItemName);
    assert!(!refusal.message.contains("canary"));
    for (namespace, name) in [("", "db"), ("a/b", "db"), ("ns", "")] {
        let mut sealed = sealed_with(0, None, &[]);
        sealed.metadata.namespace = Some(namespace.to_owned());
        sealed.metadata.name = Some(name.to_owned());
        assert_eq!(
            Opening::new(&sealed, &BTreeMap::new(), V1Data::Refused)
                .err()
                .expect("refused")
                .reason,
            Reason::MalformedSpec
        );
    }
}

fn put_together(
    sealed: &SealedSecret,
    opened: BTreeMap<String, Plaintext>,
) -> Result<DesiredSecret, Refusal> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    assemble(sealed, opened, Options::default(), &mut env)
}

fn assembled(change: impl FnOnce(&mut SealedSecret)) -> Result<DesiredSecret, Refusal> {
    let mut sealed = sealed_with(0, None, &[]);
    sealed.metadata.uid = Some("u1".to_owned());
    change(&mut sealed);
    let opened = ["a", "b"].map(|item| (item.to_owned(), Plaintext::new(b"opened".to_vec())));
    put_together(&sealed, BTreeMap::from(opened))
}

#[test]
fn plain_items_are_added_null_omits_and_an_opened_item_wins() {
    let desired = assembled(|sealed| {
        let plain = |text: &str| Some(text.to_owned());
        let data = [
            ("a", plain("plain")),
            ("b", None),
            ("c", plain("plain")),
            ("d", None),
        ];
        sealed.spec.template.data = Some(data.map(|(item, value)| (item.to_owned(), value)).into());
    });
    let desired = desired.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let shown: Vec<_> = desired
        .data
        .iter()
        .map(|(item, value)| (item.as_str(), value.expose()))
        .collect();
    assert_eq!(shown, [("a", &b"opened"[..]), ("c", b"plain")]);
    assert_eq!(desired.secret_type.as_deref(), Some("example.com/t"));
    assert_eq!(desired.labels["app"], "shop");
}

fn with_templates(data: &[(&str, &str)]) -> Result<Vec<(String, String)>, Refusal> {
    let desired = assembled(|sealed| {
        let data = data
            .iter()
            .map(|(item, text)| ((*item).to_owned(), Some((*text).to_owned())));
        sealed.spec.template.data = Some(data.collect());
    })?;
    let text = |value: &Plaintext| String::from_utf8_lossy(value.expose()).into_owned();
    let data = desired.data.iter();
    Ok(data
        .map(|(item, value)| (item.clone(), text(value)))
        .collect())
}

#[test]
fn templates_see_opened_items_and_plain_ones_as_they_are_written() {
    let data = with_templates(&[
        ("a", "overridden"),
        ("c", "{{ .a }}-{{ .d }}-{{ .e }}-{{ .none }}"),
        ("d", "{{ .b }}"),
        ("e", "plain"),
    ]);
    let data = data.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let shown: Vec<_> = data.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let wanted = [
        ("a", "opened"),
        ("b", "opened"),
        ("c", "opened-{{ .b }}-plain-<no value>"),
        ("d", "opened"),
        ("e", "plain"),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn a_failing_template_is_named_with_function_and_place_and_never_with_a_value() {
    let table = [
        ("{{ fail .a }}", Reason::TemplateFailed, "function \"fail\""),
        ("{{ .a", Reason::TemplateFailed, "unclosed action"),
        (
            "x\n{{ nothing .a }}",
            Reason::UnknownTemplateFunction,
            "line 2, column 4: function \"nothing\": it does not exist",
        ),
        (
            "{{ env \"HOME\" }}",
            Reason::UnknownTemplateFunction,
            "function \"env\"",
        ),
        (
            "{{ range 9999999999 }}{{ end }}",
            Reason::TemplateTooExpensive,
            "steps",
        ),
    ];
    for (text, reason, message) in table {
        // Also where an opened item wins, as upstream does.
        for item in ["conf", "a"] {
            let refusal = with_templates(&[(item, text)]).expect_err("refused");
            assert_eq!(refusal.reason, reason, "{text}");
            let begin = format!("template.data.{item}: ");
            assert!(refusal.message.starts_with(&begin), "{}", refusal.message);
            assert!(refusal.message.contains(message), "{}", refusal.message);
            assert!(!refusal.message.contains("opened"), "{}", refusal.message);
        }
    }
}

#[test]
fn owners_come_from_the_template_only_with_the_skip_annotation_and_without_claims() {
    let owner = |controller| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: "x".to_owned(),
        uid: "u2".to_owned(),
        controller,
        block_owner_deletion: None,
    };
    let with = |skip: bool, controller: Option<bool>| {
        assembled(|sealed| {
            let metadata = &mut sealed.spec.template.metadata;
            metadata.owner_references = vec![owner(controller)];
            if skip {
                metadata
                    .annotations
                    .insert(SKIP_SET_OWNER_REFERENCES.to_owned(), "true".to_owned());
            }
        })
    };
    let uids = |desired: Result<DesiredSecret, Refusal>| -> Vec<String> {
        desired
            .unwrap_or_else(|refusal| panic!("{refusal:?}"))
            .owner_references
            .into_iter()
            .map(|owner| owner.uid)
            .collect()
    };
    assert_eq!(uids(with(false, Some(true))), ["u1"]);
    assert_eq!(uids(with(true, None)), ["u2"]);
    assert_eq!(
        with(true, Some(true)).err().expect("refused").reason,
        Reason::OwnerRefused
    );
}

/// The deprecated object: one blob with this JSON in it.
fn single(json: &str, template: serde_json::Value) -> SealedSecret {
    let mut sealed = sealed_with(0, None, &[(V1_ITEM, json.as_bytes())]);
    sealed.spec.data = sealed.spec.encrypted_data.remove(V1_ITEM);
    sealed.spec.template = serde_json::from_value(template).unwrap();
    sealed
}

fn opened_single(sealed: &SealedSecret) -> Result<DesiredSecret, Refusal> {
    let opening = Box::new(Opening::new(sealed, &BTreeMap::new(), V1Data::Accepted)?);
    match opening.advance(&ring(&[0]), u64::MAX, &mut 0) {
        Progress::Opened(opened) => put_together(sealed, opened.data),
        _ => panic!("it opens"),
    }
}

#[test]
fn the_deprecated_blob_is_a_whole_secret_with_another_name_and_owner() {
    let json = r#"{"kind":"Secret","apiVersion":"v1","type":"example.com/t","immutable":true,
        "metadata":{"name":"other","namespace":"elsewhere","uid":"u","resourceVersion":"7","labels":{"from":"blob"},
        "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true}]},
        "data":{"a":"eA=="},"stringData":{"b":"y"}}"#;
    let sealed = single(
        json,
        json!({"type": "ignored", "metadata": {"labels": {"from": "template"}}}),
    );
    let desired = opened_single(&sealed).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(
        (desired.name.as_str(), desired.namespace.as_str()),
        ("db", "ns")
    );
    assert_eq!(desired.labels["from"], "blob");
    assert_eq!(desired.secret_type.as_deref(), Some("example.com/t"));
    assert_eq!(desired.immutable, Some(true));
    assert_eq!(desired.owner_references, [owner_reference(&sealed)]);
    let items: Vec<_> = desired
        .data
        .iter()
        .map(|(k, v)| (k.as_str(), v.expose()))
        .collect();
    assert_eq!(items, [("a", &b"x"[..]), ("b", &b"y"[..])]);
}

#[test]
fn the_deprecated_blob_is_judged_as_a_template_is() {
    let skip = json!({"metadata": {"annotations": {SKIP_SET_OWNER_REFERENCES: "true"}}});
    let owner = r#"{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true}]}}"#;
    let deep = format!(
        r#"{{"metadata":{{"managedFields":[{{"fieldsV1":{}1{}}}]}}}}"#,
        r#"{"a":"#.repeat(5_000),
        "}".repeat(5_000)
    );
    let table = [
        (owner, skip, Reason::OwnerRefused),
        (
            r#"{"data":{"canary/x":"eA=="}}"#,
            json!({}),
            Reason::InvalidItemName,
        ),
        (
            r#"{"stringData":{"canary/x":"y"}}"#,
            json!({}),
            Reason::InvalidItemName,
        ),
        (
            r#"{"data":{"a":"canary!"}}"#,
            json!({}),
            Reason::DeprecatedData,
        ),
        (
            r#"{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"canary"}}"#,
            json!({}),
            Reason::DeprecatedData,
        ),
        ("canary", json!({}), Reason::DeprecatedData),
        (deep.as_str(), json!({}), Reason::DeprecatedData),
    ];
    for (json, template, reason) in table {
        let refusal = opened_single(&single(json, template)).err();
        let refusal = refusal.unwrap_or_else(|| panic!("accepted: {json:.60}"));
        assert_eq!(refusal.reason, reason, "{json:.40}");
        assert!(!refusal.message.contains("canary"), "{}", refusal.message);
    }
}

#[test]
fn the_deprecated_blob_is_refused_in_upstreams_words() {
    let refused = |sealed: &SealedSecret, v1_data| {
        let refusal = Opening::new(sealed, &BTreeMap::new(), v1_data)
            .err()
            .expect("refused");
        assert_eq!(refusal.reason, Reason::DeprecatedData);
        refusal.message
    };
    let mut sealed = single("{}", json!({}));
    assert_eq!(
        refused(&sealed, V1Data::Refused),
        "using deprecated 'data' field, use 'encryptedData' or flip the feature flag"
    );
    sealed
        .spec
        .encrypted_data
        .insert("a".to_owned(), "AgA=".to_owned());
    assert_eq!(
        refused(&sealed, V1Data::Accepted),
        "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time"
    );
}
