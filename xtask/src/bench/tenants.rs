//! The most memory that tenants can make the controller have, with what they may write themselves: large metadata, many items,
//! large objects.
//!
//! Each of them has a control plane and processes of its own. What is in the cluster is there before the controller starts, so
//! that its first lists show all of it at once, and every object must have been answered before the figure counts.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use super::lab::Lab;
use super::memory::idle;
use super::outcome::{Figure, Outcome};
use super::restart::{await_events, await_idle};
use super::ring::make_keys;
use super::usage;
use super::world::{Batch, Side, World, synced};

/// Bytes of an object's annotations. The API server takes 256 KiB.
const ANNOTATIONS: usize = 250 * 1024;
/// Characters of an annotation's name.
const NAME: usize = 6;
/// SealedSecrets whose Secrets are somebody else's.
const TAKEN: usize = 10;

/// SealedSecrets with one large annotation each.
pub(crate) fn annotations(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new("noted-", lab.pick(2000, 100), 1);
    let world = World::start(lab)?;
    let idle = idle(&world, Side::Ours)?;
    let sealed = world.seal(&batch)?;
    let file = rewritten(&sealed, |object| {
        object["metadata"]["annotations"] = large_annotations(1);
    })?;
    world.create(&batch, &file)?;
    let peaks = until_synced(&world, &batch)?;
    let note = format!(
        "{} SealedSecrets of one item with an annotation of 250 KiB each.",
        batch.count
    );
    Ok(vec![outcome(
        lab,
        "tenants: annotations",
        idle,
        &peaks,
        note,
    )])
}

/// SealedSecrets of thousands of items, each of which only the oldest of eight keys decrypts.
pub(crate) fn items(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    // With keys of 4096 bits no object of 3,000 items fits into a request to etcd: each has 512 bytes before its value.
    const BITS: u32 = 2048;
    const KEYS: usize = 8;
    let batch = Batch {
        bytes: 4,
        ..Batch::new("items-", lab.pick(60, 6), 3000)
    };
    let world = World::start_with_bits(lab, BITS)?;
    make_keys(&world, KEYS)?;
    let idle = idle(&world, Side::Ours)?;
    let file = world.seal_with(&batch, &world.certificate())?;
    world.create(&batch, &file)?;
    let peaks = until_synced(&world, &batch)?;
    let items = (batch.count * batch.items) as f64;
    ensure!(
        peaks.operations == items * KEYS as f64,
        "{} private operations, which is not every key for every item",
        peaks.operations
    );
    let note = format!(
        "{} SealedSecrets of {} items of {} bytes, {KEYS} keys of {BITS} bits, sealed with the oldest: {} private operations \
         until all are in sync.",
        batch.count, batch.items, batch.bytes, peaks.operations
    );
    Ok(vec![outcome(lab, "tenants: items", idle, &peaks, note)])
}

/// SealedSecrets about as large as etcd takes them.
pub(crate) fn large(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch {
        bytes: 876_000,
        ..Batch::new("large-", lab.pick(120, 20), 1)
    };
    let world = World::start(lab)?;
    let idle = idle(&world, Side::Ours)?;
    let file = world.seal(&batch)?;
    let megabytes = std::fs::metadata(&file)?.len() as f64 / batch.count as f64 / 1e6;
    world.create(&batch, &file)?;
    let peaks = until_synced(&world, &batch)?;
    let note = format!(
        "{} SealedSecrets of one item, {megabytes:.2} MB each.",
        batch.count
    );
    Ok(vec![outcome(
        lab,
        "tenants: large objects",
        idle,
        &peaks,
        note,
    )])
}

/// Secrets of others with large metadata, once in one annotation each and once in as many as fit.
pub(crate) fn secrets(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let one = foreign(lab, "tenants: one annotation of a Secret", 1)?;
    let many = ANNOTATIONS / NAME;
    let many = foreign(lab, "tenants: many annotations of a Secret", many)?;
    Ok(vec![one, many])
}

fn foreign(lab: &Lab, scenario: &str, annotations: usize) -> anyhow::Result<Outcome> {
    let batch = Batch::new("taken-", TAKEN, 1);
    let count = lab.pick(500, 50);
    let world = World::start(lab)?;
    let idle = idle(&world, Side::Ours)?;
    let sealed = world.seal(&batch)?;
    let file = foreign_secrets(&world, &batch, count, annotations)?;
    world.create(&batch, &file)?;
    world.create(&batch, &sealed)?;
    let peaks = peaks(&world, &batch, |world| {
        ensure!(
            world.count("secrets", &batch)? == count,
            "a Secret came or went"
        );
        // It knows whose the Secrets are.
        world.await_all(&batch, "is not managed", |object| {
            synced(object).is_some_and(|it| it["status"] == "False" && it["reason"] == "NotManaged")
        })
    })?;
    let note = format!(
        "{count} Secrets of others with annotations of 250 KiB each, {annotations} a Secret, and {TAKEN} SealedSecrets with \
         names of them, which all say `NotManaged`."
    );
    Ok(outcome(lab, scenario, idle, &peaks, note))
}

/// What one process had.
struct Peaks {
    /// When its first lists were complete.
    listed: u64,
    /// When every object had its answer.
    answered: u64,
    operations: f64,
}

fn until_synced(world: &World<'_>, batch: &Batch) -> anyhow::Result<Peaks> {
    peaks(world, batch, |world| {
        ensure!(
            world.count("secrets", batch)? == batch.count,
            "not every SealedSecret has its Secret"
        );
        world.await_synced(batch)
    })
}

/// Starts the controller over what is there, and awaits an event for each object of the batch, and what is checked then.
fn peaks(
    world: &World<'_>,
    batch: &Batch,
    check: impl FnOnce(&World<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Peaks> {
    ensure!(
        world.count("bitnami.com/sealedsecrets", batch)? == batch.count,
        "not every SealedSecret is there"
    );
    let mut controller = world.controller(Side::Ours, &[])?;
    controller.await_ready()?;
    let listed = usage::peak_memory(controller.process.id())?;
    await_events(world, batch, &mut controller, batch.count)?;
    check(world)?;
    await_idle(&controller)?;
    ensure!(
        controller.metric("signet_sealedsecrets")? == batch.count as f64,
        "it does not know all objects"
    );
    let peaks = Peaks {
        listed,
        answered: usage::peak_memory(controller.process.id())?,
        operations: controller.metric("signet_private_operations_total")?,
    };
    controller.stop()?;
    Ok(peaks)
}

fn outcome(lab: &Lab, scenario: &str, idle: u64, peaks: &Peaks, note: String) -> Outcome {
    let mut outcome = Outcome::new(scenario, lab.scale);
    let figures = [
        ("idle, no object", idle),
        ("peak, until the lists are read", peaks.listed),
        ("peak, until every object is answered", peaks.answered),
    ];
    for (what, bytes) in figures {
        outcome.figure(Figure::new(what, "MiB").ours(usage::mebibytes(bytes)));
    }
    outcome.ratio(
        "MiB over the idle process",
        usage::mebibytes(peaks.answered.saturating_sub(idle)),
    );
    outcome.note(note);
    outcome
}

/// The objects of a file, one a line, changed; in another file beside it.
fn rewritten(file: &Path, change: impl Fn(&mut Value)) -> anyhow::Result<PathBuf> {
    let path = file.with_extension("changed.json");
    let mut to = BufWriter::new(File::create(&path)?);
    for line in BufReader::new(File::open(file)?).lines() {
        let mut object = serde_json::from_str(&line?)?;
        change(&mut object);
        write_line(&mut to, &object)?;
    }
    to.flush()?;
    Ok(path)
}

/// Secrets that nobody sealed, with the names that the objects of the batch have, in a file.
fn foreign_secrets(
    world: &World<'_>,
    batch: &Batch,
    count: usize,
    annotations: usize,
) -> anyhow::Result<PathBuf> {
    let path = world.folder().join("foreign.json");
    let mut to = BufWriter::new(File::create(&path)?);
    let namespaces: Vec<_> = batch.namespaces().collect();
    let annotations = large_annotations(annotations);
    for number in 0..count {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": format!("object-{number}"),
                "namespace": namespaces[number % namespaces.len()],
                "annotations": annotations,
            },
        });
        write_line(&mut to, &secret)?;
    }
    to.flush()?;
    Ok(path)
}

fn write_line(to: &mut impl Write, object: &Value) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *to, object)?;
    to.write_all(b"\n").context("write")
}

/// So many annotations that have [`ANNOTATIONS`] bytes together, names included.
fn large_annotations(count: usize) -> Value {
    let value = "x".repeat(ANNOTATIONS / count - NAME);
    let entries = (0..count).map(|number| (format!("n{number:0>5}"), Value::from(value.as_str())));
    Value::Object(Map::from_iter(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_fill_what_the_api_server_takes() {
        for count in [1, 100, ANNOTATIONS / NAME] {
            let annotations = large_annotations(count);
            let entries = annotations.as_object().unwrap();
            let bytes =
                |(name, value): (&String, &Value)| name.len() + value.as_str().unwrap().len();
            let total: usize = entries.iter().map(bytes).sum();
            assert_eq!(entries.len(), count);
            assert!(
                total <= ANNOTATIONS && total > ANNOTATIONS - count - NAME,
                "{total}"
            );
        }
    }
}
