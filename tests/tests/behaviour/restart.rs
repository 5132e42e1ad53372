//! What a restart does: nothing where nothing changed, and the right thing where something did (ARCHITECTURE.md
//! "In sync without work", "Failure classes").

use serde_json::json;
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::scene::{Solo, shown, version};

#[test]
fn a_restart_reads_no_object_writes_nothing_and_opens_nothing() -> anyhow::Result<()> {
    let mut solo = Solo::start("restart", &[])?;
    for n in 0..5 {
        solo.make(&format!("db-{n}"), &[("a", "1"), ("b", "2")])?;
    }
    // Negative answers are kept, too: no key opens the one, the Secret of the other is not ours.
    let mut lost = solo.sealed("lost", &[("k", "v")], &[])?;
    lost["spec"]["encryptedData"] =
        solo.sealed("other", &[("k", "v")], &[])?["spec"]["encryptedData"].clone();
    solo.apply(&lost)?;
    solo.reason("lost", "NoKey")?;
    solo.create_secret("foreign", &[("k", "theirs")], json!({}))?;
    solo.apply(&solo.sealed("foreign", &[("k", "v")], &[])?)?;
    solo.reason("foreign", "NotManaged")?;
    assert!(solo.controller.private_operations()? >= 11.0);

    solo.stop()?;
    let before = solo.plane.audit().mark()?;
    solo.begin_again(&[])?;
    solo.sentinel()?;
    let strangers: Vec<_> = solo
        .requests(before)?
        .iter()
        .filter(|r| !matches!(r.verb.as_str(), "list" | "watch"))
        .filter(|r| !r.name.starts_with("sentinel") && r.namespace == solo.namespace)
        // The name of a created object is in its body: the sentinel's.
        .filter(|r| !(r.verb == "create" && r.name.is_empty()))
        .map(|r| format!("{} {}", shown(r), r.name))
        .collect();
    assert_eq!(strangers, [""; 0]);
    let created = solo.requests(before)?;
    let created = created
        .iter()
        .filter(|r| r.verb == "create" && r.resource == "secrets");
    assert_eq!(created.count(), 2, "the sentinel's Secret, twice");
    assert_eq!(solo.controller.private_operations()?, 2.0);
    Ok(())
}

#[test]
fn what_changed_while_the_controller_was_down_is_put_right() -> anyhow::Result<()> {
    let mut solo = Solo::start("down", &[])?;
    for name in ["drifted", "deleted", "changed", "touched", "freed"] {
        solo.make(name, &[("k", "v")])?;
    }
    solo.delete_sealed("freed")?;
    solo.create_secret("kept", &[("k", "theirs")], json!({}))?;
    solo.apply(&solo.sealed("kept", &[("k", "v")], &[])?)?;
    solo.reason("kept", "NotManaged")?;
    solo.stop()?;
    let theirs = json!({"stringData": {"k": "drift"}, "metadata": {"labels": {"theirs": "1"}}});
    solo.edit_secret("drifted", &theirs)?;
    solo.delete_secret("deleted")?;
    solo.apply(&solo.sealed("changed", &[("k", "new")], &[])?)?;
    let touched = solo.edit_secret("touched", &json!({"metadata": {"labels": {"theirs": "1"}}}))?;
    solo.delete_secret("kept")?;
    solo.begin_again(&[])?;
    let drifted = solo.await_items("drifted", &[("k", "v")])?;
    // The SealedSecret did not change, so that labels of others stay.
    assert_eq!(drifted["metadata"]["labels"], json!({"theirs": "1"}));
    solo.await_items("deleted", &[("k", "v")])?;
    solo.await_items("changed", &[("k", "new")])?;
    solo.await_items("kept", &[("k", "v")])?;
    solo.sentinel()?;
    assert_eq!(version(&solo.secret("touched")?), version(&touched));
    for name in ["drifted", "deleted", "changed", "touched", "kept"] {
        solo.reason(name, "Unsealed")?;
    }
    Ok(())
}

#[test]
fn a_flag_that_changes_results_has_everything_judged_again() -> anyhow::Result<()> {
    let mut solo = Solo::start("flags", &[])?;
    let template = json!({"type": "helm.sh/release.v1"});
    solo.apply(&solo.sealed_as("release", &[("release", "v")], template)?)?;
    solo.reason("release", "TypeRefused")?;
    solo.stop()?;
    let other = ["--forbidden-secret-types=example.invalid/none"];
    solo.begin_again(&other)?;
    solo.reason("release", "Unsealed")?;
    solo.await_items("release", &[("release", "v")])?;
    // And the other way round: what stands is not taken away, but said.
    solo.stop()?;
    solo.begin_again(&[])?;
    solo.reason("release", "TypeRefused")?;
    eventually("the Secret stays", CAP, || solo.secret("release"))?;
    Ok(())
}

#[test]
fn what_is_changed_and_changed_back_is_said_of_the_newest_generation() -> anyhow::Result<()> {
    let mut solo = Solo::start("back", &[])?;
    let (one, two) = (
        solo.sealed("db", &[("k", "1")], &[])?,
        solo.sealed("db", &[("k", "2")], &[])?,
    );
    solo.apply(&one)?;
    solo.reason("db", "Unsealed")?;
    let secret = solo.secret("db")?;
    // The controller sees both changes at once.
    solo.controller.process.pause()?;
    let changed = solo.apply(&two).and_then(|_| solo.apply(&one));
    solo.controller.process.resume()?;
    changed?;
    let sealed = solo.reason("db", "Unsealed")?;
    assert_eq!(sealed["status"]["observedGeneration"], 3);
    solo.await_items("db", &[("k", "1")])?;
    // Or not at all.
    solo.stop()?;
    let before = solo.secret("db")?;
    solo.apply(&two)?;
    solo.apply(&one)?;
    solo.begin_again(&[])?;
    let sealed = solo.reason("db", "Unsealed")?;
    assert_eq!(sealed["status"]["observedGeneration"], 5);
    assert_eq!(version(&solo.secret("db")?), version(&before));
    assert_eq!(secret["metadata"]["uid"], before["metadata"]["uid"]);
    Ok(())
}
