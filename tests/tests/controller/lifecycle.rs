//! The end of SealedSecrets and Secrets, and what comes after.

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{CAP, sealed_path};

use crate::observe::secret;
use crate::row::{Case, Row, differs, same};
use crate::side::Side;

const SKIP: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
const MANAGED: &str = "sealedsecrets.bitnami.com/managed";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("the SealedSecret is deleted", deleted),
        same(
            "the SealedSecret of an unowned Secret is deleted",
            deleted_unowned,
        ),
        same("a label of the SealedSecret changes", relabelled),
        same("a failing SealedSecret is put right", put_right),
        differs(
            "the Secret is deleted while the SealedSecret is terminating",
            &["terminating"],
            terminating,
        ),
    ]
}

/// Rows during which garbage collection stands still.
pub(crate) fn without_garbage_collection() -> Vec<Case> {
    vec![
        differs(
            "the SealedSecret is made again over the Secret of its predecessor",
            &["adopted-by-successor"],
            successor,
        ),
        same(
            "without --old-gc-behavior the Secret is left to garbage collection",
            left_to_collector,
        ),
    ]
}

fn create(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| side.sealed("db", &[("k", "v")]))
}

fn gone(side: &Side, name: &str) -> anyhow::Result<()> {
    eventually("no Secret", CAP, || {
        side.find_secret(name).is_ok_and(|found| found.is_none())
    })
}

fn deleted(row: &mut Row) -> anyhow::Result<()> {
    create(row)?;
    row.each(|side| {
        side.delete_sealed("db")?;
        gone(side, "db")
    })?;
    row.look("deleted", "db")
}

fn deleted_unowned(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["template"]["metadata"] =
            json!({"annotations": {SKIP: "true", MANAGED: "true"}});
        Ok(sealed)
    })?;
    row.each(|side| {
        side.delete_sealed("db")?;
        side.sentinel("sentinel")
    })?;
    row.look("deleted", "db")
}

fn relabelled(row: &mut Row) -> anyhow::Result<()> {
    create(row)?;
    row.each(|side| {
        side.edit_sealed(
            "db",
            &json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}),
        )?;
        side.sentinel("sentinel")
    })?;
    row.look("relabelled", "db")
}

fn put_right(row: &mut Row) -> anyhow::Result<()> {
    row.apply("broken", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["encryptedData"]["k"] = json!("?");
        Ok(sealed)
    })?;
    create(row)?;
    row.apply("broken again", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["spec"]["encryptedData"]["k"] = json!("?");
        Ok(sealed)
    })
}

fn terminating(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[("k", "v")])?;
        sealed["metadata"]["finalizers"] = json!(["example.com/f"]);
        Ok(sealed)
    })?;
    row.each(|side| {
        side.delete_sealed("db")?;
        side.sentinel("before")?;
        side.delete_secret("db")?;
        side.sentinel("after")
    })?;
    row.compare("the Secret", |side| secret(side, "db"))?;
    row.each(|side| side.edit_sealed("db", &json!({"metadata": {"finalizers": null}})))
}

fn uid(object: &Value) -> Value {
    object["metadata"]["uid"].clone()
}

fn successor(row: &mut Row) -> anyhow::Result<()> {
    create(row)?;
    row.each(|side| {
        let before = side.find_sealed("db")?.unwrap_or_default();
        side.delete_sealed("db")?;
        eventually("the SealedSecret is gone", CAP, || {
            let found = side.plane.api().find(&sealed_path(&side.namespace, "db"));
            found.is_ok_and(|found| found.is_none_or(|now| uid(&now) != uid(&before)))
        })
    })?;
    create(row)
}

fn left_to_collector(row: &mut Row) -> anyhow::Result<()> {
    create(row)?;
    row.each(|side| {
        side.delete_sealed("db")?;
        side.sentinel("sentinel")
    })?;
    row.compare("the Secret", |side| secret(side, "db"))
}
