//! What the API server itself refuses of a Secret, as far as that can be told without asking it to write.

use k8s_openapi::api::core::v1::Secret;

use crate::label::{is_label_value, is_qualified_name};

/// Largest sum of all values.
const MAX_DATA: usize = 1024 * 1024;
/// Largest sum of all annotations.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Why the API server would not take this Secret; no value is repeated. Admission, quota and permissions are not known.
pub(super) fn refused_by_the_api(secret: &Secret) -> Option<&'static str> {
    let item = |name: &str| secret.data.as_ref().and_then(|data| data.get(name));
    let has_json = |name: &str| {
        item(name)
            .is_some_and(|value| serde_json::from_slice::<serde_json::Value>(&value.0).is_ok())
    };
    let complete = match secret.type_.as_deref().unwrap_or_default() {
        "kubernetes.io/tls" => item("tls.crt").is_some() && item("tls.key").is_some(),
        "kubernetes.io/dockercfg" => has_json(".dockercfg"),
        "kubernetes.io/dockerconfigjson" => has_json(".dockerconfigjson"),
        "kubernetes.io/basic-auth" => item("username").is_some() || item("password").is_some(),
        "kubernetes.io/ssh-auth" => item("ssh-privatekey").is_some_and(|key| !key.0.is_empty()),
        _ => true,
    };
    if !complete {
        return Some(
            "the Secret lacks an item that its type needs, or the item is not what its type needs",
        );
    }
    let data: usize = secret
        .data
        .iter()
        .flatten()
        .map(|(_, value)| value.0.len())
        .sum();
    let annotations = secret.metadata.annotations.iter().flatten();
    let annotations: usize = annotations
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if data > MAX_DATA || annotations > MAX_ANNOTATIONS {
        return Some("the Secret is larger than the API server takes");
    }
    let mut labels = secret.metadata.labels.iter().flatten();
    let wrong = labels.any(|(name, value)| !is_qualified_name(name) || !is_label_value(value));
    let mut annotations = secret.metadata.annotations.iter().flatten();
    if wrong || annotations.any(|(name, _)| !is_qualified_name(&name.to_lowercase())) {
        return Some("a label or an annotation of the template is not valid");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_need_their_items_and_labels_their_form() {
        let secret = |value: serde_json::Value| serde_json::from_value::<Secret>(value).unwrap();
        let table = [
            (
                serde_json::json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}),
                true,
            ),
            (
                serde_json::json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}}),
                false,
            ),
            (
                serde_json::json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eA=="}}),
                true,
            ),
            (
                serde_json::json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}}),
                false,
            ),
            (
                serde_json::json!({"type": "kubernetes.io/basic-auth"}),
                true,
            ),
            (
                serde_json::json!({"type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": ""}}),
                true,
            ),
            (serde_json::json!({"type": "my/own"}), false),
            (
                serde_json::json!({"metadata": {"labels": {"a": "b c"}}}),
                true,
            ),
            (
                serde_json::json!({"metadata": {"annotations": {"a b": "c"}}}),
                true,
            ),
            (
                serde_json::json!({"metadata": {"annotations": {"Example.com/a": "c"}}}),
                false,
            ),
            (
                serde_json::json!({"metadata": {"labels": {"Example.com/a": "c"}}}),
                true,
            ),
        ];
        for (value, refused) in table {
            assert_eq!(
                refused_by_the_api(&secret(value.clone())).is_some(),
                refused,
                "{value}"
            );
        }
    }
}
