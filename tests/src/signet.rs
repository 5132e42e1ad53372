//! Signet's own programs, run as their users run them.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::kubectl::{self, Output};
use signet_harness::proxy::{CA_PEM, FaultProxy};
use signet_harness::service_proxy::{self, Backend};
use signet_harness::upstream::{SERVICE, apply_upstream_rbac, in_cluster_command, pod_command};
use signet_harness::{ControlPlane, Process, binary, eventually, netns, port};

/// Longest time that anything may take on a busy machine.
pub const CAP: Duration = Duration::from_secs(60);

/// Signet's controller, running under exactly upstream's permissions.
#[derive(Debug)]
pub struct SignetController {
    /// The process; its log is `signet-NAMESPACE[-N].log`.
    pub process: Process,
    /// The namespace of its keys and its Service.
    pub namespace: String,
    /// The port of the HTTP API.
    pub port: u16,
    /// The port of `/metrics`.
    pub metrics_port: u16,
}

impl SignetController {
    /// Grants upstream's permissions, starts the controller, awaits that it is ready and publishes its Service.
    /// `arguments` come last, so that they win.
    pub fn start(
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        apply_upstream_rbac(plane, namespace, SERVICE)?;
        let controller = Self::start_process(plane, namespace, arguments)?;
        let backend = Backend {
            namespace,
            service: SERVICE,
            port_name: None,
            service_port: 8080,
            target_port: controller.port,
        };
        service_proxy::publish(plane.api(), &backend)?;
        Ok(controller)
    }

    /// Starts the process only: for a restart in a namespace that has everything. New keys have 2048 bits, which is
    /// several times faster, unless `arguments` say otherwise.
    pub fn start_process(
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut controller = Self::spawn(plane, namespace, SERVICE, arguments)?;
        let port = controller.port;
        let process = &mut controller.process;
        process.wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
        Ok(controller)
    }

    /// Starts the process only, as this service account, and does not await that it is ready.
    pub fn spawn(
        plane: &ControlPlane,
        namespace: &str,
        service_account: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let program = binary::path("signet-controller")?;
        let command = in_cluster_command(plane, namespace, service_account, &program)?;
        Self::spawn_command(plane, namespace, command, arguments)
    }

    /// As [`SignetController::spawn`] with upstream's service account, behind a proxy.
    pub fn spawn_behind(
        proxy: &FaultProxy,
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = plane.dir().join(format!("pod-behind-{}", proxy.port()));
        std::fs::create_dir_all(&folder)?;
        let token = plane.service_account_token(namespace, SERVICE)?;
        for (name, text) in [
            ("namespace", namespace),
            ("ca.crt", CA_PEM),
            ("token", &token),
        ] {
            std::fs::write(folder.join(name), text)?;
        }
        let program = binary::path("signet-controller")?;
        let command = pod_command(&folder, "127.0.0.1", proxy.port(), &program);
        Self::spawn_command(plane, namespace, command, arguments)
    }

    fn spawn_command(
        plane: &ControlPlane,
        namespace: &str,
        mut command: Command,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let (port, metrics_port) = (port::free()?, port::free()?);
        command
            .arg(format!("--listen-addr=:{port}"))
            .arg(format!("--listen-metrics-addr=:{metrics_port}"))
            .arg("--key-size=2048")
            .arg("--log-level=DEBUG")
            .args(arguments);
        let log = format!("signet-{namespace}-{port}");
        Ok(Self {
            process: Process::spawn(&log, command, &plane.log_dir())?,
            namespace: namespace.to_owned(),
            port,
            metrics_port,
        })
    }

    /// `http://ADDRESS:PORT`, without the service proxy.
    pub fn url(&self) -> String {
        format!("http://{}:{}", netns::ADDRESS, self.port)
    }

    /// A body from one of its two servers.
    pub fn fetch(&self, port: u16, path: &str) -> anyhow::Result<String> {
        let mut answer = ureq::get(format!("http://127.0.0.1:{port}{path}")).call()?;
        Ok(answer.body_mut().read_to_string()?)
    }

    /// The certificate that it hands out.
    pub fn certificate(&self) -> anyhow::Result<String> {
        self.fetch(self.port, "/v1/cert.pem")
    }

    /// The value of a metric; `name` is a whole series, e.g. `signet_reconciles_total{result="Unsealed"}`.
    pub fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.fetch(self.metrics_port, "/metrics")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.with_context(|| format!("no metric {name} in:\n{text}"))?
            .parse()
            .context("a number")
    }

    /// RSA private operations since the start.
    pub fn private_operations(&self) -> anyhow::Result<f64> {
        self.metric("signet_private_operations_total")
    }
}

/// Runs one of Signet's command line programs, `signet` or `kubeseal`, as the administrator.
pub fn cli(
    plane: &ControlPlane,
    program: &str,
    arguments: &[&str],
    stdin: &str,
) -> anyhow::Result<Output> {
    let mut command = Command::new(binary::path(program)?);
    command
        .args(arguments)
        .env("SIGNET_KNOWN_KEYS", "off")
        .env("KUBECONFIG", plane.admin_kubeconfig());
    kubectl::run(command, stdin)
}

/// A Secret manifest in clear.
pub fn secret(namespace: &str, name: &str, items: &[(&str, &str)]) -> Value {
    let data: BTreeMap<_, _> = items.iter().copied().collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    })
}

/// Seals a Secret with Signet's `kubeseal` and this certificate, offline. `arguments` are further flags.
pub fn seal(certificate: &str, secret: &Value, arguments: &[&str]) -> anyhow::Result<Value> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("cert.pem");
    std::fs::write(&file, certificate)?;
    let mut command = Command::new(binary::path("kubeseal")?);
    command.arg("--cert").arg(&file).args(arguments);
    let sealed = kubectl::run(command, &secret.to_string())?.success("kubeseal")?;
    serde_json::from_str(&sealed).context("kubeseal prints JSON")
}

/// Seals these Secrets, in this order, offline with one run of Signet's `kubeseal`.
pub fn seal_all(certificate: &str, secrets: &[Value]) -> anyhow::Result<Vec<Value>> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("cert.pem");
    std::fs::write(&file, certificate)?;
    let input: Vec<String> = secrets.iter().map(Value::to_string).collect();
    let mut command = Command::new(binary::path("kubeseal")?);
    command.arg("--cert").arg(&file);
    let output = kubectl::run(command, &input.join("\n---\n"))?.success("kubeseal")?;
    let sealed = serde_json::Deserializer::from_str(&output)
        .into_iter::<Value>()
        .collect::<Result<Vec<_>, _>>()?;
    ensure!(sealed.len() == secrets.len(), "kubeseal lost a document");
    Ok(sealed)
}

/// Path of a SealedSecret.
pub fn sealed_path(namespace: &str, name: &str) -> String {
    format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets/{name}")
}

/// Path of a Secret.
pub fn secret_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets/{name}")
}

/// Creates or changes a SealedSecret as `kubectl apply` does.
pub fn apply(plane: &ControlPlane, sealed: &Value) -> anyhow::Result<Value> {
    plane.api().apply(sealed)
}

/// Awaits a SealedSecret whose status is about its newest generation and whose `Synced` condition has this reason.
pub fn await_reason(
    plane: &ControlPlane,
    namespace: &str,
    name: &str,
    reason: &str,
) -> anyhow::Result<Value> {
    let path = sealed_path(namespace, name);
    let mut last = Value::Null;
    let found = eventually(&format!("{namespace}/{name} is {reason}"), CAP, || {
        let object = plane.api().get(&path).ok()?;
        last = object["status"].clone();
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        (current && condition(&object, "Synced")?["reason"] == reason).then_some(object)
    });
    found.with_context(|| format!("the last status was {last:#}"))
}

/// A condition of a SealedSecret.
pub fn condition<'a>(object: &'a Value, condition_type: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == condition_type)
}

/// Awaits a Secret whose items are these, in clear.
pub fn await_items(
    plane: &ControlPlane,
    namespace: &str,
    name: &str,
    items: &[(&str, &str)],
) -> anyhow::Result<Value> {
    let wanted: BTreeMap<String, String> = items
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    eventually(
        &format!("the Secret {namespace}/{name} with {:?}", wanted.keys()),
        CAP,
        || {
            let object = plane.api().find(&secret_path(namespace, name)).ok()??;
            (clear_items(&object).ok()? == wanted).then_some(object)
        },
    )
}

/// The items of a Secret, decoded.
pub fn clear_items(secret: &Value) -> anyhow::Result<BTreeMap<String, String>> {
    use base64::Engine as _;
    let mut items = BTreeMap::new();
    for (item, value) in secret["data"].as_object().into_iter().flatten() {
        let text = value.as_str().context("a string")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text)?;
        items.insert(item.clone(), String::from_utf8(bytes)?);
    }
    Ok(items)
}

/// The events about an object, oldest first.
pub fn events(plane: &ControlPlane, namespace: &str, uid: &str) -> anyhow::Result<Vec<Value>> {
    let list = plane.api().get(&format!(
        "/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.uid={uid}"
    ))?;
    let mut events = list["items"].as_array().cloned().unwrap_or_default();
    events.sort_by_key(|event| event["firstTimestamp"].to_string());
    Ok(events)
}

/// Shows that the controller has taken in everything up to now: an object made now has been processed.
pub fn sentinel(
    plane: &ControlPlane,
    controller: &SignetController,
    namespace: &str,
) -> anyhow::Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("sentinel-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let sealed = seal(
        &controller.certificate()?,
        &secret(namespace, &name, &[("k", "v")]),
        &[],
    )?;
    apply(plane, &sealed)?;
    await_items(plane, namespace, &name, &[("k", "v")])?;
    await_reason(plane, namespace, &name, "Unsealed").map(drop)
}

/// Fails unless the text is there; shows the text.
pub fn ensure_contains(text: &str, part: &str) -> anyhow::Result<()> {
    ensure!(text.contains(part), "{part:?} is not in:\n{text}");
    Ok(())
}

/// Merges JSON objects, `from` over `into`.
pub fn merge(into: &mut Value, from: Value) {
    match from {
        Value::Object(fields) => {
            if !into.is_object() {
                *into = json!({});
            }
            for (name, value) in fields {
                merge(&mut into[name], value);
            }
        }
        other => *into = other,
    }
}

/// A client for the controller's HTTP server: every answer is one, and no proxy stands between.
pub fn http_agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .build()
        .new_agent()
}
