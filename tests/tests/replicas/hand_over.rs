//! The leader works and the others stand by; when it goes, another one takes over.

use anyhow::ensure;
use signet_harness::process::Signal;
use signet_harness::{Marker, eventually};
use signet_tests::replicas::{Replica, await_leader, holder, key_secrets};
use signet_tests::signet::CAP;

use crate::scene::Scene;

#[test]
fn one_of_three_works_and_the_others_only_answer() -> anyhow::Result<()> {
    let mut scene = Scene::new("three")?;
    let (leader, others) = scene.start(3, &[])?;
    scene.apply(&leader.controller, "db")?;
    scene.await_served("db")?;
    let certificate = leader.controller.certificate()?;
    for other in &others {
        assert_eq!(other.controller.certificate()?, certificate);
        let known = || other.controller.metric("signet_sealedsecrets");
        eventually("the other one knows the object", CAP, || {
            known().is_ok_and(|known| known == 1.0)
        })?;
        assert_eq!(other.controller.private_operations()?, 0.0);
        let written = scene.writes(Marker::START, other)?;
        ensure!(written.is_empty(), "it wrote {written:?}");
    }
    let by_leader = scene.writes(Marker::START, &leader)?;
    let count = |resource: &str| by_leader.iter().filter(|r| r.resource == resource).count();
    // The root, the key and the Secret; the status; the event.
    assert_eq!(
        ["secrets", "sealedsecrets", "events"].map(count),
        [3, 1, 1],
        "{by_leader:?}"
    );
    assert_eq!(key_secrets(scene.plane, &scene.namespace)?.len(), 1);
    Ok(())
}

#[test]
fn after_a_kill_another_one_takes_over_and_serves_what_came_meanwhile() -> anyhow::Result<()> {
    let mut scene = Scene::new("kill")?;
    let (mut leader, others) = scene.start(3, &[])?;
    scene.apply(&leader.controller, "before")?;
    scene.await_served("before")?;
    let untouched = scene.resource_version("before")?;
    leader.controller.process.kill()?;
    scene.apply(&others[0].controller, "meanwhile")?;
    scene.await_served("meanwhile")?;
    let next = &others[await_leader(&others)?];
    assert_eq!(others.iter().filter(|other| other.leads()).count(), 1);
    assert_eq!(scene.resource_version("before")?, untouched);
    // One item: nothing was opened again.
    assert_eq!(next.controller.private_operations()?, 1.0);
    assert_eq!(next.controller.metric("signet_lease_transitions")?, 1.0);
    Ok(())
}

#[test]
fn a_leader_that_is_told_to_end_hands_over_at_once() -> anyhow::Result<()> {
    let mut scene = Scene::new("term")?;
    // Nobody would wait for the end of this lease.
    let times = [
        "--leader-elect-lease-duration=1h",
        "--leader-elect-renew-deadline=50m",
    ];
    let (mut leader, mut others) = scene.start(2, &times)?;
    let first = holder(scene.plane, &scene.namespace)?;
    scene.apply(&leader.controller, "before")?;
    scene.await_served("before")?;
    let status = leader.controller.process.terminate(CAP)?;
    ensure!(status.success(), "{status}");
    let next = others.remove(0);
    next.await_leading()?;
    let second = holder(scene.plane, &scene.namespace)?;
    ensure!(second != first, "{second} holds it still");
    scene.apply(&next.controller, "after")?;
    scene.await_served("after")?;
    // The same name, a moment later: it stands by until the other one ends.
    let mut third = scene.spawn(&times)?;
    third.await_ready()?;
    ensure!(!third.leads() && next.leads(), "two lead");
    Ok(())
}

#[test]
fn a_replica_that_stands_by_ends_without_a_word_about_the_lease() -> anyhow::Result<()> {
    let mut scene = Scene::new("standby")?;
    let (leader, mut others) = scene.start(2, &[])?;
    let held = holder(scene.plane, &scene.namespace)?;
    let status = others[0].controller.process.terminate(CAP)?;
    ensure!(status.success(), "{status}");
    assert_eq!(holder(scene.plane, &scene.namespace)?, held);
    ensure!(leader.leads(), "it led");
    Ok(())
}

#[test]
fn a_new_key_of_the_leader_is_handed_out_by_all() -> anyhow::Result<()> {
    let mut scene = Scene::new("renewal")?;
    let (mut leader, mut others) = scene.start(3, &[])?;
    let first = leader.controller.certificate()?;
    // Who stands by makes none.
    others[0].controller.process.signal(Signal::USR1)?;
    let process = &mut others[0].controller.process;
    process.wait_for_line("this replica stands by", CAP)?;
    assert_eq!(key_secrets(scene.plane, &scene.namespace)?.len(), 1);

    leader.controller.process.signal(Signal::USR1)?;
    let renewed = |replica: &Replica| {
        let now = replica.controller.certificate();
        now.ok().filter(|now| *now != first)
    };
    let second = eventually("a new key", CAP, || renewed(&leader))?;
    for other in &others {
        let handed_out = eventually("all hand it out", CAP, || renewed(other))?;
        assert_eq!(handed_out, second);
    }
    assert_eq!(key_secrets(scene.plane, &scene.namespace)?.len(), 2);
    Ok(())
}
