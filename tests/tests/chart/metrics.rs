//! Alerts and dashboard ask for metrics that the controller has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::ensure;
use serde_json::json;
use signet_tests::chart::{Helm, find};

const PREFIXES: [&str; 2] = ["signet_", "sealed_secrets_controller_"];

/// Words of a text that look like metrics.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
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
