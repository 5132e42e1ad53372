//! An API server that does not answer, or says "later": nothing is asked twice below the queue, and nobody waits for ever.

use anyhow::ensure;
use serde_json::json;
use signet_harness::proxy::{Fate, FaultProxy};
use signet_harness::upstream::{SERVICE, apply_upstream_rbac};
use signet_harness::{Options, eventually};
use signet_tests::signet::{CAP, SignetController, await_reason, sealed_path};
use signet_tests::{fresh_namespace, start};

use crate::batch::{create, seal_many};

const SYSTEM: &str = "kube-system";
/// In each of two namespaces; more than there are workers.
const OBJECTS: usize = 20;

#[test]
fn a_list_that_hangs_is_asked_for_again_and_objects_that_are_throttled_hold_no_worker()
-> anyhow::Result<()> {
    let plane = start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    apply_upstream_rbac(&plane, SYSTEM, SERVICE)?;
    let proxy = FaultProxy::start(&plane, 1)?;
    proxy.hold_up(Some("/v1alpha1/sealedsecrets?&limit=50"));
    let mut controller = SignetController::spawn_behind(&proxy, &plane, SYSTEM, &[])?;
    let told = "no answer in time";
    let line = controller.process.wait_for_line(told, CAP)?;
    ensure!(line.contains("watch interrupted; trying again"), "{line}");
    proxy.hold_up(None);
    let port = controller.port;
    let process = &mut controller.process;
    process.wait_for_http("127.0.0.1", port, "/readyz", CAP)?;

    let certificate = controller.certificate()?;
    let mut throttled = Vec::new();
    for stem in ["one", "two"] {
        throttled.push(fresh_namespace(&plane, stem)?);
    }
    let paths = throttled
        .iter()
        .map(|namespace| format!("/api/v1/namespaces/{namespace}/secrets"));
    let paths: Vec<_> = paths.collect();
    proxy.throttle(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    for namespace in &throttled {
        create(&plane, &seal_many(&certificate, namespace, "db", OBJECTS)?)?;
    }
    let innocent = fresh_namespace(&plane, "innocent")?;
    create(&plane, &seal_many(&certificate, &innocent, "db", 1)?)?;
    await_reason(&plane, &innocent, "db-0", "Unsealed")?;
    // Each of these was answered, and the status says so.
    for namespace in &throttled {
        await_reason(&plane, namespace, "db-0", "ApiUnavailable")?;
        let object = plane.api().get(&sealed_path(namespace, "db-0"))?;
        let message = &object["status"]["conditions"][0]["message"];
        ensure!(
            *message == json!("the API server cannot be used: 429 TooManyRequests"),
            "{message}"
        );
    }
    // A worker that is held sends again in the same turn.
    let log = controller.process.log();
    let answered = proxy.fates().get(&Fate::Answered).copied().unwrap_or(0);
    let turns = log.matches("Updating key=").count() as u64;
    println!("{answered} requests were throttled in at most {turns} turns");
    ensure!(
        answered > 0 && answered <= turns,
        "{answered} in {turns} turns"
    );
    proxy.throttle(&[]);
    eventually("they are served", CAP, || -> anyhow::Result<()> {
        for namespace in &throttled {
            await_reason(&plane, namespace, "db-19", "Unsealed")?;
        }
        Ok(())
    })
}
