//! The two control planes, each with its program's own definition of SealedSecrets, and how rows are handed out to them.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, anyhow, ensure};
use signet_harness::upstream::NAMESPACE;
use signet_harness::{Component, ControlPlane, Options, Tool, Tools};
use signet_tests::signet::CAP;
use signet_tests::start as start_plane;

use crate::row::{Case, Outcome, Row};
use crate::side::{Program, Running, Side, ask};

/// Rows at the same time. They wait most of the time.
const AT_ONCE: usize = 12;
/// Rows at the same time that start controllers.
const CONTROLLERS_AT_ONCE: usize = 5;

/// One control plane with the controller that all rows without flags share.
struct World {
    program: Program,
    plane: &'static ControlPlane,
    shared: Mutex<Option<Running>>,
    port: u16,
    metrics_port: u16,
    certificate: String,
}

/// Both.
pub(crate) struct Worlds {
    signet: World,
    upstream: World,
    namespaces: AtomicUsize,
}

impl World {
    fn start(program: Program) -> anyhow::Result<Self> {
        // Kept until the process ends: rows hold on to it from several threads.
        let plane: &'static ControlPlane = Box::leak(Box::new(match program {
            Program::Signet => start_plane(Options::default())?,
            Program::Upstream => upstreams_plane()?,
        }));
        let flags = ["--rate-limit=1000", "--rate-limit-burst=1000"];
        let running = program.start(plane, NAMESPACE, &flags)?;
        let (port, metrics_port) = (running.port, running.metrics_port);
        Ok(Self {
            program,
            plane,
            certificate: ask(port, "GET", "/v1/cert.pem", "")?.body,
            port,
            metrics_port,
            shared: Mutex::new(Some(running)),
        })
    }

    fn side(&self, namespace: &str) -> anyhow::Result<Side> {
        self.plane.api().ensure_namespace(namespace)?;
        Ok(Side {
            program: self.program,
            plane: self.plane,
            namespace: namespace.to_owned(),
            certificate: self.certificate.clone(),
            port: self.port,
            metrics_port: self.metrics_port,
            controller: None,
        })
    }
}

/// A control plane with the definition that upstream publishes.
fn upstreams_plane() -> anyhow::Result<ControlPlane> {
    let tools = Tools::from_environment()?;
    let folder = tempfile::tempdir()?;
    let definition = "sealed-secrets/crds/bitnami.com_sealedsecrets.yaml";
    let unpacked = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(tools.path(Tool::UpstreamChart)?)
        .arg("--directory")
        .arg(folder.path())
        .arg(definition)
        .status()?;
    ensure!(unpacked.success(), "tar failed with {unpacked}");
    let manifests = vec![folder.path().join(definition)];
    ControlPlane::start(
        &tools,
        Options {
            manifests,
            ..Options::default()
        },
    )
}

/// Starts both.
pub(crate) fn start() -> anyhow::Result<Worlds> {
    let (signet, upstream) = thread::scope(|scope| {
        let upstream = scope.spawn(|| World::start(Program::Upstream));
        (World::start(Program::Signet), upstream.join())
    });
    Ok(Worlds {
        signet: signet.context("Signet's world")?,
        upstream: upstream
            .map_err(|_| anyhow!("a panic"))?
            .context("upstream's world")?,
        namespaces: AtomicUsize::new(1),
    })
}

impl Worlds {
    fn row(&self) -> anyhow::Result<Row> {
        let namespace = format!("row-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        Ok(Row::new(
            self.signet.side(&namespace)?,
            self.upstream.side(&namespace)?,
        ))
    }

    fn play(&self, case: Case) -> Outcome {
        match self.row() {
            Ok(row) => row.play(case),
            Err(error) => Outcome {
                name: case.name,
                cites: case.cites,
                difference: Err(error),
            },
        }
    }

    fn play_all(&self, cases: &[Case], at_once: usize) -> Vec<Outcome> {
        let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = self.play(*case);
                        outcomes
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(outcome);
                    }
                });
            }
        });
        outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows with the controllers that watch all namespaces.
    pub(crate) fn play_shared(&self, cases: Vec<Case>) -> anyhow::Result<Vec<Outcome>> {
        Ok(self.play_all(&cases, AT_ONCE))
    }

    /// The same, for rows that are counted apart.
    pub(crate) fn play_shared_again(&self, cases: Vec<Case>) -> anyhow::Result<Vec<Outcome>> {
        self.play_shared(cases)
    }

    /// Rows that nothing else must run beside: garbage collection stands still meanwhile.
    pub(crate) fn play_alone(&self, cases: Vec<Case>) -> anyhow::Result<Vec<Outcome>> {
        let mut rows = Vec::new();
        for case in cases {
            rows.push((case, self.row()?));
        }
        for world in [&self.signet, &self.upstream] {
            world.plane.pause(Component::ControllerManager)?;
        }
        let outcomes = rows.into_iter().map(|(case, row)| row.play(case)).collect();
        for world in [&self.signet, &self.upstream] {
            world.plane.resume(Component::ControllerManager)?;
        }
        Ok(outcomes)
    }

    /// Ends the controllers that watch all namespaces.
    pub(crate) fn end_shared(&self) -> anyhow::Result<()> {
        for world in [&self.signet, &self.upstream] {
            let running = world
                .shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(mut running) = running {
                running.process.terminate(CAP)?;
            }
        }
        Ok(())
    }

    /// Rows that start controllers of their own.
    pub(crate) fn play_confined(&self, cases: Vec<Case>) -> anyhow::Result<Vec<Outcome>> {
        Ok(self.play_all(&cases, CONTROLLERS_AT_ONCE))
    }
}
