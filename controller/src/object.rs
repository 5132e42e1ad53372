//! A SealedSecret as it comes from the API server: metadata read, everything else kept as text.
//!
//! A list or a watch decodes every object of the cluster at once, so one hostile object must not be able to stop it.
//! `spec` and `status` stay raw JSON here, whose nesting the decoder skips without recursion, and of the metadata only
//! the fields that are used are decoded: `managedFields` mirrors the nesting of what a tenant wrote.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use signet_crds::names::{
    API_VERSION, CLUSTER_WIDE, GROUP, INSTANCE_LABEL, KIND, NAMESPACE_WIDE, PLURAL, VERSION,
};
use signet_crds::{Reason, Refusal, SealedSecret, SealedSecretStatus};

/// Deepest nesting of a spec that is looked at (docs/trust.md row 2).
const MAX_DEPTH: usize = 64;
/// The labels that are kept.
const USED_LABELS: &[&str] = &[INSTANCE_LABEL];
/// The annotations that are kept.
const USED_ANNOTATIONS: &[&str] = &[CLUSTER_WIDE, NAMESPACE_WIDE];
/// Longest value that is kept. Of annotations only `true` means something, and no label's value is longer.
const LONGEST_VALUE: usize = 64;

/// A SealedSecret, not decoded beyond its metadata.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawSealedSecret {
    #[serde(default = "api_version")]
    api_version: String,
    #[serde(default = "kind")]
    kind: String,
    /// Name, namespace, uid, resourceVersion, generation, the timestamps, and of labels and annotations those of
    /// [`USED_LABELS`] and [`USED_ANNOTATIONS`]: the others are as large as a tenant likes.
    #[serde(default, deserialize_with = "used_metadata")]
    pub metadata: ObjectMeta,
    /// The spec as the API server wrote it.
    #[serde(default)]
    pub spec: Option<Box<RawValue>>,
    /// The status as the API server wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<RawValue>>,
}

fn api_version() -> String {
    API_VERSION.to_owned()
}

fn kind() -> String {
    KIND.to_owned()
}

fn used_metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Used {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        resource_version: Option<String>,
        generation: Option<i64>,
        creation_timestamp: Option<Time>,
        deletion_timestamp: Option<Time>,
        #[serde(deserialize_with = "used_labels")]
        labels: Option<BTreeMap<String, String>>,
        #[serde(deserialize_with = "used_annotations")]
        annotations: Option<BTreeMap<String, String>>,
    }
    let used = Used::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: used.name,
        namespace: used.namespace,
        uid: used.uid,
        resource_version: used.resource_version,
        generation: used.generation,
        creation_timestamp: used.creation_timestamp,
        deletion_timestamp: used.deletion_timestamp,
        labels: used.labels,
        annotations: used.annotations,
        ..ObjectMeta::default()
    })
}

fn used_labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    deserializer.deserialize_option(Kept(USED_LABELS))
}

fn used_annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    deserializer.deserialize_option(Kept(USED_ANNOTATIONS))
}

/// Reads a map, and keeps of it what has one of these names: the rest is never in memory as a whole.
struct Kept(&'static [&'static str]);

impl<'de> Visitor<'de> for Kept {
    type Value = Option<BTreeMap<String, String>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of texts")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<Cow<'_, str>, Cow<'_, str>>()? {
            if self.0.contains(&&*name) && value.len() <= LONGEST_VALUE {
                kept.insert(name.into_owned(), value.into_owned());
            }
        }
        Ok(Some(kept))
    }
}

impl Resource for RawSealedSecret {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl RawSealedSecret {
    /// The spec's JSON text, empty if there is none.
    pub fn spec_text(&self) -> &str {
        self.spec.as_deref().map(RawValue::get).unwrap_or_default()
    }

    /// Whether the spec may have templates: it has the beginning of an action somewhere.
    pub fn has_templates(&self) -> bool {
        let text = self.spec_text();
        // A brace may be escaped in JSON.
        text.contains("{{") || text.contains("\\u007")
    }

    /// About how many bytes the object takes in memory.
    pub fn size(&self) -> usize {
        self.spec_text().len()
            + self
                .status
                .as_deref()
                .map_or(0, |status| status.get().len())
            + 512
    }

    /// The status, or `None` if there is none or it cannot be read: it is only ever a hint.
    pub fn status(&self) -> Option<SealedSecretStatus> {
        let text = self.status.as_deref()?.get();
        if depth(text) > MAX_DEPTH {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// Decodes the spec.
    ///
    /// # Errors
    /// [`Refusal`] if it nests too deeply or a field has the wrong type; the text is never repeated.
    pub fn decode(&self) -> Result<SealedSecret, Refusal> {
        let text = self.spec_text();
        if depth(text) > MAX_DEPTH {
            return Err(Refusal::new(
                Reason::MalformedSpec,
                "the spec nests too deeply",
            ));
        }
        let malformed = |message: String| Refusal::new(Reason::MalformedSpec, message);
        let spec: serde_json::Value = serde_json::from_str(text)
            .map_err(|_| malformed("the spec cannot be read".to_owned()))?;
        let value = serde_json::json!({"kind": KIND, "apiVersion": API_VERSION, "spec": spec});
        let mut sealed =
            SealedSecret::parse(&value).map_err(|error| malformed(error.to_string()))?;
        sealed.metadata = self.metadata.clone();
        Ok(sealed)
    }

    /// The object with another status, as `PUT …/status` takes it.
    ///
    /// # Errors
    /// If the status cannot be written as JSON.
    pub fn with_status(&self, status: &SealedSecretStatus) -> Result<Self, serde_json::Error> {
        let status = serde_json::value::to_raw_value(status)?;
        Ok(Self {
            status: Some(status),
            ..self.clone()
        })
    }
}

/// Deepest nesting of brackets in a JSON text, counted without recursion.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn a_deeply_nested_object_does_not_stop_a_list() {
        let deep = nested(5_000);
        let list = format!(
            r#"{{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecretList","metadata":{{"resourceVersion":"1"}},"items":[
            {{"metadata":{{"name":"bad","managedFields":[{{"fieldsV1":{deep}}}]}},"spec":{{"encryptedData":{{}},"template":{{"metadata":{deep}}}}},"status":{deep}}},
            {{"metadata":{{"name":"good"}},"spec":{{"encryptedData":{{}}}}}}]}}"#
        );
        let list: kube::core::ObjectList<RawSealedSecret> = serde_json::from_str(&list).unwrap();
        assert_eq!(
            list.items[0].decode().unwrap_err().reason,
            Reason::MalformedSpec
        );
        assert_eq!(list.items[0].status(), None);
        assert!(list.items[1].decode().is_ok());
    }

    #[test]
    fn a_deeply_nested_object_does_not_stop_a_watch() {
        let deep = nested(5_000);
        let event = format!(
            r#"{{"type":"ADDED","object":{{"metadata":{{"name":"bad","managedFields":[{deep}]}},"spec":{deep}}}}}"#
        );
        let event: kube::core::WatchEvent<RawSealedSecret> = serde_json::from_str(&event).unwrap();
        assert!(matches!(event, kube::core::WatchEvent::Added(object) if object.decode().is_err()));
    }

    #[test]
    fn labels_and_annotations_that_nobody_uses_are_not_kept() {
        let long = "x".repeat(256 * 1024);
        let text = format!(
            r#"{{"metadata":{{"name":"db","labels":{{"other":"{long}","{INSTANCE_LABEL}":"shop"}},
            "annotations":{{"other":"{long}","{CLUSTER_WIDE}":"{long}","{NAMESPACE_WIDE}":"true"}}}},"spec":{{}}}}"#
        );
        let object: RawSealedSecret = serde_json::from_str(&text).unwrap();
        let kept = |name: &str, value: &str| Some([(name.to_owned(), value.to_owned())].into());
        assert_eq!(object.metadata.labels, kept(INSTANCE_LABEL, "shop"));
        assert_eq!(object.metadata.annotations, kept(NAMESPACE_WIDE, "true"));
        assert!(serde_json::to_string(&object).unwrap().len() < 512);
        let none: RawSealedSecret =
            serde_json::from_str(r#"{"metadata":{"labels":null}}"#).unwrap();
        assert_eq!(none.metadata.labels, None);
    }

    #[test]
    fn brackets_inside_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":"[[[\"[[","b":[1]}"#), 2);
    }
}
