//! What a SealedSecret may contain, and what becomes of it: items, templates, metadata.

use anyhow::Context as _;
use serde_json::{Value, json};

use signet_tests::signet::sealed_path;

use crate::row::{Case, Row, differs, same};
use crate::side::Side;
use crate::specs::stranger;
use signet_tests::signet::merge;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("no items at all", |row| shaped(row, &[], json!({}))),
        same("an empty value", |row| shaped(row, &[("k", "")], json!({}))),
        same("a large value", large),
        same("base64 with line breaks", line_breaks),
        same("not base64", |row| broken(row, "not base64!")),
        same("too short", |row| broken(row, "AA==")),
        same("an empty ciphertext", |row| broken(row, "")),
        same("shorter than its key", |row| broken(row, "AgBB")),
        same("a blob of the reserved version", |row| {
            broken(row, "AAAAAAAAAAAA")
        }),
        same("one bad item among good ones", one_bad),
        differs(
            "an item name that no Secret can have",
            &["item-name"],
            bad_name,
        ),
        same("plain items of the template", |row| {
            shaped(row, &[], json!({"data": {"plain": "text"}}))
        }),
        same("plain and sealed items", |row| {
            shaped(row, &[("k", "v")], json!({"data": {"plain": "text"}}))
        }),
        same("a sealed item wins", |row| {
            shaped(row, &[("k", "sealed")], json!({"data": {"k": "plain"}}))
        }),
        same("an action in a template", |row| {
            shaped(row, &[("k", "v")], json!({"data": {"t": "k={{ .k }}"}}))
        }),
        same(
            "templates see each other's text, not what it gives",
            |row| {
                shaped(
                    row,
                    &[("k", "v")],
                    json!({"data": {"a": "{{ .k }}", "b": "a={{ .a }}", "c": "{{ .plain }}", "plain": "text"}}),
                )
            },
        ),
        same("a template and a sealed item of the same name", |row| {
            shaped(
                row,
                &[("k", "sealed")],
                json!({"data": {"k": "{{ upper .k }}", "t": "{{ .k }}"}}),
            )
        }),
        same("a template that names what is not there", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"data": {"t": "{{ .nope }}{{ index . \"no-pe\" }}"}}),
            )
        }),
        same("a template that does not parse", |row| {
            shaped(row, &[("k", "v")], json!({"data": {"t": "{{ .k "}}))
        }),
        same("a template that fails", |row| {
            shaped(row, &[("k", "v")], json!({"data": {"t": "{{ fail .k }}"}}))
        }),
        same("a template with a function that nobody has", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"data": {"t": "{{ env \"HOME\" }}"}}),
            )
        }),
        differs("a template that makes a key", &["templates"], |row| {
            shaped(
                row,
                &[],
                json!({"data": {"t": "{{ genPrivateKey \"ecdsa\" | trunc 10 }}"}}),
            )
        }),
        differs("null in a template", &["template-null"], null_item),
        same("data: null", |row| {
            shaped(row, &[("k", "v")], json!({"data": null}))
        }),
        same("metadata: null", |row| {
            shaped(row, &[("k", "v")], json!({"metadata": null}))
        }),
        same("no template", no_template),
        same("labels and annotations", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}),
            )
        }),
        same("finalizers", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"metadata": {"finalizers": ["example.com/f"]}}),
            )
        }),
        same("finalizers of an existing Secret stay", late_finalizers),
        same("name and namespace of the template are ignored", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"metadata": {"name": "other", "namespace": "other"}}),
            )
        }),
        same("ownerReferences of the template are ignored", |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"metadata": {"ownerReferences": [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": true}]}}),
            )
        }),
        same("another type", |row| {
            shaped(row, &[("k", "v")], json!({"type": "example.com/t"}))
        }),
        same("an empty type", |row| {
            shaped(row, &[("k", "v")], json!({"type": ""}))
        }),
        same("a type whose items are missing", |row| {
            shaped(row, &[("k", "v")], json!({"type": "kubernetes.io/tls"}))
        }),
        same("the type changes", change_type),
        differs(
            "without type over a typed Secret",
            &["template-without-type"],
            typeless_over_typed,
        ),
        differs(
            "immutable over an existing Secret",
            &["immutable-added"],
            immutable_later,
        ),
        differs("a service account's token", &["forbidden-types"], token),
        differs("a Helm release", &["forbidden-types"], |row| {
            shaped(row, &[("k", "v")], json!({"type": "helm.sh/release.v1"}))
        }),
        differs("a bootstrap token", &["forbidden-types"], |row| {
            shaped(
                row,
                &[("k", "v")],
                json!({"type": "bootstrap.kubernetes.io/token"}),
            )
        }),
        differs("a sealing key", &["sealing-key-refused"], |row| {
            let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
            shaped(
                row,
                &[("k", "v")],
                json!({"metadata": {"labels": {label: "retired"}}}),
            )
        }),
        differs("every condition", &["conditions"], all_conditions),
        differs(
            "another failure with the same verdict",
            &["new-message"],
            new_message,
        ),
    ]
}

/// Creates a SealedSecret with these items and this template.
fn shaped(row: &mut Row, items: &[(&str, &str)], template: Value) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        with_template(side, items, &template)
    })
}

fn with_template(side: &Side, items: &[(&str, &str)], template: &Value) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", items)?;
    merge(&mut sealed["spec"]["template"], template.clone());
    Ok(sealed)
}

/// Sent as it is: server-side apply would drop the null.
fn null_item(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        let sealed = with_template(
            side,
            &[("k", "v"), ("l", "w")],
            &json!({"data": {"l": null, "m": "text"}}),
        )?;
        let path = sealed_path(&side.namespace, "");
        side.plane.api().post(path.trim_end_matches('/'), &sealed)?;
        side.processed("db")
    })?;
    row.look("created", "db")
}

fn large(row: &mut Row) -> anyhow::Result<()> {
    let text = "x".repeat(200_000);
    shaped(row, &[("k", &text)], json!({}))
}

fn line_breaks(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        let text = sealed["spec"]["encryptedData"]["k"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let (a, b) = text.split_at(76);
        sealed["spec"]["encryptedData"]["k"] = json!(format!("{a}\r\n{b}\n"));
        Ok(sealed)
    })
}

fn broken(row: &mut Row, text: &str) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[])?;
        sealed["spec"]["encryptedData"] = json!({"k": text});
        Ok(sealed)
    })
}

fn one_bad(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("a", "1"), ("b", "2")])?;
        sealed["spec"]["encryptedData"]["c"] = json!("?");
        sealed["spec"]["encryptedData"]["d"] = json!(stranger(256));
        Ok(sealed)
    })?;
    row.compare("which items are named", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        let message = sealed["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned();
        Ok(json!({"no key could decrypt secret (d)": message.contains("no key could decrypt secret (d)")}))
    })
}

fn bad_name(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[])?;
        let value = side.value(signet_common::Scope::Strict, &side.namespace, "db", b"v")?;
        sealed["spec"]["encryptedData"] = json!({"a/b": value});
        Ok(sealed)
    })
}

fn no_template(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]
            .as_object_mut()
            .context("an object")?
            .remove("template");
        Ok(sealed)
    })
}

fn late_finalizers(row: &mut Row) -> anyhow::Result<()> {
    shaped(
        row,
        &[("k", "v")],
        json!({"metadata": {"finalizers": ["example.com/f"]}}),
    )?;
    row.apply("without the finalizer", "db", |side| {
        side.sealed("db", &[("k", "w")])
    })
}

fn change_type(row: &mut Row) -> anyhow::Result<()> {
    shaped(row, &[("k", "v")], json!({"type": "example.com/a"}))?;
    row.apply("changed", "db", |side| {
        with_template(side, &[("k", "v")], &json!({"type": "example.com/b"}))
    })
}

fn typeless_over_typed(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        let metadata =
            json!({"annotations": {crate::specs::MANAGED: "true", crate::specs::PATCH: "true"}});
        side.make_secret(
            "db",
            &[("old", "1")],
            json!({"type": "example.com/t", "metadata": metadata}),
        )
    })?;
    row.apply("patched", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["template"] = json!({});
        Ok(sealed)
    })
}

fn immutable_later(row: &mut Row) -> anyhow::Result<()> {
    shaped(row, &[("k", "v")], json!({}))?;
    row.apply("immutable", "db", |side| {
        with_template(side, &[("k", "w")], &json!({"immutable": true}))
    })
}

fn token(row: &mut Row) -> anyhow::Result<()> {
    let annotations = json!({"kubernetes.io/service-account.name": "default"});
    let template = json!({"type": "kubernetes.io/service-account-token", "metadata": {"annotations": annotations}});
    row.each(|side| {
        side.apply(&with_template(side, &[("k", "v")], &template)?)
            .map(drop)
    })?;
    row.each(|side| side.processed("db"))?;
    // Kubernetes adds a token of its own to the Secret.
    row.compare("made", |side| Ok(json!(side.find_secret("db")?.is_some())))
}

fn all_conditions(row: &mut Row) -> anyhow::Result<()> {
    shaped(row, &[("k", "v")], json!({}))?;
    row.compare("conditions", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        let conditions = sealed["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(conditions
            .iter()
            .map(|one| json!([one["type"], one["status"], one["reason"]]))
            .collect())
    })
}

fn new_message(row: &mut Row) -> anyhow::Result<()> {
    let is_new = |side: &Side| -> anyhow::Result<bool> {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        let message = sealed["status"]["conditions"][0]["message"].as_str();
        Ok(message.is_some_and(|text| text.contains("is not managed by SealedSecret")))
    };
    broken(row, "not base64!")?;
    row.each(|side| {
        side.make_secret("db", &[], json!({}))?;
        side.settled("db", || is_new(side))
    })?;
    row.compare("the message", |side| Ok(json!(is_new(side)?)))
}
