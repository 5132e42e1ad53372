//! Who seals and who opens: the columns of the matrix.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use signet_harness::{ControlPlane, eventually};
use signet_tests::fresh_namespace;
use signet_tests::signet::{CAP, condition, sealed_path, secret_path};

use super::cases::Case;
use crate::world::{self, Cli, back_up_keys};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    SignetToUpstreamController,
    SignetToUpstreamRecovery,
    UpstreamToSignetController,
    UpstreamToSignetRecovery,
}

impl Direction {
    pub(super) const ALL: [Self; 4] = [
        Self::SignetToUpstreamController,
        Self::SignetToUpstreamRecovery,
        Self::UpstreamToSignetController,
        Self::UpstreamToSignetRecovery,
    ];

    /// Two lines for the head of the table.
    pub(super) fn title(self) -> [&'static str; 2] {
        match self {
            Self::SignetToUpstreamController => ["signet seals,", "upstream controller"],
            Self::SignetToUpstreamRecovery => ["signet seals,", "upstream recovery"],
            Self::UpstreamToSignetController => ["upstream seals,", "signet controller"],
            Self::UpstreamToSignetRecovery => ["upstream seals,", "signet recovery"],
        }
    }
}

/// The verdict of each case, in their order.
pub(super) struct Column {
    pub(super) direction: Direction,
    pub(super) verdicts: Vec<anyhow::Result<()>>,
}

/// Signet's `kubeseal` seals with the certificate of upstream's controller.
pub(super) fn signet_seals(cases: &[Case]) -> anyhow::Result<[Column; 2]> {
    let [controller, recovery] =
        exchange(cases, &world::upstream()?.plane, Cli::Signet, Cli::Upstream)?;
    Ok([
        Column {
            direction: Direction::SignetToUpstreamController,
            verdicts: controller,
        },
        Column {
            direction: Direction::SignetToUpstreamRecovery,
            verdicts: recovery,
        },
    ])
}

/// Upstream's kubeseal seals with the certificate of Signet's controller.
pub(super) fn upstream_seals(cases: &[Case]) -> anyhow::Result<[Column; 2]> {
    let [controller, recovery] =
        exchange(cases, &world::signet()?.plane, Cli::Upstream, Cli::Signet)?;
    Ok([
        Column {
            direction: Direction::UpstreamToSignetController,
            verdicts: controller,
        },
        Column {
            direction: Direction::UpstreamToSignetRecovery,
            verdicts: recovery,
        },
    ])
}

/// `sealer` seals for the controller of `plane`; that controller opens, and so does `opener` with a backup of its keys.
fn exchange(
    cases: &[Case],
    plane: &ControlPlane,
    sealer: Cli,
    opener: Cli,
) -> anyhow::Result<[Vec<anyhow::Result<()>>; 2]> {
    let home = fresh_namespace(plane, "matrix")?;
    let away = fresh_namespace(plane, "matrix")?;
    let dir = tempfile::tempdir()?;
    let keys = back_up_keys(plane, &dir.path().join("main.key"))?;
    let sealed: Vec<_> = cases
        .iter()
        .map(|case| {
            let sealed = seal(plane, sealer, case, &home)?;
            let sealed = case.travel(sealed, &away);
            // All of them first, so that the controller works while the next one is sealed.
            plane.api().apply(&sealed)?;
            Ok(sealed)
        })
        .collect();
    let recovered = each(cases, &sealed, |case, sealed| {
        recover(plane, opener, &keys, case, sealed)
    });
    // One deadline for all, so that a controller that opens nothing is found out in a minute.
    let deadline = Instant::now() + CAP;
    let opened = each(cases, &sealed, |case, sealed| {
        let cap = deadline.saturating_duration_since(Instant::now());
        await_controller(plane, case, sealed, cap)
    });
    Ok([opened, recovered])
}

fn each(
    cases: &[Case],
    sealed: &[anyhow::Result<Value>],
    judge: impl Fn(&Case, &Value) -> anyhow::Result<()>,
) -> Vec<anyhow::Result<()>> {
    cases
        .iter()
        .zip(sealed)
        .map(|(case, sealed)| match sealed {
            Ok(sealed) => judge(case, sealed),
            Err(error) => bail!("not sealed: {error:#}"),
        })
        .collect()
}

fn seal(plane: &ControlPlane, cli: Cli, case: &Case, namespace: &str) -> anyhow::Result<Value> {
    let secret = case.secret(namespace).to_string();
    let sealed = cli
        .run(plane, &case.flags(), &secret)?
        .success("kubeseal")?;
    serde_json::from_str(&sealed).context("kubeseal prints JSON")
}

fn recover(
    plane: &ControlPlane,
    cli: Cli,
    keys: &str,
    case: &Case,
    sealed: &Value,
) -> anyhow::Result<()> {
    let mut command = cli.command(plane)?;
    // Recovery needs no cluster.
    command.args(["--kubeconfig", "/nonexistent", "--recovery-unseal"]);
    command.args(["--recovery-private-key", keys]);
    let output = signet_harness::kubectl::run(command, &sealed.to_string())?;
    if case.opens {
        let secret = output.success("recovery")?;
        return case.check(&serde_json::from_str(&secret)?);
    }
    ensure!(output.status.code() == Some(1), "{}", output.status);
    ensure!(output.stdout.is_empty(), "it printed something");
    ensure!(
        output.stderr.contains("no key could decrypt secret"),
        "it says {}",
        output.stderr
    );
    Ok(())
}

fn await_controller(
    plane: &ControlPlane,
    case: &Case,
    sealed: &Value,
    cap: Duration,
) -> anyhow::Result<()> {
    let text = |field: &str| sealed["metadata"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let expected = if case.opens { "True" } else { "False" };
    let mut last = Value::Null;
    let found = eventually(&format!("{name} is judged"), cap, || {
        let object = plane.api().get(&sealed_path(namespace, name)).ok()?;
        last = object["status"].clone();
        (condition(&object, "Synced")?["status"] == expected).then_some(())
    });
    found.with_context(|| format!("its status is {last}"))?;
    let secret = plane.api().find(&secret_path(namespace, name))?;
    match secret {
        Some(secret) if case.opens => case.check(&secret),
        Some(_) => bail!("there is a Secret"),
        None if case.opens => bail!("there is no Secret"),
        None => Ok(()),
    }
}
