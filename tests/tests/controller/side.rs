//! One side of a row: a control plane, one of the two controllers, a namespace.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_common::{Certificate, Plaintext, Scope, SealTarget, seal};
use signet_harness::upstream::{SERVICE, UpstreamController, in_cluster_command};
use signet_harness::{ControlPlane, Process, Tool, binary, eventually, port};
use signet_tests::signet::{CAP, SignetController, http_agent, merge, sealed_path, secret_path};

/// Whose controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Signet,
    Upstream,
}

/// A running controller.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
}

impl Program {
    /// Starts it with keys in this namespace and upstream's permissions, and awaits that it is ready.
    pub(crate) fn start(
        self,
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Running> {
        let arguments = [&["--key-size=2048"], arguments].concat();
        Ok(match self {
            Self::Signet => {
                let SignetController {
                    process,
                    port,
                    metrics_port,
                    ..
                } = SignetController::start(plane, namespace, &arguments)?;
                Running {
                    process,
                    port,
                    metrics_port,
                }
            }
            Self::Upstream => {
                let UpstreamController {
                    process,
                    port,
                    metrics_port,
                } = UpstreamController::start(plane, namespace, &arguments)?;
                Running {
                    process,
                    port,
                    metrics_port,
                }
            }
        })
    }
}

impl Program {
    /// Starts it in a namespace where it ran before, whatever becomes of it then.
    pub(crate) fn start_bare(
        self,
        plane: &ControlPlane,
        namespace: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Running> {
        let path = match self {
            Self::Signet => binary::path("signet-controller")?,
            Self::Upstream => plane.tools().path(Tool::UpstreamController)?.to_owned(),
        };
        let (port, metrics_port) = (port::free()?, port::free()?);
        let mut command = in_cluster_command(plane, namespace, SERVICE, &path)?;
        command
            .arg(format!("--listen-addr=:{port}"))
            .arg(format!("--listen-metrics-addr=:{metrics_port}"))
            .arg("--key-size=2048")
            .args(arguments)
            .envs(variables.iter().copied());
        let process = Process::spawn(
            &format!("bare-{self:?}-{namespace}-{port}"),
            command,
            &plane.log_dir(),
        )?;
        Ok(Running {
            process,
            port,
            metrics_port,
        })
    }
}

/// An answer of a controller's HTTP server.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
    pub(crate) retry_after: bool,
}

/// GET or whatever method of a controller's HTTP server.
pub(crate) fn ask(port: u16, method: &str, path: &str, body: &str) -> anyhow::Result<Reply> {
    ask_as(&format!("127.0.0.1:{port}"), method, path, body, None)
}

/// The same at any address, and in the name of another client.
pub(crate) fn ask_as(
    host: &str,
    method: &str,
    path: &str,
    body: &str,
    client: Option<&str>,
) -> anyhow::Result<Reply> {
    let agent = http_agent();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{host}{path}"));
    if let Some(client) = client {
        request = request.header("x-forwarded-for", client);
    }
    let mut answer = if body.is_empty() {
        agent.run(request.body(())?)?
    } else {
        agent.run(request.body(body.to_owned())?)?
    };
    let content_type = answer.headers().get("content-type");
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let retry_after = answer.headers().contains_key("retry-after");
    Ok(Reply {
        status: answer.status().as_u16(),
        retry_after,
        content_type,
        body: answer.body_mut().read_to_string()?,
    })
}

/// One side of a row.
pub(crate) struct Side {
    pub(crate) program: Program,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
    pub(crate) certificate: String,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    pub(crate) controller: Option<Running>,
}

impl Side {
    pub(crate) fn is_signet(&self) -> bool {
        self.program == Program::Signet
    }

    /// A namespace beside the row's own, with the same controller.
    pub(crate) fn beside(&self, suffix: &str) -> anyhow::Result<Self> {
        let namespace = format!("{}-{suffix}", self.namespace);
        self.plane.api().ensure_namespace(&namespace)?;
        Ok(Self {
            namespace,
            program: self.program,
            plane: self.plane,
            certificate: self.certificate.clone(),
            port: self.port,
            metrics_port: self.metrics_port,
            controller: None,
        })
    }

    /// Starts a controller of this row's own, which looks at the row's own namespace unless `flags` say otherwise.
    pub(crate) fn start(&mut self, flags: &[&str]) -> anyhow::Result<()> {
        let flags = [&["--all-namespaces=false"], flags].concat();
        let running = self.program.start(self.plane, &self.namespace, &flags)?;
        (self.port, self.metrics_port) = (running.port, running.metrics_port);
        self.controller = Some(running);
        self.take_certificate()
    }

    /// Stops the controller of this row's own.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let mut running = self.controller.take().context("no controller to stop")?;
        running.process.terminate(CAP).map(drop)
    }

    /// What is sealed from now on is sealed with the certificate that is handed out now.
    pub(crate) fn take_certificate(&mut self) -> anyhow::Result<()> {
        self.certificate = self.served()?;
        Ok(())
    }

    /// The certificate that is handed out.
    pub(crate) fn served(&self) -> anyhow::Result<String> {
        let reply = ask(self.port, "GET", "/v1/cert.pem", "")?;
        ensure!(reply.status == 200, "cert.pem: {}", reply.status);
        Ok(reply.body)
    }

    /// One sealed value.
    pub(crate) fn value(
        &self,
        scope: Scope,
        namespace: &str,
        name: &str,
        clear: &[u8],
    ) -> anyhow::Result<String> {
        value_for(&self.certificate, scope, namespace, name, clear)
    }

    /// A SealedSecret of the strict scope in the row's namespace, without a template.
    pub(crate) fn sealed(&self, name: &str, items: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.sealed_as(Scope::Strict, name, items)
    }

    /// A SealedSecret of any scope, with its annotation.
    pub(crate) fn sealed_as(
        &self,
        scope: Scope,
        name: &str,
        items: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let mut data = BTreeMap::new();
        for (item, clear) in items {
            data.insert(
                *item,
                self.value(scope, &self.namespace, name, clear.as_bytes())?,
            );
        }
        let annotation = match scope {
            Scope::Strict => json!({}),
            other => json!({format!("sealedsecrets.bitnami.com/{}", other.as_str()): "true"}),
        };
        Ok(json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": name, "namespace": self.namespace, "annotations": annotation},
            "spec": {"encryptedData": data, "template": {"type": "Opaque"}},
        }))
    }

    pub(crate) fn apply(&self, sealed: &Value) -> anyhow::Result<Value> {
        self.plane.api().apply(sealed)
    }

    /// Awaits that the controller has judged the SealedSecret as it is.
    pub(crate) fn processed(&self, name: &str) -> anyhow::Result<()> {
        let mut last = Value::Null;
        eventually(&format!("{:?} processed {name}", self.program), CAP, || {
            last = self.find_sealed(name).ok()??;
            let (status, metadata) = (&last["status"], &last["metadata"]);
            let judged = status["conditions"]
                .as_array()
                .is_some_and(|all| !all.is_empty());
            (judged && status["observedGeneration"] == metadata["generation"]).then_some(())
        })
        .with_context(|| format!("the status was {}", last["status"]))
    }

    /// Awaits what Signet does in its own time; or that upstream has given up trying, after which it does nothing.
    pub(crate) fn settled(
        &self,
        name: &str,
        done: impl Fn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        if self.is_signet() {
            eventually("Signet reacts", CAP, || done().ok()?.then_some(()))
        } else {
            self.given_up(name)
        }
    }

    /// Awaits that upstream has made all of its attempts on a SealedSecret that fails: six events.
    pub(crate) fn given_up(&self, name: &str) -> anyhow::Result<()> {
        if self.is_signet() {
            return Ok(());
        }
        eventually("six attempts", CAP, || {
            let path = self.events_path(name);
            let list = self.plane.api().get(&path).ok()?;
            let counts = list["items"].as_array()?.iter();
            let attempts: u64 = counts
                .map(|event| event["count"].as_u64().unwrap_or(1))
                .sum();
            (attempts >= 6).then_some(())
        })
    }

    fn events_path(&self, name: &str) -> String {
        format!(
            "/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name={name},involvedObject.kind=SealedSecret",
            self.namespace
        )
    }

    /// Shows that the controller has taken in what happened before: an object made now was processed.
    pub(crate) fn sentinel(&self, name: &str) -> anyhow::Result<()> {
        self.apply(&self.sealed(name, &[("k", "v")])?)?;
        self.await_secret(name, |_| true).map(drop)
    }

    pub(crate) fn find_sealed(&self, name: &str) -> anyhow::Result<Option<Value>> {
        self.plane.api().find(&sealed_path(&self.namespace, name))
    }

    pub(crate) fn find_secret(&self, name: &str) -> anyhow::Result<Option<Value>> {
        self.plane.api().find(&secret_path(&self.namespace, name))
    }

    pub(crate) fn edit_sealed(&self, name: &str, patch: &Value) -> anyhow::Result<()> {
        self.plane
            .api()
            .merge_patch(&sealed_path(&self.namespace, name), patch)
            .map(drop)
    }

    pub(crate) fn edit_secret(&self, name: &str, patch: &Value) -> anyhow::Result<()> {
        self.plane
            .api()
            .merge_patch(&secret_path(&self.namespace, name), patch)
            .map(drop)
    }

    pub(crate) fn delete_sealed(&self, name: &str) -> anyhow::Result<()> {
        self.plane
            .api()
            .delete(&sealed_path(&self.namespace, name))
            .map(drop)
    }

    pub(crate) fn delete_secret(&self, name: &str) -> anyhow::Result<()> {
        self.plane
            .api()
            .delete(&secret_path(&self.namespace, name))
            .map(drop)
    }

    /// Makes a Secret by hand. `rest` is merged over an empty Opaque one.
    pub(crate) fn make_secret(
        &self,
        name: &str,
        items: &[(&str, &str)],
        rest: Value,
    ) -> anyhow::Result<()> {
        let data: BTreeMap<_, _> = items
            .iter()
            .map(|(k, v)| (*k, STANDARD.encode(v)))
            .collect();
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": data,
        });
        merge(&mut secret, rest);
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        self.plane.api().post(&path, &secret).map(drop)
    }

    /// Awaits a Secret of which this is true.
    pub(crate) fn await_secret(
        &self,
        name: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        eventually(
            &format!("{:?}: the Secret {name}", self.program),
            CAP,
            || {
                last = self.find_secret(name).ok()??;
                fits(&last).then(|| last.clone())
            },
        )
        .with_context(|| format!("the Secret was {last}"))
    }

    /// Deletes the Secret and awaits that another one has its place.
    pub(crate) fn recreated(&self, name: &str) -> anyhow::Result<()> {
        let before = self.await_secret(name, |_| true)?;
        self.delete_secret(name)?;
        self.await_secret(name, |secret| {
            secret["metadata"]["uid"] != before["metadata"]["uid"]
        })
        .map(drop)
    }

    /// Reasons of the events about the SealedSecret of this name, each once.
    pub(crate) fn event_reasons(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let mut reasons: Vec<String> = self
            .events(name)?
            .into_iter()
            .map(|(reason, _)| reason)
            .collect();
        reasons.sort();
        reasons.dedup();
        Ok(reasons)
    }

    /// Reason and message of the events about the SealedSecret of this name.
    pub(crate) fn events(&self, name: &str) -> anyhow::Result<Vec<(String, String)>> {
        let path = self.events_path(name);
        let list = self.plane.api().get(&path)?;
        let text =
            |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let items = list["items"].as_array().into_iter().flatten();
        Ok(items
            .map(|event| (text(event, "reason"), text(event, "message")))
            .collect())
    }
}

/// One value sealed with a certificate.
pub(crate) fn value_for(
    certificate: &str,
    scope: Scope,
    namespace: &str,
    name: &str,
    clear: &[u8],
) -> anyhow::Result<String> {
    let certificate = Certificate::parse_pem(certificate.as_bytes())?;
    let target = SealTarget::new(scope, namespace, name)?;
    let clear = Plaintext::new(clear.to_vec());
    let blob = seal(&mut rand::rng(), certificate.key(), &target, "", &clear)?;
    Ok(blob.to_base64())
}
