//! What dashboards, alerts and runbooks read: metrics and log lines, beside the real upstream's for the same events.

mod log;
mod metrics;

use anyhow::Context;
use serde_json::json;
use signet_harness::upstream::{NAMESPACE, UpstreamController};
use signet_harness::{ControlPlane, Options, Process, eventually};
use signet_tests::signet::{CAP, SignetController, apply, seal, sealed_path, secret};
use signet_tests::start;

use crate::world::fetch;

/// A controller of either side on a plane of its own.
struct Side {
    plane: ControlPlane,
    starts: fn(&ControlPlane, &[&str]) -> anyhow::Result<Running>,
    running: Running,
}

/// The process, its port and that of its metrics.
struct Running {
    process: Process,
    port: u16,
    metrics_port: u16,
}

impl Side {
    fn signet(arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start(arguments, |plane, arguments| {
            let controller = SignetController::start(plane, NAMESPACE, arguments)?;
            Ok(Running {
                process: controller.process,
                port: controller.port,
                metrics_port: controller.metrics_port,
            })
        })
    }

    fn upstream(arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start(arguments, |plane, arguments| {
            let controller = UpstreamController::start(plane, NAMESPACE, arguments)?;
            Ok(Running {
                process: controller.process,
                port: controller.port,
                metrics_port: controller.metrics_port,
            })
        })
    }

    fn start(
        arguments: &[&str],
        starts: fn(&ControlPlane, &[&str]) -> anyhow::Result<Running>,
    ) -> anyhow::Result<Self> {
        let plane = start(Options::default())?;
        let running = starts(&plane, arguments)?;
        Ok(Self {
            plane,
            starts,
            running,
        })
    }

    /// Ends the controller and starts it again. Returns what the first one wrote.
    fn restart(&mut self, arguments: &[&str]) -> anyhow::Result<String> {
        self.running.process.terminate(CAP)?;
        let log = self.running.process.log();
        self.running = (self.starts)(&self.plane, arguments)?;
        Ok(log)
    }

    fn metrics(&self) -> anyhow::Result<String> {
        fetch(
            &format!("http://127.0.0.1:{}", self.running.metrics_port),
            "/metrics",
        )
    }

    /// One object that opens and carries an instance label, one that no key opens, one whose Secret is somebody else's;
    /// then one request to each endpoint that is counted.
    fn play(&self) -> anyhow::Result<()> {
        let base = format!("http://127.0.0.1:{}", self.running.port);
        let certificate = fetch(&base, "/v1/cert.pem")?;
        self.plane.api().ensure_namespace("x")?;
        let good = seal(&certificate, &secret("x", "good", &[("a", "b")]), &[])?;
        let mut labelled = good.clone();
        labelled["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "inst"});
        apply(&self.plane, &labelled)?;
        let mut bad = good.clone();
        bad["metadata"]["name"] = "bad".into();
        apply(&self.plane, &bad)?;
        let theirs = secret("x", "theirs", &[("a", "b")]);
        let path = "/api/v1/namespaces/x/secrets";
        self.plane.api().post(path, &theirs)?;
        apply(&self.plane, &seal(&certificate, &theirs, &[])?)?;
        for name in ["good", "bad", "theirs"] {
            eventually(&format!("{name} has a status"), CAP, || {
                let object = self.plane.api().get(&sealed_path("x", name)).ok()?;
                object["status"]["conditions"][0]["status"].as_str()?;
                Some(())
            })?;
        }
        for path in ["/v1/verify", "/v1/rotate"] {
            let answer = ureq::post(format!("{base}{path}")).send(good.to_string());
            answer.with_context(|| path.to_owned())?;
        }
        Ok(())
    }
}
