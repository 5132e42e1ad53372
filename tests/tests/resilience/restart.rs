//! A restart with everything in sync does nothing: the audit log and the controller's own counter show it.

use std::collections::BTreeMap;

use anyhow::ensure;
use signet_harness::audit::Record;
use signet_harness::upstream::SERVICE;
use signet_harness::{ControlPlane, Options, eventually};
use signet_tests::signet::{SignetController, sentinel};
use signet_tests::{fresh_namespace, start};

use crate::batch::{LONG_CAP, await_all, create, foreign_certificate, seal_many, stop};
use crate::judge::Judge;

const SYSTEM: &str = "kube-system";
/// Objects in sync; each has two items.
const OBJECTS: usize = 300;
/// Objects that no key opens: the negative answer must survive a restart, too.
const REFUSED: usize = 10;

#[test]
fn a_restart_with_300_objects_in_sync_opens_nothing_and_writes_nothing() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let audit = plane.audit();
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let (good, bad) = (
        fresh_namespace(&plane, "good")?,
        fresh_namespace(&plane, "bad")?,
    );
    let own = fresh_namespace(&plane, "sentinel")?;
    let sealed = seal_many(&controller.certificate()?, &good, "db", OBJECTS)?;
    let lost = seal_many(&foreign_certificate(), &bad, "lost", REFUSED)?;
    stop(&mut controller)?;
    create(&plane, &sealed)?;
    create(&plane, &lost)?;

    let before = audit.mark()?;
    let mut controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    await_all(&plane, &good, OBJECTS, "Unsealed")?;
    await_all(&plane, &bad, REFUSED, "NoKey")?;
    await_events(&plane, &good, OBJECTS)?;
    await_events(&plane, &bad, REFUSED)?;
    let spent = controller.private_operations()?;
    ensure!(
        spent >= 2.0 * OBJECTS as f64,
        "the cold start spent only {spent}"
    );
    let requests = count(
        audit
            .since(before)?
            .iter()
            .filter(|record| record.namespace == good),
    );
    println!(
        "cold start: {spent} private operations for {OBJECTS} objects, {REFUSED} refused ones; requests: {requests:?}"
    );
    assert_eq!(requests, three_requests(OBJECTS));
    stop(&mut controller)?;

    let before = audit.mark()?;
    let controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    sentinel(&plane, &controller, &own)?;
    await_events(&plane, &own, 1)?;
    let records = audit.all_since(before)?;
    let (new, others): (Vec<_>, Vec<_>) = records
        .iter()
        .filter(|record| record.is_by_service_account(SYSTEM, SERVICE))
        .partition(|record| record.namespace == own);
    let unexpected: Vec<_> = others
        .iter()
        .filter(|record| !reads_a_collection_the_root_or_the_legacy_key(record))
        .map(|record| record.summary())
        .collect();
    ensure!(unexpected.is_empty(), "a restart asked for {unexpected:#?}");
    for resource in ["sealedsecrets", "secrets"] {
        let watched = |record: &&&Record| record.verb == "watch" && record.resource == resource;
        ensure!(
            others.iter().any(|record| watched(&record)),
            "no watch on {resource}: the filter is wrong"
        );
    }
    // The sentinel has one item, and there is one key.
    let spent = controller.private_operations()?;
    println!(
        "restart: {spent} private operation, the sentinel's; requests: {:?}; for the sentinel: {:?}",
        count(others.iter().copied()),
        count(new.iter().copied()),
    );
    assert_eq!(spent, 1.0);
    assert_eq!(
        controller.metric("signet_sealedsecrets")?,
        (OBJECTS + REFUSED + 1) as f64
    );
    assert_eq!(count(new.iter().copied()), three_requests(1));

    assert_eq!(Judge::new(&plane, SYSTEM)?.judge(&good)?, (vec![], OBJECTS));
    Ok(())
}

/// Or asks once whether there are Leases to use, which upstream's permissions do not have.
fn reads_a_collection_the_root_or_the_legacy_key(record: &Record) -> bool {
    match record.verb.as_str() {
        "list" if record.name == "signet-root" => record.namespace == SYSTEM,
        "list" | "watch" => record.name.is_empty(),
        "get" if record.resource == "leases" => record.code == 403,
        "get" => record.namespace == SYSTEM && record.name == "sealed-secrets-key",
        _ => false,
    }
}

/// How often each kind of request was made by the controller.
fn count<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records.filter(|record| record.is_by_service_account(SYSTEM, SERVICE)) {
        let kind = format!("{} {} {}", record.verb, record.resource, record.subresource);
        *counts.entry(kind.trim().to_owned()).or_default() += 1;
    }
    counts
}

/// What `objects` new objects cost: create, status, event.
fn three_requests(objects: usize) -> BTreeMap<String, usize> {
    [
        "create secrets",
        "update sealedsecrets status",
        "create events",
    ]
    .map(|kind| (kind.to_owned(), objects))
    .into()
}

/// Events come after the status.
fn await_events(plane: &ControlPlane, namespace: &str, events: usize) -> anyhow::Result<()> {
    eventually(&format!("{events} events in {namespace}"), LONG_CAP, || {
        let list = plane
            .api()
            .get(&format!("/api/v1/namespaces/{namespace}/events"))?;
        let found = list["items"].as_array().map_or(0, Vec::len);
        ensure!(found == events, "{found}");
        anyhow::Ok(())
    })
}
