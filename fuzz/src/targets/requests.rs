//! Bodies of `/v1/verify` and `/v1/rotate` (docs/trust.md rows 6, 7 and 11), with a private operation that is faked.
//!
//! Holds for every input: both read the same bodies and refuse the others with the same text, which repeats no value;
//! what one opens the other opens; rotating changes ciphertexts only, each opens with the current key under the label of
//! the object and gives the same value; what the cluster does not hold is refused before an operation is spent.

use std::collections::BTreeMap;

use serde_json::Value;
use signet_common::{KeyRing, SealedBlob};
use signet_controller::verify::{Judgement, LiveItems, live_items, rotate, verify};
use signet_crds::manifest::parse_documents;
use signet_crds::{SealedSecret, V1_ITEM, V1Data};

use super::{CANARY, sealed_objects};
use crate::fake::{REAL_RING, RING, now};
use crate::feedback::{magnitude, note, note_text};
use crate::{Target, WHOLE};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "requests",
    run: target,
    seeds,
    words: super::OBJECT_WORDS,
    longest: 8192,
    executions: WHOLE,
};

/// One input: the body of a request.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

struct Subject {
    verify: fn(&[u8], &mut u64) -> Judgement<()>,
    rotate: fn(&[u8], Option<&LiveItems>, &mut u64) -> Judgement<String>,
}

const REAL: Subject = Subject {
    verify: |body, operations| verify(body, &RING, V1Data::Accepted, now(), operations),
    rotate: |body, live, operations| rotate(body, &RING, V1Data::Accepted, now(), live, operations),
};

fn check(data: &[u8], subject: &Subject) {
    let (mut for_verify, mut for_rotate) = (0, 0);
    let opens = match (subject.verify)(data, &mut for_verify) {
        Judgement::Unreadable(text) => {
            let other = (subject.rotate)(data, None, &mut for_rotate);
            assert!(
                matches!(&other, Judgement::Unreadable(other) if *other == text),
                "read by rotate only"
            );
            assert_eq!(
                (for_verify, for_rotate),
                (0, 0),
                "operations for what cannot be read"
            );
            check_refusal(data, &text);
            return;
        }
        Judgement::Yes(()) => true,
        Judgement::No => false,
        Judgement::NotLive => panic!("verify asks nobody"),
    };
    let before = parse_documents(data).expect("it was read").remove(0);
    let sealed = SealedSecret::parse(&before).expect("it was read");
    let keys = RING.entries().len() as u64;
    let items = sealed.spec.encrypted_data.len() as u64 + u64::from(sealed.spec.data.is_some());
    assert!(for_verify <= keys * items, "{for_verify} operations");
    note((
        opens,
        magnitude(sealed.spec.encrypted_data.len()),
        for_verify.min(5),
        sealed.scope(),
    ));
    let rotated = match (subject.rotate)(data, None, &mut for_rotate) {
        Judgement::Yes(text) => text,
        Judgement::No => return assert!(!opens, "rotate does not open it"),
        _ => panic!("verify read it"),
    };
    assert!(opens, "rotate opens what verify does not");
    assert!(for_rotate <= keys * items, "{for_rotate} operations");
    check_rotated(&before, &sealed, &rotated);
    check_live(data, &sealed, subject);
}

/// Only names and kinds of objects are repeated.
fn check_refusal(data: &[u8], text: &str) {
    note_text(text);
    let harmless = parse_documents(data)
        .ok()
        .is_none_or(|documents| documents.iter().all(super::holds_canary_in_values_only));
    assert!(!harmless || !text.contains(CANARY), "{text}");
}

fn blobs(sealed: &SealedSecret) -> BTreeMap<&str, SealedBlob> {
    let single = sealed.spec.data.as_ref().map(|text| (V1_ITEM, text));
    let items = sealed
        .spec
        .encrypted_data
        .iter()
        .map(|(item, text)| (item.as_str(), text));
    let read = |text: &String| SealedBlob::parse_base64(text).expect("it opened");
    single
        .into_iter()
        .chain(items)
        .map(|(item, text)| (item, read(text)))
        .collect()
}

fn check_rotated(before: &Value, sealed: &SealedSecret, rotated: &str) {
    let mut after: Value = serde_json::from_str(rotated).expect("JSON");
    let again = SealedSecret::parse(&after).expect("a SealedSecret");
    let target = again.target().expect("it was sealed for something");
    assert_eq!(sealed.target().as_ref(), Ok(&target));
    let (old, new) = (blobs(sealed), blobs(&again));
    assert_eq!(old.len(), new.len());
    let current = RING.current(now()).expect("a key").key_id();
    for ((item, old), (_, new)) in old.iter().zip(&new) {
        let open = |ring: &KeyRing, blob, hint| ring.open(blob, &target, item, hint, &mut 0).ok();
        let value = open(&RING, old, None).expect("it opened");
        if old == new {
            assert_eq!(value.key_id, current, "left on an old key");
            continue;
        }
        assert_ne!(value.key_id, current, "sealed anew without need");
        // Sealing is real, so this opening is as well.
        let moved = open(&REAL_RING, new, Some(current)).expect("what was sealed opens");
        assert_eq!(moved.key_id, current);
        assert!(moved.plaintext.same_as(&value.plaintext), "another value");
    }
    // With the old ciphertexts in it the object is as before.
    for field in ["data", "encryptedData"] {
        if let Some(old) = before["spec"].get(field) {
            after["spec"][field] = old.clone();
        }
    }
    assert_eq!(&after, before, "more than ciphertexts was changed");
}

fn check_live(data: &[u8], sealed: &SealedSecret, subject: &Subject) {
    let mut live = live_items(sealed);
    let all = (subject.rotate)(data, Some(&live), &mut 0);
    assert!(matches!(all, Judgement::Yes(_)), "it stands in the cluster");
    if live.pop_last().is_some() {
        let mut operations = 0;
        let one_less = (subject.rotate)(data, Some(&live), &mut operations);
        assert!(
            matches!(one_less, Judgement::NotLive),
            "it does not stand in the cluster"
        );
        assert_eq!(operations, 0, "opened before it was looked for");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let objects = sealed_objects();
    let yaml = objects.iter().map(signet_crds::manifest::to_yaml);
    let json = objects.iter().map(Value::to_string);
    json.chain(yaml).map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn requests_bear_any_body() {
        passes(&TARGET, 5_000);
    }

    /// Changes the object of a rotation that was done.
    fn spoil(judgement: Judgement<String>, fault: impl FnOnce(&mut Value)) -> Judgement<String> {
        let Judgement::Yes(text) = judgement else {
            return judgement;
        };
        let mut value = serde_json::from_str(&text).unwrap();
        fault(&mut value);
        Judgement::Yes(value.to_string())
    }

    #[test]
    fn a_rotation_that_widens_a_scope_is_found() {
        fn widening(
            body: &[u8],
            live: Option<&LiveItems>,
            operations: &mut u64,
        ) -> Judgement<String> {
            spoil((REAL.rotate)(body, live, operations), |value| {
                if value["spec"]["template"]["metadata"]
                    .get("annotations")
                    .is_some()
                {
                    value["metadata"]["annotations"] =
                        json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
                }
            })
        }
        finds(&TARGET, "", |data| {
            check(
                data,
                &Subject {
                    rotate: widening,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn a_rotation_of_some_items_is_found() {
        fn partial(
            body: &[u8],
            live: Option<&LiveItems>,
            operations: &mut u64,
        ) -> Judgement<String> {
            spoil((REAL.rotate)(body, live, operations), |value| {
                let old = parse_documents(body).unwrap().remove(0);
                let kept = &old["spec"]["encryptedData"]["c"];
                if kept.is_string() {
                    value["spec"]["encryptedData"]["c"] = kept.clone();
                }
            })
        }
        finds(&TARGET, "old key", |data| {
            check(
                data,
                &Subject {
                    rotate: partial,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn an_opening_before_the_cluster_is_asked_is_found() {
        fn eager(body: &[u8], live: Option<&LiveItems>, operations: &mut u64) -> Judgement<String> {
            (REAL.verify)(body, operations);
            (REAL.rotate)(body, live, operations)
        }
        finds(&TARGET, "operations", |data| {
            check(
                data,
                &Subject {
                    rotate: eager,
                    ..REAL
                },
            )
        });
    }
}
