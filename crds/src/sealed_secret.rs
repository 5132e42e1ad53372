//! The SealedSecret object, v1alpha1, as upstream's users write it.
//!
//! Reading is lenient about what is not needed and exact about what is: see [`SealedSecret::parse`].

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signet_common::{Scope, SealTarget, TargetError};
use thiserror::Error;

use crate::names::{API_VERSION, KIND};
use crate::scope::scope_of;
use crate::status::SealedSecretStatus;

/// A sealed Secret: safe to publish, opened by the holder of the private key only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret {
    /// Always [`KIND`] when written. First, as upstream's JSON has it.
    pub kind: String,
    /// Always [`API_VERSION`] when written.
    pub api_version: String,
    /// Name, namespace, scope annotations.
    pub metadata: ObjectMeta,
    /// What is sealed.
    pub spec: SealedSecretSpec,
    /// What the controller said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SealedSecretStatus>,
}

/// What is sealed, and what the Secret around it looks like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretSpec {
    /// Shape of the Secret to be made.
    #[serde(default, deserialize_with = "null_is_default")]
    pub template: SecretTemplate,
    /// Deprecated single blob with the whole Secret in it; presence alone selects that format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Item name to base64 of a sealed blob (`docs/format.md` §5).
    #[serde(default, deserialize_with = "null_is_default")]
    pub encrypted_data: BTreeMap<String, String>,
}

/// Shape of the Secret that is made from a SealedSecret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Metadata of the Secret. Name and namespace here are a record of what was sealed; they change nothing.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: TemplateMetadata,
    /// Type of the Secret; absent means `Opaque`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub secret_type: Option<String>,
    /// Whether the Secret is made immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Plain items and templates; `null` omits the sealed item of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, Option<String>>>,
}

/// The metadata that a template can set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Name of the Secret that was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the Secret that was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Labels of the Secret.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers of the Secret.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub finalizers: Vec<String>,
    /// Owners of the Secret; kept only with the skip-owner annotation.
    #[serde(
        default,
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub owner_references: Vec<OwnerReference>,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why a value is not a SealedSecret. Carries a path, never a value of the object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Not a JSON object.
    #[error("the document is not an object")]
    NotAnObject,
    /// Another kind or API version.
    #[error("expected a SealedSecret of {API_VERSION}, found {0}")]
    OtherKind(String),
    /// A field has the wrong type; the path of the field.
    #[error("the field {0} is missing or has the wrong type")]
    Field(String),
}

impl SealedSecret {
    /// A SealedSecret with kind and API version filled in and no status.
    pub fn new(metadata: ObjectMeta, spec: SealedSecretSpec) -> Self {
        Self {
            kind: KIND.to_owned(),
            api_version: API_VERSION.to_owned(),
            metadata,
            spec,
            status: None,
        }
    }

    /// Reads an object. A missing kind or API version is filled in, as upstream does; unknown fields are dropped.
    ///
    /// An unreadable status is dropped, since a status is only ever a hint.
    ///
    /// # Errors
    /// [`ParseError`] with the path of the first field that is wrong; no value of the object is in it.
    pub fn parse(value: &Value) -> Result<Self, ParseError> {
        let object = value.as_object().ok_or(ParseError::NotAnObject)?;
        check_kind(object)?;
        let metadata = object
            .get("metadata")
            .filter(|metadata| !metadata.is_null());
        let metadata = match metadata {
            Some(metadata) => ObjectMeta::deserialize(metadata)
                .map_err(|_| ParseError::Field("metadata".to_owned()))?,
            None => ObjectMeta::default(),
        };
        let spec = object
            .get("spec")
            .ok_or_else(|| ParseError::Field("spec".to_owned()))?;
        let spec = parse_spec(spec)?;
        let status = object
            .get("status")
            .and_then(|status| SealedSecretStatus::deserialize(status).ok());
        Ok(Self {
            status,
            ..Self::new(metadata, spec)
        })
    }

    /// Name, or empty.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Namespace, or empty.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The scope that the object's own metadata selects; the template plays no part.
    pub fn scope(&self) -> Scope {
        self.metadata
            .annotations
            .as_ref()
            .map(scope_of)
            .unwrap_or_default()
    }

    /// What its items are sealed for.
    ///
    /// # Errors
    /// [`TargetError`] if the scope needs a name that is missing or ambiguous.
    pub fn target(&self) -> Result<SealTarget, TargetError> {
        SealTarget::new(self.scope(), self.namespace(), self.name())
    }
}

fn check_kind(object: &serde_json::Map<String, Value>) -> Result<(), ParseError> {
    let text = |field| match object.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(ParseError::Field(String::from(field))),
    };
    let (kind, api_version) = (text("kind")?, text("apiVersion")?);
    let kind_fits = kind.is_empty() || kind == KIND;
    let version_fits = api_version.is_empty() || api_version == API_VERSION;
    if kind_fits && version_fits {
        return Ok(());
    }
    let found = if kind_fits { api_version } else { kind };
    Err(ParseError::OtherKind(
        signet_common::Printable(found).to_string(),
    ))
}

/// Field by field, so that the error can name the field without quoting what is in it.
fn parse_spec(spec: &Value) -> Result<SealedSecretSpec, ParseError> {
    let at = |path: &str| ParseError::Field(path.to_owned());
    let object = spec.as_object().ok_or_else(|| at("spec"))?;
    let field = |name| object.get(name).filter(|value| !value.is_null());
    let template = match field("template") {
        Some(template) => parse_template(template)?,
        None => SecretTemplate::default(),
    };
    let data = match field("data") {
        Some(data) => Some(data.as_str().ok_or_else(|| at("spec.data"))?.to_owned()),
        None => None,
    };
    let encrypted_data = match field("encryptedData") {
        Some(items) => {
            let items = BTreeMap::<String, Option<String>>::deserialize(items)
                .map_err(|_| at("spec.encryptedData"))?;
            // A placeholder without a value is an empty text to Go.
            let item = |(name, text): (_, Option<String>)| (name, text.unwrap_or_default());
            items.into_iter().map(item).collect()
        }
        None => BTreeMap::new(),
    };
    Ok(SealedSecretSpec {
        template,
        data,
        encrypted_data,
    })
}

fn parse_template(template: &Value) -> Result<SecretTemplate, ParseError> {
    let object = template
        .as_object()
        .ok_or_else(|| ParseError::Field("spec.template".to_owned()))?;
    // A sequence is no object, although its members would be taken for the fields in order.
    if object.get("metadata").is_some_and(Value::is_array) {
        return Err(ParseError::Field("spec.template.metadata".to_owned()));
    }
    for name in ["metadata", "type", "immutable", "data"] {
        let alone: serde_json::Map<String, Value> = object
            .get(name)
            .map(|value| (name.to_owned(), value.clone()))
            .into_iter()
            .collect();
        SecretTemplate::deserialize(Value::Object(alone))
            .map_err(|_| ParseError::Field(format!("spec.template.{name}")))?;
    }
    SecretTemplate::deserialize(template).map_err(|_| ParseError::Field("spec.template".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_field_is_named_and_its_value_is_not() {
        let canary = "canary-value";
        let table = [
            (
                json!({"spec": {"encryptedData": {"a": {"b": canary}}}}),
                "spec.encryptedData",
            ),
            (
                json!({"spec": {"encryptedData": canary}}),
                "spec.encryptedData",
            ),
            (json!({"spec": {"data": [canary]}}), "spec.data"),
            (
                json!({"spec": {"template": {"type": [canary]}}}),
                "spec.template.type",
            ),
            (
                json!({"spec": {"template": {"metadata": {"labels": canary}}}}),
                "spec.template.metadata",
            ),
            (
                json!({"spec": {"template": {"metadata": ["n", "ns", {}, {}, [], []]}}}),
                "spec.template.metadata",
            ),
            (json!({"spec": {"template": [{}, canary]}}), "spec.template"),
            (json!({"metadata": [canary], "spec": {}}), "metadata"),
            (json!({"spec": [{}, canary, {}]}), "spec"),
            (json!({"metadata": canary, "spec": {}}), "metadata"),
            (json!({}), "spec"),
        ];
        for (value, path) in table {
            let error = SealedSecret::parse(&value).unwrap_err();
            assert_eq!(error, ParseError::Field(path.to_owned()));
            assert!(!error.to_string().contains(canary));
        }
    }

    #[test]
    fn another_kind_is_refused_and_a_missing_kind_is_filled_in() {
        let parse = |kind: Value| SealedSecret::parse(&json!({"kind": kind, "spec": {}}));
        assert_eq!(
            parse(json!("ConfigMap")),
            Err(ParseError::OtherKind("ConfigMap".to_owned()))
        );
        assert_eq!(parse(Value::Null).unwrap().kind, KIND);
    }

    #[test]
    fn null_is_read_as_absent() {
        let value = json!({"metadata": null, "spec": {"template": {"metadata": {"creationTimestamp": null, "labels": null}, "data": null}, "encryptedData": null}});
        assert_eq!(
            SealedSecret::parse(&value).unwrap().spec,
            SealedSecretSpec::default()
        );
        let placeholder = json!({"spec": {"encryptedData": {"a": null}}});
        assert_eq!(
            SealedSecret::parse(&placeholder)
                .unwrap()
                .spec
                .encrypted_data,
            BTreeMap::from([("a".to_owned(), String::new())])
        );
    }
}
