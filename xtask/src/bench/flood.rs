//! Cold starts while somebody floods the controller's port with verify requests.

use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::lab::Lab;
use super::outcome::{Figure, Outcome};
use super::restart::await_events;
use super::usage;
use super::world::{Batch, Side, World};

/// Requests a second.
const RATE: u32 = 200;

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new("flood-", lab.pick(1000, 200), 3);
    let rounds = lab.pick(3, 1);
    let world = World::start(lab)?;
    let file = world.seal(&batch)?;
    let body = world.folder().join("body.json");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&body, text.lines().next().context("a first object")?)?;
    let fresh = || -> anyhow::Result<()> {
        world.wipe(&batch)?;
        world.create(&batch, &file)
    };
    // The first objects warm the API server up.
    world.create(&batch, &file)?;
    let (mut calm, mut flooded) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        fresh()?;
        calm.push(cold(&world, &batch, None)?);
        fresh()?;
        flooded.push(cold(&world, &batch, Some(&body))?);
    }
    let rate = |runs: &[Cold]| {
        let seconds: f64 = runs.iter().map(|run| run.seconds).sum();
        (batch.count * runs.len()) as f64 / seconds
    };
    let (calm, beside) = (rate(&calm), rate(&flooded));
    let total = |field: &str| -> f64 {
        let counts = flooded.iter().filter_map(|run| run.answers[field].as_f64());
        counts.sum()
    };
    let without = total("limited_without_retry_after");
    let limited = total("limited") + without;
    let answered = limited + total("verified") + total("other");
    let seconds: f64 = flooded.iter().map(|run| run.seconds).sum();
    ensure!(limited > 0.0, "nothing was limited");

    let mut outcome = Outcome::new("verify flood", lab.scale);
    let mut figure = |what: &str, unit: &str, value: f64| {
        outcome.figure(Figure::new(what, unit).ours(value));
    };
    figure("cold start without it", "objects/s", calm);
    figure("cold start beside it", "objects/s", beside);
    figure("requests answered", "1/s", answered / seconds);
    figure("of them verified", "1/s", total("verified") / seconds);
    figure("of them 429", "%", limited / answered * 100.0);
    let client: f64 = flooded.iter().map(|run| run.client).sum();
    figure(
        "the client that floods, share of a core",
        "%",
        client / seconds * 100.0,
    );
    outcome.ratio(
        "share of the cold start lost",
        (1.0 - beside / calm).max(0.0),
    );
    outcome.ratio("429 without Retry-After", without);
    outcome.note(format!(
        "{RATE} requests a second with a SealedSecret of three items, from the start of the process until its {} objects \
         have their Secrets and events; default flags (`--rate-limit=2`), {rounds} runs of each in turn. What the client \
         itself takes of the machine is in the loss.",
        batch.count
    ));
    Ok(vec![outcome])
}

/// One cold start.
struct Cold {
    seconds: f64,
    /// What `signet-load flood` says, and its CPU seconds.
    answers: Value,
    client: f64,
}

fn cold(world: &World<'_>, batch: &Batch, body: Option<&Path>) -> anyhow::Result<Cold> {
    let mut controller = world.controller(Side::Ours, &[])?;
    let flood = body.map(|body| start(world, controller.port, body));
    let flood = flood.transpose()?;
    await_events(world, batch, &mut controller, batch.count)?;
    let seconds = controller.started.elapsed().as_secs_f64();
    let (client, answers) = flood.map(end).transpose()?.unwrap_or_default();
    controller.stop()?;
    Ok(Cold {
        seconds,
        answers,
        client,
    })
}

fn start(world: &World<'_>, port: u16, body: &Path) -> anyhow::Result<Child> {
    let mut command = world.load_command("flood")?;
    command
        .arg(format!("--url=http://127.0.0.1:{port}"))
        .arg(format!("--rate={RATE}"))
        .arg("--body")
        .arg(body);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().context("start signet-load flood")
}

/// CPU seconds of the client, and what became of its requests.
fn end(mut flood: Child) -> anyhow::Result<(f64, Value)> {
    let cpu = usage::cpu_seconds(flood.id())?;
    // The end of its input is what it waits for.
    let stdin = flood.stdin.take().context("stdin is piped")?;
    drop(stdin);
    let output = flood.wait_with_output()?;
    ensure!(output.status.success(), "signet-load flood failed");
    Ok((cpu, serde_json::from_slice(&output.stdout)?))
}
