//! What is fuzzed. Each target says in its head what must hold of every input.

pub mod blob;
pub mod certificate;
pub mod documents;
pub mod files;
pub mod key_secret;
pub mod requests;
pub mod sealed_secret;
pub mod template;
pub mod yaml_edit;

use anyhow::Context;
use serde_json::{Value, json};
use signet_common::{Scope, SealTarget};

use crate::Target;
use crate::fake::KEYS;

/// All targets.
pub const TARGETS: &[Target] = &[
    blob::TARGET,
    certificate::TARGET,
    key_secret::TARGET,
    sealed_secret::TARGET,
    documents::TARGET,
    files::TARGET,
    requests::TARGET,
    template::TARGET,
    yaml_edit::TARGET,
];

/// Stands in values that no error may repeat.
const CANARY: &str = "canary-4711";

/// Words of Kubernetes objects.
const OBJECT_WORDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "template",
    "data",
    "stringData",
    "encryptedData",
    "items",
    "List",
    "Secret",
    "SealedSecret",
    "name",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "type",
    "immutable",
    "status",
    "sealedsecrets.bitnami.com/cluster-wide",
    "sealedsecrets.bitnami.com/namespace-wide",
    "sealedsecrets.bitnami.com/skip-set-owner-references",
    "true",
    "null",
    "~",
    "{{",
    "}}",
    "{{ .a }}",
    "\\u007b\\u007b",
    "---\n",
    "\n...\n",
    "&a ",
    "*a",
    "!!str ",
    "!!binary ",
    "|-\n",
    ">+\n",
    "? ",
    ": ",
    "- ",
    "# ",
    "\t",
    "\r\n",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{1f600}",
    "<<: ",
    "%YAML 1.2\n---\n",
    "yes",
    "no",
    ".inf",
    ".nan",
    "2001-01-01",
    "0o17",
];

/// SealedSecrets that open with the faked keys: three scopes, one old key, a template, and the deprecated blob.
fn sealed_objects() -> Vec<Value> {
    let text = |key: usize, scope, value: &str| {
        let target = SealTarget::new(scope, "ns", "db").expect("plain names");
        KEYS[key].seal(&target, value.as_bytes()).to_base64()
    };
    let object = |annotations: Value, spec: Value| {
        json!({
            "kind": "SealedSecret", "apiVersion": "bitnami.com/v1alpha1",
            "metadata": {"name": "db", "namespace": "ns", "annotations": annotations}, "spec": spec,
        })
    };
    let template = json!({
        "metadata": {"labels": {"a": CANARY}, "annotations": {}, "finalizers": ["x/y"]}, "type": "Opaque",
        "immutable": false, "data": {"t": "{{ .a | upper }}", "plain": CANARY, "gone": null},
    });
    let v1 = json!({"metadata": {"labels": {"a": "b"}}, "data": {"a": "eA=="}}).to_string();
    vec![
        object(
            json!(null),
            json!({"template": template, "encryptedData": {
                "a": text(1, Scope::Strict, CANARY), "c": text(0, Scope::Strict, "old"),
            }}),
        ),
        object(
            json!({"sealedsecrets.bitnami.com/namespace-wide": "true"}),
            json!({"encryptedData": {
                "a": text(1, Scope::NamespaceWide, ""),
            }}),
        ),
        object(
            json!({"sealedsecrets.bitnami.com/cluster-wide": "true"}),
            json!({"encryptedData": {
                "a": text(0, Scope::ClusterWide, CANARY), "b": text(1, Scope::ClusterWide, "new"),
            }}),
        ),
        object(json!({}), json!({"data": text(0, Scope::Strict, &v1)})),
        object(
            json!({}),
            json!({"encryptedData": {"a": "AAA=", "b": "no base64", "c": text(1, Scope::Strict, "x")}}),
        ),
    ]
}

/// An object whose items are short and open with no key.
fn with_short_items(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(items) = object["spec"]["encryptedData"].as_object_mut() {
        items.values_mut().for_each(|text| *text = json!("AAA="));
    }
    object
}

/// Whether the canary stands nowhere that may be repeated: kinds, versions, and names of fields and items.
fn holds_canary_in_values_only(value: &Value) -> bool {
    fn in_names(value: &Value) -> bool {
        match value {
            Value::Object(map) => map
                .iter()
                .any(|(name, inner)| name.contains(CANARY) || in_names(inner)),
            Value::Array(items) => items.iter().any(in_names),
            _ => false,
        }
    }
    let shown = ["kind", "apiVersion"].map(|field| value[field].as_str().unwrap_or_default());
    !shown.iter().any(|text| text.contains(CANARY)) && !in_names(value)
}

/// Targets that find something at once, to show that the driver sees it.
const PLANTED: &[Target] = &[
    planted("planted-panic", |_| panic!("as planted")),
    planted("planted-overflow", |data| {
        std::hint::black_box(overflow(data, 1));
    }),
    planted("planted-hang", |data| {
        while std::hint::black_box(data).len() < usize::MAX {
            std::hint::spin_loop();
        }
    }),
];

const fn planted(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        name,
        run,
        seeds: Vec::new,
        words: &[],
        longest: 64,
        executions: 1,
    }
}

fn overflow(data: &[u8], depth: usize) -> usize {
    let room = std::hint::black_box([depth; 128]);
    if depth == usize::MAX {
        data.len()
    } else {
        overflow(data, depth + 1) + room[1]
    }
}

/// The target of this name, or the names that there are.
pub(crate) fn find(name: &str) -> anyhow::Result<&'static Target> {
    let mut all = TARGETS.iter().chain(PLANTED);
    all.find(|target| target.name == name).with_context(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no target {name}; there are {}", names.join(", "))
    })
}
