//! Plays kubelet and endpoints controller for one Deployment: its Pod is made through the API, its container is a process
//! here, and the Services that select it get their Endpoints.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::upstream::in_cluster_command;
use crate::{Api, ControlPlane, Process, netns};

/// A Deployment whose only container runs as a process. Dropping it ends the process; the Pod stays until the next start.
#[derive(Debug)]
pub struct Workload {
    /// The process; its log is `workload-NAMESPACE-NAME.log`.
    pub process: Process,
    /// Port number of each named port of the container.
    pub ports: BTreeMap<String, u16>,
    /// The service account that it runs as.
    pub service_account: String,
}

impl Workload {
    /// Runs the container with exactly the command, arguments, environment and service account of the Deployment.
    /// `program` stands for the image: it turns the first word of the command into a path.
    pub fn start(
        plane: &ControlPlane,
        namespace: &str,
        name: &str,
        program: impl FnOnce(&str) -> anyhow::Result<PathBuf>,
    ) -> anyhow::Result<Self> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
        let deployment = plane.api().get(&path)?;
        let template = &deployment["spec"]["template"];
        let pod = make_pod(plane.api(), namespace, name, template)?;
        let container = &template["spec"]["containers"][0];
        let ports = ports(container)?;
        publish(plane.api(), namespace, &pod, &ports)?;
        let words = |field: &str| -> Vec<&str> {
            let list = container[field].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect()
        };
        let command = words("command");
        let (first, rest) = command.split_first().context("the container's command")?;
        let service_account = pod["spec"]["serviceAccountName"]
            .as_str()
            .context("a service account")?
            .to_owned();
        let mut process = in_cluster_command(plane, namespace, &service_account, &program(first)?)?;
        process.args(rest).args(words("args"));
        set_environment(&mut process, namespace, container)?;
        let log = format!("workload-{namespace}-{name}");
        Ok(Self {
            process: Process::spawn(&log, process, &plane.log_dir())?,
            ports,
            service_account,
        })
    }
}

/// The Pod of the template, made anew: admission sees it as it would see that of a ReplicaSet.
fn make_pod(api: &Api, namespace: &str, name: &str, template: &Value) -> anyhow::Result<Value> {
    let folder = format!("/api/v1/namespaces/{namespace}/pods");
    let path = format!("{folder}/{name}-0");
    if api.find(&path)?.is_some() {
        api.delete(&format!("{path}?gracePeriodSeconds=0"))?;
    }
    let mut pod = template.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = format!("{name}-0").into();
    pod["spec"]["nodeName"] = "local".into();
    let made = api.post(&folder, &pod)?;
    let ip = netns::ADDRESS.to_string();
    let status = json!({ "status": {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{ "ip": ip }],
        "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    api.merge_patch(&format!("{path}/status"), &status)?;
    Ok(made)
}

fn ports(container: &Value) -> anyhow::Result<BTreeMap<String, u16>> {
    let mut ports = BTreeMap::new();
    for port in container["ports"].as_array().into_iter().flatten() {
        let number = port["containerPort"].as_u64().context("a port")?;
        let name = port["name"].as_str().unwrap_or_default();
        ports.insert(name.to_owned(), number.try_into()?);
    }
    Ok(ports)
}

/// Endpoints for each Service of the namespace that selects the Pod.
fn publish(
    api: &Api,
    namespace: &str,
    pod: &Value,
    ports: &BTreeMap<String, u16>,
) -> anyhow::Result<()> {
    let services = api.get(&format!("/api/v1/namespaces/{namespace}/services"))?;
    for service in services["items"].as_array().into_iter().flatten() {
        if !selects(&service["spec"]["selector"], &pod["metadata"]["labels"]) {
            continue;
        }
        let mut targets = Vec::new();
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            let number = match &port["targetPort"] {
                Value::String(name) => ports.get(name).copied().map(u64::from),
                number => number.as_u64(),
            };
            let number = number.with_context(|| format!("nothing is behind {port}"))?;
            let mut target = json!({ "port": number, "protocol": "TCP" });
            if let Some(name) = port.get("name") {
                target["name"] = name.clone();
            }
            targets.push(target);
        }
        let reference =
            json!({ "kind": "Pod", "namespace": namespace, "name": pod["metadata"]["name"] });
        api.apply(&json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": { "name": service["metadata"]["name"], "namespace": namespace },
            "subsets": [{
                "addresses": [{ "ip": netns::ADDRESS.to_string(), "targetRef": reference }],
                "ports": targets,
            }],
        }))?;
    }
    Ok(())
}

fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|selector| {
        !selector.is_empty()
            && selector
                .iter()
                .all(|(name, value)| &labels[name.as_str()] == value)
    })
}

fn set_environment(
    command: &mut Command,
    namespace: &str,
    container: &Value,
) -> anyhow::Result<()> {
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().context("a variable's name")?;
        let field = &variable["valueFrom"]["fieldRef"]["fieldPath"];
        match (variable["value"].as_str(), field.as_str()) {
            (Some(value), _) => command.env(name, value),
            (None, Some("metadata.namespace")) => command.env(name, namespace),
            _ => bail!("cannot play the variable {variable}"),
        };
    }
    ensure!(
        container["envFrom"].is_null(),
        "cannot play envFrom: {}",
        container["envFrom"]
    );
    Ok(())
}
