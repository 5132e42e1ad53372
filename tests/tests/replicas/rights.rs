//! Without the rights for Leases, which upstream's permissions do not have.

use anyhow::ensure;
use signet_harness::upstream::apply_upstream_rbac;
use signet_tests::replicas::{LEASE, Replica, grant_lease, holder};
use signet_tests::signet::{CAP, SignetController};

use crate::scene::Scene;

#[test]
fn under_upstreams_permissions_it_works_as_the_only_replica_and_says_so_once() -> anyhow::Result<()>
{
    let scene = Scene::new("upstreams")?;
    let (plane, namespace) = (scene.plane, &scene.namespace);
    apply_upstream_rbac(plane, namespace, LEASE)?;
    let own = ["--all-namespaces=false"];
    let controller = SignetController::start_process(plane, namespace, &own)?;
    scene.apply(&controller, "db")?;
    scene.await_served("db")?;
    let log = controller.process.log();
    let said = log.matches("running as the only replica").count();
    assert_eq!(said, 1, "{log}");
    assert_eq!(controller.metric("signet_leader")?, 1.0);
    assert_eq!(holder(plane, namespace)?, "");
    Ok(())
}

#[test]
fn with_the_rights_required_a_missing_one_is_an_error_that_names_it() -> anyhow::Result<()> {
    let scene = Scene::new("required")?;
    let (plane, namespace) = (scene.plane, &scene.namespace);
    apply_upstream_rbac(plane, namespace, LEASE)?;
    let own = ["--all-namespaces=false", "--leader-elect"];
    let mut controller = SignetController::spawn(plane, namespace, LEASE, &own)?;
    let status = controller.process.wait(CAP)?;
    ensure!(status.code() == Some(1), "{status}");
    let log = controller.process.log();
    let named = format!("grant create, and get and update on {LEASE}, for leases");
    ensure!(log.contains(&named), "{log}");

    // As a person reads it, and does it.
    grant_lease(plane, namespace, LEASE)?;
    let mut replica = Replica::spawn(plane, namespace, LEASE, &own)?;
    replica.await_ready()?;
    replica.await_leading()
}

#[test]
fn times_that_contradict_each_other_are_an_error() -> anyhow::Result<()> {
    let scene = Scene::new("times")?;
    let (plane, namespace) = (scene.plane, &scene.namespace);
    apply_upstream_rbac(plane, namespace, LEASE)?;
    let own = ["--leader-elect-lease-duration=5s"];
    let mut controller = SignetController::spawn(plane, namespace, LEASE, &own)?;
    let status = controller.process.wait(CAP)?;
    ensure!(status.code() == Some(1), "{status}");
    let log = controller.process.log();
    ensure!(log.contains("must be more than"), "{log}");
    Ok(())
}
