//! What was refused for a reason that time can change is tried again also by a process that did not refuse it.

use anyhow::ensure;
use serde_json::json;
use signet_harness::eventually;
use signet_tests::signet::{CAP, apply, await_reason, seal_all, secret};

use crate::scene::Scene;

/// Their turns are spread over a quarter of an hour: of so many, one comes within seconds.
const OBJECTS: usize = 300;

#[test]
fn objects_that_the_api_server_found_invalid_are_tried_again_after_a_kill() -> anyhow::Result<()> {
    let mut scene = Scene::new("refused")?;
    let (mut leader, _) = scene.start(1, &[])?;
    let name = |number: usize| format!("invalid-{number}");
    let clear: Vec<_> = (0..OBJECTS)
        .map(|number| secret(&scene.namespace, &name(number), &[("k", "v")]))
        .collect();
    let mut sealed = seal_all(&leader.controller.certificate()?, &clear)?;
    for object in &mut sealed {
        object["spec"]["template"]["type"] = json!("kubernetes.io/dockerconfigjson");
        apply(scene.plane, object)?;
    }
    for number in 0..OBJECTS {
        await_reason(
            scene.plane,
            &scene.namespace,
            &name(number),
            "SecretInvalid",
        )?;
    }
    leader.controller.process.kill()?;

    // It stands by until the Lease of the one that was killed has run out.
    let mut successor = scene.spawn(&[])?;
    successor.await_ready()?;
    successor.await_leading()?;
    let tried = || {
        successor
            .controller
            .metric("signet_reconciles_total{result=\"SecretInvalid\"}")
    };
    eventually("one is tried again", CAP, || {
        tried().is_ok_and(|count| count > 0.0)
    })?;
    ensure!(tried()? < OBJECTS as f64, "all at once");
    Ok(())
}
