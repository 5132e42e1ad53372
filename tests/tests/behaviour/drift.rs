//! `--repair`, and somebody who does not give in (ARCHITECTURE.md "Repair").

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{CAP, condition};

use crate::scene::{Scene, Solo, has_items, message, scene, verdicts, version};

#[test]
fn report_says_that_the_secret_drifted_and_leaves_it() -> anyhow::Result<()> {
    let solo = Solo::start("report", &["--repair=report"])?;
    solo.make("db", &[("k", "v")])?;
    let drifted = solo.edit_secret("db", &json!({"stringData": {"k": "drift"}}))?;
    let sealed = solo.says("db", "Drifted", "--repair=report")?;
    assert_eq!(
        verdicts(&sealed),
        ["Synced=False", "Ready=False", "Stalled=True"]
    );
    solo.sentinel()?;
    assert_eq!(version(&solo.secret("db")?), version(&drifted));

    // Put back by hand, it is in sync again, and says so.
    solo.edit_secret("db", &json!({"stringData": {"k": "v"}}))?;
    solo.reason("db", "Unsealed")?;
    // What is new in the SealedSecret is written in any mode, and a Secret that is gone is made again.
    solo.edit_secret("db", &json!({"stringData": {"k": "drift"}}))?;
    solo.reason("db", "Drifted")?;
    solo.make("db", &[("k", "new")])?;
    solo.await_items("db", &[("k", "new")])?;
    solo.delete_secret("db")?;
    solo.await_items("db", &[("k", "new")])?;
    Ok(())
}

#[test]
fn off_leaves_drift_and_says_nothing() -> anyhow::Result<()> {
    let solo = Solo::start("off", &["--repair=off"])?;
    let sealed = solo.make("db", &[("k", "v")])?;
    let before = solo.plane.audit().mark()?;
    let drifted = solo.edit_secret("db", &json!({"stringData": {"k": "drift"}}))?;
    solo.sentinel()?;
    assert_eq!(version(&solo.secret("db")?), version(&drifted));
    let now = solo.reason("db", "Unsealed")?;
    assert_eq!(now["status"]["conditions"], sealed["status"]["conditions"]);
    let writes: Vec<_> = solo
        .requests_about(before, "db")?
        .into_iter()
        .filter(|request| request.ends_with("secrets") && !request.starts_with("get"))
        .collect();
    assert_eq!(writes, [""; 0]);
    solo.make("db", &[("k", "new")])?;
    solo.await_items("db", &[("k", "new")])?;
    Ok(())
}

fn reason(scene: &Scene) -> Option<Value> {
    let object = scene.find_sealed("db").ok()??;
    Some(condition(&object, "Synced")?["reason"].clone())
}

/// Drifts after each repair until the controller says that it has had enough. Returns how often that was.
fn fight(scene: &Scene, drift: impl Fn(usize) -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let mut rounds = 0;
    eventually("a repair conflict", CAP, || {
        if reason(scene).is_some_and(|reason| reason == "RepairConflict") {
            return Ok(rounds);
        }
        let repaired = scene
            .find_secret("db")?
            .is_some_and(|secret| has_items(&secret, &[("k", "v")]));
        if repaired {
            drift(rounds)?;
            rounds += 1;
        }
        anyhow::bail!("{rounds} rounds")
    })
}

#[test]
fn somebody_who_edits_after_each_repair_meets_a_conflict_and_slower_repairs() -> anyhow::Result<()>
{
    let scene = scene("fight")?;
    let sealed = scene.make("db", &[("k", "v")])?;
    let rounds = fight(&scene, |round| {
        let value = format!("drift {round}");
        scene
            .edit_secret("db", &json!({"stringData": {"k": value}}))
            .map(drop)
    })?;
    // Three repairs at once, and the fourth drift waits.
    assert!(rounds >= 4, "{rounds}");
    let object = scene.reason("db", "RepairConflict")?;
    assert_eq!(
        verdicts(&object),
        ["Synced=Unknown", "Ready=Unknown", "Reconciling=True"]
    );
    assert!(message(&object).contains("again and again"), "{object}");
    let event = scene.await_event(&sealed, "ErrUpdateFailed")?;
    assert!(event.contains("again and again"), "{event}");
    // In the end the Secret is right.
    scene.await_items("db", &[("k", "v")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn somebody_who_deletes_after_each_repair_meets_a_conflict_too() -> anyhow::Result<()> {
    let scene = scene("deleter")?;
    scene.make("db", &[("k", "v")])?;
    let rounds = fight(&scene, |_| scene.delete_secret("db"))?;
    assert!(rounds >= 4, "{rounds}");
    scene.await_items("db", &[("k", "v")])?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_fighter_who_gives_in_and_puts_it_right_ends_the_conflict() -> anyhow::Result<()> {
    let scene = scene("peace")?;
    scene.make("db", &[("k", "v")])?;
    fight(&scene, |round| {
        let value = format!("drift {round}");
        scene
            .edit_secret("db", &json!({"stringData": {"k": value}}))
            .map(drop)
    })?;
    scene.edit_secret("db", &json!({"stringData": {"k": "v"}}))?;
    scene.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn a_change_of_the_sealed_secret_does_not_wait_for_the_end_of_a_conflict() -> anyhow::Result<()> {
    let scene = scene("conflict")?;
    scene.make("db", &[("k", "v")])?;
    fight(&scene, |round| {
        let value = format!("drift {round}");
        scene
            .edit_secret("db", &json!({"stringData": {"k": value}}))
            .map(drop)
    })?;
    scene.make("db", &[("k", "new")])?;
    scene.await_items("db", &[("k", "new")])?;
    Ok(())
}

#[test]
fn a_restart_forgets_neither_the_report_nor_whose_labels_are_there() -> anyhow::Result<()> {
    let mut solo = Solo::start("report-restart", &["--repair=report"])?;
    solo.make("db", &[("k", "v")])?;
    let theirs = json!({"stringData": {"k": "drift"}, "metadata": {"labels": {"theirs": "1"}}});
    solo.edit_secret("db", &theirs)?;
    solo.reason("db", "Drifted")?;
    solo.stop()?;
    let drifted = solo.edit_secret("db", &json!({"stringData": {"k": "further"}}))?;
    solo.begin_again(&["--repair=report"])?;
    solo.sentinel()?;
    solo.reason("db", "Drifted")?;
    assert_eq!(version(&solo.secret("db")?), version(&drifted));
    Ok(())
}

#[test]
fn a_restart_in_the_middle_of_a_conflict_keeps_labels_of_others() -> anyhow::Result<()> {
    let mut solo = Solo::start("fight-restart", &[])?;
    solo.make("db", &[("k", "v")])?;
    fight(&solo, |round| {
        let value = format!("drift {round}");
        let theirs = json!({"stringData": {"k": value}, "metadata": {"labels": {"theirs": "1"}}});
        solo.edit_secret("db", &theirs).map(drop)
    })?;
    solo.reason("db", "RepairConflict")?;
    solo.stop()?;
    solo.edit_secret("db", &json!({"stringData": {"k": "drift"}}))?;
    solo.begin_again(&[])?;
    let secret = solo.await_items("db", &[("k", "v")])?;
    assert_eq!(secret["metadata"]["labels"], json!({"theirs": "1"}));
    solo.reason("db", "Unsealed")?;
    Ok(())
}
