//! What the controllers of a suite asked the API server for, beside what `manifests/controller.yaml` grants.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Suites that do everything that a controller does. Each runs under upstream's permissions, which allow more.
pub(crate) const SUITES: [&str; 2] = ["behaviour", "controller"];

/// The API group of Leases, which upstream's permissions do not have.
const LEASES: &str = "coordination.k8s.io";

/// Verb, API group, resource with its subresource.
type Right = (String, String, String);

/// Compares the audit logs in `folder` with the grants in `manifests`; `all` also asks that every grant was used.
pub(crate) fn check(folder: &Path, manifests: &str, all: bool) -> anyhow::Result<String> {
    let granted = granted(manifests)?;
    let mut used = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let log = fs::read_to_string(entry?.path())?;
        for line in log.lines() {
            // The last line of a server that was killed may be cut short.
            used.extend(serde_json::from_str(line).ok().as_ref().and_then(right));
        }
    }
    // These suites have no rights for Leases, so that they ask once and are refused; the chart's own suite shows them all.
    used.retain(|(_, group, _)| group != LEASES);
    // The chart grants it with oldGcBehavior alone; its own suite shows that.
    used.remove(&("delete".to_owned(), String::new(), "secrets".to_owned()));
    let missing: Vec<_> = used.difference(&granted).collect();
    ensure!(missing.is_empty(), "asked for and not granted: {missing:?}");
    let unused: Vec<_> = granted.difference(&used).collect();
    ensure!(
        !all || unused.is_empty(),
        "granted and never asked for: {unused:?}"
    );
    Ok(format!(
        "{} of {} rights of the chart used, no other",
        used.len(),
        granted.len()
    ))
}

/// A request of Signet's controller: upstream's has a name in `User-Agent`, as every other client here.
fn right(event: &Value) -> Option<Right> {
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let account = text("/user/username").strip_prefix("system:serviceaccount:")?;
    let is_ours = account.ends_with(":sealed-secrets-controller") && text("/userAgent").is_empty();
    is_ours.then(|| {
        let resource = text("/objectRef/resource");
        let resource = match text("/objectRef/subresource") {
            "" => resource.to_owned(),
            subresource => format!("{resource}/{subresource}"),
        };
        (
            text("/verb").to_owned(),
            text("/objectRef/apiGroup").to_owned(),
            resource,
        )
    })
}

fn granted(manifests: &str) -> anyhow::Result<BTreeSet<Right>> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(manifests).context("YAML")?;
    let roles = ["secrets-unsealer", "sealed-secrets-key-admin"];
    let mut granted = BTreeSet::new();
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let is_role = object["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("Role"));
        if !is_role || !roles.contains(&name) {
            continue;
        }
        for rule in object["rules"].as_array().into_iter().flatten() {
            let texts = |field: &str| {
                let values = rule[field].as_array().cloned().unwrap_or_default();
                values
                    .into_iter()
                    .filter_map(|value| value.as_str().map(str::to_owned))
            };
            for verb in texts("verbs") {
                for group in texts("apiGroups") {
                    let rights =
                        texts("resources").map(|resource| (verb.clone(), group.clone(), resource));
                    granted.extend(rights);
                }
            }
        }
    }
    ensure!(
        !granted.is_empty(),
        "manifests/controller.yaml grants nothing"
    );
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_too_much_and_a_missing_one_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = fs::read_to_string("../manifests/controller.yaml").unwrap();
        let granted = granted(&yaml).unwrap();
        assert_eq!(granted.len(), 10);
        let line = |(verb, group, resource): &Right, agent: &str| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let account = "system:serviceaccount:ns:sealed-secrets-controller";
            serde_json::json!({
                "verb": verb, "user": {"username": account}, "userAgent": agent,
                "objectRef": {"apiGroup": group, "resource": resource, "subresource": subresource},
            })
            .to_string()
        };
        let judge = |lines: &[String], all| {
            fs::write(folder.path().join("audit.log"), lines.join("\n")).unwrap();
            check(folder.path(), &yaml, all).map_err(|error| error.to_string())
        };
        let mut lines: Vec<_> = granted.iter().map(|right| line(right, "")).collect();
        assert!(judge(&lines, true).is_ok());
        let other = ("patch".to_owned(), String::new(), "events".to_owned());
        lines.push(line(&other, "controller/v0.0.0"));
        assert!(judge(&lines, true).is_ok());
        assert!(judge(&lines[1..], false).is_ok());
        assert!(
            judge(&lines[1..], true)
                .unwrap_err()
                .contains("never asked")
        );
        lines.push(line(&other, ""));
        assert!(judge(&lines, false).unwrap_err().contains("not granted"));
    }
}
