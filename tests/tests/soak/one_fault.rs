//! One fault at a time, at a place that is chosen and not drawn: each kind of write meets each kind of trouble once.

use anyhow::{Context, ensure};
use signet_harness::eventually;
use signet_harness::proxy::{Harm, Trap};
use signet_tests::signet::{CAP, sealed_path, secret_path};

use crate::plan::{Operation, Plan, Round, SealedWith};
use crate::replicas::SYSTEM;
use crate::slot::{Scope, Shape, Slot};
use crate::stage::Stage;
use crate::{run, witness};

/// What a write meets. The client library tries 503 again by itself, and 500 not.
const HARMS: [Harm; 4] = [
    Harm::Lost,
    Harm::Answered(500),
    Harm::Answered(503),
    Harm::Answered(409),
];

/// A write of a pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    NewSecret,
    NewStatus,
    ChangedSecret,
    ChangedStatus,
}

const WRITES: [Write; 4] = [
    Write::NewSecret,
    Write::NewStatus,
    Write::ChangedSecret,
    Write::ChangedStatus,
];

impl Write {
    fn trap(self, slot: &Slot, harm: Harm) -> Trap {
        let (method, path) = match self {
            Self::NewSecret => ("POST", secrets_of(&slot.namespace)),
            Self::ChangedSecret => ("PUT", secret_path(&slot.namespace, &slot.name)),
            Self::NewStatus | Self::ChangedStatus => {
                let object = sealed_path(&slot.namespace, &slot.name);
                ("PUT", format!("{object}/status"))
            }
        };
        Trap { method, path, harm }
    }

    /// The version of the object that this is a write for.
    fn version(self) -> u32 {
        match self {
            Self::NewSecret | Self::NewStatus => 1,
            Self::ChangedSecret | Self::ChangedStatus => 2,
        }
    }
}

fn secrets_of(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

/// An object for each write and harm, each in a namespace of its own: a POST says no name.
fn cases() -> Vec<(Write, Harm, Slot)> {
    let pairs = WRITES
        .iter()
        .flat_map(|write| HARMS.map(|harm| (*write, harm)));
    let case = |(number, (write, harm))| {
        let slot = Slot {
            namespace: format!("one-fault-{number}"),
            name: "object".to_owned(),
            shape: Shape::Plain,
            scope: Scope::Strict,
        };
        (write, harm, slot)
    };
    pairs.enumerate().map(case).collect()
}

/// Every object gets this version.
fn round(objects: usize, version: u32) -> Round {
    let apply = |slot| Operation::Apply {
        slot,
        version,
        with: SealedWith::Newest,
    };
    Round {
        operations: (0..objects).map(apply).collect(),
        strikes: Vec::new(),
    }
}

fn plan(slots: Vec<Slot>) -> Plan {
    Plan {
        slots,
        rounds: Vec::new(),
    }
}

impl Stage<'_> {
    fn lay(&self, traps: impl IntoIterator<Item = Trap>) {
        self.replicas.proxy(0).lay(traps);
    }

    /// Awaits a line in the log of the process that runs now.
    fn await_line(&self, line: &str) -> anyhow::Result<()> {
        let said = eventually(line, CAP, || -> anyhow::Result<()> {
            self.replicas.revive()?;
            ensure!(self.replicas.says(0, line), "not yet");
            Ok(())
        });
        said.with_context(|| self.replicas.log_tails())
    }

    /// Awaits that every trap was met and everything is right.
    fn settle_after_traps(&self) -> anyhow::Result<()> {
        let traps = || self.replicas.proxy(0).traps();
        eventually("every trap is met", CAP, || -> anyhow::Result<()> {
            self.replicas.revive()?;
            ensure!(traps().is_empty(), "{:?}", traps());
            Ok(())
        })?;
        let findings = self.settle()?;
        let tails = || self.replicas.log_tails();
        ensure!(findings.is_clean(), "{}\n{}", findings.report(), tails());
        Ok(())
    }
}

#[test]
fn a_write_that_fails_once_is_made_all_the_same() -> anyhow::Result<()> {
    let plane = signet_tests::start(signet_harness::Options::default())?;
    let cases = cases();
    let slots: Vec<Slot> = cases.iter().map(|(_, _, slot)| slot.clone()).collect();
    let stage = Stage::set(&plane, &plan(slots), 1, 0)?;
    for version in [1, 2] {
        let due = cases
            .iter()
            .filter(|(write, _, _)| write.version() == version);
        stage.lay(due.map(|(write, harm, slot)| write.trap(slot, *harm)));
        run::carry_out(&stage, &[round(cases.len(), version)])?;
        stage.settle_after_traps()?;
    }
    ensure!(stage.replicas.restarts() == 0, "a process ended");
    let testimony = witness::ask(&plane, &stage.model(), &stage.observe()?, 1)?;
    ensure!(
        testimony.wrong.is_empty() && testimony.judged == cases.len(),
        "{testimony:?}"
    );
    Ok(())
}

#[test]
fn a_new_key_whose_write_fails_once_is_made_once() -> anyhow::Result<()> {
    let plane = signet_tests::start(signet_harness::Options::default())?;
    let stage = Stage::set(&plane, &plan(Vec::new()), 1, 0)?;
    let trap = |harm| Trap {
        method: "POST",
        path: secrets_of(SYSTEM),
        harm,
    };
    for harm in HARMS {
        // The first key: whoever cannot make it ends, and is started again.
        stage.replicas.kill(0)?;
        for key in stage.observe()?.keys {
            plane.api().delete(&secret_path(SYSTEM, &key))?;
        }
        stage.model().renewals = 0;
        stage.lay([trap(harm)]);
        stage.settle_after_traps()?;
        // The next one.
        stage.await_line("lists complete, starting work")?;
        stage.model().renewals = 1;
        stage.lay([trap(harm)]);
        stage.replicas.renew_key();
        stage.await_line("the sealing key that was asked for is there")?;
        stage.settle_after_traps()?;
        let keys = stage.observe()?.keys;
        ensure!(keys.len() == 2, "{harm:?}: {keys:?}");
    }
    Ok(())
}
