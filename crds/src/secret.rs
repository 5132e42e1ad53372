//! The Secret that a person wants to seal.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use signet_common::{Plaintext, Printable, decode_base64};
use thiserror::Error;

use crate::TemplateMetadata;

/// A v1 Secret in clear, as `kubectl create secret --dry-run=client -o yaml` prints it.
///
/// Holds plaintext, so no `Debug`. `stringData` is merged over `data`, as the API server does.
pub struct InputSecret {
    /// Name, namespace, labels, annotations, finalizers. Everything else of the metadata is dropped: what is copied
    /// into a public file is an allow-list (docs/trust.md row 19).
    pub metadata: TemplateMetadata,
    /// Type of the Secret.
    pub secret_type: Option<String>,
    /// Whether the Secret is immutable.
    pub immutable: Option<bool>,
    /// Item name to value.
    pub data: BTreeMap<String, Plaintext>,
}

/// Why a document is not a Secret that can be sealed. Field paths only, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputSecretError {
    /// Not a JSON or YAML object.
    #[error("the document is not an object")]
    NotAnObject,
    /// Another kind of object; its kind.
    #[error("expected a Secret, found {0}")]
    OtherKind(String),
    /// A field has the wrong type; the path of the field.
    #[error("the field {0} has the wrong type")]
    Field(String),
    /// A field is written with other capital letters than the one that is meant.
    #[error("there is no field {found}: it is called {right}")]
    Misspelled {
        /// As it stands there.
        found: String,
        /// As Kubernetes calls it.
        right: &'static str,
    },
    /// A value under `data` is not base64; the item's name.
    #[error("the value of data.{0} is not valid base64")]
    BadBase64(String),
    /// The same, and there is a blank in it, as in a block that YAML folds (`>`); the item's name.
    #[error("the value of data.{0} is not valid base64: it contains a space")]
    Folded(String),
}

impl InputSecret {
    /// Reads a Secret. A missing kind is accepted, as kubeseal does.
    ///
    /// # Errors
    /// [`InputSecretError`]; no value of the document is in it.
    pub fn parse(value: &Value) -> Result<Self, InputSecretError> {
        let object = value.as_object().ok_or(InputSecretError::NotAnObject)?;
        check_kind(object)?;
        check_names(object)?;
        let mut data = BTreeMap::new();
        for (item, value) in string_map(object, "data")? {
            data.insert(item.to_owned(), decode(item, value)?);
        }
        for (item, value) in string_map(object, "stringData")? {
            data.insert(item.to_owned(), Plaintext::new(value.as_bytes().to_vec()));
        }
        Ok(Self {
            metadata: metadata(object)?,
            secret_type: field(object, "type")?,
            immutable: field(object, "immutable")?,
            data,
        })
    }
}

fn check_kind(object: &Map<String, Value>) -> Result<(), InputSecretError> {
    let kind: String = field(object, "kind")?.unwrap_or_default();
    let api_version: String = field(object, "apiVersion")?.unwrap_or_default();
    if !matches!(kind.as_str(), "" | "Secret") {
        return Err(InputSecretError::OtherKind(Printable(&kind).to_string()));
    }
    if !matches!(api_version.as_str(), "" | "v1") {
        return Err(InputSecretError::OtherKind(format!(
            "a Secret of {}",
            Printable(&api_version)
        )));
    }
    Ok(())
}

/// What would be dropped because of a capital letter is an error: a value or a label would be missing.
fn check_names(object: &Map<String, Value>) -> Result<(), InputSecretError> {
    const FIELDS: [&str; 5] = ["metadata", "data", "stringData", "type", "immutable"];
    const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];
    let metadata = object.get("metadata").and_then(Value::as_object);
    for (object, fields) in [(Some(object), &FIELDS[..]), (metadata, &METADATA[..])] {
        for found in object.into_iter().flat_map(Map::keys) {
            let meant = fields
                .iter()
                .find(|field| field.eq_ignore_ascii_case(found));
            if let Some(right) = meant.filter(|right| *right != found) {
                return Err(InputSecretError::Misspelled {
                    found: found.clone(),
                    right,
                });
            }
        }
    }
    Ok(())
}

/// A sequence is none, although its members would be taken for the fields in order.
fn metadata(object: &Map<String, Value>) -> Result<TemplateMetadata, InputSecretError> {
    if object.get("metadata").is_some_and(Value::is_array) {
        return Err(InputSecretError::Field("metadata".to_owned()));
    }
    Ok(field(object, "metadata")?.unwrap_or_default())
}

fn field<T: for<'de> Deserialize<'de>>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, InputSecretError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|_| InputSecretError::Field(name.to_owned())),
    }
}

/// The entries of a map of strings. `null` for a value means an empty one, as Go reads it.
fn string_map<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Vec<(&'a str, &'a str)>, InputSecretError> {
    let map = match object.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(InputSecretError::Field(name.to_owned())),
    };
    map.iter()
        .map(|(item, value)| match value {
            Value::String(text) => Ok((item.as_str(), text.as_str())),
            Value::Null => Ok((item.as_str(), "")),
            _ => Err(InputSecretError::Field(format!(
                "{name}.{}",
                Printable(item)
            ))),
        })
        .collect()
}

fn decode(item: &str, text: &str) -> Result<Plaintext, InputSecretError> {
    match decode_base64(text) {
        Some(mut bytes) => Ok(Plaintext::new(std::mem::take(&mut *bytes))),
        None if text.trim().contains([' ', '\t']) => {
            Err(InputSecretError::Folded(Printable(item).to_string()))
        }
        None => Err(InputSecretError::BadBase64(Printable(item).to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_data_wins_over_data_and_null_is_empty() {
        let value = json!({"kind": "Secret", "data": {"a": "eA==", "b": "eQ==", "c": null}, "stringData": {"a": "z"}});
        let secret = InputSecret::parse(&value).unwrap_or_else(|error| panic!("{error}"));
        let shown: Vec<_> = secret
            .data
            .iter()
            .map(|(item, value)| (item.as_str(), value.expose()))
            .collect();
        assert_eq!(shown, [("a", &b"z"[..]), ("b", b"y"), ("c", b"")]);
    }

    #[test]
    fn errors_name_the_field_and_never_the_value() {
        let table = [
            (
                json!({"data": {"pw": "canary!"}}),
                InputSecretError::BadBase64("pw".to_owned()),
            ),
            (
                json!({"data": {"pw": 4711}}),
                InputSecretError::Field("data.pw".to_owned()),
            ),
            (
                json!({"stringData": "canary"}),
                InputSecretError::Field("stringData".to_owned()),
            ),
            (
                json!({"kind": "ConfigMap"}),
                InputSecretError::OtherKind("ConfigMap".to_owned()),
            ),
            (
                json!({"kind": "SealedSecret"}),
                InputSecretError::OtherKind("SealedSecret".to_owned()),
            ),
            (json!(["canary"]), InputSecretError::NotAnObject),
            (
                json!({"data": {"pw": "Y2Fu YXJ5"}}),
                InputSecretError::Folded("pw".to_owned()),
            ),
            (
                json!({"data": {}, "StringData": {"pw": "canary"}}),
                InputSecretError::Misspelled {
                    found: "StringData".to_owned(),
                    right: "stringData",
                },
            ),
            (
                json!({"metadata": {"Labels": {"pw": "canary"}}}),
                InputSecretError::Misspelled {
                    found: "Labels".to_owned(),
                    right: "labels",
                },
            ),
        ];
        for (value, expected) in table {
            let error = InputSecret::parse(&value).err().expect("refused");
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("canary"));
        }
    }
}
