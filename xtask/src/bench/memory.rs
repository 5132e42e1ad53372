//! The most memory that a controller ever has: with many objects, and with large ones.

use super::lab::Lab;
use super::outcome::{Figure, Outcome};
use super::restart::{await_events, await_idle};
use super::usage;
use super::world::{Batch, Side, World};

/// The peer's client limit lifted.
const UNTHROTTLED: &str = "--kubeclient-qps=-1";

/// Ten thousand objects of one item.
pub(crate) fn many(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new("many-", lab.pick(10_000, 500), 1);
    let world = World::start(lab)?;
    let idle = [idle(&world, Side::Ours)?, idle(&world, Side::Peer)?];
    let file = world.seal(&batch)?;
    world.create(&batch, &file)?;
    let cold = cold(&world, &batch)?;
    let restart = restart(&world)?;
    let peer = peer(lab, &world, &batch)?;
    let ours = cold.max(restart);

    let mut outcome = Outcome::new("memory", lab.scale);
    let mut figure = |figure| outcome.figure(figure);
    let mebibytes = usage::mebibytes;
    figure(
        Figure::new("idle, no object", "MiB")
            .ours(mebibytes(idle[0]))
            .peer(mebibytes(idle[1])),
    );
    figure(Figure::new("peak, cold start", "MiB").ours(mebibytes(cold)));
    figure(
        Figure::new("peak, restart", "MiB")
            .ours(mebibytes(restart))
            .peer(mebibytes(peer)),
    );
    let each =
        |peak: u64, idle: u64| peak.saturating_sub(idle) as f64 / 1024.0 / batch.count as f64;
    figure(
        Figure::new("peak over idle, per object", "KiB")
            .ours(each(ours, idle[0]))
            .peer(each(peer, idle[1])),
    );
    outcome.ratio(
        "peak, ours divided by the peer's",
        ours as f64 / peer as f64,
    );
    outcome.ratio("KiB an object over the idle process", each(ours, idle[0]));
    outcome.note(format!(
        "{} objects of one item; the kernel's peak of resident memory (VmHWM). Ours is the higher of a cold start and a \
         restart in sync.",
        batch.count
    ));
    outcome.note(format!(
        "The peer's is taken in a restart, when it has opened the first {} objects again: all of them are in its caches \
         by then, and it only grows.",
        peer_objects(lab)
    ));
    Ok(vec![outcome])
}

/// Two thousand objects with 50 bytes each, then with 50 kB each.
pub(crate) fn large(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let small = Batch {
        bytes: 50,
        ..Batch::new("small-", lab.pick(2000, 300), 1)
    };
    let large = Batch {
        bytes: 50_000,
        prefix: "large-",
        ..small
    };
    let world = World::start(lab)?;
    let mut peaks = Vec::new();
    for batch in [&small, &large] {
        let file = world.seal(batch)?;
        world.create(batch, &file)?;
        let ours = [cold(&world, batch)?, restart(&world)?];
        peaks.push((ours, peer(lab, &world, batch)?));
        world.wipe(batch)?;
    }
    let mut outcome = Outcome::new("large values", lab.scale);
    for (what, (ours, peer)) in ["50 B", "50 kB"].iter().zip(&peaks) {
        let cold = Figure::new(&format!("peak, {what}, cold start"), "MiB");
        outcome.figure(cold.ours(usage::mebibytes(ours[0])));
        let restart = Figure::new(&format!("peak, {what}, restart"), "MiB");
        let restart = restart.ours(usage::mebibytes(ours[1]));
        outcome.figure(restart.peer(usage::mebibytes(*peer)));
    }
    let [small_ours, large_ours] = [0, 1].map(|place| {
        let [cold, restart] = peaks[place].0;
        usage::mebibytes(cold.max(restart))
    });
    outcome.ratio(
        "MiB more with 50 kB than with 50 B",
        large_ours - small_ours,
    );
    outcome.note(format!(
        "{} objects of one item each time, peak of resident memory (VmHWM), the higher of a cold start and a restart in \
         sync. The peer's as in the scenario memory.",
        small.count
    ));
    Ok(vec![outcome])
}

/// What a controller has that nobody wants anything of.
pub(super) fn idle(world: &World<'_>, side: Side) -> anyhow::Result<u64> {
    let mut controller = world.controller(side, &[])?;
    if side == Side::Ours {
        controller.await_ready()?;
    }
    await_idle(&controller)?;
    let memory = usage::memory_now(controller.process.id())?;
    controller.stop()?;
    Ok(memory)
}

/// The peak of ours when it makes all Secrets.
pub(super) fn cold(world: &World<'_>, batch: &Batch) -> anyhow::Result<u64> {
    let mut controller = world.controller(Side::Ours, &[])?;
    await_events(world, batch, &mut controller, batch.count)?;
    world.await_synced(batch)?;
    let peak = usage::peak_memory(controller.process.id())?;
    controller.stop()?;
    Ok(peak)
}

/// The peak of ours when there is nothing to do.
fn restart(world: &World<'_>) -> anyhow::Result<u64> {
    let mut controller = world.controller(Side::Ours, &[])?;
    controller.await_ready()?;
    await_idle(&controller)?;
    let peak = usage::peak_memory(controller.process.id())?;
    controller.stop()?;
    Ok(peak)
}

/// The peer's peak over Secrets that ours made, after the first objects.
fn peer(lab: &Lab, world: &World<'_>, batch: &Batch) -> anyhow::Result<u64> {
    let before = world.count("events", batch)?;
    let mut controller = world.controller(Side::Peer, &[UNTHROTTLED])?;
    await_events(world, batch, &mut controller, before + peer_objects(lab))?;
    let peak = usage::peak_memory(controller.process.id())?;
    controller.stop()?;
    Ok(peak)
}

fn peer_objects(lab: &Lab) -> usize {
    lab.pick(500, 100)
}
