//! A cold start: objects are there before the controller is. Ours, the ceiling and the peer in turn, on one control plane.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::upstream::{NAMESPACE, SERVICE};
use signet_harness::{Record, eventually};

use super::ceiling::{self, Private};
use super::lab::Lab;
use super::outcome::{Figure, Outcome};
use super::usage;
use super::world::{Batch, CAP, Cpu, Side, World};

const ITEMS: usize = 3;
/// The peer's client limit lifted.
const UNTHROTTLED: &str = "--kubeclient-qps=-1";

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new("bench-", lab.pick(1000, 200), ITEMS);
    let few = Batch {
        count: lab.pick(60, 20),
        ..batch
    };
    let rounds = lab.pick(2, 1);
    let world = World::start(lab)?;
    let file = world.seal(&batch)?;
    let fresh = |batch: &Batch, file: &Path| -> anyhow::Result<()> {
        world.wipe(batch)?;
        world.create(batch, file)
    };
    // The first objects warm the API server up.
    world.create(&batch, &file)?;

    let (mut ours, mut both, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        fresh(&batch, &file)?;
        ours.push(cold(&world, &batch, Side::Ours, &[])?);
        let examples = (round == 0).then(|| examples(&world, &batch)).transpose()?;
        let examples_file = world.folder().join("examples.json");
        if let Some(examples) = examples {
            fs::write(&examples_file, examples.to_string())?;
        }
        fresh(&batch, &file)?;
        both.push(ceiling::objects(&world, &examples_file, ITEMS)?);
        fresh(&batch, &file)?;
        writes.push(ceiling::objects(&world, &examples_file, 0)?);
    }
    let private = ceiling::private_operations(&world)?;
    fresh(&batch, &file)?;
    let peer = cold(&world, &batch, Side::Peer, &[UNTHROTTLED])?;
    world.wipe(&batch)?;
    let few_file = world.seal(&few)?;
    fresh(&few, &few_file)?;
    let slow = cold(&world, &few, Side::Peer, &[])?;

    let ours = Cold::average(&ours);
    let both = average(&both);
    let writes = average(&writes);
    Ok(vec![
        unthrottled(lab, &batch, &ours, &peer, [both, writes], private),
        default_flags(lab, &batch, &few, &ours, &slow),
        requests(lab, &batch, &ours, &peer),
    ])
}

/// One cold start.
#[derive(Clone, Copy, Debug, Default)]
struct Cold {
    seconds: f64,
    rate: f64,
    cpu: Cpu,
    peak_memory: f64,
    private_operations: f64,
    requests: f64,
    writes: f64,
}

impl Cold {
    fn average(runs: &[Self]) -> Self {
        let mean = |field: fn(&Self) -> f64| average(&runs.iter().map(field).collect::<Vec<_>>());
        Self {
            seconds: mean(|run| run.seconds),
            rate: mean(|run| run.rate),
            cpu: Cpu {
                controller: mean(|run| run.cpu.controller),
                api_server: mean(|run| run.cpu.api_server),
                etcd: mean(|run| run.cpu.etcd),
            },
            peak_memory: mean(|run| run.peak_memory),
            private_operations: mean(|run| run.private_operations),
            requests: mean(|run| run.requests),
            writes: mean(|run| run.writes),
        }
    }
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// From the start of the process until etcd has every Secret, and of ours every event, which comes last. The peer is not
/// made to wait for its own.
fn cold(world: &World<'_>, batch: &Batch, side: Side, arguments: &[&str]) -> anyhow::Result<Cold> {
    let audit = world.plane.audit();
    let mark = audit.mark()?;
    let before = world.cpu(None)?;
    let mut controller = world.controller(side, arguments)?;
    let done = |kind: &str| world.count(kind, batch).is_ok_and(|n| n >= batch.count);
    controller
        .process
        .wait_until("makes all Secrets", CAP, |_| {
            done("secrets") && (side == Side::Peer || done("events"))
        })?;
    let seconds = controller.started.elapsed().as_secs_f64();
    let cpu = world.cpu(Some(controller.process.id()))?.since(before);
    let peak_memory = usage::mebibytes(usage::peak_memory(controller.process.id())?);
    world.await_synced(batch)?;
    eventually("all events", CAP, || done("events"))?;
    let private_operations = match side {
        Side::Ours => controller.metric("signet_private_operations_total")?,
        Side::Peer => 0.0,
    };
    let made = audit.since(mark)?;
    controller.stop()?;
    let made: Vec<&Record> = made
        .iter()
        .filter(|record| record.is_by_service_account(NAMESPACE, SERVICE))
        .filter(|record| record.namespace.starts_with(batch.prefix))
        .collect();
    let reads = made.iter().filter(|record| is_read(record)).count();
    let objects = batch.count as f64;
    Ok(Cold {
        seconds,
        rate: objects / seconds,
        cpu,
        peak_memory,
        private_operations,
        requests: made.len() as f64 / objects,
        writes: (made.len() - reads) as f64 / objects,
    })
}

fn is_read(record: &Record) -> bool {
    matches!(record.verb.as_str(), "get" | "list" | "watch")
}

/// What ours wrote for one object, without what the API server adds.
fn examples(world: &World<'_>, batch: &Batch) -> anyhow::Result<Value> {
    let api = world.plane.api();
    let namespace = batch.namespaces().next().context("a namespace")?;
    let name = "object-0";
    let sealed = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets/{name}");
    let mut secret = api.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}"))?;
    let events = api.get(&format!("/api/v1/namespaces/{namespace}/events?limit=1"))?;
    let metadata = secret["metadata"].as_object_mut().context("metadata")?;
    for added in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
    ] {
        metadata.remove(added);
    }
    let event = events["items"][0].clone();
    ensure!(event.is_object(), "there is no event");
    let status = api.get(&sealed)?["status"].clone();
    Ok(json!({ "secret": secret, "status": status, "event": event }))
}

fn unthrottled(
    lab: &Lab,
    batch: &Batch,
    ours: &Cold,
    peer: &Cold,
    [both, writes]: [f64; 2],
    private: Private,
) -> Outcome {
    let mut outcome = Outcome::new("cold", lab.scale);
    let objects = batch.count as f64;
    let mut figure = |figure| outcome.figure(figure);
    figure(
        Figure::new("objects", "objects/s")
            .ours(ours.rate)
            .peer(peer.rate)
            .ceiling(both),
    );
    figure(
        Figure::new("until all are in sync", "s")
            .ours(ours.seconds)
            .peer(peer.seconds)
            .ceiling(objects / both),
    );
    figure(Figure::new("the writes alone", "objects/s").ceiling(writes));
    figure(
        Figure::new("private operations alone, all cores", "1/s")
            .ours(ours.private_operations / ours.seconds)
            .ceiling(private.per_second),
    );
    let sides = |what: &str, field: fn(&Cpu) -> f64| {
        Figure::new(what, "CPU s")
            .ours(field(&ours.cpu))
            .peer(field(&peer.cpu))
    };
    figure(sides("controller", |cpu| cpu.controller));
    figure(sides("API server meanwhile", |cpu| cpu.api_server));
    figure(sides("etcd meanwhile", |cpu| cpu.etcd));
    figure(
        Figure::new("private operations, of the controller's", "CPU s")
            .ours(ours.private_operations * private.seconds),
    );
    figure(
        Figure::new("peak memory", "MiB")
            .ours(ours.peak_memory)
            .peer(peer.peak_memory),
    );
    outcome.ratio("objects/s, times the peer's", ours.rate / peer.rate);
    outcome.ratio("objects/s, share of the ceiling", ours.rate / both);
    outcome.note(format!(
        "{} objects of {ITEMS} items are in the API server before the controller starts; everything is deleted between \
         the runs.",
        batch.count
    ));
    outcome.note(
        "From the start of the process until etcd has every Secret, and of ours also every event. Peer with \
         `--kubeclient-qps=-1`, ours with default flags.",
    );
    outcome.note(
        "Ceiling: a bare client that opens three values and makes the same three writes for each object, 16 at a time, \
         without watches, decisions or reading answers.",
    );
    outcome
}

fn default_flags(lab: &Lab, batch: &Batch, few: &Batch, ours: &Cold, peer: &Cold) -> Outcome {
    let mut outcome = Outcome::new("cold, default flags", lab.scale);
    outcome.figure(
        Figure::new("objects", "objects/s")
            .ours(ours.rate)
            .peer(peer.rate),
    );
    outcome.ratio("objects/s, times the peer's", ours.rate / peer.rate);
    outcome.note(format!(
        "As cold, with the default flags of both; the peer, which then makes 5 requests a second, gets {} objects \
         instead of {}.",
        few.count, batch.count
    ));
    outcome
}

fn requests(lab: &Lab, batch: &Batch, ours: &Cold, peer: &Cold) -> Outcome {
    let mut outcome = Outcome::new("requests", lab.scale);
    let mut sides = |what: &str, ours: f64, peer: f64| {
        outcome.figure(Figure::new(what, "per object").ours(ours).peer(peer));
    };
    sides("requests", ours.requests, peer.requests);
    sides("writes", ours.writes, peer.writes);
    outcome.ratio("requests per new object", ours.requests);
    outcome.ratio("writes per new object", ours.writes);
    outcome.note(format!(
        "From the API server's audit log of the cold start of {} objects: requests of the controller's service account \
         in the namespaces of the objects.",
        batch.count
    ));
    outcome
}
