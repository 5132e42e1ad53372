//! The deprecated field `spec.data`: a whole Secret in one blob.

use serde_json::{Value, json};
use signet_common::Scope;

use crate::row::{Case, Row, differs, same};
use crate::side::Side;
use signet_tests::signet::merge;

const SKIP: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
const MANAGED: &str = "sealedsecrets.bitnami.com/managed";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("V1: a Secret", |row| blob(row, json!({}), json!({}))),
        same("V1: type, labels, annotations", |row| {
            let metadata = json!({"labels": {"a": "b"}, "annotations": {"c": "d"}});
            blob(
                row,
                json!({"type": "example.com/t", "metadata": metadata}),
                json!({}),
            )
        }),
        same(
            "V1: name, namespace and owners of the blob do not count",
            |row| {
                let owners = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": true}]);
                blob(
                    row,
                    json!({"metadata": {"name": "other", "namespace": "other", "ownerReferences": owners}}),
                    json!({}),
                )
            },
        ),
        same("V1: immutable", |row| {
            blob(row, json!({"immutable": true}), json!({}))
        }),
        differs("V1: stringData", &["v1-string-data"], |row| {
            blob(row, json!({"stringData": {"b": "text"}}), json!({}))
        }),
        same("V1: the template does not count", |row| {
            let template = json!({"type": "example.com/t", "metadata": {"labels": {"a": "b"}}, "data": {"plain": "x"}});
            blob(row, json!({}), template)
        }),
        same("V1: skip-set-owner-references in the template", |row| {
            blob(
                row,
                json!({"metadata": {"annotations": {MANAGED: "true"}}}),
                json!({"metadata": {"annotations": {SKIP: "true"}}}),
            )
        }),
        same("V1: skip-set-owner-references in the blob", |row| {
            blob(
                row,
                json!({"metadata": {"annotations": {MANAGED: "true", SKIP: "true"}}}),
                json!({}),
            )
        }),
        same("V1: finalizers", |row| {
            blob(
                row,
                json!({"metadata": {"finalizers": ["example.com/f"]}}),
                json!({}),
            )
        }),
        same("V1: cluster-wide", cluster_wide),
        same("V1: sealed for another name", other_name),
        same("V1: a blob of one byte", |row| raw(row, "AA==")),
        same("V1: nobody has the key", |row| {
            raw(row, &crate::specs::stranger(256))
        }),
        same("V1: not a Secret", |row| text(row, "not JSON")),
        same("V1: another kind", |row| {
            text(
                row,
                r#"{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"b"}}"#,
            )
        }),
        same("V1: no kind", |row| text(row, r#"{"data":{"a":"eA=="}}"#)),
        same("V1: beside items", beside_items),
        same("V1: changed into items", into_items),
        same("V1: over a patched Secret", over_patched),
        differs(
            "V1: a service account's token",
            &["forbidden-types"],
            |row| {
                let metadata =
                    json!({"annotations": {"kubernetes.io/service-account.name": "default"}});
                blob(
                    row,
                    json!({"type": "kubernetes.io/service-account-token", "metadata": metadata}),
                    json!({}),
                )
            },
        ),
        differs("V1: a sealing key", &["sealing-key-refused"], |row| {
            let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
            blob(
                row,
                json!({"metadata": {"labels": {label: "retired"}}}),
                json!({}),
            )
        }),
        differs(
            "V1: an item name that no Secret can have",
            &["item-name"],
            |row| blob(row, json!({"data": {"a/b": "eA=="}}), json!({})),
        ),
    ]
}

/// The object around a sealed text.
pub(crate) fn around(side: &Side, sealed_text: &str, template: &Value) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": side.namespace},
        "spec": {"data": sealed_text, "encryptedData": {}, "template": template},
    })
}

/// A Secret with `rest` merged over it, sealed as one blob.
pub(crate) fn secret_blob(side: &Side, rest: &Value, template: &Value) -> anyhow::Result<Value> {
    let mut secret = json!({
        "kind": "Secret", "apiVersion": "v1",
        "metadata": {"name": "db", "namespace": side.namespace, "creationTimestamp": null},
        "data": {"k": "dg=="},
    });
    merge(&mut secret, rest.clone());
    let text = side.value(
        Scope::Strict,
        &side.namespace,
        "db",
        secret.to_string().as_bytes(),
    )?;
    Ok(around(side, &text, template))
}

fn blob(row: &mut Row, rest: Value, template: Value) -> anyhow::Result<()> {
    row.apply("created", "db", |side| secret_blob(side, &rest, &template))
}

fn text(row: &mut Row, clear: &str) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let sealed = side.value(Scope::Strict, &side.namespace, "db", clear.as_bytes())?;
        Ok(around(side, &sealed, &json!({})))
    })
}

fn raw(row: &mut Row, sealed: &str) -> anyhow::Result<()> {
    row.apply("created", "db", |side| Ok(around(side, sealed, &json!({}))))
}

fn cluster_wide(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let clear =
            json!({"kind": "Secret", "apiVersion": "v1", "data": {"k": "dg=="}}).to_string();
        let sealed = side.value(Scope::ClusterWide, "", "", clear.as_bytes())?;
        let mut object = around(side, &sealed, &json!({}));
        object["metadata"]["annotations"] =
            json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
        Ok(object)
    })
}

fn other_name(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let clear =
            json!({"kind": "Secret", "apiVersion": "v1", "data": {"k": "dg=="}}).to_string();
        let sealed = side.value(Scope::Strict, &side.namespace, "other", clear.as_bytes())?;
        Ok(around(side, &sealed, &json!({})))
    })
}

fn beside_items(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut object = secret_blob(side, &json!({}), &json!({}))?;
        object["spec"]["encryptedData"] =
            side.sealed("db", &[("k", "v")])?["spec"]["encryptedData"].clone();
        Ok(object)
    })?;
    row.compare("the message", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        Ok(sealed["status"]["conditions"][0]["message"].clone())
    })
}

fn into_items(row: &mut Row) -> anyhow::Result<()> {
    blob(row, json!({}), json!({}))?;
    row.apply("changed", "db", |side| side.sealed("db", &[("k", "w")]))
}

fn over_patched(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        let annotations = json!({crate::specs::PATCH: "true"});
        side.make_secret(
            "db",
            &[("other", "1")],
            json!({"metadata": {"annotations": annotations}}),
        )
    })?;
    blob(row, json!({"type": "Opaque"}), json!({}))
}
