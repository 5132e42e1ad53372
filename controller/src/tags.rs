//! The tags that recognise an unchanged world (ARCHITECTURE.md "In sync without work").
//!
//! Keyed with the root of the installation, so that nobody but the controller can make them (docs/decisions/0004).

use signet_common::{KeyRing, MacKey, Tag};
use signet_crds::names::{CLUSTER_WIDE, NAMESPACE_WIDE};
use signet_crds::{Class, Condition, SealedSecretStatus};

use crate::index::Version;
use crate::object::RawSealedSecret;
use crate::plan::{Policy, Repair};

/// Version of the rules in `plan`, `unseal` and `status`: a change that gives other results must raise it.
const PLAN_VERSION: &str = "1";

/// Makes and checks tags for one state of the key ring and the settings.
#[derive(Clone)]
pub struct Tags {
    mac: MacKey,
    settings: String,
    leniency: Leniency,
    keys: String,
}

/// Flags that decide whether somebody's edit is left alone, and nothing else. They settle outcomes and are no input:
/// another value makes an object be looked at again, but does not make it a changed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leniency {
    /// `--repair`.
    pub repair: Repair,
    /// `--skip-recreate`.
    pub skip_recreate: bool,
}

/// What tags are made with where there is no root: derived from the oldest key that may seal.
pub fn derived_root(ring: &KeyRing) -> Option<MacKey> {
    ring.mac_key("signet.internal/status/v1")
}

impl Leniency {
    fn all() -> impl Iterator<Item = Self> {
        let repairs = [Repair::On, Repair::Report, Repair::Off];
        repairs.into_iter().flat_map(|repair| {
            [false, true].map(|skip_recreate| Self {
                repair,
                skip_recreate,
            })
        })
    }
}

impl Tags {
    /// `settings` is a text of all other flags that change results.
    fn new(mac: MacKey, ring: &KeyRing, settings: String, leniency: Leniency) -> Self {
        let mut keys: Vec<_> = ring
            .entries()
            .iter()
            .map(|entry| entry.key_id().to_string())
            .collect();
        keys.sort();
        Self {
            mac,
            settings,
            leniency,
            keys: keys.join(","),
        }
    }

    /// Tags under this root, this ring and these flags.
    pub fn under(root: MacKey, ring: &KeyRing, policy: &Policy) -> Self {
        let leniency = Leniency {
            repair: policy.repair,
            skip_recreate: policy.skip_recreate,
        };
        let mut policy = policy.clone();
        // These two have a place of their own.
        policy.repair = Repair::default();
        policy.skip_recreate = false;
        Self::new(root, ring, format!("{policy:?}"), leniency)
    }

    /// The key for digests of Secrets.
    pub fn mac(&self) -> &MacKey {
        &self.mac
    }

    /// The tag of everything that decides the result for an object, except keys.
    pub fn inputs(&self, object: &RawSealedSecret) -> Tag {
        let metadata = &object.metadata;
        let annotation = |name: &str| {
            metadata
                .annotations
                .as_ref()
                .and_then(|annotations| annotations.get(name))
        };
        let text =
            |value: Option<&String>| value.map(|text| format!("={text}")).unwrap_or_default();
        let parts = [
            PLAN_VERSION.to_owned(),
            self.settings.clone(),
            text(metadata.uid.as_ref()),
            text(metadata.namespace.as_ref()),
            text(metadata.name.as_ref()),
            text(annotation(CLUSTER_WIDE)),
            text(annotation(NAMESPACE_WIDE)),
            engine_version(object).to_owned(),
        ];
        let parts = parts
            .iter()
            .map(String::as_bytes)
            .chain([object.spec_text().as_bytes()]);
        self.mac.tag(parts)
    }

    /// What the random functions of an object's templates draw from. The same as long as the object and the root
    /// are: another pass gives the same Secret, also after an update of the controller.
    pub fn template_seed(&self, object: &RawSealedSecret) -> [u8; 32] {
        let metadata = &object.metadata;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let half = |name: &str| {
            let parts = [
                name.to_owned(),
                text(&metadata.uid),
                text(&metadata.namespace),
                text(&metadata.name),
            ];
            let parts = parts.iter().map(String::as_bytes);
            *self
                .mac
                .tag(parts.chain([object.spec_text().as_bytes()]))
                .as_bytes()
        };
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&half("template seed 1"));
        seed[16..].copy_from_slice(&half("template seed 2"));
        seed
    }

    /// The tag that is settled when a pass over `inputs` ends in `class`. A negative answer stands only as long as the
    /// keys are the same.
    pub fn settle(&self, inputs: Tag, class: Class) -> Tag {
        self.settle_under(self.leniency, inputs, class)
    }

    /// Whether `settled` tells of a pass over `inputs` that ended in `class`, whatever was done about edits then.
    pub fn settled_once(&self, inputs: Tag, class: Class, settled: &str) -> bool {
        Leniency::all()
            .any(|leniency| self.settle_under(leniency, inputs, class).to_string() == settled)
    }

    fn settle_under(&self, leniency: Leniency, inputs: Tag, class: Class) -> Tag {
        let keys = if class == Class::Done { "" } else { &self.keys };
        self.mac.tag([
            inputs.to_string().as_bytes(),
            format!("{class:?}").as_bytes(),
            keys.as_bytes(),
            format!("{leniency:?}").as_bytes(),
        ])
    }

    /// Whether a settled tag stands for these inputs: as a success, or as a refusal under the keys of now.
    pub fn settles(&self, inputs: Tag, settled: Tag) -> Option<Class> {
        [Class::Done, Class::Wait]
            .into_iter()
            .find(|class| self.settle(inputs, *class) == settled)
    }

    /// The tag over everything that a status says to people, so that a status that somebody else changed is not taken
    /// for ours.
    pub fn content(&self, status: &SealedSecretStatus) -> Tag {
        let mut parts = vec![format!("{:?}", status.observed_generation)];
        parts.extend(status.conditions.iter().map(condition_text));
        parts.extend(
            status
                .items
                .iter()
                .map(|(item, known)| format!("{item}={}", known.key)),
        );
        self.mac.tag(parts.iter().map(String::as_bytes))
    }

    /// The tag over a settled result, the Secret that was there, and what the status says.
    pub fn secret(&self, settled: Tag, secret: Option<Version>, content: Tag) -> Tag {
        let secret = secret.map_or_else(
            || "absent".to_owned(),
            |at| format!("{:x}/{}", { at.uid }, { at.resource_version }),
        );
        let parts = [settled.to_string(), secret, content.to_string()];
        self.mac.tag(parts.iter().map(String::as_bytes))
    }
}

/// Only objects with templates are looked at again when the engine changes.
fn engine_version(object: &RawSealedSecret) -> &'static str {
    if object.has_templates() {
        signet_templates::VERSION
    } else {
        ""
    }
}

fn condition_text(condition: &Condition) -> String {
    let Condition {
        condition_type,
        status,
        reason,
        message,
        observed_generation,
        ..
    } = condition;
    format!("{condition_type}\n{status}\n{reason:?}\n{message:?}\n{observed_generation:?}")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;
    use signet_common::{Certificate, CertificateRequest, KeyEntry, KeySize, KeyUse, PrivateKey};

    use super::*;

    pub(crate) fn entry(second: i64) -> KeyEntry {
        let key = PrivateKey::generate(KeySize::Rsa2048).unwrap();
        let request = CertificateRequest {
            common_name: "",
            valid_for: Duration::from_secs(60),
        };
        let ordered_at = Timestamp::from_second(second).unwrap();
        let certificate =
            Certificate::self_signed(&mut rand::rng(), &key, &request, ordered_at).unwrap();
        KeyEntry {
            key: Arc::new(key),
            certificate: Arc::new(certificate),
            key_use: KeyUse::SealAndOpen,
            ordered_at,
            source: second.to_string(),
        }
    }

    const STRICT: Leniency = Leniency {
        repair: Repair::On,
        skip_recreate: false,
    };

    fn tags(entries: &[&KeyEntry], settings: &str) -> Tags {
        let ring = KeyRing::new(entries.iter().map(|entry| (*entry).clone()).collect()).unwrap();
        Tags::new(
            derived_root(&ring).unwrap(),
            &ring,
            settings.to_owned(),
            STRICT,
        )
    }

    fn object(change: impl FnOnce(&mut serde_json::Value)) -> RawSealedSecret {
        let mut value = json!({
            "metadata": {"namespace": "ns", "name": "db", "uid": "u1", "resourceVersion": "5", "labels": {"l": "1"},
                         "annotations": {"other": "x"}},
            "spec": {"encryptedData": {"a": "AgA="}},
        });
        change(&mut value);
        // From text, as it comes from the API server: raw values cannot be read from a tree.
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn another_way_with_edits_settles_nothing_and_is_no_change_of_the_object() {
        let key = entry(1);
        let ring = || KeyRing::new(vec![key.clone()]).unwrap();
        let lenient = Leniency {
            repair: Repair::Report,
            ..STRICT
        };
        let tags = |leniency| {
            let root = derived_root(&ring()).unwrap();
            Tags::new(root, &ring(), String::new(), leniency)
        };
        let (before, after) = (tags(lenient), tags(STRICT));
        let inputs = before.inputs(&object(|_| {}));
        assert_eq!(inputs, after.inputs(&object(|_| {})));
        for class in [Class::Done, Class::Wait] {
            let settled = before.settle(inputs, class);
            assert_eq!(after.settles(inputs, settled), None);
            assert!(after.settled_once(inputs, class, &settled.to_string()));
            let other = after.inputs(&object(|object| object["spec"] = json!({})));
            assert!(!after.settled_once(other, class, &settled.to_string()));
        }
    }

    #[test]
    fn inputs_are_what_decides_the_result_and_nothing_else() {
        let key = entry(1);
        let tags_now = tags(&[&key], "s");
        let base = tags_now.inputs(&object(|_| {}));
        let same: [fn(&mut serde_json::Value); 3] = [
            |v| v["metadata"]["resourceVersion"] = json!("6"),
            |v| v["metadata"]["labels"] = json!({}),
            |v| v["status"] = json!({"observedGeneration": 1}),
        ];
        for change in same {
            assert_eq!(tags_now.inputs(&object(change)), base);
        }
        let other: [fn(&mut serde_json::Value); 5] = [
            |v| v["metadata"]["uid"] = json!("u2"),
            |v| v["metadata"]["name"] = json!("dc"),
            |v| v["metadata"]["namespace"] = json!("nt"),
            |v| v["metadata"]["annotations"] = json!({CLUSTER_WIDE: "true"}),
            |v| v["spec"]["encryptedData"]["a"] = json!("AgB="),
        ];
        for change in other {
            assert_ne!(tags_now.inputs(&object(change)), base);
        }
        assert_ne!(
            tags(&[&key], "t").inputs(&object(|_| {})),
            base,
            "a flag that changes results"
        );
        assert_ne!(
            tags(&[&entry(1)], "s").inputs(&object(|_| {})),
            base,
            "another key"
        );
    }

    #[test]
    fn a_success_outlives_a_new_key_and_a_refusal_does_not() {
        let (old, new) = (entry(1), entry(2));
        let (before, after) = (tags(&[&old], "s"), tags(&[&old, &new], "s"));
        let inputs = before.inputs(&object(|_| {}));
        assert_eq!(
            inputs,
            after.inputs(&object(|_| {})),
            "the oldest key is still the same"
        );
        assert_eq!(
            after.settles(inputs, before.settle(inputs, Class::Done)),
            Some(Class::Done)
        );
        assert_eq!(
            after.settles(inputs, before.settle(inputs, Class::Wait)),
            None
        );
        assert_eq!(
            before.settles(inputs, before.settle(inputs, Class::Wait)),
            Some(Class::Wait)
        );
    }

    #[test]
    fn the_second_tag_covers_the_secret_and_every_word_of_the_status() {
        let tags = tags(&[&entry(1)], "s");
        let settled = tags.settle(tags.inputs(&object(|_| {})), Class::Done);
        let condition = |message: &str| {
            serde_json::from_value::<SealedSecretStatus>(json!({"observedGeneration": 1, "conditions":
                [{"type": "Synced", "status": "True", "message": message, "lastUpdateTime": "2026-01-01T00:00:00Z"}]}))
            .unwrap()
        };
        let at = |resource_version| {
            Some(Version {
                uid: 1,
                resource_version,
            })
        };
        let tag = |secret, text| tags.secret(settled, secret, tags.content(&condition(text)));
        assert_eq!(tag(at(5), "a"), tag(at(5), "a"));
        assert_ne!(tag(at(5), "a"), tag(at(6), "a"));
        assert_ne!(tag(at(5), "a"), tag(None, "a"));
        assert_ne!(tag(at(5), "a"), tag(at(5), "b"));
    }
}
