//! Which existing Secrets are written, and what stays in them.

use serde_json::{Value, json};

use crate::row::{Case, Row, differs, same};
use crate::side::Side;
use crate::specs::{MANAGED, PATCH};

const SKIP: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("a Secret that is not managed", |row| over(row, json!({}))),
        same("managed: TRUE is not managed", |row| {
            over(row, json!({MANAGED: "TRUE"}))
        }),
        same("managed: false is not managed", |row| {
            over(row, json!({MANAGED: "false"}))
        }),
        same("patch: TRUE is not patched", |row| {
            over(row, json!({PATCH: "TRUE"}))
        }),
        same("a Secret that something else controls", controlled),
        same(
            "patch: an item that is removed stays",
            patch_removes_nothing,
        ),
        same(
            "patch: labels and annotations of the template are merged",
            patch_metadata,
        ),
        differs(
            "patch: the template's managed annotation",
            &["patch-metadata"],
            patch_steers,
        ),
        same(
            "managed: the annotation of the template stays",
            managed_stays,
        ),
        same("managed, and changed later", managed_then_changed),
        differs("not managed, and released later", &["retries"], released),
        differs(
            "not managed, and annotated later",
            &["retries"],
            annotated_later,
        ),
        differs(
            "skip-set-owner-references",
            &["skip-set-owner-references"],
            |row| skip(row, json!({SKIP: "true"}), None),
        ),
        same("skip-set-owner-references and managed", |row| {
            skip(row, json!({SKIP: "true", MANAGED: "true"}), None)
        }),
        same("skip-set-owner-references: TRUE", |row| {
            skip(row, json!({SKIP: "TRUE"}), None)
        }),
        same(
            "skip-set-owner-references with an owner of its own",
            |row| skip(row, json!({SKIP: "true", MANAGED: "true"}), Some(json!({}))),
        ),
        differs(
            "skip-set-owner-references with a controller of its own",
            &["steering-owners"],
            |row| {
                skip(
                    row,
                    json!({SKIP: "true", MANAGED: "true"}),
                    Some(json!({"controller": true})),
                )
            },
        ),
        differs("the Secret's values are edited", &["repair"], |row| {
            edited(row, json!({"data": {"k": "aGFja2Vk"}}))
        }),
        differs("the Secret's label is removed", &["repair"], |row| {
            edited(row, json!({"metadata": {"labels": {"ours": null}}}))
        }),
        same("somebody adds a label and an annotation", |row| {
            edited(
                row,
                json!({"metadata": {"labels": {"theirs": "x"}, "annotations": {"theirs": "y"}}}),
            )
        }),
        same(
            "labels of others go when the SealedSecret changes",
            foreign_labels_go,
        ),
        differs(
            "the Secret's owner is removed",
            &["status-follows-secret"],
            |row| edited(row, json!({"metadata": {"ownerReferences": null}})),
        ),
    ]
}

fn labelled(side: &Side, value: &str) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", &[("k", value)])?;
    sealed["spec"]["template"]["metadata"] =
        json!({"labels": {"ours": "1"}, "annotations": {"ours": "1"}});
    Ok(sealed)
}

/// A Secret by hand with these annotations, then a SealedSecret of its name.
fn over(row: &mut Row, annotations: Value) -> anyhow::Result<()> {
    row.each(|side| {
        let metadata = json!({"labels": {"theirs": "x"}, "annotations": annotations.clone()});
        side.make_secret(
            "db",
            &[("k", "old"), ("other", "1")],
            json!({"metadata": metadata}),
        )
    })?;
    row.apply("over an existing Secret", "db", |side| {
        labelled(side, "new")
    })
}

fn controlled(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": side.namespace}});
        let owner = side.apply(&map)?;
        let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": true});
        side.make_secret("db", &[("k", "old")], json!({"metadata": {"ownerReferences": [reference]}}))
    })?;
    row.apply("over a controlled Secret", "db", |side| {
        labelled(side, "new")
    })
}

fn patch_removes_nothing(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({PATCH: "true"}))?;
    row.apply("with another item", "db", |side| {
        side.sealed("db", &[("l", "w")])
    })
}

fn patch_metadata(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({PATCH: "true", "ours": "0", "theirs": "y"}))?;
    row.apply("changed", "db", |side| labelled(side, "newer"))
}

fn patch_steers(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        side.make_secret(
            "db",
            &[("k", "old")],
            json!({"metadata": {"annotations": {PATCH: "true"}}}),
        )
    })?;
    row.apply("patched", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "new")])?;
        sealed["spec"]["template"]["metadata"] = json!({"annotations": {MANAGED: "true"}});
        Ok(sealed)
    })
}

fn managed_stays(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        side.make_secret(
            "db",
            &[("k", "old")],
            json!({"metadata": {"annotations": {MANAGED: "true"}}}),
        )
    })?;
    row.apply("taken over", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "new")])?;
        sealed["spec"]["template"]["metadata"] = json!({"annotations": {MANAGED: "true"}});
        Ok(sealed)
    })
}

fn managed_then_changed(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({MANAGED: "true"}))?;
    row.apply("changed", "db", |side| labelled(side, "newer"))?;
    row.each(|side| side.recreated("db"))?;
    row.look("deleted", "db")
}

fn released(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({}))?;
    row.each(|side| {
        side.given_up("db")?;
        side.delete_secret("db")?;
        match side.is_signet() {
            true => side.await_secret("db", |_| true).map(drop),
            false => side.sentinel("sentinel"),
        }
    })?;
    row.look("the name is free", "db")
}

fn annotated_later(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({}))?;
    row.each(|side| {
        side.given_up("db")?;
        side.edit_secret(
            "db",
            &json!({"metadata": {"annotations": {MANAGED: "true"}}}),
        )?;
        side.sentinel("sentinel")
    })?;
    row.look("managed now", "db")?;
    row.apply("and changed", "db", |side| labelled(side, "newer"))
}

/// A template with these annotations and perhaps an owner, with these fields besides.
fn skip(row: &mut Row, annotations: Value, owner: Option<Value>) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut metadata = json!({"annotations": annotations});
        if let Some(fields) = &owner {
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": side.namespace}});
            let map = side.apply(&map)?;
            let mut owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": map["metadata"]["uid"]});
            signet_tests::signet::merge(&mut owner, fields.clone());
            metadata["ownerReferences"] = json!([owner]);
        }
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["template"]["metadata"] = metadata;
        Ok(sealed)
    })
}

fn edited(row: &mut Row, patch: Value) -> anyhow::Result<()> {
    row.apply("created", "db", |side| labelled(side, "v"))?;
    row.each(|side| {
        side.edit_secret("db", &patch)?;
        side.sentinel("sentinel")
    })?;
    row.look("edited", "db")
}

fn foreign_labels_go(row: &mut Row) -> anyhow::Result<()> {
    edited(
        row,
        json!({"metadata": {"labels": {"theirs": "x"}, "annotations": {"theirs": "y"}}}),
    )?;
    row.apply("changed", "db", |side| labelled(side, "w"))
}
