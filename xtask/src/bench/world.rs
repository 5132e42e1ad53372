//! A control plane for measuring: one sealing key, objects by the thousand, and either controller in turn.
//!
//! No kube-controller-manager runs, so that nothing but the controller works beside the API server.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::upstream::{NAMESPACE, SERVICE, apply_upstream_rbac, in_cluster_command};
use signet_harness::{Component, ControlPlane, Options, Process, Tool, eventually, port};
use tempfile::TempDir;

use super::lab::Lab;
use super::usage;

/// Longest time that anything may take: the slowest is a thousand objects by the peer on a busy machine.
pub(crate) const CAP: Duration = Duration::from_secs(600);

/// Which controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Peer,
}

/// Many SealedSecrets. They are spread over [`Batch::NAMESPACES`] namespaces; names end in their number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// What the names of the namespaces begin with.
    pub(crate) prefix: &'static str,
    /// The number of the first object.
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) items: usize,
    /// Bytes of each value.
    pub(crate) bytes: usize,
}

impl Batch {
    pub(crate) const NAMESPACES: usize = 10;

    pub(crate) fn new(prefix: &'static str, count: usize, items: usize) -> Self {
        Self {
            prefix,
            first: 0,
            count,
            items,
            bytes: 20,
        }
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = String> {
        let prefix = self.prefix;
        (0..Self::NAMESPACES).map(move |number| format!("{prefix}{number}"))
    }
}

/// The control plane and the key.
#[derive(Debug)]
pub(crate) struct World<'a> {
    lab: &'a Lab,
    /// Bits of the keys that it makes.
    bits: u32,
    pub(crate) plane: ControlPlane,
    folder: TempDir,
}

/// A controller that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    pub(crate) started: Instant,
}

impl<'a> World<'a> {
    /// Starts the control plane, makes a key, and grants both controllers what upstream's has.
    pub(crate) fn start(lab: &'a Lab) -> anyhow::Result<Self> {
        Self::start_with_bits(lab, 4096)
    }

    /// As [`World::start`], with keys of another size.
    pub(crate) fn start_with_bits(lab: &'a Lab, bits: u32) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let options = Options {
            controller_manager: false,
            manifests: vec![root.join("crds/bitnami.com_sealedsecrets.yaml")],
            // Between two runs everything is deleted.
            apiserver_args: vec!["--delete-collection-workers=8".to_owned()],
            ..Options::default()
        };
        let plane = ControlPlane::start(&lab.tools, options)?;
        let world = Self {
            lab,
            bits,
            plane,
            folder: tempfile::tempdir()?,
        };
        apply_upstream_rbac(&world.plane, NAMESPACE, SERVICE)?;
        world.make_key("bench", &world.certificate())?;
        Ok(world)
    }

    /// A place for files of the scenario.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the load maker.
    pub(crate) fn load_command(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(self.lab.program("signet-load")?);
        command.arg(name);
        Ok(command)
    }

    /// The certificate of the sealing key.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Makes a sealing key, its Secret, and the file of its certificate. The Secret's name ends in `name`.
    pub(crate) fn make_key(&self, name: &str, certificate: &Path) -> anyhow::Result<()> {
        let key = self.folder.path().join(format!("{name}.key"));
        let made = Command::new(self.lab.program("signet")?)
            .args(["keys", "generate"])
            .arg(format!("--bits={}", self.bits))
            .arg("--out-key")
            .arg(&key)
            .arg("--out-cert")
            .arg(certificate)
            .stderr(Stdio::null())
            .status()?;
        ensure!(made.success(), "no key was made");
        let encoded = |path: &Path| fs::read(path).map(|bytes| STANDARD.encode(bytes));
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {
                "name": format!("sealed-secrets-key{name}"),
                "namespace": NAMESPACE,
                "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
            },
            "data": { "tls.key": encoded(&key)?, "tls.crt": encoded(certificate)? },
        });
        self.plane.api().apply(&secret).map(drop)
    }

    /// Seals a batch, offline, into a file of one JSON object a line.
    pub(crate) fn seal(&self, batch: &Batch) -> anyhow::Result<PathBuf> {
        self.seal_with(batch, &self.certificate())
    }

    /// As [`World::seal`], with the certificate of another key.
    pub(crate) fn seal_with(&self, batch: &Batch, certificate: &Path) -> anyhow::Result<PathBuf> {
        let path = self
            .folder
            .path()
            .join(format!("{}{}.json", batch.prefix, batch.first));
        let mut command = self.load_command("seal")?;
        command.arg("--cert").arg(certificate);
        let options = [
            ("prefix", batch.prefix.to_owned()),
            ("namespaces", Batch::NAMESPACES.to_string()),
            ("first", batch.first.to_string()),
            ("count", batch.count.to_string()),
            ("items", batch.items.to_string()),
            ("bytes", batch.bytes.to_string()),
        ];
        for (name, value) in options {
            command.arg(format!("--{name}={value}"));
        }
        let sealed = command.stdout(File::create(&path)?).status()?;
        ensure!(sealed.success(), "signet-load seal failed");
        Ok(path)
    }

    /// Creates what a file of [`World::seal`] holds, and the namespaces of its batch.
    pub(crate) fn create(&self, batch: &Batch, file: &Path) -> anyhow::Result<()> {
        for namespace in batch.namespaces() {
            self.plane.api().ensure_namespace(&namespace)?;
        }
        let created = self
            .load_command("post")?
            .arg("--kubeconfig")
            .arg(self.plane.admin_kubeconfig())
            .stdin(File::open(file)?)
            .stdout(Stdio::null())
            .status()?;
        ensure!(created.success(), "signet-load post failed");
        Ok(())
    }

    /// Deletes SealedSecrets, Secrets and events in the namespaces of a batch, and awaits that etcd has none of them.
    pub(crate) fn wipe(&self, batch: &Batch) -> anyhow::Result<()> {
        for namespace in batch.namespaces() {
            let api = self.plane.api();
            api.delete(&format!(
                "/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets"
            ))?;
            api.delete(&format!("/api/v1/namespaces/{namespace}/secrets"))?;
            api.delete(&format!("/api/v1/namespaces/{namespace}/events"))?;
        }
        let kinds = ["bitnami.com/sealedsecrets", "secrets", "events"];
        eventually("everything is deleted", CAP, || {
            kinds
                .iter()
                .all(|kind| self.count(kind, batch).is_ok_and(|count| count == 0))
        })
    }

    /// How many objects of a kind etcd has in the namespaces of a batch.
    pub(crate) fn count(&self, kind: &str, batch: &Batch) -> anyhow::Result<usize> {
        self.plane.count_stored(&format!("{kind}/{}", batch.prefix))
    }

    /// Starts a controller and does not wait for it.
    pub(crate) fn controller(&self, side: Side, arguments: &[&str]) -> anyhow::Result<Controller> {
        let (port, metrics_port) = (port::free()?, port::free()?);
        let program = match side {
            Side::Ours => self.lab.program("signet-controller")?,
            Side::Peer => self.lab.tools.path(Tool::UpstreamController)?.to_owned(),
        };
        let mut command = in_cluster_command(&self.plane, NAMESPACE, SERVICE, &program)?;
        command
            .arg(format!("--listen-addr=:{port}"))
            .arg(format!("--listen-metrics-addr=:{metrics_port}"))
            .args(arguments);
        let name = format!("{side:?}-{port}").to_lowercase();
        let started = Instant::now();
        let process = Process::spawn(&name, command, &self.plane.log_dir())?;
        Ok(Controller {
            process,
            port,
            metrics_port,
            started,
        })
    }

    /// CPU seconds so far: of a controller if there is one yet, of the API server, of etcd.
    pub(crate) fn cpu(&self, controller: Option<u32>) -> anyhow::Result<Cpu> {
        let mut cpu = Cpu {
            controller: controller.map_or(Ok(0.0), usage::cpu_seconds)?,
            ..Cpu::default()
        };
        for (component, pid) in self.plane.process_ids() {
            let seconds = usage::cpu_seconds(pid)?;
            match component {
                Component::ApiServer => cpu.api_server = seconds,
                Component::Etcd => cpu.etcd = seconds,
                Component::ControllerManager => {}
            }
        }
        Ok(cpu)
    }

    /// Awaits that every SealedSecret of a batch says that it is in sync.
    pub(crate) fn await_synced(&self, batch: &Batch) -> anyhow::Result<()> {
        self.await_all(batch, "is in sync", |object| {
            synced(object).is_some_and(|condition| condition["status"] == "True")
        })
    }

    /// Awaits that this is true of every SealedSecret in the namespaces of a batch.
    pub(crate) fn await_all(
        &self,
        batch: &Batch,
        what: &str,
        is_true: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<()> {
        for namespace in batch.namespaces() {
            let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
            eventually(&format!("all of {namespace} {what}"), CAP, || {
                let list = self.plane.api().get(&path)?;
                let objects = list["items"].as_array().context("a list")?;
                let behind = objects.iter().filter(|object| !is_true(object)).count();
                ensure!(behind == 0, "{behind} of {} are not", objects.len());
                anyhow::Ok(())
            })?;
        }
        Ok(())
    }
}

/// The condition `Synced` of a SealedSecret.
pub(crate) fn synced(object: &Value) -> Option<&Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    let mut conditions = conditions.iter();
    conditions.find(|condition| condition["type"] == "Synced")
}

/// CPU seconds of the three that share the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) controller: f64,
    pub(crate) api_server: f64,
    pub(crate) etcd: f64,
}

impl Cpu {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            controller: self.controller - before.controller,
            api_server: self.api_server - before.api_server,
            etcd: self.etcd - before.etcd,
        }
    }
}

impl Controller {
    /// Awaits that it serves `/readyz`.
    pub(crate) fn await_ready(&mut self) -> anyhow::Result<()> {
        self.process
            .wait_for_http("127.0.0.1", self.port, "/readyz", CAP)
    }

    /// A series of `/metrics`, e.g. `signet_private_operations_total`.
    pub(crate) fn metric(&self, series: &str) -> anyhow::Result<f64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .build()
            .new_agent();
        let text = agent.get(&url).call()?.body_mut().read_to_string()?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .with_context(|| format!("no metric {series}"))?
            .parse()
            .context("a number")
    }

    /// Ends it as Kubernetes would.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate(CAP).map(drop)
    }
}
