//! `/metrics`: the names, types and labels of upstream's.

use std::collections::{BTreeMap, BTreeSet};

use signet_harness::eventually;
use signet_tests::signet::{CAP, sealed_path};

use super::Side;

const PREFIX: &str = "sealed_secrets_controller_";

/// A metric: its type, and the sets of label names that its samples have.
type Families = BTreeMap<String, (String, BTreeSet<Vec<String>>)>;

/// Upstream's metrics in a text, by the name that the text describes them with.
fn families(text: &str) -> Families {
    let mut families = Families::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            if let Some((name, kind)) = described.split_once(' ')
                && name.starts_with(PREFIX)
            {
                families.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
            }
            continue;
        }
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let family = ["", "_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(|suffix| {
                let name = name.strip_suffix(suffix)?;
                families.contains_key(name).then(|| name.to_owned())
            });
        if let Some((_, labels)) = family.and_then(|family| families.get_mut(&family)) {
            let mut names: Vec<_> = pairs(line).into_iter().map(|(name, _)| name).collect();
            names.insert(0, name.to_owned());
            labels.insert(names);
        }
    }
    families
}

/// Label names and values of a sample, sorted. No value here holds a comma or a quote.
fn pairs(sample: &str) -> Vec<(String, String)> {
    let labels = sample
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    let mut pairs: Vec<_> = labels
        .map_or("", |(labels, _)| labels)
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    pairs.sort();
    pairs
}

/// The samples of one name: labels and value.
fn samples(text: &str, name: &str) -> BTreeMap<Vec<(String, String)>, String> {
    let whole = format!("{PREFIX}{name}");
    text.lines()
        .filter(|line| line.split(['{', ' ']).next() == Some(whole.as_str()))
        .filter_map(|line| Some((pairs(line), line.rsplit_once(' ')?.1.to_owned())))
        .collect()
}

fn without_values<K: Ord, V>(samples: BTreeMap<K, V>) -> BTreeSet<K> {
    samples.into_keys().collect()
}

#[test]
fn upstreams_metrics_are_there_by_name_type_and_labels() -> anyhow::Result<()> {
    let sides = [Side::upstream(&[])?, Side::signet(&[])?];
    let mut texts = Vec::new();
    for side in &sides {
        side.play()?;
        texts.push(eventually("all three objects are counted", CAP, || {
            let text = side.metrics().ok()?;
            (samples(&text, "condition_info").len() == 3).then_some(text)
        })?);
    }
    let [upstream, signet] = [&texts[0], &texts[1]];
    let found = families(signet);
    assert_eq!(families(upstream), found);
    assert_eq!(found.len(), 6, "{found:#?}");
    assert_eq!(
        samples(upstream, "condition_info"),
        samples(signet, "condition_info")
    );
    for name in [
        "unseal_errors_total",
        "http_requests_total",
        "http_request_duration_seconds_bucket",
    ] {
        let found = without_values(samples(signet, name));
        assert_eq!(without_values(samples(upstream, name)), found, "{name}");
        assert!(!found.is_empty(), "{name}");
    }
    assert_eq!(
        samples(upstream, "http_requests_total")
            .into_values()
            .collect::<BTreeSet<_>>(),
        samples(signet, "http_requests_total")
            .into_values()
            .collect(),
    );

    for side in &sides {
        side.plane.api().delete(&sealed_path("x", "bad"))?;
        eventually("the series goes with its object", CAP, || {
            let text = side.metrics().ok()?;
            let left = samples(&text, "condition_info");
            (left.len() == 2 && !text.contains("name=\"bad\"")).then_some(())
        })?;
    }
    Ok(())
}

#[test]
fn names_of_objects_are_left_out_by_the_same_flag() -> anyhow::Result<()> {
    let flag = ["--metrics-omit-secret-labels"];
    for side in [Side::upstream(&flag)?, Side::signet(&flag)?] {
        side.play()?;
        let text = side.metrics()?;
        assert!(!text.contains("condition_info"), "{text}");
        assert!(
            text.contains("sealed_secrets_controller_unseal_requests_total "),
            "{text}"
        );
    }
    Ok(())
}
