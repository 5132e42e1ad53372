//! Secret to SealedSecret.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rand::CryptoRng;
use signet_common::{SealError, SealTarget, SealingKey, TargetError, seal};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::names::LAST_APPLIED;
use crate::scope::{Annotations, scope_of, set_scope};
use crate::windows::Windows;
use crate::{InputSecret, SealedSecret, SealedSecretSpec, SecretTemplate, TemplateMetadata};

/// Why a Secret could not be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealSecretError {
    /// The scope needs a name that is missing or ambiguous.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Sealing failed; never depends on a value's bytes.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals every item of `secret` for the name, namespace and scope in its own metadata.
///
/// The result's metadata has the name, the namespace and the scope annotations only; labels and the other annotations
/// go into the template. The two annotations that are known to repeat an object in clear are dropped.
///
/// # Errors
/// [`SealSecretError`].
pub fn seal_secret<R: CryptoRng + ?Sized>(
    rng: &mut R,
    key: &SealingKey,
    secret: &InputSecret,
) -> Result<SealedSecret, SealSecretError> {
    let name = secret.metadata.name.as_deref().unwrap_or_default();
    let namespace = secret.metadata.namespace.as_deref().unwrap_or_default();
    let scope = scope_of(&secret.metadata.annotations);
    let target = SealTarget::new(scope, namespace, name)?;
    let mut encrypted_data = BTreeMap::new();
    for (item, plaintext) in &secret.data {
        let blob = seal(rng, key, &target, item, plaintext)?;
        encrypted_data.insert(item.clone(), blob.to_base64());
    }
    let mut annotations = Annotations::new();
    set_scope(&mut annotations, scope);
    let metadata = ObjectMeta {
        name: secret.metadata.name.clone(),
        namespace: secret.metadata.namespace.clone(),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    };
    let spec = SealedSecretSpec {
        template: template_of(secret),
        data: None,
        encrypted_data,
    };
    Ok(SealedSecret::new(metadata, spec))
}

fn template_of(secret: &InputSecret) -> SecretTemplate {
    let mut annotations = secret.metadata.annotations.clone();
    annotations.retain(|name, _| !LAST_APPLIED.contains(&name.as_str()));
    SecretTemplate {
        metadata: TemplateMetadata {
            annotations,
            owner_references: Vec::new(),
            ..secret.metadata.clone()
        },
        secret_type: secret.secret_type.clone(),
        immutable: secret.immutable,
        data: None,
    }
}

/// Shortest value that is searched for: shorter ones occur by chance.
const MIN_SEARCHED: usize = 8;

/// A value of the Secret that stands in the SealedSecret in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleartext {
    /// The item whose value it is.
    pub item: String,
    /// The field where it stands, as the input calls it.
    pub field: String,
}

/// Where values of `secret` stand in clear or as base64 in what is published of it (docs/trust.md row 19).
///
/// Finds what a tool left in a label or an annotation; of each item the first place. Values shorter than 8 bytes are not
/// searched; nor is one that is only letters and hyphens in labels and in annotations that hold a name: `app: postgres` beside
/// `username: postgres` tells nothing.
pub fn cleartext_items(template: &SecretTemplate, secret: &InputSecret) -> Vec<Cleartext> {
    let metadata = &template.metadata;
    let mut fields = Vec::new();
    for (map, entries) in [
        ("labels", &metadata.labels),
        ("annotations", &metadata.annotations),
    ] {
        for (key, text) in entries {
            let holds_names = map == "labels" || key.ends_with("name");
            fields.push((format!("metadata.{map}.{key}"), text.as_str(), holds_names));
        }
    }
    for text in &metadata.finalizers {
        fields.push(("metadata.finalizers".to_owned(), text.as_str(), false));
    }
    if let Some(text) = &template.secret_type {
        fields.push(("type".to_owned(), text.as_str(), false));
    }
    if fields.is_empty() {
        return Vec::new();
    }
    let windows = Windows::of(fields.iter().map(|(_, text, _)| *text));
    let mut found = Vec::new();
    for (item, value) in &secret.data {
        let value = value.expose();
        if value.len() < MIN_SEARCHED {
            continue;
        }
        let mut forms = forms(value);
        // There may be thousands of values and megabytes of text.
        forms.retain(|form| windows.may_hold(form));
        if forms.is_empty() {
            continue;
        }
        let is_word = value
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
        let stands = |(_, text, holds_names): &&(String, &str, bool)| {
            !(is_word && *holds_names) && forms.iter().any(|form| text.contains(form.as_str()))
        };
        if let Some((field, _, _)) = fields.iter().find(stands) {
            found.push(Cleartext {
                item: item.clone(),
                field: field.clone(),
            });
        }
    }
    found
}

/// The texts that a value may stand as: itself, as in a JSON text, and as base64.
fn forms(value: &[u8]) -> Vec<Zeroizing<String>> {
    let mut forms = vec![Zeroizing::new(STANDARD.encode(value))];
    if let Ok(text) = std::str::from_utf8(value) {
        let quoted = Zeroizing::new(serde_json::Value::from(text).to_string());
        forms.push(Zeroizing::new(quoted[1..quoted.len() - 1].to_owned()));
        forms.push(Zeroizing::new(text.to_owned()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use rand_chacha::rand_core::SeedableRng as _;
    use serde_json::json;
    use signet_common::{Certificate, CertificateRequest, KeySize, PrivateKey};

    use super::*;

    fn rng() -> impl CryptoRng {
        rand_chacha::ChaCha20Rng::seed_from_u64(1)
    }

    fn key() -> SealingKey {
        let key = PrivateKey::generate(KeySize::Rsa2048).unwrap();
        let request = CertificateRequest {
            common_name: "",
            valid_for: Duration::from_secs(60),
        };
        Certificate::self_signed(&mut rng(), &key, &request, Timestamp::UNIX_EPOCH)
            .unwrap()
            .key()
            .clone()
    }

    fn parsed(value: &serde_json::Value) -> InputSecret {
        InputSecret::parse(value).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn only_the_allow_list_of_metadata_is_copied_and_clear_copies_are_dropped() {
        let secret = parsed(&json!({
            "metadata": {
                "name": "db", "namespace": "ns", "uid": "u", "resourceVersion": "1", "generateName": "x",
                "managedFields": [{"manager": "canary"}], "ownerReferences": [],
                "labels": {"l": "1"}, "finalizers": ["f"],
                "annotations": {"kept": "1", "kubectl.kubernetes.io/last-applied-configuration": "canary",
                                "sealedsecrets.bitnami.com/namespace-wide": "true"},
            },
            "stringData": {"a": "value"}, "immutable": true,
        }));
        let sealed =
            serde_json::to_value(seal_secret(&mut rng(), &key(), &secret).unwrap()).unwrap();
        assert!(!sealed.to_string().contains("canary"));
        let scope = json!({"sealedsecrets.bitnami.com/namespace-wide": "true"});
        assert_eq!(
            sealed["metadata"],
            json!({"name": "db", "namespace": "ns", "annotations": scope})
        );
        let metadata = &sealed["spec"]["template"]["metadata"];
        assert_eq!(
            metadata["annotations"],
            json!({"kept": "1", "sealedsecrets.bitnami.com/namespace-wide": "true"})
        );
        assert_eq!(
            (&metadata["labels"]["l"], &metadata["finalizers"][0]),
            (&json!("1"), &json!("f"))
        );
        assert_eq!(sealed["spec"]["template"]["immutable"], true);
    }

    #[test]
    fn a_name_that_the_scope_needs_must_be_there() {
        let secret = parsed(&json!({"metadata": {"name": "db"}, "stringData": {"a": "x"}}));
        let error = seal_secret(&mut rng(), &key(), &secret).unwrap_err();
        assert_eq!(error, SealSecretError::Target(TargetError::EmptyNamespace));
    }

    #[test]
    fn a_value_that_is_published_is_found_raw_quoted_and_as_base64_with_its_field() {
        let places = |data: serde_json::Value, metadata: serde_json::Value| {
            let secret = parsed(&json!({"metadata": metadata, "stringData": data}));
            let found = cleartext_items(&template_of(&secret), &secret);
            let shown = found.into_iter();
            shown
                .map(|found| format!("{}: {}", found.item, found.field))
                .collect::<Vec<_>>()
        };
        let data = json!({"long": "hunter2-hunter2", "quoted": "say \"hello\"", "short": "abc"});
        let note = |text: &str| places(data.clone(), json!({"annotations": {"note": text}}));
        assert_eq!(
            note("x: hunter2-hunter2"),
            ["long: metadata.annotations.note"]
        );
        assert_eq!(
            note("x: aHVudGVyMi1odW50ZXIy"),
            ["long: metadata.annotations.note"]
        );
        assert_eq!(
            note(r#"{"a":"say \"hello\""}"#),
            ["quoted: metadata.annotations.note"]
        );
        assert_eq!(note("say \"hello\""), ["quoted: metadata.annotations.note"]);
        assert!(note("abc and nothing else").is_empty());
        let label = places(data, json!({"labels": {"pw": "hunter2-hunter2"}}));
        assert_eq!(label, ["long: metadata.labels.pw"]);
    }

    #[test]
    fn names_of_fields_and_of_applications_are_no_values_in_clear() {
        let secret = parsed(&json!({
            "metadata": {
                "name": "db", "namespace": "ns", "finalizers": ["a/b"],
                "labels": {"app": "postgres", "app.kubernetes.io/name": "postgres-main"},
                "annotations": {"meta.helm.sh/release-name": "postgres", "metadata": "x"},
            },
            "stringData": {
                "username": "postgres", "a": "metadata", "b": "template", "c": "annotations", "d": "v1alpha1",
                "e": "encryptedData", "f": "SealedSecret",
            },
        }));
        assert!(cleartext_items(&template_of(&secret), &secret).is_empty());
    }
}
