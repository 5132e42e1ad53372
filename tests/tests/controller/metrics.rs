//! What Prometheus reads of the two: upstream's names, and what they count. Each row starts controllers of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::row::{Case, Row, differs, same};
use crate::side::{Side, ask};

const PREFIX: &str = "sealed_secrets_controller_";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("metrics: names, types and labels", |row| {
            started(row)?;
            row.compare("upstream's metrics", families)
        }),
        differs(
            "metrics: of the process and its language",
            &["language-metrics"],
            |row| {
                started(row)?;
                row.compare("others", |side| {
                    let text = text(side)?;
                    let found = |prefix: &str| text.lines().any(|line| line.starts_with(prefix));
                    Ok(
                        json!({"go": found("go_"), "process": found("process_"), "promhttp": found("promhttp_")}),
                    )
                })
            },
        ),
        same("metrics: build_info", |row| {
            started(row)?;
            row.compare("the value", |side| {
                let samples = samples(side, "build_info")?;
                Ok(json!({"values": samples.values().collect::<Vec<_>>()}))
            })
        }),
        same("metrics: condition_info of each object", |row| {
            started(row)?;
            row.compare("samples", |side| {
                Ok(json!(samples(side, "condition_info")?))
            })?;
            row.each(|side| {
                side.delete_sealed("bad")?;
                eventually("the series goes with its object", CAP, || {
                    samples(side, "condition_info").is_ok_and(|left| left.len() == 2)
                })
            })?;
            row.compare("without one", |side| {
                Ok(json!(samples(side, "condition_info")?))
            })
        }),
        same("metrics: reasons and namespaces of errors", |row| {
            started(row)?;
            row.compare("labels", |side| {
                let found = samples(side, "unseal_errors_total")?;
                Ok(json!(found.into_keys().collect::<BTreeSet<_>>()))
            })
        }),
        differs(
            "metrics: how often a failure is counted",
            &["metric-counts"],
            |row| {
                started(row)?;
                row.each(|side| side.given_up("bad"))?;
                row.compare("counts", |side| {
                    Ok(json!(samples(side, "unseal_errors_total")?))
                })
            },
        ),
        same("metrics: requests", |row| {
            row.each(|side| side.start(&[]))?;
            row.each(|side| {
                let opens = side.sealed("db", &[("k", "v")])?.to_string();
                ask(side.port, "POST", "/v1/verify", &opens)?;
                let mut lost = side.sealed("db", &[("k", "v")])?;
                lost["metadata"]["name"] = json!("other");
                ask(side.port, "POST", "/v1/verify", &lost.to_string())?;
                ask(side.port, "GET", "/healthz", "")?;
                ask(side.port, "GET", "/nope", "").map(drop)
            })?;
            row.compare("by path, code and method", |side| {
                Ok(json!(samples(side, "http_requests_total")?))
            })?;
            row.compare("durations", |side| {
                Ok(json!(samples(side, "http_request_duration_seconds_count")?))
            })?;
            row.compare("buckets", |side| {
                let found = samples(side, "http_request_duration_seconds_bucket")?;
                Ok(json!(found.into_keys().collect::<BTreeSet<_>>()))
            })
        }),
        same("--metrics-omit-secret-labels", |row| {
            row.each(|side| side.start(&["--metrics-omit-secret-labels"]))?;
            objects(row)?;
            row.compare("upstream's metrics", families)
        }),
    ]
}

fn started(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| side.start(&[]))?;
    objects(row)?;
    row.each(|side| {
        eventually("all objects are counted", CAP, || {
            samples(side, "condition_info").is_ok_and(|found| found.len() == 3)
        })
    })
}

/// One that opens and carries the label that metrics show, one that does not open, one whose Secret is somebody else's.
fn objects(row: &mut Row) -> anyhow::Result<()> {
    row.each(|side| {
        let mut good = side.sealed("good", &[("k", "v")])?;
        good["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "shop"});
        side.apply(&good)?;
        let mut bad = side.sealed("bad", &[("k", "v")])?;
        bad["spec"]["encryptedData"]["k"] = json!("?");
        side.apply(&bad)?;
        side.make_secret("theirs", &[("k", "v")], json!({}))?;
        side.apply(&side.sealed("theirs", &[("k", "v")])?)?;
        ["good", "bad", "theirs"]
            .into_iter()
            .try_for_each(|name| side.processed(name))
    })
}

fn text(side: &Side) -> anyhow::Result<String> {
    Ok(ask(side.metrics_port, "GET", "/metrics", "")?.body)
}

/// Labels of a sample as `name=value`, sorted. No value here holds a comma or a brace.
fn labels(sample: &str) -> Vec<String> {
    let inside = sample
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map_or("", |(labels, _)| labels);
    let mut labels: Vec<_> = inside
        .split(',')
        .filter(|label| !label.is_empty())
        .map(str::to_owned)
        .collect();
    labels.sort();
    labels
}

/// Labels and values of the samples of one name.
fn samples(side: &Side, name: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let whole = format!("{PREFIX}{name}");
    let text = text(side)?;
    let mine = text
        .lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(whole.as_str()));
    Ok(mine
        .filter_map(|line| {
            let (_, value) = line.rsplit_once(' ')?;
            Some((labels(line).join(","), value.to_owned()))
        })
        .collect())
}

/// Types of upstream's metrics, and the names of the labels of their samples.
fn families(side: &Side) -> anyhow::Result<Value> {
    let text = text(side)?;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            if let Some((name, kind)) = described.split_once(' ')
                && name.starts_with(PREFIX)
            {
                found
                    .entry(name.to_owned())
                    .or_default()
                    .insert(kind.to_owned());
            }
        } else if line.starts_with(PREFIX) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let labels = labels(line);
            let names: Vec<_> = labels
                .iter()
                .filter_map(|label| label.split('=').next())
                .collect();
            found
                .entry(name.to_owned())
                .or_default()
                .insert(names.join(","));
        }
    }
    Ok(json!(found))
}
