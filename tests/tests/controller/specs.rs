//! The specs of upstream's own integration tests: `integration/controller_test.go`.

use serde_json::{Value, json};
use signet_common::Scope;

use crate::row::{Case, Row, differs, same};
use crate::side::Side;
use signet_tests::signet::merge;

pub(crate) const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
pub(crate) const PATCH: &str = "sealedsecrets.bitnami.com/patch";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("create", create),
        same("update", update),
        same("an item is renamed", rename_item),
        same("an item is added", add_item),
        same("an existing Secret that is managed", managed),
        same(
            "an existing Secret that is managed and patched",
            managed_and_patched,
        ),
        same("an existing Secret that is patched", patched),
        same("patching a Secret without data and labels", patch_empty),
        same("an owned Secret is deleted", delete_owned),
        same("a managed Secret without owner is deleted", delete_managed),
        differs(
            "somebody else's Secret is deleted",
            &["foreign-secret-gone"],
            delete_foreign,
        ),
        differs(
            "a patched Secret is deleted",
            &["foreign-secret-gone"],
            delete_patched,
        ),
        same("sealed with a key of 1024 bits that nobody has", |row| {
            wrong_key(row, 128)
        }),
        same("sealed with a key of 2048 bits that nobody has", |row| {
            wrong_key(row, 256)
        }),
        same("an update that nobody can open", wrong_key_update),
        same("type dockerconfigjson", docker),
        same("an immutable Secret is made", immutable),
        same("an immutable Secret is to be changed", change_immutable),
        same("strict, another name", |row| {
            moved(row, Scope::Strict, "other", false)
        }),
        same("strict, another namespace", |row| {
            moved(row, Scope::Strict, "db", true)
        }),
        same("cluster-wide, another name", |row| {
            moved(row, Scope::ClusterWide, "other", false)
        }),
        same("cluster-wide, another namespace", |row| {
            moved(row, Scope::ClusterWide, "db", true)
        }),
        same("namespace-wide, another name", |row| {
            moved(row, Scope::NamespaceWide, "other", false)
        }),
        same("namespace-wide, another namespace", |row| {
            moved(row, Scope::NamespaceWide, "db", true)
        }),
    ]
}

fn labelled(side: &Side) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", &[("foo", "bar")])?;
    sealed["spec"]["template"]["metadata"] = json!({"labels": {"mylabel": "myvalue"}});
    Ok(sealed)
}

fn create(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    row.compare("times", |side| {
        let sealed = side.find_sealed("db")?.unwrap_or_default();
        let condition = &sealed["status"]["conditions"][0];
        Ok(json!({
            "first": condition["type"],
            "once": condition["lastUpdateTime"] == condition["lastTransitionTime"],
        }))
    })
}

fn update(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    row.apply("updated", "db", |side| {
        let mut sealed = labelled(side)?;
        merge(
            &mut sealed["spec"],
            side.sealed("db", &[("foo", "bar1")])?["spec"].clone(),
        );
        Ok(sealed)
    })?;
    row.apply("updated again, without the label", "db", |side| {
        side.sealed("db", &[("foo", "bar2")])
    })
}

fn rename_item(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    row.apply("renamed", "db", |side| {
        side.sealed("db", &[("foo2", "bar")])
    })
}

fn add_item(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| side.sealed("db", &[("foo", "bar")]))?;
    row.apply("added", "db", |side| {
        side.sealed("db", &[("foo", "bar"), ("foo2", "bar2")])
    })?;
    row.apply("removed", "db", |side| {
        side.sealed("db", &[("foo2", "bar2")])
    })
}

/// A Secret by hand with these annotations, then a SealedSecret of its name.
fn over(row: &mut Row, annotations: Value) -> anyhow::Result<()> {
    row.each(|side| {
        let metadata = json!({"labels": {"anotherlabel": "x", "mylabel": "theirs"}, "annotations": annotations.clone()});
        side.make_secret("db", &[("foo", "old"), ("foo2", "bar2")], json!({"metadata": metadata}))
    })?;
    row.apply("over an existing Secret", "db", labelled)
}

fn managed(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({MANAGED: "true", "a": "b"}))
}

fn managed_and_patched(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({MANAGED: "true", PATCH: "true", "a": "b"}))
}

fn patched(row: &mut Row) -> anyhow::Result<()> {
    over(row, json!({PATCH: "true", "a": "b"}))
}

fn patch_empty(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        side.make_secret(
            "db",
            &[],
            json!({"metadata": {"annotations": {PATCH: "true"}}}),
        )
    })?;
    row.apply("over an empty Secret", "db", labelled)
}

fn delete_owned(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    row.each(|side| side.recreated("db"))?;
    row.look("made again", "db")?;
    row.each(|side| side.recreated("db"))?;
    row.look("and again", "db")
}

fn delete_managed(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    row.each(|side| {
        let without =
            json!({"metadata": {"annotations": {MANAGED: "true"}, "ownerReferences": null}});
        side.edit_secret("db", &without)?;
        side.recreated("db")
    })?;
    row.look("made again", "db")
}

fn delete_other(row: &mut Row, annotations: Value, fails: bool) -> anyhow::Result<()> {
    over(row, annotations)?;
    if fails {
        row.each(|side| side.given_up("db"))?;
    }
    row.each(|side| side.delete_secret("db"))?;
    // Later than the moment in which upstream's spec looks: Signet lets the name rest for two seconds.
    row.each(|side| match side.is_signet() {
        true => side.await_secret("db", |_| true).map(drop),
        false => side.sentinel("sentinel"),
    })?;
    row.look("after the deletion", "db")
}

fn delete_foreign(row: &mut Row) -> anyhow::Result<()> {
    delete_other(row, json!({}), true)
}

fn delete_patched(row: &mut Row) -> anyhow::Result<()> {
    delete_other(row, json!({PATCH: "true"}), false)
}

/// A value of the right shape under a key of this many bytes that nobody has.
pub(crate) fn stranger(length: usize) -> String {
    use base64::Engine as _;
    let framed = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let mut bytes = framed.to_vec();
    bytes.resize(2 + length + 32, 0x41);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn wrong_key(row: &mut Row, length: usize) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[])?;
        sealed["spec"]["encryptedData"] = json!({"foo": stranger(length)});
        Ok(sealed)
    })
}

fn wrong_key_update(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", labelled)?;
    wrong_key(row, 256)?;
    row.apply("put right", "db", labelled)
}

fn docker(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| {
        let mut sealed = side.sealed("db", &[(".dockerconfigjson", "{\"auths\":{}}")])?;
        sealed["spec"]["template"]["type"] = json!("kubernetes.io/dockerconfigjson");
        Ok(sealed)
    })
}

fn frozen(side: &Side, value: &str) -> anyhow::Result<Value> {
    let mut sealed = side.sealed("db", &[("foo", value)])?;
    sealed["spec"]["template"]["immutable"] = json!(true);
    Ok(sealed)
}

fn immutable(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| frozen(side, "bar"))
}

fn change_immutable(row: &mut Row) -> anyhow::Result<()> {
    row.apply("created", "db", |side| frozen(side, "bar"))?;
    row.apply("changed", "db", |side| frozen(side, "bar2"))?;
    row.compare("the event's words", |side| {
        let events = side.events("db")?;
        Ok(json!(events.iter().any(|(_, text)| {
            text.contains("the target Secret is immutable")
        })))
    })
}

/// Sealed for `db` here, used under another name or, with `elsewhere`, sealed for another namespace.
fn moved(row: &mut Row, scope: Scope, name: &str, elsewhere: bool) -> anyhow::Result<()> {
    row.apply("used elsewhere", name, |side| {
        let mut sealed = side.sealed_as(scope, name, &[])?;
        let namespace = if elsewhere {
            "somewhere-else"
        } else {
            side.namespace.as_str()
        };
        let value = side.value(scope, namespace, "db", b"bar")?;
        sealed["spec"]["encryptedData"] = json!({"foo": value});
        Ok(sealed)
    })
}
