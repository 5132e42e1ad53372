//! Signet's controller as a process on this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use signet_harness::{Process, port};

use super::folder::RunFolder;

/// The file name of the program, also the name in the record.
pub(super) const PROGRAM: &str = "signet-controller";

const CAP: Duration = Duration::from_secs(60);

/// What it takes to start the controller, as often as needed.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) program: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) namespace: String,
}

/// The running controller.
#[derive(Debug)]
pub(super) struct Controller {
    process: Process,
    metrics_port: u16,
}

impl Setup {
    /// Starts it and awaits that it says it is ready: it has read all there is to read.
    pub(super) fn start(&self, folder: &mut RunFolder) -> anyhow::Result<Controller> {
        let (port, metrics_port) = (port::free()?, port::free()?);
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SEALED_SECRETS_") || text == "POD_NAMESPACE" {
                command.env_remove(&name);
            }
        }
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg(format!("--namespace={}", self.namespace))
            .arg(format!("--listen-addr=127.0.0.1:{port}"))
            .arg(format!("--listen-metrics-addr=127.0.0.1:{metrics_port}"));
        let mut process = Process::spawn(PROGRAM, command, &folder.path().join("logs"))?;
        folder.record(PROGRAM, process.id())?;
        process.wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
        Ok(Controller {
            process,
            metrics_port,
        })
    }
}

impl Controller {
    /// Ends it as Kubernetes would.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let status = self.process.terminate(CAP)?;
        ensure!(
            status.success(),
            "the controller ended with {status}; the last lines of its log:\n{}",
            self.process.log_tail()
        );
        Ok(())
    }

    /// Lets it outlive this program.
    pub(super) fn leave_running(self) {
        self.process.leave_running();
    }

    pub(super) fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// What it counted since it started.
    pub(super) fn counters(&self) -> anyhow::Result<Counters> {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(CAP))
            .build()
            .new_agent();
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        let text = agent
            .get(&url)
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .context("read the controller's metrics")?;
        Ok(Counters(text))
    }
}

/// The controller's metrics at one moment.
#[derive(Debug)]
pub(super) struct Counters(String);

impl Counters {
    pub(super) fn value(&self, series: &str) -> anyhow::Result<f64> {
        let lines = || self.0.lines();
        lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .with_context(|| format!("the controller has no metric {series}"))?
            .parse()
            .with_context(|| format!("the metric {series} is not a number"))
    }

    /// These series as `/metrics` shows them.
    pub(super) fn excerpt(&self, series: &[&str]) -> anyhow::Result<String> {
        let mut text = String::new();
        for name in series {
            writeln!(text, "{name} {}", self.value(name)?)?;
        }
        Ok(text)
    }
}
