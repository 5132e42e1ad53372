//! Somebody writes or deletes the Lease.

use anyhow::ensure;
use serde_json::json;
use signet_harness::eventually;
use signet_tests::replicas::{holder, lease_path};
use signet_tests::signet::CAP;

use crate::scene::Scene;

#[test]
fn a_lease_that_is_deleted_is_made_again_by_its_leader() -> anyhow::Result<()> {
    let mut scene = Scene::new("deleted")?;
    let (leader, others) = scene.start(3, &[])?;
    let held = holder(scene.plane, &scene.namespace)?;
    let path = lease_path(&scene.namespace);
    for _ in 0..3 {
        let before = scene.plane.api().get(&path)?["metadata"]["uid"].clone();
        scene.plane.api().delete(&path)?;
        eventually("the Lease is there again", CAP, || {
            let found = scene.plane.api().find(&path).ok()??;
            (found["metadata"]["uid"] != before).then_some(())
        })?;
        assert_eq!(holder(scene.plane, &scene.namespace)?, held);
    }
    ensure!(leader.leads(), "it led");
    ensure!(!others.iter().any(|other| other.leads()), "two lead");
    scene.apply(&leader.controller, "db")?;
    scene.await_served("db")
}

#[test]
fn a_leader_whose_lease_is_taken_ends_and_another_one_follows_the_taker() -> anyhow::Result<()> {
    let mut scene = Scene::new("taken")?;
    let (mut leader, others) = scene.start(2, &[])?;
    let path = lease_path(&scene.namespace);
    let taken = json!({"spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 3, "renewTime": "2026-01-01T00:00:00.000000Z"}});
    scene.plane.api().merge_patch(&path, &taken)?;
    let status = leader.controller.process.wait(CAP)?;
    ensure!(status.code() == Some(1), "{status}");
    let log = leader.controller.process.log();
    ensure!(log.contains("somebody else holds it now"), "{log}");
    // It renews nothing, so its time is up some day.
    others[0].await_leading()?;
    scene.apply(&others[0].controller, "db")?;
    scene.await_served("db")
}
