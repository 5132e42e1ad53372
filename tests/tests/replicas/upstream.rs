//! Upstream's controller beside this one: it takes no Lease.

use anyhow::ensure;
use signet_harness::upstream::UpstreamController;
use signet_harness::{Options, eventually};
use signet_tests::signet::{CAP, SignetController, apply, await_items, await_reason, seal, secret};
use signet_tests::{fresh_namespace, start};

/// Objects that both controllers see at the same time.
const OBJECTS: usize = 5;

#[test]
fn upstreams_controller_beside_this_one_is_told_loudly_and_once() -> anyhow::Result<()> {
    // Both serve all namespaces.
    let plane = start(Options::default())?;
    let [namespace, home, other] = ["beside", "ours", "theirs"].map(|s| fresh_namespace(&plane, s));
    let (namespace, home, other) = (namespace?, home?, other?);
    let ours = SignetController::start(&plane, &home, &[])?;
    let certificate = ours.certificate()?;
    let serve = |stem: &str| -> anyhow::Result<()> {
        let name = |number| format!("{stem}-{number}");
        for number in 0..OBJECTS {
            let clear = secret(&namespace, &name(number), &[("k", "v")]);
            apply(&plane, &seal(&certificate, &clear, &[])?)?;
        }
        (0..OBJECTS).try_for_each(|number| {
            await_items(&plane, &namespace, &name(number), &[("k", "v")])?;
            await_reason(&plane, &namespace, &name(number), "Unsealed").map(drop)
        })
    };
    serve("alone")?;
    let foreign = || ours.metric("signet_foreign_statuses_total");
    assert_eq!(foreign()?, 0.0, "nobody else is there");

    // It has keys of its own, and says of each object that it cannot open it.
    let upstream = UpstreamController::start(&plane, &other, &[])?;
    eventually("upstream's status was seen", CAP, || {
        foreign().is_ok_and(|count| count > 0.0)
    })?;
    serve("together")?;
    let log = ours.process.log();
    let said = log.matches("another controller serves the same SealedSecrets");
    ensure!(said.count() == 1, "{log}");
    println!(
        "{} statuses were written by upstream's controller",
        foreign()?
    );
    drop(upstream);
    // The last word is ours.
    for number in 0..OBJECTS {
        await_reason(&plane, &namespace, &format!("alone-{number}"), "Unsealed")?;
    }
    Ok(())
}
