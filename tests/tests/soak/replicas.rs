//! The controllers under test: each behind a proxy of its own, and started again when it ends, as a kubelet does.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serde_json::json;
use signet_harness::process::Signal;
use signet_harness::proxy::{CA_PEM, FaultProxy};
use signet_harness::upstream::{SERVICE, apply_upstream_rbac, pod_command};
use signet_harness::{ControlPlane, Process, binary, eventually, port};
use signet_tests::signet::CAP;

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

struct Replica {
    proxy: FaultProxy,
    port: u16,
    metrics_port: u16,
    process: Mutex<Process>,
}

impl<'a> Replicas<'a> {
    /// Starts `count` controllers under upstream's permissions.
    pub(crate) fn start(plane: &'a ControlPlane, count: usize, seed: u64) -> anyhow::Result<Self> {
        apply_upstream_rbac(plane, SYSTEM, SERVICE)?;
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
            let (port, metrics_port) = (port::free()?, port::free()?);
            let process = spawn(plane, &folder, number, (&proxy, port, metrics_port))?;
            list.push(Replica {
                proxy,
                port,
                metrics_port,
                process: Mutex::new(process),
            });
        }
        let replicas = Self {
            plane,
            list,
            folder,
            restarts: AtomicUsize::new(0),
        };
        for replica in &replicas.list {
            replica
                .process()
                .wait_for_http("127.0.0.1", replica.port, "/readyz", CAP)?;
        }
        Ok(replicas)
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The proxies, one a replica.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = &FaultProxy> {
        self.list.iter().map(|replica| &replica.proxy)
    }

    /// The proxy of one replica; the number is taken modulo how many there are.
    pub(crate) fn proxy(&self, number: usize) -> &FaultProxy {
        &self.list[number % self.list.len()].proxy
    }

    /// How often a replica was started again.
    pub(crate) fn restarts(&self) -> usize {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Kills one as a power cut would.
    pub(crate) fn kill(&self, number: usize) -> anyhow::Result<()> {
        self.of(number).process().kill().map(drop)
    }

    /// Stops one (SIGSTOP). If it just ended there is nothing to stop.
    pub(crate) fn pause(&self, number: usize) {
        let _ = self.of(number).process().pause();
    }

    /// Lets it go on.
    pub(crate) fn resume(&self, number: usize) {
        let _ = self.of(number).process().resume();
    }

    /// Asks every replica for a new key.
    pub(crate) fn renew_key(&self) {
        for replica in &self.list {
            // One that just ended is not asked.
            let _ = replica.process().signal(Signal::USR1);
        }
    }

    /// Starts every replica again that has ended.
    pub(crate) fn revive(&self) -> anyhow::Result<()> {
        for (number, replica) in self.list.iter().enumerate() {
            let mut process = replica.process();
            if !process.is_running() {
                let ports = (&replica.proxy, replica.port, replica.metrics_port);
                *process = spawn(self.plane, &self.folder, number, ports)?;
                self.restarts.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
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

    /// The last lines of each log.
    pub(crate) fn log_tails(&self) -> String {
        let tails = self.list.iter().map(|replica| replica.process().log_tail());
        tails.collect::<Vec<_>>().join("\n---\n")
    }

    fn of(&self, number: usize) -> &Replica {
        &self.list[number % self.list.len()]
    }
}

impl Replica {
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(
    plane: &ControlPlane,
    folder: &std::path::Path,
    number: usize,
    (proxy, port, metrics_port): (&FaultProxy, u16, u16),
) -> anyhow::Result<Process> {
    let program = binary::path("signet-controller")?;
    let mut command = pod_command(folder, "127.0.0.1", proxy.port(), &program);
    command
        .arg(format!("--listen-addr=:{port}"))
        .arg(format!("--listen-metrics-addr=:{metrics_port}"))
        .arg("--key-size=2048")
        .arg("--log-level=DEBUG");
    Process::spawn(&format!("replica-{number}"), command, &plane.log_dir())
}
