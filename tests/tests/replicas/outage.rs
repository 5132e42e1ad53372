//! The API server is away for longer than the Lease.

use anyhow::ensure;
use signet_harness::{Component, Options};
use signet_tests::replicas::{Replica, SHORT_LEASE, await_leader};
use signet_tests::signet::{CAP, apply, await_items, seal, secret};
use signet_tests::{fresh_namespace, start};

#[test]
fn a_leader_that_cannot_renew_ends_and_another_one_works_when_the_api_is_back() -> anyhow::Result<()>
{
    let plane = start(Options::default())?;
    let namespace = fresh_namespace(&plane, "outage")?;
    let mut replicas = Vec::new();
    for account in ["one", "two"] {
        replicas.push(Replica::spawn(&plane, &namespace, account, &SHORT_LEASE)?);
    }
    replicas.iter_mut().try_for_each(Replica::await_ready)?;
    let mut leader = replicas.remove(await_leader(&replicas)?);
    let mut other = replicas.remove(0);
    let certificate = other.controller.certificate()?;
    plane.kill(Component::ApiServer)?;
    let status = leader.controller.process.wait(CAP)?;
    ensure!(status.code() == Some(1), "{status}");
    let log = leader.controller.process.log();
    ensure!(log.contains("it could not be renewed in time"), "{log}");
    // Who stands by has nothing to lose, and still answers.
    ensure!(other.controller.process.is_running(), "it ended");
    assert_eq!(other.controller.certificate()?, certificate);

    plane.start_component(Component::ApiServer)?;
    let sealed = seal(&certificate, &secret(&namespace, "db", &[("k", "v")]), &[])?;
    apply(&plane, &sealed)?;
    await_items(&plane, &namespace, "db", &[("k", "v")])?;
    other.await_leading()?;
    // The kubelet starts the old one again, with another name.
    drop(leader);
    let mut again = Replica::spawn(&plane, &namespace, "one", &SHORT_LEASE)?;
    again.await_ready()?;
    ensure!(!again.leads() && other.leads(), "two lead");
    ensure!(other.controller.process.is_running(), "it ended");
    Ok(())
}
