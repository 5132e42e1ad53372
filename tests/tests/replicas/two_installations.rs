//! Two installations of this controller that serve the same objects, each with keys of its own.

use anyhow::ensure;
use signet_harness::{Marker, Options, eventually};
use signet_tests::signet::{
    CAP, SignetController, apply, await_items, await_reason, events, seal, sealed_path, secret,
    sentinel,
};
use signet_tests::{fresh_namespace, start};

/// Of both objects together, as many as two controllers may need until each has said its word.
const FEW: usize = 10;

#[test]
fn two_installations_with_keys_of_their_own_agree_after_a_few_statuses() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let [namespace, here, there, own] =
        ["fought-over", "here", "there", "own"].map(|stem| fresh_namespace(&plane, stem));
    let (namespace, own) = (namespace?, own?);
    let installations = [
        SignetController::start(&plane, &here?, &[])?,
        SignetController::start(&plane, &there?, &[])?,
    ];
    let begin = plane.audit().mark()?;
    let mut uids = Vec::new();
    for (name, installation) in ["a", "b"].into_iter().zip(&installations) {
        let clear = secret(&namespace, name, &[("k", name)]);
        let applied = apply(&plane, &seal(&installation.certificate()?, &clear, &[])?)?;
        uids.push(
            applied["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    for installation in &installations {
        eventually("the other one was noticed", CAP, || {
            installation
                .metric("signet_foreign_statuses_total")
                .is_ok_and(|count| count > 0.0)
        })?;
        sentinel(&plane, installation, &own)?;
    }
    for name in ["a", "b"] {
        await_items(&plane, &namespace, name, &[("k", name)])?;
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    // Whatever the last status asked for has been done when this is.
    for installation in &installations {
        sentinel(&plane, installation, &own)?;
    }
    let written = |since: Marker| -> anyhow::Result<usize> {
        let records = plane.audit().since(since)?;
        let statuses = records.iter().filter(|record| {
            record.namespace == namespace
                && record.subresource == "status"
                && record.verb == "update"
                && record.code == 200
        });
        Ok(statuses.count())
    };
    let statuses = written(begin)?;
    let mut told = 0;
    for uid in &uids {
        told += events(&plane, &namespace, uid)?.len();
    }
    println!("{statuses} statuses and {told} events for two objects of two installations");
    ensure!(statuses <= FEW, "{statuses} statuses");
    ensure!(told <= FEW, "{told} events");

    let quiet = plane.audit().mark()?;
    for installation in &installations {
        sentinel(&plane, installation, &own)?;
        let log = installation.process.log();
        let said = log.matches("another controller serves the same SealedSecrets");
        ensure!(said.count() == 1, "{log}");
    }
    ensure!(written(quiet)? == 0, "they go on");
    for name in ["a", "b"] {
        let object = plane.api().get(&sealed_path(&namespace, name))?;
        ensure!(
            object["status"]["conditions"][0]["reason"] == "Unsealed",
            "{object}"
        );
    }
    Ok(())
}
