//! A cluster of the user's kubeconfig, through the user's own kubectl, which knows how to log in.
//!
//! Asks before it creates anything, refuses beside a sealed-secrets controller, and removes only what it created: each
//! deletion carries the uid that the creation returned.

mod survey;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_harness::kubectl::{self, Output};

use super::cluster::Cluster;
use super::live::{CRD_PATH, DEMO_LABEL};
use super::narrator::{Narrator, print};

const REMOVE_CAP: Duration = Duration::from_secs(120);
const SEALED_SECRETS: &str = "/apis/bitnami.com/v1alpha1/sealedsecrets";

/// One context of the user's kubeconfig.
#[derive(Debug)]
pub(super) struct UserCluster {
    context: String,
    connection: Value,
    created: Vec<Created>,
}

/// An object without a namespace that the demo made. What lies in its namespace goes with that.
#[derive(Debug)]
struct Created {
    kind: String,
    path: String,
    uid: String,
}

impl UserCluster {
    /// Reads the context's address; changes nothing.
    pub(super) fn connect(context: &str) -> anyhow::Result<Self> {
        let mut cluster = Self {
            context: context.to_owned(),
            connection: Value::Null,
            created: Vec::new(),
        };
        let arguments = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let config = cluster.json(&arguments, "")?;
        // Credentials are in there too; only the address and its certificates are kept.
        cluster.connection = config["clusters"][0]["cluster"].clone();
        ensure!(
            cluster.connection["server"].is_string(),
            "the context {context} names no server"
        );
        Ok(cluster)
    }

    /// Fails where the demo could disturb something.
    pub(super) fn refuse_beside_others(&self) -> anyhow::Result<()> {
        survey::refuse_beside_others(self)
    }

    /// Says what will be created and asks. `false` is the user's no.
    pub(super) fn ask(&self, namespace: &str, yes: bool) -> anyhow::Result<bool> {
        let crd = match self.find(CRD_PATH)? {
            Some(_) => {
                "The CustomResourceDefinition sealedsecrets.bitnami.com is there and stays as it is.\n"
            }
            None => "  CustomResourceDefinition  sealedsecrets.bitnami.com\n",
        };
        print(&format!(
            "The demo will use the cluster of the context {}, {}, and create there:\n\
             {crd}  Namespace                 {namespace}, with a key, a Secret, a SealedSecret, a service account and its Role\n  \
             ClusterRole               {namespace}: what a sealed-secrets controller needs, which is\n                            \
             to read and write Secrets in all namespaces\n  \
             ClusterRoleBinding        {namespace}.signet-controller, of it to that service account\n\
             The controller runs as a process on this machine until the demo ends; then all of this is removed.\n\
             Meanwhile it would act on any other SealedSecret that somebody creates in this cluster.\n",
            self.context,
            self.connection["server"].as_str().unwrap_or_default(),
        ));
        if yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            bail!("nobody is there to ask; --yes agrees to the list above");
        }
        print("Go on? [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Removes what was created, newest first, and awaits that it is gone.
    pub(super) fn remove(mut self, story: &mut Narrator) -> anyhow::Result<()> {
        if self.created.is_empty() {
            return Ok(());
        }
        let result = self.try_remove(story);
        result.with_context(|| {
            format!(
                "not everything was removed; what is left has the label {DEMO_LABEL}: \
                 `{} get namespaces,clusterroles,clusterrolebindings -l {DEMO_LABEL}`",
                self.kubectl()
            )
        })
    }

    fn try_remove(&mut self, story: &mut Narrator) -> anyhow::Result<()> {
        // A CRD takes all objects of its kind with it, so it goes last, and only if no other is there.
        self.created
            .sort_by_key(|created| created.kind != "CustomResourceDefinition");
        while let Some(created) = self.created.last() {
            if created.kind == "CustomResourceDefinition" && self.has_sealed_secrets()? {
                story.say(
                    "The CustomResourceDefinition stays: meanwhile somebody created SealedSecrets of their own.",
                );
                self.created.pop();
                continue;
            }
            self.delete(created)?;
            let what = format!("the {} {} is gone", created.kind, created.path);
            eventually(&what, REMOVE_CAP, || {
                let found = self.find(&created.path)?;
                let gone = found.is_none_or(|object| object["metadata"]["uid"] != created.uid);
                ensure!(gone, "it is still there");
                Ok(())
            })?;
            story.checked(what);
            self.created.pop();
        }
        Ok(())
    }

    fn delete(&self, created: &Created) -> anyhow::Result<()> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": created.uid },
        });
        let output = self.run(
            &["delete", "--raw", &created.path, "-f", "-"],
            &options.to_string(),
        )?;
        if is_not_found(&output) {
            return Ok(());
        }
        output
            .success(&format!("delete {}", created.path))
            .map(drop)
    }

    fn has_sealed_secrets(&self) -> anyhow::Result<bool> {
        let list = self.find(&format!("{SEALED_SECRETS}?limit=1"))?;
        let items = list.as_ref().and_then(|list| list["items"].as_array());
        Ok(items.is_some_and(|items| !items.is_empty()))
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> anyhow::Result<Output> {
        let mut command = Command::new("kubectl");
        command
            .env("KUBERC", "off")
            .arg(format!("--context={}", self.context))
            .args(arguments);
        kubectl::run(command, stdin)
            .context("--context needs kubectl, which knows how to log in to your cluster")
    }

    fn json(&self, arguments: &[&str], stdin: &str) -> anyhow::Result<Value> {
        let what = format!("kubectl {}", arguments.join(" "));
        let text = self.run(arguments, stdin)?.success(&what)?;
        serde_json::from_str(&text).with_context(|| format!("parse the output of {what}"))
    }
}

impl Cluster for UserCluster {
    fn kubectl(&self) -> String {
        format!("kubectl --context {}", self.context)
    }

    fn connection(&self) -> Value {
        self.connection.clone()
    }

    fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let output = self.run(&["get", "--raw", path], "")?;
        if is_not_found(&output) {
            return Ok(None);
        }
        let text = output.success(&format!("kubectl get --raw {path}"))?;
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("parse {path}"))
    }

    fn create(&mut self, object: &Value) -> anyhow::Result<()> {
        let made = self.json(&["create", "-f", "-", "-o", "json"], &object.to_string())?;
        let metadata = &made["metadata"];
        if !metadata["namespace"].is_null() {
            return Ok(());
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&made["kind"]).context("what was created has no kind")?;
        let name = text(&metadata["name"]).context("what was created has no name")?;
        let uid = text(&metadata["uid"]).context("what was created has no uid")?;
        let path = match kind.as_str() {
            "CustomResourceDefinition" => CRD_PATH.to_owned(),
            "Namespace" => format!("/api/v1/namespaces/{name}"),
            "ClusterRole" => {
                format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}")
            }
            "ClusterRoleBinding" => {
                format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}")
            }
            other => bail!("the demo does not know how to remove a {other}"),
        };
        self.created.push(Created { kind, path, uid });
        Ok(())
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(&["create", "--raw", path, "-f", "-"], &body.to_string())
    }

    fn put(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        self.json(&["replace", "--raw", path, "-f", "-"], &object.to_string())
    }

    fn apply_file(&self, file: &Path) -> anyhow::Result<()> {
        let file = file.to_str().context("the path is not UTF-8")?;
        self.run(&["apply", "-f", file], "")?
            .success("kubectl apply")
            .map(drop)
    }

    fn columns(&self, namespace: &str) -> anyhow::Result<String> {
        self.run(&["get", "sealedsecrets", "-n", namespace], "")?
            .success("kubectl get sealedsecrets")
    }
}

fn is_not_found(output: &Output) -> bool {
    !output.status.success() && output.stderr.contains("(NotFound)")
}
