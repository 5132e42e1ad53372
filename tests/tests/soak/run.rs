//! One run: the plan of a seed carried out and judged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use signet_harness::proxy::Fate;
use signet_harness::{Options, eventually};

use crate::checker::judge;
use crate::plan::{Fault, OBJECTS, Plan, Round};
use crate::stage::Stage;
use crate::{strikes, witness, work};

/// Longest time of a run until the faults are over.
const RUN: Duration = Duration::from_secs(600);

/// Figures of one run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) operations: usize,
    pub(crate) faults: BTreeMap<Fault, usize>,
    pub(crate) fates: BTreeMap<Fate, u64>,
    pub(crate) replicas: usize,
    pub(crate) restarts: usize,
    pub(crate) keys: usize,
    pub(crate) judged: usize,
    pub(crate) seconds: [u64; 3],
}

/// Carries out the plan of a seed; an error says what is wrong at the end. `step`: every how manieth Secret upstream's
/// program is asked about.
pub(crate) fn run(seed: u64, replicas: usize, step: usize) -> anyhow::Result<Figures> {
    let plane = signet_tests::start(Options {
        // Killing etcd must not lose what was promised.
        fsync: true,
        ..Options::default()
    })?;
    let plan = Plan::draw(seed);
    let stage = Stage::set(&plane, &plan, replicas, seed)?;
    let began = Instant::now();
    carry_out(&stage, &plan.rounds)?;
    let worked = began.elapsed();
    let findings = stage.settle()?;
    ensure!(
        findings.is_clean(),
        "{}\n{}",
        findings.report(),
        stage.replicas.log_tails()
    );
    let settled = began.elapsed();
    stage.renew_in_peace()?;
    let findings = stage.settle()?;
    let observed = stage.observe()?;
    let model = stage.model();
    let mut again = judge(&model, &observed);
    let testimony = witness::ask(&plane, &model, &observed, step)?;
    again.wrong.extend(testimony.wrong);
    ensure!(
        findings.is_clean() && again.is_clean(),
        "{}",
        again.report()
    );
    let mut fates = BTreeMap::new();
    for (fate, count) in stage.replicas.proxies().flat_map(|proxy| proxy.fates()) {
        *fates.entry(fate).or_default() += count;
    }
    let mut figures = Figures {
        operations: plan.rounds.iter().map(|round| round.operations.len()).sum(),
        replicas: stage.replicas.count(),
        restarts: stage.replicas.restarts(),
        keys: observed.keys.len(),
        judged: testimony.judged,
        seconds: [worked, settled - worked, began.elapsed() - settled].map(|time| time.as_secs()),
        fates,
        ..Figures::default()
    };
    for strike in plan.rounds.iter().flat_map(|round| &round.strikes) {
        *figures.faults.entry(strike.fault).or_default() += 1;
    }
    Ok(figures)
}

/// All rounds, one after the other.
pub(crate) fn carry_out(stage: &Stage<'_>, rounds: &[Round]) -> anyhow::Result<()> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let kubelet = scope.spawn(|| {
            eventually("the run is over", RUN, || -> anyhow::Result<()> {
                stage.replicas.revive()?;
                ensure!(over.load(Ordering::Relaxed), "not yet");
                Ok(())
            })
        });
        let done = rounds.iter().enumerate().try_for_each(|(number, round)| {
            carry_out_round(stage, round).with_context(|| format!("round {number}"))
        });
        over.store(true, Ordering::Relaxed);
        kubelet
            .join()
            .map_err(|_| anyhow!("the kubelet panicked"))??;
        done
    })
}

fn carry_out_round(stage: &Stage<'_>, round: &Round) -> anyhow::Result<()> {
    let (progress, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let strikes: Vec<_> = round
            .strikes
            .iter()
            .map(|strike| {
                let (progress, done) = (&progress, &done);
                scope.spawn(move || {
                    strikes::strike(stage, strike, progress, done)
                        .with_context(|| format!("{strike:?}"))
                })
            })
            .collect();
        let worked = work::work(stage, &round.operations, &progress);
        done.store(true, Ordering::Relaxed);
        for strike in strikes {
            strike.join().map_err(|_| anyhow!("a fault panicked"))??;
        }
        worked
    })
}

impl Figures {
    /// One line for whoever reads the run.
    pub(crate) fn line(&self) -> String {
        let [worked, settled, judged] = self.seconds;
        format!(
            "{OBJECTS} objects, {} operations, faults {:?}, requests {:?}, {} replicas, {} restarts, {} keys; wrong 0, lost 0, foreign \
             touched 0, duplicate keys 0, untrue statuses 0; {} judged by kubeseal; {worked} s of faults, {settled} s to settle, \
             {judged} s to judge",
            self.operations,
            self.faults,
            self.fates,
            self.replicas,
            self.restarts,
            self.keys,
            self.judged
        )
    }
}
