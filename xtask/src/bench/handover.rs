//! Two replicas of ours, and the one that leads is killed: how long until the other one does its work.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use signet_harness::eventually;
use signet_harness::upstream::{NAMESPACE, SERVICE};

use super::lab::Lab;
use super::latency::{Applicant, percentile};
use super::outcome::{Figure, Outcome};
use super::world::{Batch, CAP, Controller, Side, World};

/// The default times of the Lease.
const LEASE: f64 = 15.0;
const RETRY: f64 = 2.0;
const BOUND: f64 = LEASE + RETRY;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let rounds = lab.pick(6, 1);
    let in_sync = Batch::new("shift-", lab.pick(1000, 100), 1);
    let world = World::start(lab)?;
    grant_lease(&world)?;
    let file = world.seal(&in_sync)?;
    world.create(&in_sync, &file)?;
    let mut leader = world.controller(Side::Ours, &[])?;
    await_leading(&leader)?;
    world.await_synced(&in_sync)?;
    let (mut until_leading, mut until_served) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut standby = world.controller(Side::Ours, &[])?;
        standby.await_ready()?;
        ensure!(!leads(&standby), "both lead");
        // At another moment between two renewals each time.
        thread::sleep(Duration::from_secs_f64(
            RETRY * (1.0 + round as f64 / rounds as f64),
        ));
        let new = Batch {
            first: 100_000 + round,
            ..Batch::new("shift-", 1, 1)
        };
        let file = world.seal(&new)?;
        leader.process.kill()?;
        let killed = Instant::now();
        let mut applicant = Applicant::new(&file, LOOK)?;
        let mut leading = None;
        applicant.run_until(&world, |own| {
            if leading.is_none() && leads(&standby) {
                leading = Some(killed.elapsed().as_secs_f64());
            }
            Ok(own.is_through() && leading.is_some())
        })?;
        until_served.extend(applicant.finish(&world)?);
        until_leading.extend(leading);
        leader = standby;
    }
    leader.stop()?;

    let mut outcome = Outcome::new("hand-over", lab.scale);
    let longest = |values: &[f64]| percentile(values, 100);
    let mut figure = |what: &str, value: f64| {
        outcome.figure(Figure::new(what, "s").ours(value));
    };
    figure(
        "until the other one leads, median",
        percentile(&until_leading, 50),
    );
    figure(
        "until the other one leads, longest",
        longest(&until_leading),
    );
    figure(
        "until a new object has its Secret, median",
        percentile(&until_served, 50),
    );
    figure(
        "until a new object has its Secret, longest",
        longest(&until_served),
    );
    outcome.ratio(
        "new leader, seconds after lease and one retry period",
        (longest(&until_leading) - BOUND).max(0.0),
    );
    outcome.ratio(
        "new object, seconds after lease and one retry period",
        (longest(&until_served) - BOUND).max(0.0),
    );
    outcome.note(format!(
        "Two replicas with default flags (a Lease of {LEASE} s, looked at every {RETRY} s) and {} objects in sync; the one \
         that leads is killed with SIGKILL, {rounds} times, each at another moment between two renewals, and an object is \
         applied at once. The peer has no replicas.",
        in_sync.count
    ));
    Ok(vec![outcome])
}

fn leads(controller: &Controller) -> bool {
    let leads = controller.metric("signet_leader");
    leads.is_ok_and(|leads| leads == 1.0)
}

pub(super) fn await_leading(controller: &Controller) -> anyhow::Result<()> {
    eventually("it leads", CAP, || leads(controller))
}

/// What the chart grants for the Lease.
pub(super) fn grant_lease(world: &World<'_>) -> anyhow::Result<()> {
    let group = "rbac.authorization.k8s.io";
    let metadata = json!({ "name": "leader-election", "namespace": NAMESPACE });
    let api = world.plane.api();
    api.apply(&json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "Role",
        "metadata": metadata,
        "rules": [{
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "verbs": ["create", "get", "update"],
        }],
    }))?;
    api.apply(&json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": "Role", "name": "leader-election" },
        "subjects": [{ "kind": "ServiceAccount", "name": SERVICE, "namespace": NAMESPACE }],
    }))?;
    Ok(())
}
