//! The CustomResourceDefinition: upstream's schema, plus our status fields and columns.
//!
//! `cargo xtask codegen` writes what [`definition`] returns to `crds/bitnami.com_sealedsecrets.yaml`.

use serde_json::{Value, json};

use crate::names::{GROUP, KIND, LIST_KIND, PLURAL, SINGULAR, VERSION};

/// The definition as a JSON value of `apiextensions.k8s.io/v1`.
pub fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{PLURAL}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {"kind": KIND, "listKind": LIST_KIND, "plural": PLURAL, "singular": SINGULAR},
            "scope": "Namespaced",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns(),
                "schema": {"openAPIV3Schema": root()},
            }],
        },
    })
}

/// The committed file: a notice and the definition as YAML.
pub fn yaml() -> String {
    let notice = "# Made by `cargo xtask codegen` from crds/src/crd.rs; do not edit.\n";
    format!("{notice}{}", crate::manifest::to_yaml(&definition()))
}

fn columns() -> Value {
    let column =
        |name: &str, path: &str, kind: &str| json!({"name": name, "jsonPath": path, "type": kind});
    json!([
        column("Synced", ".status.conditions[0].status", "string"),
        column("Reason", ".status.conditions[0].reason", "string"),
        column("Age", ".metadata.creationTimestamp", "date"),
        json!({"name": "Status", "jsonPath": ".status.conditions[0].message", "type": "string", "priority": 1}),
    ])
}

fn root() -> Value {
    json!({
        "description": "SealedSecret is a Secret that was sealed with the controller's public key: safe to publish, opened in the cluster only.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of the schema of this object."},
            "kind": {"type": "string", "description": "The kind of resource this object represents."},
            "metadata": {"type": "object"},
            "spec": spec(),
            "status": status(),
        },
    })
}

fn spec() -> Value {
    json!({
        "description": "What is sealed, and the shape of the Secret to be made.",
        "type": "object",
        "required": ["encryptedData"],
        "properties": {
            "data": {"type": "string", "format": "byte", "description": "Deprecated: the whole Secret in one blob. Use encryptedData."},
            "encryptedData": {
                "description": "Item name to base64 of the sealed value.",
                "type": "object",
                "additionalProperties": {"type": "string"},
                "x-kubernetes-preserve-unknown-fields": true,
            },
            "template": template(),
        },
    })
}

fn template() -> Value {
    let text_map = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "description": "Shape of the Secret that is made from this object.",
        "type": "object",
        "properties": {
            "data": {
                "description": "Plain items, beside the sealed ones. null omits the sealed item of that name.",
                "type": "object",
                "nullable": true,
                // Upstream's definition forgets nullable here, so that the API server prunes the null.
                "additionalProperties": {"type": "string", "nullable": true},
            },
            "immutable": {"type": "boolean", "description": "Whether the Secret is made immutable."},
            "metadata": {
                "description": "Labels, annotations and finalizers of the Secret.",
                "type": "object",
                "nullable": true,
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": {
                    "annotations": text_map(),
                    "finalizers": {"type": "array", "items": {"type": "string"}},
                    "labels": text_map(),
                    "name": {"type": "string"},
                    "namespace": {"type": "string"},
                },
            },
            "type": {"type": "string", "description": "Type of the Secret."},
        },
    })
}

fn status() -> Value {
    json!({
        "description": "What the controller said last. No default: absent means not processed yet.",
        "type": "object",
        "properties": {
            "observedGeneration": {"type": "integer", "format": "int64", "description": "metadata.generation that was judged."},
            "conditions": {
                "description": "Synced first, then Ready, then Stalled or Reconciling.",
                "type": "array",
                "items": condition(),
            },
            "inputs": {"type": "string", "description": "Tag over everything that decides the result. Only a hint that nothing is to be done."},
            "secret": {"type": "string", "description": "Tag over inputs and the Secret that was written. Only a hint that nothing is to be done."},
            "items": {
                "description": "Item name to what is known about it.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"key": {"type": "string", "description": "Id of the key that the item is sealed with."}},
                },
            },
        },
    })
}

fn condition() -> Value {
    let time = |text: &str| json!({"type": "string", "format": "date-time", "description": text});
    json!({
        "type": "object",
        "required": ["status", "type"],
        "properties": {
            "type": {"type": "string", "description": "Synced, Ready, Stalled or Reconciling."},
            "status": {"type": "string", "description": "True, False or Unknown."},
            "reason": {"type": "string", "description": "Why, for machines."},
            "message": {"type": "string", "description": "Why, for people."},
            "lastUpdateTime": time("When this condition was last written."),
            "lastTransitionTime": time("When status last changed."),
            "observedGeneration": {"type": "integer", "format": "int64", "description": "metadata.generation that was judged."},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_what_the_code_says() {
        let committed = include_str!("../bitnami.com_sealedsecrets.yaml");
        assert!(
            committed == yaml(),
            "crds/bitnami.com_sealedsecrets.yaml is out of date: run `cargo xtask codegen`"
        );
    }

    #[test]
    fn upstreams_fields_are_all_there_and_template_values_are_nullable() {
        let schema =
            &definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        assert_eq!(
            schema["spec"]["properties"]["template"]["properties"]["data"]["additionalProperties"]
                ["nullable"],
            true
        );
        for field in ["data", "encryptedData", "template"] {
            assert!(schema["spec"]["properties"][field].is_object(), "{field}");
        }
        assert!(schema["status"].get("default").is_none());
    }
}
