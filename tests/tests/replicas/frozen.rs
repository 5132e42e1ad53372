//! A leader that sleeps past its Lease (SIGSTOP) and wakes with work in its hands. What cannot be had, and what holds the
//! line, is in docs/decisions/0008-fencing.md.

use anyhow::ensure;
use signet_harness::eventually;
use signet_harness::proxy::{Fate, FaultProxy};
use signet_harness::upstream::{SERVICE, apply_upstream_rbac};
use signet_tests::replicas::{Replica, SHORT_LEASE, SHORT_LEASE_LASTS, grant_lease, holder};
use signet_tests::signet::{CAP, SignetController, sealed_path, secret_path};

use crate::scene::Scene;

const OBJECTS: usize = 60;

/// Applies many objects without waiting for any.
fn apply_many(scene: &Scene, by: &Replica, stem: &str) -> anyhow::Result<Vec<String>> {
    let names: Vec<_> = (0..OBJECTS).map(|n| format!("{stem}-{n}")).collect();
    for name in &names {
        scene.apply(&by.controller, name)?;
    }
    Ok(names)
}

fn await_loss(replica: &mut Replica) -> anyhow::Result<()> {
    let process = &mut replica.controller.process;
    let status = process.wait(CAP)?;
    ensure!(status.code() == Some(1), "{status}");
    let log = process.log();
    ensure!(log.contains("the Lease was lost"), "{}", process.log_tail());
    Ok(())
}

#[test]
fn a_leader_that_slept_past_its_lease_changes_nothing_when_it_wakes() -> anyhow::Result<()> {
    let mut scene = Scene::new("frozen")?;
    let (mut leader, others) = scene.start(2, &[])?;
    let other = &others[0];
    let first = holder(scene.plane, &scene.namespace)?;
    // It stops in the middle of these.
    let mut names = apply_many(&scene, other, "early")?;
    leader.controller.process.pause()?;
    names.extend(apply_many(&scene, other, "late")?);
    other.await_leading()?;
    for name in &names {
        scene.await_served(name)?;
    }
    let versions = |scene: &Scene| -> anyhow::Result<Vec<_>> {
        let version = |name: &String| scene.resource_version(name);
        names.iter().map(version).collect()
    };
    let before = versions(&scene)?;
    let second = holder(scene.plane, &scene.namespace)?;
    ensure!(first != second, "{second} took over from itself");

    let marker = scene.plane.audit().mark()?;
    leader.controller.process.resume()?;
    await_loss(&mut leader)?;
    let written = scene.writes(marker, &leader)?;
    // Requests that were on the wire when it stopped are answered when it wakes; one that was cut short is none (504).
    let (stored, refused): (Vec<_>, Vec<_>) = written.iter().partition(|record| record.code < 300);
    let shown: Vec<_> = refused.iter().map(|record| record.summary()).collect();
    println!(
        "{} objects; after it woke, {} writes of the old leader were stored, and refused: {shown:?}",
        names.len(),
        stored.len()
    );
    // An event of something that it did before it slept is true, and has no precondition.
    ensure!(
        stored.iter().all(|record| record.resource == "events"),
        "{stored:?}"
    );
    assert_eq!(versions(&scene)?, before);
    assert_eq!(holder(scene.plane, &scene.namespace)?, second);
    scene.apply(&other.controller, "last")?;
    scene.await_served("last")
}

#[test]
fn a_leader_that_slept_past_its_lease_writes_nothing_although_nobody_took_over()
-> anyhow::Result<()> {
    let mut scene = Scene::new("alone")?;
    let (mut leader, _) = scene.start(1, &[])?;
    scene.apply(&leader.controller, "before")?;
    scene.await_served("before")?;
    let certificate = leader.controller.certificate()?;
    leader.controller.process.pause()?;
    let clear = |name: &str| signet_tests::signet::secret(&scene.namespace, name, &[("k", name)]);
    for number in 0..OBJECTS {
        let clear = clear(&format!("new-{number}"));
        let sealed = signet_tests::signet::seal(&certificate, &clear, &[])?;
        signet_tests::signet::apply(scene.plane, &sealed)?;
    }
    await_end_of_the_lease(&scene)?;
    let marker = scene.plane.audit().mark()?;
    leader.controller.process.resume()?;
    await_loss(&mut leader)?;
    let written = scene.writes(marker, &leader)?;
    ensure!(written.is_empty(), "{written:?}");
    // The next process does it.
    let next = scene.spawn(&[])?;
    next.await_leading()?;
    for number in 0..OBJECTS {
        scene.await_served(&format!("new-{number}"))?;
    }
    Ok(())
}

#[test]
fn what_the_server_put_off_is_not_sent_by_a_leader_that_slept_past_its_lease() -> anyhow::Result<()>
{
    const PUT_OFF: usize = 8;
    let mut scene = Scene::new("put-off")?;
    let (plane, namespace) = (scene.plane, scene.namespace.clone());
    apply_upstream_rbac(plane, &namespace, SERVICE)?;
    grant_lease(plane, &namespace, SERVICE)?;
    let proxy = FaultProxy::start(plane, 1)?;
    let arguments = [&["--all-namespaces=false"][..], &SHORT_LEASE[..]].concat();
    let mut leader = Replica {
        controller: SignetController::spawn_behind(&proxy, plane, &namespace, &arguments)?,
        account: SERVICE.to_owned(),
    };
    leader.await_ready()?;
    leader.await_leading()?;
    let mut other = scene.spawn(&[])?;
    other.await_ready()?;

    proxy.throttle(&[&format!("/api/v1/namespaces/{namespace}/secrets")]);
    let names: Vec<_> = (0..PUT_OFF).map(|n| format!("db-{n}")).collect();
    for name in &names {
        scene.apply(&other.controller, name)?;
    }
    eventually("each was put off", CAP, || {
        let answered = proxy.fates().get(&Fate::Answered).copied();
        answered.is_some_and(|answered| answered >= PUT_OFF as u64)
    })?;
    leader.controller.process.pause()?;
    other.await_leading()?;
    for name in &names {
        scene.await_served(name)?;
        plane.api().delete(&sealed_path(&namespace, name))?;
    }
    eventually("the Secrets are gone", CAP, || {
        names.iter().all(|name| {
            let path = secret_path(&namespace, name);
            // Garbage collection may be faster.
            let _ = plane.api().delete(&path);
            plane.api().find(&path).is_ok_and(|found| found.is_none())
        })
    })?;

    let marker = plane.audit().mark()?;
    proxy.throttle(&[]);
    leader.controller.process.resume()?;
    await_loss(&mut leader)?;
    let mut written = scene.writes(marker, &leader)?;
    written.retain(|record| record.resource != "events");
    ensure!(written.is_empty(), "{written:?}");
    Ok(())
}

/// Awaits that a lease that is renewed no more has run out by anybody's clock.
fn await_end_of_the_lease(scene: &Scene) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let held = || holder(scene.plane, &scene.namespace);
    let first = held()?;
    eventually("the lease has run out", CAP, || {
        held().is_ok_and(|now| now == first) && began.elapsed() > SHORT_LEASE_LASTS
    })
}
