//! Secret to SealedSecret.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rand::CryptoRng;
use signet_common::{SealError, SealTarget, SealingKey, TargetError, seal};
use thiserror::Error;

use crate::names::LAST_APPLIED;
use crate::scope::{Annotations, scope_of, set_scope};
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

/// The items of `secret` whose value stands in `output` in clear or as base64 (docs/trust.md row 19).
///
/// Finds what a tool left in a label or an annotation. Values shorter than 8 bytes are not searched.
pub fn cleartext_items(output: &str, secret: &InputSecret) -> Vec<String> {
    let occurs = |value: &[u8]| {
        let raw = std::str::from_utf8(value).is_ok_and(|text| {
            let quoted = zeroize::Zeroizing::new(serde_json::Value::from(text).to_string());
            output.contains(text) || output.contains(&quoted[1..quoted.len() - 1])
        });
        raw || output.contains(zeroize::Zeroizing::new(STANDARD.encode(value)).as_str())
    };
    secret
        .data
        .iter()
        .filter(|(_, value)| value.expose().len() >= MIN_SEARCHED && occurs(value.expose()))
        .map(|(item, _)| item.clone())
        .collect()
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
    fn a_value_that_stands_in_the_output_is_found_raw_quoted_and_as_base64() {
        let secret = parsed(
            &json!({"stringData": {"long": "hunter2-hunter2", "quoted": "say \"hello\"", "short": "abc"}}),
        );
        let found = |output: &str| cleartext_items(output, &secret);
        assert_eq!(found("x: hunter2-hunter2"), ["long"]);
        assert_eq!(found("x: aHVudGVyMi1odW50ZXIy"), ["long"]);
        assert_eq!(found(r#"{"a":"say \"hello\""}"#), ["quoted"]);
        assert!(found("abc and nothing else").is_empty());
    }
}
