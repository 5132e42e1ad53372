//! A status is a hint, never an authority (docs/trust.md row 5).

use serde_json::{Value, json};
use signet_harness::Component;

use crate::scene::{MANAGED, Solo, is_owned_by, version};

fn put_status(solo: &Solo, name: &str, status: &Value) -> anyhow::Result<()> {
    let mut object = solo.find_sealed(name)?.unwrap_or_default();
    object["status"] = status.clone();
    let path = format!("{}/status", solo.sealed_path(name));
    solo.plane.api().put(&path, &object).map(drop)
}

#[test]
fn a_status_of_another_object_suppresses_no_work() -> anyhow::Result<()> {
    let mut solo = Solo::start("copied", &[])?;
    let good = solo.make("good", &[("k", "v")])?;
    solo.stop()?;
    solo.apply(&solo.sealed("new", &[("k", "v")], &[])?)?;
    put_status(&solo, "new", &good["status"])?;
    solo.begin_again(&[])?;
    solo.await_items("new", &[("k", "v")])?;
    Ok(())
}

#[test]
fn a_status_of_a_predecessor_does_not_keep_its_secret_from_its_heir() -> anyhow::Result<()> {
    let mut solo = Solo::start("heir", &[])?;
    let sealed = solo.sealed("db", &[("k", "v")], &[])?;
    solo.apply(&sealed)?;
    let first = solo.reason("db", "Unsealed")?;
    solo.stop()?;
    // Spec, name and Secret are the same; the garbage collector would take the Secret if it were not adopted.
    solo.plane.pause(Component::ControllerManager)?;
    let adopted = (|| {
        solo.delete_sealed("db")?;
        let second = solo.apply(&sealed)?;
        put_status(&solo, "db", &first["status"])?;
        solo.begin_again(&[])?;
        solo.await_secret("the heir owns it", "db", |secret| {
            is_owned_by(secret, &second)
        })
    })();
    solo.plane.resume(Component::ControllerManager)?;
    adopted?;
    solo.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn an_old_status_of_the_same_object_suppresses_no_repair() -> anyhow::Result<()> {
    let mut solo = Solo::start("old", &[])?;
    let first = solo.make("db", &[("k", "1")])?;
    solo.make("db", &[("k", "2")])?;
    solo.stop()?;
    // Spec and status of the past, the Secret of today.
    let spec = &first["spec"];
    solo.edit_sealed("db", &json!({"spec": spec}))?;
    put_status(&solo, "db", &first["status"])?;
    solo.begin_again(&[])?;
    solo.await_items("db", &[("k", "1")])?;
    Ok(())
}

#[test]
fn a_status_that_claims_success_is_not_believed() -> anyhow::Result<()> {
    let mut solo = Solo::start("claims", &[])?;
    let good = solo.make("good", &[("k", "v")])?;
    let mut bad = solo.sealed("bad", &[("k", "v")], &[])?;
    bad["spec"]["encryptedData"]["k"] = "AAAA".into();
    solo.apply(&bad)?;
    let refused = solo.reason("bad", "NewerFormat")?;
    solo.stop()?;
    // Our tags with other words: the words are covered, too.
    let mut forged = refused["status"].clone();
    forged["conditions"] = good["status"]["conditions"].clone();
    put_status(&solo, "bad", &forged)?;
    let mut forged = good["status"].clone();
    forged["items"]["k"]["key"] = "0000000000000000".into();
    forged["conditions"][0]["message"] = "all is well".into();
    put_status(&solo, "good", &forged)?;
    solo.begin_again(&[])?;
    solo.reason("bad", "NewerFormat")?;
    solo.sentinel()?;
    let now = solo.reason("good", "Unsealed")?;
    assert!(now["status"]["conditions"][0]["message"].is_null(), "{now}");
    assert_eq!(now["status"]["items"], good["status"]["items"]);
    Ok(())
}

#[test]
fn no_status_seizes_a_secret_of_somebody_else() -> anyhow::Result<()> {
    let mut solo = Solo::start("seize", &[])?;
    // It was ours: the status has honest tags over this very Secret.
    let marks = json!({"annotations": {MANAGED: "true"}});
    solo.create_secret("db", &[("k", "theirs")], marks)?;
    let synced = solo.make("db", &[("k", "ours")])?;
    let theirs = solo.edit_secret(
        "db",
        &json!({"metadata": {"ownerReferences": null}, "stringData": {"k": "theirs again"}}),
    )?;
    solo.reason("db", "NotManaged")?;
    solo.stop()?;
    put_status(&solo, "db", &synced["status"])?;
    solo.begin_again(&[])?;
    solo.reason("db", "NotManaged")?;
    solo.apply(&solo.sealed("db", &[("k", "new")], &[])?)?;
    solo.reason("db", "NotManaged")?;
    solo.sentinel()?;
    assert_eq!(version(&solo.secret("db")?), version(&theirs));
    Ok(())
}

#[test]
fn an_unreadable_status_is_written_anew() -> anyhow::Result<()> {
    let mut solo = Solo::start("unreadable", &[])?;
    solo.make("db", &[("k", "v")])?;
    solo.stop()?;
    put_status(
        &solo,
        "db",
        &json!({"inputs": "x", "secret": "y", "conditions": [{"type": "Synced", "status": "Maybe"}], "items": {"k": {"key": "nonsense"}}}),
    )?;
    solo.begin_again(&[])?;
    solo.reason("db", "Unsealed")?;
    solo.await_items("db", &[("k", "v")])?;
    Ok(())
}
