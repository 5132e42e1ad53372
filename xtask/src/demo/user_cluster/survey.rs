//! What runs in a cluster already. The demo's controller watches all namespaces, so it must be the only one of its kind.

use anyhow::bail;
use serde_json::Value;

use super::{SEALED_SECRETS, UserCluster};
use crate::demo::cluster::Cluster;
use crate::demo::live::DEMO_LABEL;

const PLACES: [(&str, &str); 2] = [
    ("Deployment", "/apis/apps/v1/deployments"),
    ("Service", "/api/v1/services"),
];
/// Labels of upstream's manifest and of its chart.
const POD_LABELS: [&str; 2] = [
    "name=sealed-secrets-controller",
    "app.kubernetes.io/name=sealed-secrets",
];

pub(super) fn refuse_beside_others(cluster: &UserCluster) -> anyhow::Result<()> {
    let context = &cluster.context;
    for (kind, path) in PLACES {
        if let Some(found) = items(cluster, path)?
            .iter()
            .find(|item| is_controller(item))
        {
            bail!(
                "a sealed-secrets controller is in the cluster of {context}: the {kind} {}; the demo would interfere",
                name(found)
            );
        }
    }
    for labels in POD_LABELS {
        let pods = items(cluster, &format!("/api/v1/pods?labelSelector={labels}"))?;
        if let Some(pod) = pods.first() {
            bail!(
                "a sealed-secrets controller runs in the cluster of {context}: the Pod {}; the demo would interfere",
                name(pod)
            );
        }
    }
    if let Some(sealed) = items(cluster, &format!("{SEALED_SECRETS}?limit=1"))?.first() {
        bail!(
            "the cluster of {context} has SealedSecrets, such as {}: somebody uses them, and the demo's controller \
             would act on them too",
            name(sealed)
        );
    }
    let demos = items(
        cluster,
        &format!("/api/v1/namespaces?labelSelector={DEMO_LABEL}"),
    )?;
    if let Some(demo) = demos.first() {
        bail!(
            "another demo uses the cluster of {context}, or was killed there: the namespace {}",
            name(demo)
        );
    }
    Ok(())
}

/// By its name, or by the labels that upstream's manifest and chart give it, whatever its name.
fn is_controller(item: &Value) -> bool {
    let metadata = &item["metadata"];
    let label = |name: &str| metadata["labels"][name].as_str().unwrap_or_default();
    let name = metadata["name"].as_str().unwrap_or_default();
    name.contains("sealed-secrets")
        || name.contains("signet-controller")
        || label("name") == "sealed-secrets-controller"
        || label("app.kubernetes.io/name") == "sealed-secrets"
}

fn items(cluster: &UserCluster, path: &str) -> anyhow::Result<Vec<Value>> {
    let list = cluster.find(path)?;
    Ok(list
        .and_then(|list| list["items"].as_array().cloned())
        .unwrap_or_default())
}

fn name(item: &Value) -> String {
    let text = |field: &str| item["metadata"][field].as_str();
    match (text("namespace"), text("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (_, name) => name.unwrap_or("without a name").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn controllers_are_known_by_name_or_label() {
        let with =
            |name: &str, labels: Value| json!({ "metadata": { "name": name, "labels": labels } });
        let table = [
            (with("sealed-secrets-controller", json!({})), true),
            (with("my-sealed-secrets", Value::Null), true),
            (
                with("x", json!({ "app.kubernetes.io/name": "sealed-secrets" })),
                true,
            ),
            (
                with("x", json!({ "name": "sealed-secrets-controller" })),
                true,
            ),
            (with("coredns", json!({ "k8s-app": "kube-dns" })), false),
        ];
        for (item, wanted) in table {
            assert_eq!(is_controller(&item), wanted, "{item}");
        }
    }
}
