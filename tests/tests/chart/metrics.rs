//! Alerts and dashboard ask for metrics that the controller has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_tests::chart::{Helm, find};

const PREFIXES: [&str; 2] = ["signet_", "sealed_secrets_controller_"];

/// Words of a text that look like metrics.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

/// The expressions of the alerts of one release.
fn expressions(release: &str, namespace: &str, rule: Value) -> anyhow::Result<Vec<String>> {
    let mut values = json!({ "metrics": { "prometheusRule": { "enabled": true } } });
    for (name, value) in rule.as_object().into_iter().flatten() {
        values["metrics"]["prometheusRule"][name] = value.clone();
    }
    let objects = Helm::offline()?.render_as(release, namespace, &values, &[])?;
    let rule = find(&objects, "PrometheusRule").context("a PrometheusRule")?;
    let groups = rule["spec"]["groups"].as_array().into_iter().flatten();
    Ok(groups
        .flat_map(|group| group["rules"].as_array().into_iter().flatten())
        .filter_map(|alert| alert["expr"].as_str().map(str::to_owned))
        .collect())
}

#[test]
fn an_alert_looks_at_its_own_installation_only() -> anyhow::Result<()> {
    let all = expressions("sealed-secrets", "one", json!({}))?;
    ensure!(all.len() > 8, "{all:?}");
    for expression in &all {
        for metric in metrics(expression) {
            // Of upstream's metrics the namespace is that of an object.
            let selector = if metric.starts_with("signet_") {
                "{namespace=\"one\",job=\"sealed-secrets-metrics\""
            } else {
                "{job=\"sealed-secrets-metrics\""
            };
            ensure!(
                expression.contains(&format!("{metric}{selector}")),
                "{expression}: {metric} of every installation"
            );
        }
    }
    ensure!(
        all.iter().any(|e| e.contains("certificate_expiry")),
        "no alert before the certificate expires"
    );
    let other = expressions("sealed-secrets", "two", json!({}))?;
    ensure!(all.iter().zip(&other).any(|(one, two)| one != two));
    // Who scrapes in another way says how.
    let named = expressions("sealed-secrets", "one", json!({ "job": "pods" }))?;
    ensure!(
        named.iter().all(|e| e.contains("job=\"pods\"")),
        "{named:?}"
    );
    Ok(())
}

#[test]
fn alerts_and_dashboard_use_metrics_that_are_documented() -> anyhow::Result<()> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/metrics.md");
    let guide = fs::read_to_string(guide)?;
    let documented = metrics(&guide);
    let values = json!({ "metrics": {
        "prometheusRule": { "enabled": true },
        "dashboards": { "create": true },
    } });
    let objects = Helm::offline()?.render(&values)?;
    for (what, pointer) in [("PrometheusRule", "/spec"), ("ConfigMap", "/data")] {
        let text = find(&objects, what)
            .and_then(|object| object.pointer(pointer))
            .map(ToString::to_string)
            .unwrap_or_default();
        let used = metrics(&text);
        ensure!(used.len() > 4, "{what} uses only {used:?}");
        let unknown: Vec<_> = used.difference(&documented).collect();
        ensure!(unknown.is_empty(), "{what} uses {unknown:?}");
    }
    Ok(())
}
