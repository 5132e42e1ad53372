//! What the index remembers, by events that come in any order.

use serde_json::json;

use super::*;
use signet_crds::names::MANAGED;

fn metadata(value: serde_json::Value) -> ObjectMeta {
    serde_json::from_value(value).unwrap()
}

fn secret(uid: &str, resource_version: &str) -> SecretEntry {
    SecretEntry::of(&metadata(
        json!({"name": "db", "namespace": "ns", "uid": uid, "resourceVersion": resource_version}),
    ))
}

fn key() -> ObjectKey {
    ObjectKey {
        namespace: "ns".into(),
        name: "db".into(),
    }
}

const ONE: &str = "00000000-0000-0000-0000-000000000001";
const TWO: &str = "00000000-0000-0000-0000-000000000002";

#[test]
fn a_late_event_does_not_bring_back_an_older_version() {
    let mut index = Index::default();
    index.see_secret(key(), secret(ONE, "7"));
    index.see_secret(key(), secret(ONE, "6"));
    let resource_version = index.secret(&key()).unwrap().version.resource_version;
    assert_eq!(resource_version, 7);
    index.see_secret(key(), secret(TWO, "3"));
    let uid = index.secret(&key()).unwrap().version.uid;
    assert_eq!(uid, 2, "another object is another history");
}

#[test]
fn an_answer_that_comes_after_the_end_does_not_bring_a_secret_back() {
    let (mut index, now) = (Index::default(), Instant::now());
    index.see_secret(key(), secret(ONE, "7"));
    index.lose_secret(&key(), &secret(ONE, "8"), now);
    index.see_secret(key(), secret(ONE, "7"));
    assert!(index.secret(&key()).is_none());
    assert_eq!(index.foreign_deletion(&key()), Some(now));
    // Without a watch event, too.
    index.see_secret(key(), secret(TWO, "9"));
    index.miss_secret(&key(), Some(&secret(TWO, "9")), now);
    index.see_secret(key(), secret(TWO, "9"));
    assert!(index.secret(&key()).is_none());
}

#[test]
fn the_end_of_an_earlier_object_does_not_end_its_successor() {
    let mut index = Index::default();
    index.see_secret(key(), secret(TWO, "9"));
    index.lose_secret(&key(), &secret(ONE, "8"), Instant::now());
    assert!(index.secret(&key()).is_some());
    index.lose_secret(&key(), &secret(TWO, "10"), Instant::now());
    assert!(index.secret(&key()).is_none());
}

#[test]
fn owners_are_told_apart() {
    let owner = |api: &str, kind: &str, name: &str, controller: bool| json!([{"apiVersion": api, "kind": kind, "name": name, "uid": ONE, "controller": controller}]);
    let of = |owners: serde_json::Value, annotations: serde_json::Value| {
        let value = json!({"name": "db", "ownerReferences": owners, "annotations": annotations});
        SecretEntry::of(&metadata(value)).owner
    };
    let ours = SecretOwner::SealedSecret(1);
    assert_eq!(
        of(
            owner("bitnami.com/v1alpha1", "SealedSecret", "db", true),
            json!({})
        ),
        ours
    );
    assert_eq!(
        of(
            owner("bitnami.com/v1alpha1", "SealedSecret", "db", false),
            json!({})
        ),
        SecretOwner::Foreign
    );
    assert_eq!(
        of(
            owner("bitnami.com/v1alpha1", "SealedSecret", "x", true),
            json!({})
        ),
        SecretOwner::Foreign
    );
    assert_eq!(
        of(
            owner("example.com/v1", "SealedSecret", "db", true),
            json!({})
        ),
        SecretOwner::Foreign
    );
    assert_eq!(
        of(json!([]), json!({MANAGED: "true"})),
        SecretOwner::Annotated
    );
    assert_eq!(of(json!([]), json!({MANAGED: "yes"})), SecretOwner::Foreign);
}

#[test]
fn versions_that_are_no_numbers_switch_the_shortcuts_off() {
    let odd = Version::of(&metadata(
        json!({"uid": "not-a-uuid!", "resourceVersion": "abc"}),
    ));
    assert!(
        !odd.is_known()
            && !odd.is_before(Version {
                uid: 0,
                resource_version: 9
            })
    );
}

/// What is remembered of an object, with the labels of its metric, stays within half a KiB: 20,000 objects in 10 MiB.
#[test]
fn a_sealed_secret_is_remembered_in_512_bytes() {
    let (tag, text) = (size_of::<Tag>(), "k8s-namespace-name".len());
    // Two names and the instance in their counted boxes; and what a status claims, or a digest with three labels.
    let counted = 2 * size_of::<usize>() + text;
    let heap = 3 * counted + (4 * tag).max(44);
    let inline = size_of::<(ObjectKey, SealedEntry)>();
    assert!(inline + heap <= 512, "{inline} + {heap}");
}
