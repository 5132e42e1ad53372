//! The tags that recognise an unchanged world (design §4.2).
//!
//! Keyed with a key derived from the oldest sealing key, so that nobody but the controller can make them.

use signet_common::{KeyRing, MacKey, Tag};
use signet_crds::names::{CLUSTER_WIDE, NAMESPACE_WIDE};
use signet_crds::{Class, Condition, SealedSecretStatus};

use crate::index::Version;
use crate::object::RawSealedSecret;

/// Version of the rules in `plan`, `unseal` and `status`: a change that gives other results must raise it.
const PLAN_VERSION: &str = "1";

/// Makes and checks tags for one state of the key ring and the settings.
#[derive(Clone)]
pub struct Tags {
    mac: MacKey,
    settings: String,
    keys: String,
}

impl Tags {
    /// Tags under this ring. `settings` is a text of all flags that change results.
    pub fn new(ring: &KeyRing, settings: String) -> Self {
        let mut keys: Vec<_> = ring
            .entries()
            .iter()
            .map(|entry| entry.key_id().to_string())
            .collect();
        keys.sort();
        Self {
            mac: ring.mac_key("signet.internal/status/v1"),
            settings,
            keys: keys.join(","),
        }
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
        ];
        let parts = parts
            .iter()
            .map(String::as_bytes)
            .chain([object.spec_text().as_bytes()]);
        self.mac.tag(parts)
    }

    /// The tag that is settled when a pass over `inputs` ends in `class`. A negative answer stands only as long as the
    /// keys are the same.
    pub fn settle(&self, inputs: Tag, class: Class) -> Tag {
        let keys = if class == Class::Done { "" } else { &self.keys };
        self.mac.tag([
            inputs.to_string().as_bytes(),
            format!("{class:?}").as_bytes(),
            keys.as_bytes(),
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
            |at| format!("{:x}/{}", at.uid, at.resource_version),
        );
        let parts = [settled.to_string(), secret, content.to_string()];
        self.mac.tag(parts.iter().map(String::as_bytes))
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
