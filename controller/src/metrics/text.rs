//! The text that is served: Prometheus' text format 0.0.4, which upstream serves too and every collector reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Condition;
use super::upstream::PREFIX;

/// The content type of [`prometheus`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The OpenMetrics text of the client library in the older format: a counter is described by the name of its samples,
/// bounds of buckets are written as Go writes them, and nothing marks the end.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|keyword| {
            let (name, rest) = line.strip_prefix(keyword)?.split_once(' ')?;
            counters
                .contains(name)
                .then(|| format!("{keyword}{name}_total {rest}"))
        });
        match described {
            Some(described) => text.push_str(&described),
            None => text.push_str(&whole_bounds(line)),
        }
        text.push('\n');
    }
    text
}

/// `le="1.0"` as `le="1"`.
fn whole_bounds(line: &str) -> String {
    match line.split_once("le=\"") {
        Some((before, after)) if !line.starts_with('#') => {
            let (bound, rest) = after.split_once('"').unwrap_or((after, ""));
            let bound = bound.strip_suffix(".0").unwrap_or(bound);
            format!("{before}le=\"{bound}\"{rest}")
        }
        _ => line.to_owned(),
    }
}

/// Upstream's `condition_info`: one series for each object. Nothing without objects, as there.
pub(super) fn condition_info(text: &mut String, conditions: &[Condition]) {
    if conditions.is_empty() {
        return;
    }
    let name = format!("{PREFIX}_condition_info");
    let help = "Current SealedSecret condition status. Values are -1 (false), 0 (unknown or absent), 1 (true)";
    // Writing to a String does not fail.
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for condition in conditions {
        let _ = writeln!(
            text,
            "{name}{{condition=\"Synced\",name=\"{}\",namespace=\"{}\",ss_app_kubernetes_io_instance=\"{}\"}} {}",
            escaped(&condition.key.name),
            escaped(&condition.key.namespace),
            escaped(condition.instance.as_deref().unwrap_or_default()),
            condition.synced,
        );
    }
}

/// A label's value. Names in Kubernetes need no escaping; this does not rely on it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::ObjectKey;

    #[test]
    fn counters_bounds_and_the_end_are_written_as_the_older_format_has_them() {
        let open_metrics = "# HELP a Help a.\n# TYPE a counter\na_total{x=\"le=\\\"1.0\"} 1\n# HELP b b.\n# TYPE b histogram\n\
            b_bucket{le=\"0.5\",p=\"/\"} 1\nb_bucket{le=\"10.0\",p=\"/\"} 1\nb_bucket{le=\"+Inf\"} 2\n# EOF\n";
        assert_eq!(
            prometheus(open_metrics),
            "# HELP a_total Help a.\n# TYPE a_total counter\na_total{x=\"le=\\\"1.0\"} 1\n# HELP b b.\n# TYPE b histogram\n\
            b_bucket{le=\"0.5\",p=\"/\"} 1\nb_bucket{le=\"10\",p=\"/\"} 1\nb_bucket{le=\"+Inf\"} 2\n"
        );
    }

    #[test]
    fn a_condition_cannot_break_out_of_its_line() {
        let condition = Condition {
            key: ObjectKey {
                namespace: "ns".into(),
                name: "a\"} 1\nb".into(),
            },
            instance: Some("x\\".into()),
            synced: -1,
        };
        let mut text = String::new();
        condition_info(&mut text, &[condition]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with(
            "{condition=\"Synced\",name=\"a\\\"} 1\\nb\",namespace=\"ns\",ss_app_kubernetes_io_instance=\"x\\\\\"} -1\n"
        ), "{text}");
        let before = text.clone();
        condition_info(&mut text, &[]);
        assert_eq!(text, before);
    }
}
