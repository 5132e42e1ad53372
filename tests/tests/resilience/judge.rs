//! An independent judge of an end state: upstream's `kubeseal --recovery-unseal`, given the key Secrets, says what each
//! Secret must hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, Tool, kubectl};
use signet_tests::signet::{SignetController, secret_path};
use tempfile::TempDir;

use crate::batch;

/// What is wrong with one Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// There is none.
    Missing(String),
    /// Its data is not what was sealed.
    Differs(String),
}

/// The judge of one control plane, with the keys of one moment.
pub(crate) struct Judge<'a> {
    plane: &'a ControlPlane,
    keys: PathBuf,
    _dir: TempDir,
}

impl<'a> Judge<'a> {
    /// Takes a copy of the key Secrets, as the backup in upstream's README does.
    pub(crate) fn new(plane: &'a ControlPlane, key_namespace: &str) -> anyhow::Result<Self> {
        let selector = "sealedsecrets.bitnami.com/sealed-secrets-key";
        let keys = plane
            .kubectl()?
            .in_namespace(key_namespace)
            .get_json(&["secrets", "-l", selector])?;
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("keys.json");
        std::fs::write(&file, keys.to_string())?;
        Ok(Self {
            plane,
            keys: file,
            _dir: dir,
        })
    }

    /// What upstream's kubeseal makes of a SealedSecret: the `data` of the Secret.
    pub(crate) fn expected(&self, sealed: &Value) -> anyhow::Result<BTreeMap<String, Value>> {
        let mut command = self.plane.tools().command(Tool::UpstreamKubeseal)?;
        command
            .arg("--recovery-unseal")
            .arg("--recovery-private-key")
            .arg(&self.keys);
        let clear = kubectl::run(command, &sealed.to_string())?
            .success("upstream's kubeseal --recovery-unseal")?;
        let clear: Value = serde_json::from_str(&clear)?;
        data(&clear).context("upstream's kubeseal shows data")
    }

    /// Judges every SealedSecret of a namespace against the live Secret of its name. Returns what is wrong, and how
    /// many were judged.
    pub(crate) fn judge(&self, namespace: &str) -> anyhow::Result<(Vec<Wrong>, usize)> {
        let sealed = batch::sealed_in(self.plane, namespace)?;
        let secrets: BTreeMap<String, Value> = batch::secrets_in(self.plane, namespace)?
            .into_iter()
            .map(|secret| (batch::name(&secret).to_owned(), secret))
            .collect();
        let mut wrong = Vec::new();
        for object in &sealed {
            let name = batch::name(object);
            let expected = self.expected(object).with_context(|| name.to_owned())?;
            match secrets.get(name) {
                None => wrong.push(Wrong::Missing(name.to_owned())),
                Some(live) if data(live).unwrap_or_default() != expected => {
                    wrong.push(Wrong::Differs(name.to_owned()));
                }
                Some(_) => {}
            }
        }
        Ok((wrong, sealed.len()))
    }
}

fn data(secret: &Value) -> Option<BTreeMap<String, Value>> {
    let data = secret["data"].as_object()?;
    Some(
        data.iter()
            .map(|(item, value)| (item.clone(), value.clone()))
            .collect(),
    )
}

#[test]
fn the_judge_sees_a_planted_wrong_value_and_a_missing_secret() -> anyhow::Result<()> {
    let plane = signet_tests::start(signet_harness::Options::default())?;
    let mut controller = SignetController::start(&plane, "kube-system", &[])?;
    let namespace = signet_tests::fresh_namespace(&plane, "judged")?;
    let sealed = batch::seal_many(&controller.certificate()?, &namespace, "db", 4)?;
    batch::create(&plane, &sealed)?;
    batch::await_all(&plane, &namespace, 4, "Unsealed")?;
    let judge = Judge::new(&plane, "kube-system")?;
    assert_eq!(judge.judge(&namespace)?, (vec![], 4));

    // Nobody repairs what is planted now.
    batch::stop(&mut controller)?;
    let api = plane.api();
    let other = json!({"data": {"password": "b3RoZXI="}});
    api.merge_patch(&secret_path(&namespace, "db-1"), &other)?;
    let further = json!({"data": {"further": "b3RoZXI="}});
    api.merge_patch(&secret_path(&namespace, "db-2"), &further)?;
    api.delete(&secret_path(&namespace, "db-3"))?;
    let wrong = vec![
        Wrong::Differs("db-1".to_owned()),
        Wrong::Differs("db-2".to_owned()),
        Wrong::Missing("db-3".to_owned()),
    ];
    assert_eq!(judge.judge(&namespace)?, (wrong, 4));
    Ok(())
}
