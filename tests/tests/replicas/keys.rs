//! Two rivals never make two keys (docs/decisions/0006-names-of-key-secrets.md).

use anyhow::ensure;
use signet_harness::upstream::apply_upstream_rbac;
use signet_tests::replicas::key_secrets;
use signet_tests::signet::{CAP, SignetController};

use crate::scene::Scene;

/// Races at least, each in a namespace of its own.
const RACES: usize = 4;
/// Races at most, until two have asked for the same name: on a busy machine one may be first by far.
const MOST_RACES: usize = 40;

#[test]
fn controllers_without_a_lease_that_race_for_the_first_key_make_one() -> anyhow::Result<()> {
    let (mut collisions, mut races) = (0, 0);
    while races < RACES || (collisions == 0 && races < MOST_RACES) {
        races += 1;
        let scene = Scene::new("race")?;
        let (plane, namespace) = (scene.plane, &scene.namespace);
        let accounts = ["rival-1", "rival-2", "rival-3"];
        for account in accounts {
            apply_upstream_rbac(plane, namespace, account)?;
        }
        let own = ["--all-namespaces=false", "--leader-elect=off"];
        let mut rivals = Vec::new();
        for account in accounts {
            rivals.push(SignetController::spawn(plane, namespace, account, &own)?);
        }
        for rival in &mut rivals {
            let port = rival.port;
            rival
                .process
                .wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
        }
        let certificates: Vec<_> = rivals
            .iter()
            .map(SignetController::certificate)
            .collect::<Result<_, _>>()?;
        ensure!(
            certificates.iter().all(|one| *one == certificates[0]),
            "they hand out different certificates"
        );
        let keys = key_secrets(plane, namespace)?;
        assert_eq!(keys.len(), 1, "{namespace}");
        let name = keys[0]["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(
            name.starts_with("sealed-secrets-key-") && name.ends_with("-1"),
            "{name}"
        );
        let asked = plane.audit().since(signet_harness::Marker::START)?;
        collisions += asked
            .iter()
            .filter(|record| record.namespace == *namespace && record.code == 409)
            .count();
    }
    println!("{races} races of 3 for the first key: {collisions} collisions, 1 key each");
    ensure!(collisions > 0, "nobody raced");
    Ok(())
}

#[test]
fn replicas_that_start_together_make_one_key() -> anyhow::Result<()> {
    let mut scene = Scene::new("together")?;
    let (leader, others) = scene.start(3, &[])?;
    assert_eq!(key_secrets(scene.plane, &scene.namespace)?.len(), 1);
    for other in &others {
        assert_eq!(
            other.controller.certificate()?,
            leader.controller.certificate()?
        );
    }
    Ok(())
}
