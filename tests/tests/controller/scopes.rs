//! Which annotation decides what a value was sealed for.

use serde_json::{Value, json};
use signet_common::Scope;

use crate::row::{Case, Row, differs, same};
use crate::side::Side;

const CLUSTER: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE: &str = "sealedsecrets.bitnami.com/namespace-wide";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("both scope annotations, sealed cluster-wide", |row| {
            annotated(
                row,
                Scope::ClusterWide,
                json!({CLUSTER: "true", NAMESPACE: "true"}),
            )
        }),
        same("both scope annotations, sealed namespace-wide", |row| {
            annotated(
                row,
                Scope::NamespaceWide,
                json!({CLUSTER: "true", NAMESPACE: "true"}),
            )
        }),
        same("cluster-wide: TRUE", |row| {
            annotated(row, Scope::ClusterWide, json!({CLUSTER: "TRUE"}))
        }),
        same("cluster-wide: TRUE, sealed strict", |row| {
            annotated(row, Scope::Strict, json!({CLUSTER: "TRUE"}))
        }),
        same("namespace-wide: 1", |row| {
            annotated(row, Scope::NamespaceWide, json!({NAMESPACE: "1"}))
        }),
        same("cluster-wide: false, namespace-wide: true", |row| {
            annotated(
                row,
                Scope::NamespaceWide,
                json!({CLUSTER: "false", NAMESPACE: "true"}),
            )
        }),
        same("the annotation is missing", |row| {
            annotated(row, Scope::ClusterWide, json!({}))
        }),
        same("sealed strict, said to be cluster-wide", |row| {
            annotated(row, Scope::Strict, json!({CLUSTER: "true"}))
        }),
        same("the template's annotation does not count", template_only),
        differs(
            "the annotation comes later",
            &["scope-annotation-change"],
            later,
        ),
    ]
}

fn sealed(side: &Side, scope: Scope, annotations: &Value) -> anyhow::Result<Value> {
    let mut sealed = side.sealed_as(scope, "db", &[("k", "v")])?;
    sealed["metadata"]["annotations"] = annotations.clone();
    Ok(sealed)
}

fn annotated(row: &mut Row, scope: Scope, annotations: Value) -> anyhow::Result<()> {
    row.apply("created", "db", |side| sealed(side, scope, &annotations))
}

fn template_only(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = sealed(side, Scope::ClusterWide, &json!({}))?;
        sealed["spec"]["template"]["metadata"] = json!({"annotations": {CLUSTER: "true"}});
        Ok(sealed)
    })
}

fn later(row: &mut Row) -> anyhow::Result<()> {
    annotated(row, Scope::ClusterWide, json!({}))?;
    row.each(|side| {
        side.given_up("db")?;
        side.edit_sealed(
            "db",
            &json!({"metadata": {"annotations": {CLUSTER: "true"}}}),
        )?;
        side.sentinel("sentinel")
    })?;
    row.look("annotated", "db")
}
