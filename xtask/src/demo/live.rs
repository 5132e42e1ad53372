//! Act 2: a real API server, the controller, and what it does for a Secret. The same for every cluster.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::eventually;

use super::cluster::Cluster;
use super::controller::{Controller, Setup};
use super::folder::RunFolder;
use super::narrator::Narrator;
use super::offline::{self, FIRST, Items, SECOND, SECRET, Signet, check_items};

const CAP: Duration = Duration::from_secs(60);
const ACCOUNT: &str = "signet-controller";
const CRD: &str = include_str!("../../../crds/bitnami.com_sealedsecrets.yaml");
const RBAC: &str = include_str!("../../../tests/manifests/upstream-rbac.yaml");
/// Upstream's name of its ClusterRole, which may be taken in the user's cluster.
const UPSTREAM_ROLE: &str = "secrets-unsealer";
/// Roles that let everybody reach upstream's Service; here the controller is no Service.
const PROXIER: &str = "SERVICE-service-proxier";

pub(super) const CRD_PATH: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";
/// Marks what the demo makes in a cluster.
pub(super) const DEMO_LABEL: &str = "signet.internal/demo";

const PRIVATE_OPERATIONS: &str = "signet_private_operations_total";
const WRITES: &str = "signet_secret_writes_total";
const PRUNED: &str = "signet_status_pruned";

/// The parts of the act that all steps share.
pub(super) struct Scene<'a> {
    pub(super) story: &'a mut Narrator,
    pub(super) folder: &'a mut RunFolder,
    pub(super) cluster: &'a mut dyn Cluster,
    pub(super) namespace: &'a str,
}

impl Scene<'_> {
    /// CRD, namespace, service account with upstream's permissions, and the key of act 1.
    pub(super) fn install(&mut self) -> anyhow::Result<()> {
        self.story
            .step("Install: CRD, permissions, and the key of act 1");
        if self.cluster.find(CRD_PATH)?.is_none() {
            let crd: Value = serde_saphyr::from_str(CRD)?;
            self.cluster.create(&crd)?;
            self.story
                .checked("the CustomResourceDefinition was accepted");
        } else {
            self.story
                .checked("the CustomResourceDefinition is there already");
        }
        self.cluster.create(&json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": self.namespace, "labels": { DEMO_LABEL: self.namespace } },
        }))?;
        for object in permissions(self.namespace)? {
            self.cluster.create(&object)?;
        }
        let text = |name| offline::read(self.folder, name);
        self.cluster.create(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {
                "name": "sealed-secrets-key-demo",
                "namespace": self.namespace,
                "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
            },
            "stringData": { "tls.crt": text("cert.pem")?, "tls.key": text("key.pem")? },
        }))?;
        self.await_served()?;
        self.story
            .checked("the service account has the permissions of upstream's controller, no more");
        Ok(())
    }

    /// A kubeconfig for the service account, and the controller under it.
    pub(super) fn start_controller(
        &mut self,
        program: &Path,
    ) -> anyhow::Result<(Setup, Controller)> {
        self.story.step("Start the controller");
        let kubeconfig = self.controller_kubeconfig()?;
        let setup = Setup {
            program: program.to_owned(),
            kubeconfig,
            namespace: self.namespace.to_owned(),
        };
        self.story.ran(format_args!(
            "signet-controller --kubeconfig controller.kubeconfig --namespace {}",
            self.namespace
        ));
        let controller = setup.start(self.folder)?;
        self.story
            .checked("it runs as a process here and says that it is ready");
        Ok((setup, controller))
    }

    /// The file that was sealed offline becomes a Secret.
    pub(super) fn apply(&mut self, controller: &Controller) -> anyhow::Result<()> {
        self.story
            .step("Apply the file that was sealed in act 1, before there was a cluster");
        self.apply_sealed()?;
        self.await_secret(&FIRST)?;
        self.story
            .checked("the Secret is there, with the values that were sealed");
        self.show_status()?;
        let counters = controller.counters()?;
        self.story.show(&counters.excerpt(&[PRIVATE_OPERATIONS])?);
        ensure!(
            counters.value(PRIVATE_OPERATIONS)? > 0.0,
            "the controller opened values and counted none"
        );
        self.story
            .checked("the controller counts what it costs: one private operation an item");
        Ok(())
    }

    /// A change by hand does not last.
    pub(super) fn edit_by_hand(&mut self) -> anyhow::Result<()> {
        self.story.step("Change the Secret by hand");
        let path = self.secret_path();
        let mut secret = self.cluster.get(&path)?;
        secret["data"]["password"] = json!(STANDARD.encode("changed by hand"));
        self.story.ran(format_args!(
            "{} edit secret {SECRET}    # password: changed by hand",
            self.cluster.kubectl()
        ));
        let edited = self.cluster.put(&path, &secret)?;
        ensure!(
            check_items(&edited, &FIRST).is_err(),
            "the API server did not take the change"
        );
        self.story.checked("the API server took the change");
        let repaired = self.await_secret(&FIRST)?;
        ensure!(
            repaired["metadata"]["uid"] == edited["metadata"]["uid"],
            "the Secret was replaced by another one"
        );
        self.story
            .checked("the sealed values are back, in the same Secret");
        self.show_status()
    }

    /// A restart costs nothing when nothing changed.
    pub(super) fn restart(
        &mut self,
        setup: &Setup,
        controller: &mut Option<Controller>,
    ) -> anyhow::Result<()> {
        self.story
            .step("Restart the controller: nothing changed, so it does nothing");
        let running = controller.take().context("the controller runs")?;
        let pruned = running.counters()?.value(PRUNED)? > 0.0;
        running.stop()?;
        let before = self.versions()?;
        let restarted = controller.insert(setup.start(self.folder)?);
        let counters = restarted.counters()?;
        self.story
            .show(&counters.excerpt(&[PRIVATE_OPERATIONS, WRITES])?);
        ensure!(counters.value(WRITES)? == 0.0, "it wrote a Secret");
        if pruned {
            self.story.say(
                "The CRD of this cluster drops the status fields by which Signet knows that nothing changed,\n\
                 so it opens every value once after a restart. It still writes nothing.",
            );
        } else {
            ensure!(
                counters.value(PRIVATE_OPERATIONS)? == 0.0,
                "it opened values although nothing changed"
            );
            self.story
                .checked("its own counters: no private operation, no write");
        }
        ensure!(self.versions()? == before, "an object changed");
        self.story
            .checked("Secret and SealedSecret have the resourceVersion from before");
        Ok(())
    }

    /// A new value, sealed and applied, reaches the Secret.
    pub(super) fn roll_out(
        &mut self,
        signet: &Signet,
        controller: &Controller,
    ) -> anyhow::Result<()> {
        self.story
            .step("Change the password: seal it again, apply the file");
        let earlier = self.cluster.get(&self.secret_path())?;
        offline::seal(self.story, self.folder, signet, self.namespace, &SECOND)?;
        self.apply_sealed()?;
        let secret = self.await_secret(&SECOND)?;
        ensure!(
            secret["metadata"]["uid"] == earlier["metadata"]["uid"],
            "the Secret was replaced by another one"
        );
        self.story.checked("the Secret has the new password");
        self.show_status()?;
        let counters = controller.counters()?;
        self.story
            .show(&counters.excerpt(&[PRIVATE_OPERATIONS, WRITES])?);
        ensure!(
            counters.value(WRITES)? == 1.0,
            "the controller should have written once since its restart"
        );
        // Also what the restart began late would be counted by now.
        let pruned = counters.value(PRUNED)? > 0.0;
        ensure!(
            pruned || counters.value(PRIVATE_OPERATIONS)? == SECOND.len() as f64,
            "the controller opened more than this file's values since its restart"
        );
        self.story.checked(if pruned {
            "this one write is all that the controller wrote since its restart"
        } else {
            "this one change is all that the controller did since its restart"
        });
        Ok(())
    }

    fn apply_sealed(&mut self) -> anyhow::Result<()> {
        self.story.ran(format_args!(
            "{} apply -f sealed.yaml",
            self.cluster.kubectl()
        ));
        self.cluster
            .apply_file(&self.folder.path().join("sealed.yaml"))
    }

    fn await_secret(&self, items: &Items) -> anyhow::Result<Value> {
        let path = self.secret_path();
        let what = format!("the Secret {SECRET} has the sealed values");
        eventually(&what, CAP, || -> anyhow::Result<Value> {
            let secret = self.cluster.get(&path)?;
            check_items(&secret, items)?;
            Ok(secret)
        })
    }

    fn show_status(&mut self) -> anyhow::Result<()> {
        let path = self.sealed_path();
        eventually("the SealedSecret says Synced", CAP, || {
            let object = self.cluster.get(&path)?;
            let condition = &object["status"]["conditions"][0];
            ensure!(
                object["status"]["observedGeneration"] == object["metadata"]["generation"]
                    && condition["type"] == "Synced"
                    && condition["status"] == "True",
                "its status is {}",
                object["status"]
            );
            Ok(())
        })?;
        self.story.ran(format_args!(
            "{} get sealedsecret -n {}",
            self.cluster.kubectl(),
            self.namespace
        ));
        let columns = self.cluster.columns(self.namespace)?;
        self.story.show(&columns);
        let row = columns.lines().find(|line| line.starts_with(SECRET));
        ensure!(
            row.is_some_and(|row| row.split_whitespace().nth(1) == Some("True")),
            "the columns do not show the SealedSecret as synced"
        );
        self.story.checked("status: synced");
        Ok(())
    }

    fn versions(&self) -> anyhow::Result<[Value; 2]> {
        let version = |path: String| -> anyhow::Result<Value> {
            Ok(self.cluster.get(&path)?["metadata"]["resourceVersion"].clone())
        };
        Ok([version(self.secret_path())?, version(self.sealed_path())?])
    }

    /// A CRD is served a moment after it was accepted.
    fn await_served(&self) -> anyhow::Result<()> {
        let path = format!(
            "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets",
            self.namespace
        );
        eventually("SealedSecrets are served", CAP, || {
            self.cluster.get(&path).map(drop)
        })
    }

    fn controller_kubeconfig(&self) -> anyhow::Result<std::path::PathBuf> {
        let path = format!(
            "/api/v1/namespaces/{}/serviceaccounts/{ACCOUNT}/token",
            self.namespace
        );
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": [], "expirationSeconds": 86_400 },
        });
        let answer = self.cluster.post(&path, &request)?;
        let token = answer["status"]["token"]
            .as_str()
            .context("the API server gave no token for the controller")?;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "demo",
            "clusters": [{ "name": "demo", "cluster": self.cluster.connection() }],
            "users": [{ "name": "demo", "user": { "token": token } }],
            "contexts": [{ "name": "demo", "context": { "cluster": "demo", "user": "demo" } }],
        });
        self.folder
            .write("controller.kubeconfig", &config.to_string())
    }

    fn secret_path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/{SECRET}", self.namespace)
    }

    fn sealed_path(&self) -> String {
        format!(
            "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets/{SECRET}",
            self.namespace
        )
    }
}

/// Service account, roles and bindings, with names that are the demo's own.
fn permissions(namespace: &str) -> anyhow::Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(RBAC)?;
    let mut objects = Vec::new();
    for document in documents {
        if document["metadata"]["name"] == PROXIER {
            continue;
        }
        let text = document
            .to_string()
            .replace("SERVICE_ACCOUNT", ACCOUNT)
            .replace("NAMESPACE", namespace)
            .replace(UPSTREAM_ROLE, namespace);
        let mut object: Value = serde_json::from_str(&text)?;
        object["metadata"]["labels"] = json!({ DEMO_LABEL: namespace });
        objects.push(object);
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_upstreams_under_names_of_the_demo() {
        let objects = permissions("signet-demo-1").unwrap();
        let names: Vec<String> = objects
            .iter()
            .map(|object| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                format!(
                    "{} {}",
                    text(&object["kind"]),
                    text(&object["metadata"]["name"])
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                "ServiceAccount signet-controller",
                "ClusterRole signet-demo-1",
                "ClusterRoleBinding signet-demo-1.signet-controller",
                "Role signet-controller-key-admin",
                "RoleBinding signet-controller-key-admin",
            ]
        );
        assert_eq!(objects[2]["roleRef"]["name"], "signet-demo-1");
    }
}
