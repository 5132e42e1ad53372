//! One point of the grid: values, and what must follow from them.

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_tests::chart::{arguments, find};

/// Values and their consequences.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) values: Value,
    /// Further arguments of `helm template`.
    pub(crate) helm: Vec<&'static str>,
    arguments: Vec<&'static str>,
    has: Vec<(&'static str, &'static str, Value)>,
    gone: Vec<&'static str>,
}

/// A row without expectations yet.
pub(crate) fn row(name: &'static str, values: Value) -> Row {
    Row {
        name,
        values,
        helm: Vec::new(),
        arguments: Vec::new(),
        has: Vec::new(),
        gone: Vec::new(),
    }
}

impl Row {
    /// Renders for this version of Kubernetes, which need not be the API server's.
    pub(crate) fn for_kubernetes(mut self, version: &'static str) -> Self {
        self.helm = vec!["--kube-version", version];
        self
    }

    /// Whether the API server that runs is the one that this row is about.
    pub(crate) fn is_for_this_server(&self) -> bool {
        self.helm.is_empty()
    }

    /// The controller gets this argument.
    pub(crate) fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// The object `Kind` or `Kind/NAME` has this value at a JSON pointer; null means nothing is there.
    pub(crate) fn has(mut self, object: &'static str, pointer: &'static str, value: Value) -> Self {
        self.has.push((object, pointer, value));
        self
    }

    /// There is a value at the pointer in the container.
    pub(crate) fn container(self, pointer: &'static str, value: Value) -> Self {
        self.has(CONTAINER, pointer, value)
    }

    /// There is no such object.
    pub(crate) fn gone(mut self, object: &'static str) -> Self {
        self.gone.push(object);
        self
    }

    /// Fails unless everything expected is there.
    pub(crate) fn judge(&self, objects: &[Value]) -> anyhow::Result<()> {
        for object in &self.gone {
            ensure!(find(objects, object).is_none(), "{object} is there");
        }
        for (name, pointer, wanted) in &self.has {
            let object = if *name == CONTAINER {
                "Deployment"
            } else {
                name
            };
            let object = find(objects, object).with_context(|| format!("no {object}"))?;
            let root = match *name {
                CONTAINER => &object["spec"]["template"]["spec"]["containers"][0],
                _ => object,
            };
            let found = root.pointer(pointer).unwrap_or(&Value::Null);
            ensure!(
                found == wanted,
                "{name} {pointer}: found {found}, wanted {wanted}"
            );
        }
        if self.arguments.is_empty() {
            return Ok(());
        }
        let deployment = find(objects, "Deployment").context("no Deployment")?;
        let present = arguments(deployment);
        for wanted in &self.arguments {
            ensure!(
                present.iter().any(|argument| argument == wanted),
                "no argument {wanted} in {present:?}"
            );
        }
        Ok(())
    }
}

const CONTAINER: &str = "container";
