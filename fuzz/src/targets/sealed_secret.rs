//! A SealedSecret as it comes off the watch: `RawSealedSecret`, its spec and its status.
//!
//! Holds for every input: what is decoded is written and read back as the same; a text with a template in it is noticed
//! before anything is decoded; a status that is written is read back; no refusal repeats a value.

use serde_json::{Map, Value, json};
use signet_controller::object::RawSealedSecret;
use signet_crds::{Refusal, SealedSecret, SealedSecretStatus};

use super::{CANARY, sealed_objects};
use crate::feedback::{magnitude, note, note_text};
use crate::{PARSER, Target};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "sealed-secret",
    run: target,
    seeds,
    words: super::OBJECT_WORDS,
    longest: 8192,
    executions: PARSER,
};

/// One input: the JSON of an object.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

struct Subject {
    decode: fn(&RawSealedSecret) -> Result<SealedSecret, Refusal>,
    has_templates: fn(&RawSealedSecret) -> bool,
    with_status: fn(&RawSealedSecret, &SealedSecretStatus) -> RawSealedSecret,
}

const REAL: Subject = Subject {
    decode: RawSealedSecret::decode,
    has_templates: RawSealedSecret::has_templates,
    with_status: |object, status| object.with_status(status).expect("a status can be written"),
};

fn check(data: &[u8], subject: &Subject) {
    let Ok(object) = serde_json::from_slice::<RawSealedSecret>(data) else {
        return;
    };
    assert!(object.size() >= object.spec_text().len());
    if let Some(status) = object.status() {
        note((
            "status",
            status.conditions.len().min(4),
            status.items.len().min(4),
        ));
        let write = |status| (subject.with_status)(&object, status).status();
        let again = write(&status).expect("what was written is read");
        assert!(again.conditions_say_the_same(&status), "another status");
        // Times are written in whole seconds, as Kubernetes does.
        assert_eq!(write(&again), Some(again));
    }
    let sealed = match (subject.decode)(&object) {
        Ok(sealed) => sealed,
        Err(refusal) => {
            assert!(!refusal.message.contains(CANARY), "{}", refusal.message);
            return note_text(&refusal.message);
        }
    };
    let texts = sealed
        .spec
        .template
        .data
        .iter()
        .flat_map(|data| data.values())
        .flatten();
    let templates = texts.filter(|text| text.contains("{{")).count();
    note((
        sealed.scope(),
        sealed.target().is_ok(),
        magnitude(sealed.spec.encrypted_data.len()),
        templates.min(2),
        sealed.spec.data.is_some(),
    ));
    assert!(
        templates == 0 || (subject.has_templates)(&object),
        "a template is not noticed"
    );
    let spec: Value = serde_json::from_str(object.spec_text()).expect("it was decoded");
    let mut items = spec["encryptedData"].clone();
    // Null is empty, as Go reads it.
    for item in items.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if item.is_null() {
            *item = json!("");
        }
    }
    let read = json!(sealed.spec.encrypted_data);
    assert_eq!(
        Some(items.as_object().unwrap_or(&Map::new())),
        read.as_object(),
        "other items"
    );
    let items = spec["template"]["data"].as_object();
    let read = json!(sealed.spec.template.data.clone().unwrap_or_default());
    assert_eq!(
        Some(items.unwrap_or(&Map::new())),
        read.as_object(),
        "other plain items"
    );
    let written = serde_json::to_value(&sealed).expect("it can be written");
    let again = SealedSecret::parse(&written).expect("what was written is read");
    assert_eq!(again, sealed);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut objects = sealed_objects();
    let status = json!({
        "observedGeneration": 3, "inputs": "00", "secret": "11", "items": {"a": {"key": "0123456789abcdef"}},
        "conditions": [{"type": "Synced", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z"}],
    });
    for object in &mut objects {
        object["status"] = status.clone();
        object["metadata"]["uid"] = json!("0b5c");
        object["metadata"]["resourceVersion"] = json!("7");
    }
    let escaped = r#"{"spec":{"template":{"data":{"t":"\u007b\u007b .a }}"}}}}"#;
    let texts = objects.iter().map(Value::to_string);
    texts
        .chain([escaped.to_owned()])
        .map(String::into_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn objects_bear_any_input() {
        passes(&TARGET, 20_000);
    }

    #[test]
    fn a_template_that_is_overlooked_is_found() {
        fn has_templates(object: &RawSealedSecret) -> bool {
            object.spec_text().contains("{{")
        }
        finds(&TARGET, "not noticed", |data| {
            check(
                data,
                &Subject {
                    has_templates,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn a_refusal_that_repeats_a_value_is_found() {
        fn decode(object: &RawSealedSecret) -> Result<SealedSecret, Refusal> {
            object.decode().map_err(|refusal| {
                let wrong = serde_json::from_str::<Value>(object.spec_text()).unwrap_or_default();
                let labels = &wrong["template"]["metadata"]["labels"];
                Refusal {
                    message: format!("{}: {labels}", refusal.message),
                    ..refusal
                }
            })
        }
        finds(&TARGET, "canary", |data| {
            check(data, &Subject { decode, ..REAL })
        });
    }

    #[test]
    fn a_spec_that_loses_something_is_found() {
        fn decode(object: &RawSealedSecret) -> Result<SealedSecret, Refusal> {
            let mut sealed = object.decode()?;
            let data = sealed
                .spec
                .template
                .data
                .iter_mut()
                .flat_map(|data| data.values_mut());
            // Empty and absent are not the same.
            data.filter(|text| text.as_deref() == Some(""))
                .for_each(|text| *text = None);
            Ok(sealed)
        }
        finds(&TARGET, "other plain items", |data| {
            check(data, &Subject { decode, ..REAL })
        });
    }
}
