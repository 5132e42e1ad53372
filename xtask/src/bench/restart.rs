//! Restarts over ten thousand objects: with everything in sync, with every status gone, and with new objects meanwhile.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use signet_harness::upstream::{NAMESPACE, SERVICE};
use signet_harness::{Marker, Record};

use super::lab::Lab;
use super::latency::{Applicant, percentile};
use super::outcome::{Figure, Outcome};
use super::usage;
use super::world::{Batch, CAP, Controller, Side, World};

const PREFIX: &str = "bench-";
/// New objects have numbers of six digits, so that no name is the beginning of another.
const NEW: usize = 100_000;
/// A process that uses no CPU for this long has nothing to do.
const IDLE: Duration = Duration::from_millis(300);

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new(PREFIX, lab.pick(10_000, 500), 1);
    let world = World::start(lab)?;
    let file = world.seal(&batch)?;
    world.create(&batch, &file)?;
    let mut controller = world.controller(Side::Ours, &[])?;
    await_events(&world, &batch, &mut controller, batch.count)?;
    let made_in = controller.started.elapsed().as_secs_f64();
    world.await_synced(&batch)?;
    controller.stop()?;

    let mut restart = Outcome::new("restart", lab.scale);
    restart.figure(Figure::new("first, ours makes the Secrets", "s").ours(made_in));
    let ours = in_sync(&world, &batch, &mut restart)?;
    let new = new_meanwhile(lab, &world)?;
    let cleared = status_cleared(lab, &world, &batch)?;
    // Last, because it writes every status anew.
    let peer = peer_restart(lab, &world, &batch, &mut restart)?;
    restart.figure(Figure::new("controller", "CPU s").ours(ours).peer(peer));
    restart.ratio("CPU, peer's divided by ours", peer / ours);
    Ok(vec![restart, cleared, new])
}

pub(super) fn await_events(
    world: &World<'_>,
    batch: &Batch,
    controller: &mut Controller,
    events: usize,
) -> anyhow::Result<()> {
    let what = format!("{events} events");
    controller.process.wait_until(&what, CAP, |_| {
        world
            .count("events", batch)
            .is_ok_and(|count| count >= events)
    })
}

/// CPU seconds of a restart of ours that has nothing to do.
fn in_sync(world: &World<'_>, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<f64> {
    let audit = world.plane.audit();
    let mark = audit.mark()?;
    let mut controller = world.controller(Side::Ours, &[])?;
    controller.await_ready()?;
    let listed = controller.started.elapsed().as_secs_f64();
    let idle = await_idle(&controller)?;
    let cpu = usage::cpu_seconds(controller.process.id())?;
    let memory = usage::memory_now(controller.process.id())?;
    outcome.figure(Figure::new("memory, idle", "MiB").ours(usage::mebibytes(memory)));
    ensure!(
        controller.metric("signet_sealedsecrets")? == batch.count as f64,
        "it does not know all objects"
    );
    let requests = requests_since(world, mark)?;
    let writes = requests.iter().filter(|(verb, _)| !is_read(verb));
    let writes: usize = writes.map(|(_, count)| count).sum();
    outcome.ratio(
        "private operations",
        controller.metric("signet_private_operations_total")?,
    );
    outcome.ratio("writes", writes as f64);
    let settle = (idle.as_secs_f64() - listed).max(0.0);
    outcome.ratio("seconds from the lists to in sync", settle);
    outcome.figure(Figure::new("until the lists are read", "s").ours(listed));
    outcome.figure(Figure::new("until nothing is left to do", "s").ours(idle.as_secs_f64()));
    let requests: Vec<_> = requests
        .iter()
        .map(|(what, count)| format!("{what} × {count}"))
        .collect();
    outcome.note(format!(
        "{} objects of one item, in sync. Everything that ours asked the API server for, by its audit log: {}.",
        batch.count,
        requests.join(", ")
    ));
    outcome.note("Nothing is left to do when the process has used no CPU for 0.3 s.");
    controller.stop()?;
    Ok(cpu)
}

/// When, since its start, the process went idle.
pub(super) fn await_idle(controller: &Controller) -> anyhow::Result<Duration> {
    let pid = controller.process.id();
    let mut since = Instant::now();
    let mut used = usage::cpu_seconds(pid)?;
    while since.elapsed() < IDLE {
        ensure!(controller.started.elapsed() < CAP, "it never rests");
        thread::sleep(Duration::from_millis(10));
        let now = usage::cpu_seconds(pid)?;
        if now > used {
            (used, since) = (now, Instant::now());
        }
    }
    Ok(since - controller.started)
}

/// Verb and resource of every request of a controller, watches that still run included, and how often.
fn requests_since(world: &World<'_>, mark: Marker) -> anyhow::Result<BTreeMap<String, usize>> {
    let records = world.plane.audit().all_since(mark)?;
    let mut requests = BTreeMap::new();
    // A watch is noted when it begins, anything else when it ends.
    let counts = |record: &&Record| match record.verb.as_str() {
        "watch" => record.stage == "ResponseStarted",
        _ => record.is_complete(),
    };
    let own = records
        .iter()
        .filter(|record| record.is_by_service_account(NAMESPACE, SERVICE))
        .filter(counts);
    for record in own {
        let slash = if record.subresource.is_empty() {
            ""
        } else {
            "/"
        };
        let what = format!(
            "{} {}{slash}{}",
            record.verb, record.resource, record.subresource
        );
        *requests.entry(what).or_default() += 1;
    }
    Ok(requests)
}

fn is_read(what: &str) -> bool {
    ["get ", "list ", "watch "]
        .iter()
        .any(|verb| what.starts_with(verb))
}

/// New objects from the moment a restart of ours begins until it is over; several restarts.
fn new_meanwhile(lab: &Lab, world: &World<'_>) -> anyhow::Result<Outcome> {
    let rounds = lab.pick(5, 2);
    let each = lab.pick(40, 20);
    let mut waits = Vec::new();
    for round in 0..rounds {
        let batch = Batch {
            // The first of each round, which wait for the list, lie in different places of it.
            first: NEW + round * (each + 3),
            ..Batch::new(PREFIX, each, 1)
        };
        let file = world.seal(&batch)?;
        let controller = world.controller(Side::Ours, &[])?;
        let mut applicant = Applicant::new(&file, Duration::from_millis(100))?;
        applicant.run_until(world, |own| Ok(own.is_through()))?;
        waits.extend(applicant.finish(world)?);
        controller.stop()?;
    }
    let mut outcome = Outcome::new("new while restarting", lab.scale);
    say_waits(&mut outcome, &waits);
    outcome.note(format!(
        "With everything in sync, {rounds} restarts; from the start of the process on, a new object each 100 ms, \
         {each} each time, which lasts longer than the restart."
    ));
    Ok(outcome)
}

fn say_waits(outcome: &mut Outcome, waits: &[f64]) {
    let mut figure = |what: &str, percent| {
        outcome.figure(Figure::new(what, "s").ours(percentile(waits, percent)));
    };
    figure("new object, p50", 50);
    figure("new object, p99", 99);
    figure("new object, longest", 100);
    outcome.ratio("new object, p99 in seconds", percentile(waits, 99));
}

/// A restart after which every object must be looked at again, with new objects all the time.
fn status_cleared(lab: &Lab, world: &World<'_>, batch: &Batch) -> anyhow::Result<Outcome> {
    let cleared = world
        .load_command("clear")?
        .arg("--kubeconfig")
        .arg(world.plane.admin_kubeconfig())
        .stdout(std::process::Stdio::null())
        .status()?;
    ensure!(cleared.success(), "signet-load clear failed");
    let secrets = format!("secrets/{PREFIX}");
    let before: BTreeMap<_, _> = world.plane.stored(&secrets)?.into_iter().collect();
    let new = Batch {
        first: 2 * NEW,
        ..Batch::new(PREFIX, lab.pick(400, 40), 1)
    };
    let file = world.seal(&new)?;
    let events = world.count("events", batch)?;
    let mut controller = world.controller(Side::Ours, &[])?;
    let mut applicant = Applicant::new(&file, Duration::from_millis(250))?;
    // Each object gets an event when its status is written again.
    applicant.run_until(world, |own| {
        let posted = new.count - own.left();
        Ok(world.count("events", batch)? >= events + before.len() + posted)
    })?;
    let seconds = controller.started.elapsed().as_secs_f64();
    let waits = applicant.finish(world)?;
    ensure!(controller.process.is_running(), "it died");
    world.await_synced(batch)?;
    let after: BTreeMap<_, _> = world.plane.stored(&secrets)?.into_iter().collect();
    let wrong = before
        .iter()
        .filter(|(name, bytes)| after.get(*name) != Some(bytes))
        .count();
    let operations = controller.metric("signet_private_operations_total")?;
    controller.stop()?;
    let mut outcome = Outcome::new("status cleared", lab.scale);
    outcome.figure(Figure::new("until every status is there again", "s").ours(seconds));
    outcome.figure(Figure::new("private operations", "").ours(operations));
    say_waits(&mut outcome, &waits);
    outcome.ratio("wrong Secrets", wrong as f64);
    outcome.note(format!(
        "{} objects lose their status, as in a restore; {} new ones come meanwhile, one each 250 ms. Wrong is a Secret \
         whose bytes in etcd are not what they were.",
        before.len(),
        waits.len()
    ));
    Ok(outcome)
}

/// CPU seconds of the peer for the same restart: measured over a part, and taken from there in proportion.
fn peer_restart(
    lab: &Lab,
    world: &World<'_>,
    batch: &Batch,
    outcome: &mut Outcome,
) -> anyhow::Result<f64> {
    let (first, last) = lab.pick((500, 2000), (100, 300));
    let objects = world.count("bitnami.com/sealedsecrets", batch)?;
    let events = world.count("events", batch)?;
    let mut controller = world.controller(Side::Peer, &["--kubeclient-qps=-1"])?;
    let mut at = |count: usize| -> anyhow::Result<(f64, f64)> {
        await_events(world, batch, &mut controller, events + count)?;
        let cpu = usage::cpu_seconds(controller.process.id())?;
        Ok((cpu, controller.started.elapsed().as_secs_f64()))
    };
    let (begun, ended) = (at(first)?, at(last)?);
    let part = (last - first) as f64;
    let whole = |begun: f64, ended: f64| begun + (ended - begun) / part * (objects - first) as f64;
    controller.stop()?;
    let seconds = whole(begun.1, ended.1);
    let figures = &mut outcome.figures;
    let figure = figures
        .iter_mut()
        .find(|figure| figure.what == "until nothing is left to do");
    figure.context("ours comes first")?.peer = Some(seconds);
    outcome.note(format!(
        "The peer opens and compares every object, one after the other; its {objects} objects are counted up from \
         numbers {first} to {last}, by the events that it makes."
    ));
    Ok(whole(begun.0, ended.0))
}
