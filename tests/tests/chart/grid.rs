//! The grid: each value at least once away from its default.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::{ControlPlane, Options, binary, kubectl};
use signet_tests::chart::{self, Helm, NAMESPACE, arguments, find};

use crate::row::Row;
use crate::rows;

/// Namespaces that values of the grid name.
const NAMESPACES: [&str; 5] = [NAMESPACE, "other", "monitoring", "team-a", "team-b"];

/// Kinds of the chart that have no namespace.
const CLUSTER_WIDE: [&str; 3] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
];

/// As little of the Prometheus operator as an API server needs to take its objects.
const PROMETHEUS: &str = include_str!("prometheus-crds.yaml");

/// Flags that the controller does not have yet; a row with one of them is not run.
const PENDING: [&str; 2] = ["--templates", "--template-functions"];

fn plane() -> anyhow::Result<ControlPlane> {
    let plane = signet_tests::start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    plane.apply_yaml(PROMETHEUS)?;
    for namespace in NAMESPACES {
        plane.api().ensure_namespace(namespace)?;
    }
    Ok(plane)
}

fn defaults() -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(chart::path().join("values.yaml"))?;
    serde_saphyr::from_str(&text).context("values.yaml")
}

fn render(helm: &Helm, row: &Row) -> anyhow::Result<Vec<Value>> {
    helm.render_as("sealed-secrets", NAMESPACE, &row.values, &row.helm)
        .with_context(|| row.name)
}

#[test]
fn helm_lint_has_nothing_to_say() -> anyhow::Result<()> {
    let chart = chart::path();
    let path = chart.to_str().context("the path is text")?;
    let said = Helm::offline()?.ok(&["lint", "--strict", path], &json!({}))?;
    ensure!(said.contains("0 chart(s) failed"), "{said}");
    ensure!(!said.contains("[WARNING]"), "{said}");
    Ok(())
}

#[test]
fn every_row_means_what_it_says_and_the_api_server_takes_it() -> anyhow::Result<()> {
    let (plane, helm) = (plane()?, Helm::offline()?);
    let rows = rows::all();
    ensure!(rows.len() >= 60, "only {} rows", rows.len());
    let mut objects_judged = 0;
    for row in &rows {
        let objects = render(&helm, row)?;
        row.judge(&objects).with_context(|| row.name)?;
        if row.is_for_this_server() {
            objects_judged += dry_run(&plane, &objects).with_context(|| row.name)?;
        }
    }
    println!(
        "{} rows, {objects_judged} objects taken by the API server",
        rows.len()
    );
    Ok(())
}

#[test]
fn rows_can_be_combined() -> anyhow::Result<()> {
    let (plane, helm) = (plane()?, Helm::offline()?);
    let rows: Vec<Row> = rows::all()
        .into_iter()
        .filter(Row::is_for_this_server)
        .collect();
    for (index, row) in rows.iter().enumerate() {
        let other = &rows[(index * 7 + 11) % rows.len()];
        let mut values = row.values.clone();
        overlay(&mut values, &other.values);
        let both = || format!("{} + {}", row.name, other.name);
        let objects = helm.render(&values).with_context(both)?;
        dry_run(&plane, &objects).with_context(both)?;
    }
    println!("{} combinations", rows.len());
    Ok(())
}

/// How many objects the API server would store.
fn dry_run(plane: &ControlPlane, objects: &[Value]) -> anyhow::Result<usize> {
    for object in objects {
        let mut object = object.clone();
        let kind = object["kind"].as_str().unwrap_or_default();
        if !CLUSTER_WIDE.contains(&kind) && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = NAMESPACE.into();
        }
        plane
            .api()
            .dry_run(&object)
            .with_context(|| format!("{object:#}"))?;
    }
    Ok(objects.len())
}

#[test]
fn every_value_is_in_a_row_and_has_an_effect_there() -> anyhow::Result<()> {
    let (defaults, helm) = (defaults()?, Helm::offline()?);
    let mut used = BTreeSet::new();
    for row in rows::all() {
        let with = render(&helm, &row)?;
        for path in leaves(&row.values, &defaults) {
            let mut values = row.values.clone();
            remove(&mut values, &path);
            let without = helm.render_as("sealed-secrets", NAMESPACE, &values, &row.helm)?;
            if with != without {
                used.insert(path);
            }
        }
    }
    let all: BTreeSet<String> = leaves(&defaults, &defaults).into_iter().collect();
    let unused: Vec<_> = all.difference(&used).collect();
    ensure!(unused.is_empty(), "values without an effect: {unused:?}");
    println!("{} values", all.len());
    Ok(())
}

/// Dotted names of the values in `values` that the chart describes: an object with values of its own is not one.
fn leaves(values: &Value, defaults: &Value) -> Vec<String> {
    let (Some(map), Some(known)) = (values.as_object(), defaults.as_object()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in map {
        match known.get(name) {
            Some(Value::Object(inner)) if !inner.is_empty() && value.is_object() => {
                let inner = leaves(value, &known[name]);
                found.extend(inner.iter().map(|leaf| format!("{name}.{leaf}")));
            }
            _ => found.push(name.clone()),
        }
    }
    found
}

fn remove(values: &mut Value, path: &str) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = parents
        .split('.')
        .filter(|part| !part.is_empty())
        .try_fold(values, |value, part| value.get_mut(part));
    if let Some(Value::Object(map)) = parent {
        map.remove(name);
    }
}

fn overlay(values: &mut Value, other: &Value) {
    match (values, other) {
        (Value::Object(map), Value::Object(other)) => {
            for (name, value) in other {
                overlay(map.entry(name).or_insert(Value::Null), value);
            }
        }
        (value, other) => *value = other.clone(),
    }
}

#[test]
fn the_controller_takes_the_arguments_of_every_row() -> anyhow::Result<()> {
    let (helm, program) = (Helm::offline()?, binary::path("signet-controller")?);
    let mut refused = Vec::new();
    for row in rows::all() {
        let objects = render(&helm, &row)?;
        let Some(deployment) = find(&objects, "Deployment") else {
            continue;
        };
        let mut command = Command::new(&program);
        command.args(arguments(deployment)).arg("--version");
        let output = kubectl::run(command, "")?;
        let pending = PENDING.iter().any(|flag| output.stderr.contains(flag));
        if !output.status.success() && !pending {
            refused.push(format!("{}: {}", row.name, output.stderr));
        }
    }
    ensure!(refused.is_empty(), "{}", refused.join("\n"));
    Ok(())
}

#[test]
fn a_value_that_nobody_knows_is_refused() -> anyhow::Result<()> {
    let helm = Helm::offline()?;
    let chart = chart::path();
    let chart = chart.to_str().context("the path is text")?;
    let typos = [
        json!({"udpateStatus": false}),
        json!({"image": {"tags": "1"}}),
        json!({"rbac": {"serviceProxier": {"bnid": false}}}),
        json!({"metrics": {"serviceMonitor": {"enable": true}}}),
        json!({"networkPolicy": {"egress": {"kubeApiCidr": "10.0.0.0/8"}}}),
        json!({"repair": "sometimes"}),
        json!({"updateStatus": "yes"}),
        json!({"keyttl": "5 days"}),
        json!({"keySize": 1024}),
        json!({"service": {"port": 70000}}),
        json!({"service": {"type": "ExternalName"}}),
        json!({"additionalNamespaces": "team-a"}),
        json!({"rateLimit": "many"}),
        json!({"commonLabels": {"a": {"b": "c"}}}),
        json!({"extraEnv": {"A": "b"}}),
    ];
    for values in typos {
        let output = helm.run(&["template", "x", chart, "-f", "-"], &values)?;
        ensure!(!output.status.success(), "{values} was taken");
        ensure!(output.stderr.contains("schema"), "{}", output.stderr);
    }
    Ok(())
}
