//! Secrets that belong to somebody else: whatever happens, nobody of ours may write them.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::ControlPlane;
use signet_tests::signet::{secret, secret_path};

/// Secrets and their resourceVersions at the beginning.
pub(crate) struct Bystanders<'a> {
    plane: &'a ControlPlane,
    versions: BTreeMap<String, Value>,
}

impl<'a> Bystanders<'a> {
    /// Creates Secrets that are not ours: a plain one, one that another object controls, and one whose name
    /// `taken_name` a SealedSecret will want.
    pub(crate) fn create(
        plane: &'a ControlPlane,
        namespace: &str,
        taken_name: &str,
    ) -> anyhow::Result<Self> {
        let mut controlled = secret(namespace, "controlled", &[("k", "somebody else's")]);
        controlled["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "controller": true,
            "uid": plane.api().apply(&json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "owner", "namespace": namespace},
            }))?["metadata"]["uid"],
        }]);
        let secrets = [
            secret(namespace, "plain", &[("k", "somebody else's")]),
            controlled,
            secret(namespace, taken_name, &[("k", "somebody else's")]),
        ];
        let mut versions = BTreeMap::new();
        for secret in &secrets {
            let created = plane.api().apply(secret)?;
            let name = created["metadata"]["name"].as_str().context("a name")?;
            let version = created["metadata"]["resourceVersion"].clone();
            versions.insert(secret_path(namespace, name), version);
        }
        Ok(Self { plane, versions })
    }

    /// Fails if one of them was written, deleted or made anew.
    pub(crate) fn ensure_untouched(&self) -> anyhow::Result<()> {
        for (path, version) in &self.versions {
            let now = self.plane.api().find(path)?;
            let now = now.map(|secret| secret["metadata"]["resourceVersion"].clone());
            ensure!(
                now.as_ref() == Some(version),
                "{path} was {version}, is {now:?}"
            );
        }
        Ok(())
    }
}

#[test]
fn a_written_bystander_is_noticed() -> anyhow::Result<()> {
    let plane = signet_tests::shared()?;
    let namespace = signet_tests::fresh_namespace(plane, "bystanders")?;
    let bystanders = Bystanders::create(plane, &namespace, "taken")?;
    bystanders.ensure_untouched()?;
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    plane
        .api()
        .merge_patch(&secret_path(&namespace, "taken"), &label)?;
    assert!(bystanders.ensure_untouched().is_err());
    Ok(())
}
