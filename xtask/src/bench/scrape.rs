//! Many clients that read the page of metrics in a loop, while the kubelet's liveness probe and the Lease go on.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::upstream::NAMESPACE;

use super::handover::{await_leading, grant_lease};
use super::lab::Lab;
use super::latency::percentile;
use super::memory::{cold, idle};
use super::outcome::{Figure, Outcome};
use super::restart::await_idle;
use super::usage;
use super::world::{Batch, Controller, Side, World};

const CLIENTS: u32 = 60;
/// Seconds of load.
const SECONDS: u32 = 20;
/// What the chart's probe waits for an answer (`livenessProbe.timeoutSeconds`).
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two probes; the kubelet's period is ten times as long.
const PERIOD: Duration = Duration::from_secs(1);

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let batch = Batch::new("scraped-", lab.pick(10_000, 500), 1);
    let world = World::start(lab)?;
    grant_lease(&world)?;
    let idle = idle(&world, Side::Ours)?;
    let file = world.seal(&batch)?;
    world.create(&batch, &file)?;
    cold(&world, &batch)?;
    let mut controller = world.controller(Side::Ours, &[])?;
    controller.await_ready()?;
    await_leading(&controller)?;
    await_idle(&controller)?;
    ensure!(
        controller.metric("signet_sealedsecrets")? == batch.count as f64,
        "it does not know all objects"
    );
    let in_sync = usage::memory_now(controller.process.id())?;
    let before = usage::peak_memory(controller.process.id())?;
    let seen = under_load(&world, &mut controller)?;
    let peak = usage::peak_memory(controller.process.id())?;
    controller.stop()?;

    let pages = seen.answers["pages"].as_f64().context("pages")?;
    ensure!(pages > 0.0, "nobody got a page");
    let mut outcome = Outcome::new("metrics in a loop", lab.scale);
    let mut figure = |what: &str, unit: &str, value: f64| {
        outcome.figure(Figure::new(what, unit).ours(value));
    };
    let mebibytes = usage::mebibytes;
    figure("idle, no object", "MiB", mebibytes(idle));
    figure("idle, all in sync", "MiB", mebibytes(in_sync));
    figure("peak, restart", "MiB", mebibytes(before));
    figure("peak, restart and load", "MiB", mebibytes(peak));
    figure("pages read", "1/s", pages / f64::from(SECONDS));
    let page = seen.answers["page_bytes"].as_f64().context("a size")?;
    figure("a page", "MB", page / 1e6);
    let counted = |field: &str| seen.answers[field].as_f64().unwrap_or_default();
    figure("answers without a page", "", counted("refused"));
    figure("requests without an answer", "", counted("failed"));
    figure("liveness, median", "ms", percentile(&seen.probes, 50) * 1e3);
    figure(
        "liveness, longest",
        "ms",
        percentile(&seen.probes, 100) * 1e3,
    );
    figure("renewals of the Lease", "", seen.renewals() as f64);
    outcome.ratio(
        "MiB over the idle process",
        mebibytes(peak.saturating_sub(idle)),
    );
    outcome.ratio("failed liveness probes", seen.failed as f64);
    outcome.ratio("lost leaderships", seen.lost() as f64);
    outcome.note(format!(
        "{} SealedSecrets in sync, {CLIENTS} clients that read `/metrics` in a loop for {SECONDS} s, beside a probe of \
         `/healthz` each second that waits 1 s, as the chart's. The idle process knows no object. It is one process from the \
         start to the end: had it ended, there were no figures.",
        batch.count
    ));
    Ok(vec![outcome])
}

/// What was seen from outside while the clients read.
struct Seen {
    /// What `signet-load scrape` says.
    answers: Value,
    /// Seconds that the probes took which succeeded.
    probes: Vec<f64>,
    failed: usize,
    leases: Vec<Value>,
}

impl Seen {
    /// How often the Lease said another time.
    fn renewals(&self) -> usize {
        let times: BTreeSet<_> = self
            .leases
            .iter()
            .map(|l| l["renewTime"].as_str())
            .collect();
        times.len().saturating_sub(1)
    }

    /// How often it changed hands, or was not held by anybody.
    fn lost(&self) -> usize {
        let held = |lease: &Value| {
            let holder = lease["holderIdentity"].as_str();
            holder.map(|holder| (holder.to_owned(), lease["leaseTransitions"].as_i64()))
        };
        let (before, after) = (self.leases.iter(), self.leases.iter().skip(1));
        let changed = before.zip(after).filter(|(before, after)| {
            let (before, after) = (held(before), held(after));
            before.is_none() || before != after
        });
        changed.count()
    }
}

fn under_load(world: &World<'_>, controller: &mut Controller) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        answers: Value::Null,
        probes: Vec::new(),
        failed: 0,
        leases: vec![lease(world)?],
    };
    let load = start(world, controller)?;
    let begin = Instant::now();
    for round in 1..=SECONDS {
        thread::sleep((begin + round * PERIOD).saturating_duration_since(Instant::now()));
        match probe(controller) {
            Some(took) => seen.probes.push(took),
            None => seen.failed += 1,
        }
        seen.leases.push(lease(world)?);
        ensure!(
            controller.process.is_running(),
            "it ended; last lines of its log:\n{}",
            controller.process.log_tail()
        );
    }
    seen.answers = end(load)?;
    ensure!(seen.renewals() > 0, "the Lease was not renewed");
    Ok(seen)
}

/// Seconds that `/healthz` took; nothing if it failed by the rules of the kubelet.
fn probe(controller: &Controller) -> Option<f64> {
    let url = format!("http://127.0.0.1:{}/healthz", controller.port);
    // Each time a new connection, as the kubelet's.
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent();
    let begin = Instant::now();
    agent.get(&url).call().ok()?;
    Some(begin.elapsed().as_secs_f64())
}

fn lease(world: &World<'_>) -> anyhow::Result<Value> {
    let group = "/apis/coordination.k8s.io/v1";
    let path = format!("{group}/namespaces/{NAMESPACE}/leases/sealed-secrets-controller");
    Ok(world.plane.api().get(&path)?["spec"].take())
}

fn start(world: &World<'_>, controller: &Controller) -> anyhow::Result<Child> {
    let mut command = world.load_command("scrape")?;
    command
        .arg(format!(
            "--url=http://127.0.0.1:{}",
            controller.metrics_port
        ))
        .arg(format!("--clients={CLIENTS}"));
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().context("start signet-load scrape")
}

fn end(mut load: Child) -> anyhow::Result<Value> {
    // The end of its input is what it waits for.
    drop(load.stdin.take());
    let output = load.wait_with_output()?;
    ensure!(output.status.success(), "signet-load scrape failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(leases: &[Value]) -> Seen {
        Seen {
            answers: Value::Null,
            probes: Vec::new(),
            failed: 0,
            leases: leases.to_vec(),
        }
    }

    #[test]
    fn a_lease_that_changes_hands_is_lost_and_one_that_is_renewed_is_not() {
        let lease = |holder: &str, transitions: u32, time: &str| json!({ "holderIdentity": holder, "leaseTransitions": transitions, "renewTime": time });
        let kept = seen(&[lease("a", 1, "1"), lease("a", 1, "1"), lease("a", 1, "2")]);
        assert_eq!((kept.renewals(), kept.lost()), (1, 0));
        let lost = seen(&[lease("a", 1, "1"), lease("b", 2, "2"), lease("a", 3, "3")]);
        assert_eq!(lost.lost(), 2);
        let again = seen(&[lease("a", 1, "1"), lease("a", 2, "2")]);
        assert_eq!(again.lost(), 1);
        assert_eq!(seen(&[json!({}), json!({})]).lost(), 1);
    }
}
