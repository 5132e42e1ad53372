//! What the demo asks of a cluster, and the small local one: etcd and kube-apiserver as child processes on 127.0.0.1.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use signet_harness::{Api, Component, ControlPlane, Options, Tools};

use super::folder::RunFolder;

/// A Kubernetes API server, as far as the demo needs one.
pub(super) trait Cluster {
    /// How kubectl is called for this cluster, for commands that are shown.
    fn kubectl(&self) -> String;

    /// Address and certificates: the `cluster` part of a kubeconfig.
    fn connection(&self) -> Value;

    /// GET; `None` if there is no such thing.
    fn find(&self, path: &str) -> anyhow::Result<Option<Value>>;

    /// Makes an object that is not there yet.
    fn create(&mut self, object: &Value) -> anyhow::Result<()>;

    /// POST of what is not an object.
    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value>;

    /// PUT of an object that is there.
    fn put(&self, path: &str, object: &Value) -> anyhow::Result<Value>;

    /// Creates or changes what the file describes.
    fn apply_file(&self, file: &Path) -> anyhow::Result<()>;

    /// What `kubectl get sealedsecret` prints.
    fn columns(&self, namespace: &str) -> anyhow::Result<String>;

    /// GET of something that must be there.
    fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.find(path)?
            .with_context(|| format!("there is no {path}"))
    }
}

/// etcd and kube-apiserver. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Local {
    plane: ControlPlane,
}

impl Local {
    /// Starts both in the folder of the demo, and records them.
    pub(super) fn start(tools: &Tools, folder: &mut RunFolder) -> anyhow::Result<Self> {
        let dir = folder.path().join("cluster");
        fs::create_dir(&dir).with_context(|| format!("create {}", dir.display()))?;
        let plane = ControlPlane::start(
            tools,
            Options {
                controller_manager: false,
                dir: Some(dir),
                ..Options::default()
            },
        )?;
        for (component, pid) in plane.process_ids() {
            let name = match component {
                Component::Etcd => "etcd",
                Component::ApiServer => "kube-apiserver",
                Component::ControllerManager => bail!("nobody asked for a {component:?}"),
            };
            folder.record(name, pid)?;
        }
        Ok(Self { plane })
    }

    pub(super) fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Lets etcd and kube-apiserver outlive this program.
    pub(super) fn leave_running(self) {
        self.plane.leave_running();
    }

    fn api(&self) -> &Api {
        self.plane.api()
    }
}

impl Cluster for Local {
    fn kubectl(&self) -> String {
        "kubectl".to_owned()
    }

    fn connection(&self) -> Value {
        json!({ "server": self.plane.url(), "certificate-authority": self.plane.ca_file() })
    }

    fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.api().find(path)
    }

    fn create(&mut self, object: &Value) -> anyhow::Result<()> {
        self.api().apply(object).map(drop)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.api().post(path, body)
    }

    fn put(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        self.api().put(path, object)
    }

    fn apply_file(&self, file: &Path) -> anyhow::Result<()> {
        self.plane.apply_file(file)
    }

    fn columns(&self, namespace: &str) -> anyhow::Result<String> {
        let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
        render(&self.api().table(&path)?).context("the API server sent no proper table")
    }
}

/// A `Table` as kubectl prints it: capital headings, columns of priority 0 only, three spaces between.
fn render(table: &Value) -> Option<String> {
    let columns = table["columnDefinitions"].as_array()?;
    let shown: Vec<usize> = (0..columns.len())
        .filter(|&index| columns[index]["priority"] == 0)
        .collect();
    let headings = shown
        .iter()
        .map(|&index| Some(columns[index]["name"].as_str()?.to_uppercase()));
    let mut lines: Vec<Vec<String>> = vec![headings.collect::<Option<_>>()?];
    for row in table["rows"].as_array()? {
        let cells = row["cells"].as_array()?;
        let texts = shown.iter().map(|&index| Some(cell(cells.get(index)?)));
        lines.push(texts.collect::<Option<_>>()?);
    }
    let widths: Vec<usize> = (0..shown.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
                + 3
        })
        .collect();
    let text = lines.iter().map(|line| {
        let padded: String = line
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text:<width$}"))
            .collect();
        format!("{}\n", padded.trim_end())
    });
    Some(text.collect())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_printed_as_kubectl_does() {
        let table = json!({
            "columnDefinitions": [
                { "name": "Name", "priority": 0 },
                { "name": "Synced", "priority": 0 },
                { "name": "Status", "priority": 1 },
                { "name": "Age", "priority": 0 },
            ],
            "rows": [
                { "cells": ["database", "True", "hidden", "5s"] },
                { "cells": ["b", null, null, "10d"] },
            ],
        });
        let wanted = "NAME       SYNCED   AGE\ndatabase   True     5s\nb                   10d\n";
        assert_eq!(render(&table).unwrap(), wanted);
        assert_eq!(render(&json!({ "kind": "SealedSecretList" })), None);
    }
}
