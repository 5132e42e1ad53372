//! One run's world: a control plane, the replicas, what was applied so far, and looks at the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use signet_harness::{Api, ControlPlane, eventually};
use signet_tests::signet::CAP;

use crate::checker::{Findings, Observed, judge};
use crate::model::Model;
use crate::plan::{DOOMED, HAND_KEYS, Plan};
use crate::replicas::{Replicas, SYSTEM};

/// Longest time for one operation: an outage may come in between.
pub(crate) const STUBBORN: Duration = Duration::from_secs(120);
/// Longest time until the end state is right, after the last fault.
const SETTLE: Duration = Duration::from_secs(240);
/// Time between two looks at everything.
const LOOK: Duration = Duration::from_secs(1);
const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// Secrets of somebody else beside the SealedSecrets, in each namespace.
const BYSTANDERS: usize = 3;

/// The world of one run.
pub(crate) struct Stage<'a> {
    pub(crate) plane: &'a ControlPlane,
    pub(crate) replicas: Replicas<'a>,
    model: Mutex<Model>,
    manifests: Mutex<BTreeMap<usize, Value>>,
    /// Held for writing by what must not meet an operation.
    pub(crate) upheaval: RwLock<()>,
}

impl<'a> Stage<'a> {
    /// Starts the replicas and makes the namespaces, with Secrets of somebody else in them.
    pub(crate) fn set(
        plane: &'a ControlPlane,
        plan: &Plan,
        replicas: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut model = Model::new(plan.slots.clone());
        for namespace in plan.namespaces() {
            plane.api().ensure_namespace(&namespace)?;
            let count = if namespace == DOOMED { 0 } else { BYSTANDERS };
            for number in 0..count {
                let name = format!("bystander-{number}");
                let secret = json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": name, "namespace": namespace},
                    "stringData": {"password": "somebody else's"},
                });
                let written = plane.api().apply(&secret)?;
                model.foreign.insert(format!("{namespace}/{name}"), written);
            }
        }
        Ok(Self {
            plane,
            replicas: Replicas::start(plane, replicas, seed)?,
            model: Mutex::new(model),
            manifests: Mutex::default(),
            upheaval: RwLock::default(),
        })
    }

    pub(crate) fn api(&self) -> &Api {
        self.plane.api()
    }

    /// What was applied so far.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was last applied for each object that is there.
    pub(crate) fn manifests(&self) -> MutexGuard<'_, BTreeMap<usize, Value>> {
        self.manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads everything that is judged.
    pub(crate) fn observe(&self) -> anyhow::Result<Observed> {
        let secrets = by_path(&self.api().get("/api/v1/secrets")?)?;
        let own = |path: &&String| path.starts_with(&format!("{SYSTEM}/"));
        let keys: BTreeSet<String> = secrets
            .iter()
            .filter(|(path, secret)| {
                own(path) && secret["metadata"]["labels"][KEY_LABEL] == "active"
            })
            .map(|(path, _)| path[SYSTEM.len() + 1..].to_owned())
            .collect();
        Ok(Observed {
            sealed: by_path(&self.api().get("/apis/bitnami.com/v1alpha1/sealedsecrets")?)?,
            secrets,
            keys,
        })
    }

    /// Awaits that nothing is wrong. After a cap returns what still is, so that it can be told.
    pub(crate) fn settle(&self) -> anyhow::Result<Findings> {
        let (mut last, mut looked) = (Findings::default(), None::<Instant>);
        let settled = eventually("the end state", SETTLE, || {
            self.replicas.revive()?;
            if looked.is_some_and(|looked| looked.elapsed() < LOOK) {
                return Err(anyhow!("not looked yet"));
            }
            last = judge(&self.model(), &self.observe()?);
            looked = Some(Instant::now());
            if last.is_clean() {
                Ok(())
            } else {
                Err(anyhow!("{}", last.counts()))
            }
        });
        match settled {
            Ok(()) => Ok(last),
            Err(error) if last.is_clean() => Err(error),
            Err(_) => Ok(last),
        }
    }

    /// Asks for one more key, in peace, and awaits it.
    pub(crate) fn renew_in_peace(&self) -> anyhow::Result<()> {
        let before = self.observe()?.keys.len();
        self.model().renewals += 1;
        self.replicas.renew_key();
        eventually("a new key", CAP, || -> anyhow::Result<()> {
            let now = self.observe()?.keys.len();
            anyhow::ensure!(now > before, "{now} keys");
            Ok(())
        })
        .with_context(|| self.replicas.log_tails())
    }

    /// Certificate of a key Secret, by name, or the newest that a controller made.
    pub(crate) fn certificate(&self, pick: Pick) -> anyhow::Result<String> {
        let list = self.api().get(&format!(
            "/api/v1/namespaces/{SYSTEM}/secrets?labelSelector={KEY_LABEL}"
        ))?;
        let mut keys: Vec<&Value> = list["items"].as_array().context("a list")?.iter().collect();
        keys.retain(|key| key["metadata"]["labels"]["hand"].is_null());
        keys.sort_by_key(|key| key["metadata"]["creationTimestamp"].to_string());
        let key = match pick {
            Pick::Oldest => keys.first(),
            Pick::Newest => keys.last(),
        };
        let text = key.context("there is a key")?["data"]["tls.crt"].as_str();
        decode(text.context("tls.crt")?)
    }
}

/// Which of the keys that controllers made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pick {
    Oldest,
    Newest,
}

/// Certificate and private key of a key that is put in by hand.
pub(crate) fn hand_key(number: usize) -> (&'static str, &'static str) {
    let keys: [_; HAND_KEYS] = [
        (
            include_str!("../../../common/tests/vectors/keys/rsa-2048-a.crt"),
            include_str!("../../../common/tests/vectors/keys/rsa-2048-a.key"),
        ),
        (
            include_str!("../../../common/tests/vectors/keys/rsa-3072.crt"),
            include_str!("../../../common/tests/vectors/keys/rsa-3072.key"),
        ),
    ];
    keys[number]
}

/// The key Secret of a key that is put in by hand.
pub(crate) fn hand_key_secret(number: usize) -> Value {
    let (certificate, key) = hand_key(number);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "name": format!("by-hand-{number}"), "namespace": SYSTEM,
            "labels": {KEY_LABEL: "active", "hand": "true"},
        },
        "stringData": {"tls.crt": certificate, "tls.key": key},
    })
}

fn decode(base64: &str) -> anyhow::Result<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64)?;
    Ok(String::from_utf8(bytes)?)
}

fn by_path(list: &Value) -> anyhow::Result<BTreeMap<String, Value>> {
    let items = list["items"].as_array().context("a list")?;
    let path = |item: &Value| {
        let text = |field: &str| {
            item["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        format!("{}/{}", text("namespace"), text("name"))
    };
    Ok(items
        .iter()
        .map(|item| (path(item), item.clone()))
        .collect())
}
