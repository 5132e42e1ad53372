//! Names that would make one label mean two targets (docs/trust.md row 6): refused before any private operation.

use serde_json::{Value, json};
use signet_tests::fresh_namespace;
use signet_tests::signet::{seal, secret, sentinel};

use crate::{http, scene};

const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

/// A request body around a sealed item.
fn body(item: &Value, namespace: Option<&str>, name: Option<&str>, scope: Option<&str>) -> String {
    let mut metadata = json!({});
    let fields = [("namespace", namespace), ("name", name)];
    for (field, value) in fields
        .iter()
        .filter_map(|(field, value)| Some((field, (*value)?)))
    {
        metadata[field] = json!(value);
    }
    if let Some(scope) = scope {
        metadata["annotations"] = json!({scope: "true"});
    }
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": metadata, "spec": {"encryptedData": {"k": item}},
    })
    .to_string()
}

#[test]
fn ambiguous_names_are_refused_before_any_private_operation() -> anyhow::Result<()> {
    let scene = scene::enter()?;
    let controller = scene.controller;
    let certificate = controller.certificate()?;
    let sealed = |scope: &str| -> anyhow::Result<Value> {
        let object = seal(
            &certificate,
            &secret("a", "b", &[("k", "v")]),
            &["--scope", scope],
        )?;
        Ok(object["spec"]["encryptedData"]["k"].clone())
    };
    let (strict, namespace_wide) = (sealed("strict")?, sealed("namespace-wide")?);
    let cluster_wide = sealed("cluster-wide")?;
    // Each body would have the label that its item was sealed with, if names were simply joined.
    let attacks = [
        (
            "no namespace gives the cluster-wide label",
            body(&cluster_wide, Some(""), Some("b"), None),
        ),
        (
            "absent namespace, strict",
            body(&cluster_wide, None, Some("b"), None),
        ),
        ("nothing at all", body(&cluster_wide, None, None, None)),
        (
            "no namespace, namespace-wide",
            body(&cluster_wide, Some(""), None, Some(NAMESPACE_WIDE)),
        ),
        (
            "a/b as a namespace is a, b as strict",
            body(&strict, Some("a/b"), Some("x"), Some(NAMESPACE_WIDE)),
        ),
        (
            "an empty name gives the namespace",
            body(&namespace_wide, Some("a"), Some(""), None),
        ),
        (
            "a slash in the name",
            body(&strict, Some("a"), Some("b/"), None),
        ),
        (
            "a slash in the name of another namespace",
            body(&strict, Some(""), Some("a/b"), None),
        ),
        (
            "a slash in the namespace, strict",
            body(&strict, Some("a/b"), Some("b"), None),
        ),
    ];
    sentinel(
        scene.plane,
        controller,
        &fresh_namespace(scene.plane, "ordinary")?,
    )?;
    let before = controller.private_operations()?;
    for path in ["verify", "rotate"] {
        let url = format!("{}/v1/{path}", controller.url());
        for (attack, body) in &attacks {
            let (code, answer) = http::post(&url, body)?;
            assert_eq!(code, 400, "{path}, {attack}: {answer}");
        }
        // Nested deeper than any parser recurses.
        for deep in [
            "[".repeat(500_000),
            r#"{"a":"#.repeat(300_000),
            "- ".repeat(300_000),
        ] {
            let (code, answer) = http::post(&url, &deep)?;
            assert_eq!(code, 400, "{path}, deep: {answer}");
        }
    }
    assert_eq!(controller.private_operations()?, before);

    let ordinary = [
        ("strict", body(&strict, Some("a"), Some("b"), None)),
        (
            "namespace-wide",
            body(&namespace_wide, Some("a"), Some("c"), Some(NAMESPACE_WIDE)),
        ),
        (
            "cluster-wide",
            body(&cluster_wide, Some("d"), Some("e"), Some(CLUSTER_WIDE)),
        ),
        (
            "cluster-wide without a name",
            body(&cluster_wide, None, None, Some(CLUSTER_WIDE)),
        ),
    ];
    for path in ["verify", "rotate"] {
        for (case, body) in &ordinary {
            let (code, answer) = http::post(&format!("{}/v1/{path}", controller.url()), body)?;
            assert_eq!(code, 200, "{path}, {case}: {answer}");
        }
    }
    assert_eq!(
        controller.private_operations()? - before,
        (2 * ordinary.len()) as f64
    );
    scene.ensure_same_process()
}
