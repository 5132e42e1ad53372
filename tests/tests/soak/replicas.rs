//! The controllers under test: each behind a proxy of its own, and started again when it ends, as a kubelet does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;
use signet_harness::process::Signal;
use signet_harness::proxy::{CA_PEM, FaultProxy};
use signet_harness::upstream::{SERVICE, apply_upstream_rbac, pod_command};
use signet_harness::{Clock, ControlPlane, Process, binary, eventually, port};
use signet_tests::replicas::{SHORT_LEASE, grant_lease};
use signet_tests::signet::CAP;

/// Shortest time between two starts of one replica.
const PAUSE: Duration = Duration::from_secs(1);
/// Seconds by which each replica's machine has been running longer than the one before.
const UPTIME: u64 = 1_000_000;
/// The namespace of the controllers and their keys.
pub(crate) const SYSTEM: &str = "kube-system";

/// All replicas of the controller.
pub(crate) struct Replicas<'a> {
    plane: &'a ControlPlane,
    list: Vec<Replica>,
    /// What a Pod sees of its service account.
    folder: PathBuf,
    restarts: AtomicUsize,
}

/// One replica, and when it was started.
struct Replica {
    place: Place,
    process: Mutex<(Process, Instant)>,
}

/// What stays when a replica is started again.
struct Place {
    number: usize,
    proxy: FaultProxy,
    clock: Clock,
    port: u16,
    metrics_port: u16,
}

impl<'a> Replicas<'a> {
    /// Starts `count` controllers under upstream's permissions, and those for the Lease.
    pub(crate) fn start(plane: &'a ControlPlane, count: usize, seed: u64) -> anyhow::Result<Self> {
        apply_upstream_rbac(plane, SYSTEM, SERVICE)?;
        grant_lease(plane, SYSTEM, SERVICE)?;
        let folder = plane.dir().join("soak-pod");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("namespace"), SYSTEM)?;
        fs::write(folder.join("ca.crt"), CA_PEM)?;
        fs::write(
            folder.join("token"),
            plane.service_account_token(SYSTEM, SERVICE)?,
        )?;
        let mut list = Vec::new();
        for number in 0..count {
            let proxy = FaultProxy::start(plane, seed.wrapping_mul(31) + number as u64)?;
            list.push(Replica::start(plane, &folder, number, proxy)?);
        }
        let replicas = Self {
            plane,
            list,
            folder,
            restarts: AtomicUsize::new(0),
        };
        for replica in &replicas.list {
            let process = &mut replica.process().0;
            process.wait_for_http("127.0.0.1", replica.place.port, "/readyz", CAP)?;
        }
        Ok(replicas)
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The proxies, one a replica.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &FaultProxy> {
        self.list.iter().map(|replica| &replica.place.proxy)
    }

    /// The proxy of one replica; the number is taken modulo how many there are.
    pub(crate) fn proxy(&self, number: usize) -> &FaultProxy {
        &self.list[number % self.list.len()].place.proxy
    }

    /// How often a replica was started again.
    pub(crate) fn restarts(&self) -> usize {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Kills one as a power cut would.
    pub(crate) fn kill(&self, number: usize) -> anyhow::Result<()> {
        self.of(number).process().0.kill().map(drop)
    }

    /// Stops one (SIGSTOP). If it just ended there is nothing to stop.
    pub(crate) fn pause(&self, number: usize) {
        let _ = self.of(number).process().0.pause();
    }

    /// Lets it go on.
    pub(crate) fn resume(&self, number: usize) {
        let _ = self.of(number).process().0.resume();
    }

    /// Asks every replica for a new key.
    pub(crate) fn renew_key(&self) {
        for replica in &self.list {
            // One that just ended is not asked.
            let _ = replica.process().0.signal(Signal::USR1);
        }
    }

    /// Starts every replica again that has ended.
    pub(crate) fn revive(&self) -> anyhow::Result<()> {
        for replica in &self.list {
            let mut process = replica.process();
            if !process.0.is_running() && process.1.elapsed() > PAUSE {
                *process = (
                    replica.place.spawn(self.plane, &self.folder)?,
                    Instant::now(),
                );
                self.restarts.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Sets the wall clock of one wrong by this many seconds.
    pub(crate) fn set_clock(&self, number: usize, seconds: i64) -> anyhow::Result<()> {
        self.of(number).place.clock.set(seconds)
    }

    /// Makes every token so far invalid, and puts a new one where the replicas look for it.
    pub(crate) fn rotate_token(&self) -> anyhow::Result<()> {
        let api = self.plane.api();
        let path = format!("/api/v1/namespaces/{SYSTEM}/serviceaccounts/{SERVICE}");
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": SERVICE, "namespace": SYSTEM},
        });
        eventually("the service account is gone", CAP, || api.delete(&path))?;
        eventually("the service account is back", CAP, || api.apply(&account))?;
        let token = eventually("a new token", CAP, || {
            self.plane.service_account_token(SYSTEM, SERVICE)
        })?;
        fs::write(self.folder.join("token"), token).context("write the token")
    }

    /// Whether a text stands in the log of the process that was last started as this replica.
    pub(crate) fn says(&self, number: usize, text: &str) -> bool {
        self.of(number).process().0.log().contains(text)
    }

    /// The last lines of each log.
    pub(crate) fn log_tails(&self) -> String {
        let tails = self
            .list
            .iter()
            .map(|replica| replica.process().0.log_tail());
        tails.collect::<Vec<_>>().join("\n---\n")
    }

    fn of(&self, number: usize) -> &Replica {
        &self.list[number % self.list.len()]
    }
}

impl Replica {
    fn start(
        plane: &ControlPlane,
        folder: &Path,
        number: usize,
        proxy: FaultProxy,
    ) -> anyhow::Result<Self> {
        let place = Place {
            number,
            clock: Clock::new(plane.dir(), &format!("replica-{number}"))?,
            port: port::free()?,
            metrics_port: port::free()?,
            proxy,
        };
        let process = place.spawn(plane, folder)?;
        Ok(Self {
            place,
            process: Mutex::new((process, Instant::now())),
        })
    }

    fn process(&self) -> MutexGuard<'_, (Process, Instant)> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Starts the program as on a machine of its own: with its own wall clock, and its own time since the start.
    fn spawn(&self, plane: &ControlPlane, folder: &Path) -> anyhow::Result<Process> {
        let program = binary::path("signet-controller")?;
        let pod = pod_command(folder, "127.0.0.1", self.proxy.port(), &program);
        let mut command = Command::new("unshare");
        command
            .args(["--time", "--boottime"])
            .arg((self.number as u64 * UPTIME).to_string())
            .arg(pod.get_program())
            .args(pod.get_args());
        for (name, value) in pod.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.clock.give_to(&mut command);
        command
            .arg(format!("--listen-addr=:{}", self.port))
            .arg(format!("--listen-metrics-addr=:{}", self.metrics_port))
            .arg("--key-size=2048")
            .arg("--log-level=DEBUG")
            .args(SHORT_LEASE);
        Process::spawn(
            &format!("replica-{}", self.number),
            command,
            &plane.log_dir(),
        )
    }
}
