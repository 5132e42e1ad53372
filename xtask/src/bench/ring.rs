//! Many keys in the ring: how many private operations an item costs.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use super::lab::Lab;
use super::outcome::{Figure, Outcome};
use super::restart::await_events;
use super::usage;
use super::world::{Batch, CAP, Side, World};

/// Certificates tell when they begin in whole seconds, and that orders the keys.
const SECOND: Duration = Duration::from_millis(1100);

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let keys = lab.pick(60, 10);
    let count = lab.pick(100, 20);
    let world = World::start(lab)?;
    let (oldest, newest) = (world.certificate(), make_keys(&world, keys)?);
    let new = Batch::new("new-", count, 1);
    let old = Batch::new("old-", count, 1);
    let new_file = world.seal_with(&new, &newest)?;
    let old_file = world.seal_with(&old, &oldest)?;

    world.create(&new, &new_file)?;
    let with_newest = spent(&world, &new)?;
    world.create(&old, &old_file)?;
    let with_oldest = spent(&world, &old)?;
    // Their statuses say which key it was.
    for namespace in old.namespaces() {
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        world.plane.api().delete(&path)?;
    }
    let known = spent(&world, &old)?;
    world.wipe(&old)?;
    world.wipe(&new)?;
    world.create(&new, &new_file)?;
    let peer = peer(&world, &new)?;

    let mut outcome = Outcome::new("60 keys", lab.scale);
    let cases = [
        ("sealed with the newest key", &with_newest, Some(peer)),
        ("sealed with the oldest key", &with_oldest, None),
        (
            "sealed with the oldest key, which the status names",
            &known,
            None,
        ),
    ];
    for (what, ours, _) in &cases {
        let figure = Figure::new(what, "private operations an item");
        outcome.figure(figure.ours(ours.operations));
    }
    for (what, ours, peer) in cases {
        let mut figure = Figure::new(what, "CPU ms an item").ours(ours.cpu * 1e3);
        figure.peer = peer.map(|cpu| cpu * 1e3);
        outcome.figure(figure);
    }
    outcome.ratio("operations an item, key id known", known.operations);
    outcome.ratio("operations an item, newest key", with_newest.operations);
    outcome.ratio(
        "operations an item, oldest key, divided by the keys",
        with_oldest.operations / keys as f64,
    );
    outcome.note(format!(
        "{keys} keys; {count} objects of one item each time, private operations by our own metric. The key id is known \
         when the Secrets of objects with a status are gone."
    ));
    outcome.note("The peer tries the keys in random order, whichever the value was sealed with.");
    Ok(vec![outcome])
}

/// Adds keys until there are `count`. Returns the certificate of the newest.
pub(super) fn make_keys(world: &World<'_>, count: usize) -> anyhow::Result<PathBuf> {
    let certificate = |number: usize| world.folder().join(format!("{number}.crt"));
    let make = |number: usize| world.make_key(&number.to_string(), &certificate(number));
    thread::sleep(SECOND);
    let between: Vec<usize> = (1..count - 1).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = between.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let running: Vec<_> = between
            .chunks(share)
            .map(|part| scope.spawn(|| part.iter().try_for_each(|number| make(*number))))
            .collect();
        running.into_iter().try_for_each(|thread| {
            let made = thread.join();
            made.map_err(|_| anyhow!("a thread panicked")).flatten()
        })
    })?;
    thread::sleep(SECOND);
    make(count - 1)?;
    Ok(certificate(count - 1))
}

/// What an item cost, on average.
#[derive(Debug)]
struct Spent {
    operations: f64,
    /// Seconds, of the whole run of the controller.
    cpu: f64,
}

/// A run of ours until every object of a batch has its Secret, and is in sync.
fn spent(world: &World<'_>, batch: &Batch) -> anyhow::Result<Spent> {
    let events = world.count("events", batch)? + batch.count;
    let mut controller = world.controller(Side::Ours, &[])?;
    await_events(world, batch, &mut controller, events)?;
    world.await_synced(batch)?;
    let items = (batch.count * batch.items) as f64;
    let operations = controller.metric("signet_private_operations_total")? / items;
    let cpu = usage::cpu_seconds(controller.process.id())? / items;
    controller.stop()?;
    Ok(Spent { operations, cpu })
}

/// CPU seconds an item of the peer.
fn peer(world: &World<'_>, batch: &Batch) -> anyhow::Result<f64> {
    let mut controller = world.controller(Side::Peer, &["--kubeclient-qps=-1"])?;
    controller
        .process
        .wait_until("makes all Secrets", CAP, |_| {
            world
                .count("secrets", batch)
                .is_ok_and(|n| n >= batch.count)
        })?;
    let items = (batch.count * batch.items) as f64;
    let cpu = usage::cpu_seconds(controller.process.id())? / items;
    controller.stop()?;
    Ok(cpu)
}
