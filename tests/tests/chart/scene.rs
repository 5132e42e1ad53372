//! A cluster without anything of Signet's, an ordinary user, and the controller run as its Deployment says.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use signet_harness::kubectl::{self, Kubectl, Output};
use signet_harness::{ControlPlane, Marker, Options, Tool, Tools, Workload, binary, netns, port};
use signet_tests::chart::{Helm, path};
use signet_tests::signet::{CAP, apply, await_items, await_reason, secret};

/// Somebody with an account and no rights of their own.
const USER: &str = "dev";

/// A cluster and Helm.
pub(crate) struct Scene {
    pub(crate) plane: ControlPlane,
    pub(crate) helm: Helm,
}

/// Whose kubeseal.
#[derive(Clone, Copy)]
pub(crate) enum Kubeseal {
    Signet,
    Upstream,
}

impl Scene {
    /// Starts it. Pods that do not meet the restricted profile are refused in `kube-system` and `signet-system`.
    pub(crate) fn start() -> anyhow::Result<Self> {
        netns::require()?;
        let options = Options {
            users: vec![(USER.to_owned(), Vec::new())],
            ..Options::default()
        };
        let plane = ControlPlane::start(&Tools::from_environment()?, options)?;
        for name in ["kube-system", "signet-system", "app"] {
            plane.api().apply(&json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
            }))?;
        }
        let helm = Helm::on(&plane)?;
        Ok(Self { plane, helm })
    }

    /// `helm VERB RELEASE OUR-CHART -n NAMESPACE -f VALUES …`.
    pub(crate) fn ours(
        &self,
        verb: &str,
        release: &str,
        namespace: &str,
        values: &Value,
        further: &[&str],
    ) -> anyhow::Result<Output> {
        let chart = path();
        let chart = chart.to_str().context("the path is text")?;
        self.install(verb, release, chart, namespace, values, further)
    }

    /// The same with upstream's chart.
    pub(crate) fn upstreams(
        &self,
        verb: &str,
        release: &str,
        namespace: &str,
        values: &Value,
    ) -> anyhow::Result<Output> {
        let chart = self.plane.tools().path(Tool::UpstreamChart)?;
        let chart = chart.to_str().context("the path is text")?;
        self.install(verb, release, chart, namespace, values, &[])
    }

    pub(crate) fn install(
        &self,
        verb: &str,
        release: &str,
        chart: &str,
        namespace: &str,
        values: &Value,
        further: &[&str],
    ) -> anyhow::Result<Output> {
        let arguments = [&[verb, release, chart, "-n", namespace, "-f", "-"], further].concat();
        self.helm.run(&arguments, values)
    }

    /// Runs Signet's controller as the Deployment says, and awaits that it is ready.
    pub(crate) fn serve(&self, namespace: &str, name: &str) -> anyhow::Result<Workload> {
        self.serve_image(namespace, name, |word| match word {
            // The image has the program under both names.
            "controller" | "signet-controller" => binary::path("signet-controller"),
            other => bail!("the image has no {other}"),
        })
    }

    /// Runs upstream's controller as the Deployment says, and awaits that it is ready.
    pub(crate) fn serve_upstream(&self, namespace: &str, name: &str) -> anyhow::Result<Workload> {
        self.serve_image(namespace, name, |word| {
            ensure!(word == "controller", "upstream's image has no {word}");
            Ok(self
                .plane
                .tools()
                .path(Tool::UpstreamController)?
                .to_owned())
        })
    }

    fn serve_image(
        &self,
        namespace: &str,
        name: &str,
        image: impl FnOnce(&str) -> anyhow::Result<PathBuf>,
    ) -> anyhow::Result<Workload> {
        let mut workload = Workload::start(&self.plane, namespace, name, image)?;
        let port = *workload.ports.get("http").context("a port http")?;
        workload
            .process
            .wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
        Ok(workload)
    }

    /// Seals a Secret as an ordinary user, with the certificate that kubeseal finds by itself, applies it, and awaits the
    /// Secret.
    pub(crate) fn seal(
        &self,
        kubeseal: Kubeseal,
        flags: &[&str],
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<Value> {
        apply(&self.plane, &self.sealed(kubeseal, flags, namespace, name)?)?;
        await_items(
            &self.plane,
            namespace,
            name,
            &[("password", "correct horse")],
        )
    }

    /// Seals a Secret with a password, as [`Self::seal`], and gives the SealedSecret.
    pub(crate) fn sealed(
        &self,
        kubeseal: Kubeseal,
        flags: &[&str],
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<Value> {
        let clear = secret(namespace, name, &[("password", "correct horse")]);
        let sealed = self
            .kubeseal(kubeseal, flags, &clear.to_string())?
            .success("kubeseal")?;
        Ok(serde_json::from_str(&sealed)?)
    }

    /// Awaits the status that Signet's controller writes.
    pub(crate) fn is_synced(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        await_reason(&self.plane, namespace, name, "Unsealed").map(drop)
    }

    /// Runs kubeseal as an ordinary user.
    pub(crate) fn kubeseal(
        &self,
        kubeseal: Kubeseal,
        flags: &[&str],
        stdin: &str,
    ) -> anyhow::Result<Output> {
        let program = match kubeseal {
            Kubeseal::Signet => binary::path("kubeseal")?,
            Kubeseal::Upstream => self.plane.tools().path(Tool::UpstreamKubeseal)?.to_owned(),
        };
        let mut command = Command::new(program);
        command
            .arg("--kubeconfig")
            .arg(self.plane.user_kubeconfig(USER)?)
            .args(flags);
        kubectl::run(command, stdin)
    }

    /// Fails unless an ordinary user gets the certificate through the API server's proxy, with each of these ends of the
    /// Service's name, with and without a scheme.
    pub(crate) fn reaches_the_certificate(
        &self,
        namespace: &str,
        service: &str,
        ends: &[&str],
    ) -> anyhow::Result<()> {
        let kubeconfig = self.plane.user_kubeconfig(USER)?;
        let kubectl = Kubectl::new(self.plane.tools().path(Tool::Kubectl)?, &kubeconfig);
        for end in ends {
            // With a scheme there is always a second colon.
            let schemed = format!("http:{service}{}", if end.is_empty() { ":" } else { end });
            for name in [format!("{service}{end}"), schemed] {
                let path =
                    format!("/api/v1/namespaces/{namespace}/services/{name}/proxy/v1/cert.pem");
                let said = kubectl.ok(&["get", "--raw", &path])?;
                ensure!(said.starts_with("-----BEGIN CERTIFICATE"), "{name}: {said}");
            }
        }
        Ok(())
    }

    /// The names of the key Secrets.
    pub(crate) fn keys(&self, namespace: &str) -> anyhow::Result<Vec<String>> {
        let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
        let list = self.plane.api().get(&format!(
            "/api/v1/namespaces/{namespace}/secrets?labelSelector={label}"
        ))?;
        let items = list["items"].as_array().into_iter().flatten();
        Ok(items
            .map(|key| key["metadata"]["name"].to_string())
            .collect())
    }

    /// Fails if the API server ever said to this service account that it may not do something.
    pub(crate) fn was_never_refused(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> anyhow::Result<()> {
        let refused = self.refused(namespace, service_account)?;
        ensure!(refused.is_empty(), "refused: {}", refused.join(", "));
        Ok(())
    }

    /// What the API server refused this service account.
    pub(crate) fn refused(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> anyhow::Result<Vec<String>> {
        let records = self.plane.audit().since(Marker::START)?;
        let mut own = records
            .iter()
            .filter(|record| record.is_by_service_account(namespace, service_account))
            .peekable();
        ensure!(own.peek().is_some(), "the audit log knows nothing of it");
        Ok(own
            .filter(|record| record.code == 403)
            .map(signet_harness::Record::summary)
            .collect())
    }
}

/// Values for both charts that make the controller listen on free ports: several clusters share this network.
pub(crate) fn free_ports() -> anyhow::Result<Value> {
    Ok(json!({ "containerPorts": { "http": port::free()?, "metrics": port::free()? } }))
}

/// Values for our chart: free ports, and a key that is made quickly.
pub(crate) fn quick() -> anyhow::Result<Value> {
    let mut values = free_ports()?;
    values["keySize"] = 2048.into();
    Ok(values)
}

/// Whether the object of this path is there.
pub(crate) fn exists(plane: &ControlPlane, path: &str) -> anyhow::Result<bool> {
    Ok(plane.api().find(path)?.is_some())
}
