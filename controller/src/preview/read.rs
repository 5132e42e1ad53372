//! What `preview` reads: get and list, nothing else.

use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt as _;
use jiff::Timestamp;
use signet_common::MacKey;
use signet_crds::names::ROOT;

use super::keys::{self, KeyFinding};
use super::predict::{Prediction, Ring, predict};
use crate::api::{ApiFailure, Cluster};
use crate::args::{Args, Namespaces};
use crate::index::ObjectKey;
use crate::keys::{KeySecret, Root, key_selector};
use crate::object::RawSealedSecret;
use crate::plan::{Policy, Repair};
use crate::runtime;
use crate::tags::derived_root;

/// Objects that are looked at together.
const TOGETHER: usize = 16;

/// Everything that was found.
pub(super) struct Found {
    /// Where the keys are.
    pub(super) key_namespace: String,
    /// `--repair`.
    pub(super) repair: Repair,
    pub(super) keys: Vec<KeyFinding>,
    /// Why a key would be made at the start; empty if none would.
    pub(super) renewal: String,
    /// By namespace and name.
    pub(super) objects: Vec<(ObjectKey, Prediction)>,
    /// What could not be read, and why.
    pub(super) unreadable: Vec<String>,
}

impl Found {
    /// Whether anything in the cluster would be written but statuses that say the same.
    pub(super) fn changes(&self) -> bool {
        let mut objects = self.objects.iter();
        !self.renewal.is_empty() || objects.any(|(_, prediction)| prediction.is_a_change())
    }
}

/// Reads the cluster and predicts.
///
/// # Errors
/// If the cluster cannot be reached, or there is no key to open anything with.
pub(super) async fn all(args: &Args) -> anyhow::Result<Found> {
    let cluster = runtime::cluster_for_people(args).await?;
    let policy = Arc::new(runtime::policy(args));
    let keys = keys(args, &cluster, &policy).await?;
    let namespace = &policy.key_namespace;
    let ring = keys.ring.with_context(|| {
        format!("there is no usable sealing key in the namespace {namespace}; is --namespace the controller's?")
    })?;
    let root = root(&cluster, namespace).await?;
    let root = root.or_else(|| derived_root(&ring));
    // Without either, no tag in a status is the controller's.
    let root = root.unwrap_or_else(|| MacKey::random(&mut rand::rng()));
    let ring = Arc::new(Ring { ring, root });
    let (objects, mut unreadable) = sealed_secrets(args, &cluster, namespace).await?;
    let mut found = Vec::new();
    let mut looks = futures::stream::iter(objects)
        .map(|object| look(&cluster, &policy, &ring, object))
        .buffered(TOGETHER);
    while let Some((key, prediction)) = looks.next().await {
        match prediction {
            Ok(prediction) => found.push((key, prediction)),
            Err(failure) => unreadable.push(format!("Secret {key}: {failure}")),
        }
    }
    Ok(Found {
        key_namespace: namespace.clone(),
        repair: policy.repair,
        keys: keys.findings,
        renewal: keys.renewal,
        objects: found,
        unreadable,
    })
}

/// The root, if there is one already.
async fn root(cluster: &Cluster, namespace: &str) -> anyhow::Result<Option<MacKey>> {
    let found = cluster.secret_by_list(namespace, ROOT).await;
    let found =
        found.with_context(|| format!("the Secret {namespace}/{ROOT} could not be read"))?;
    let found = found.map(KeySecret::from);
    Ok(found.and_then(|secret| Some(Root::read(&secret)?.mac().clone())))
}

async fn keys(args: &Args, cluster: &Cluster, policy: &Policy) -> anyhow::Result<keys::Keys> {
    let namespace = &policy.key_namespace;
    let selector = key_selector();
    let labelled = cluster.secrets_with_label(namespace, &selector);
    let mut secrets = labelled.await.with_context(|| {
        format!("the sealing keys in the namespace {namespace} could not be read")
    })?;
    match cluster.legacy_key(namespace, &policy.key_prefix).await {
        Ok(legacy) => secrets.extend(legacy),
        // Upstream's permissions name one Secret.
        Err(failure) if failure.is_forbidden() => {}
        Err(failure) => {
            let name = &policy.key_prefix;
            return Err(failure)
                .with_context(|| format!("the Secret {namespace}/{name} could not be read"));
        }
    }
    let renewal = runtime::renewal(args);
    let order = args.key_order_priority;
    Ok(keys::judge(&secrets, order, &renewal, Timestamp::now()))
}

/// All SealedSecrets that the controller would look at, and namespaces that could not be read.
async fn sealed_secrets(
    args: &Args,
    cluster: &Cluster,
    own: &str,
) -> anyhow::Result<(Vec<RawSealedSecret>, Vec<String>)> {
    let selector = &args.watching.label_selector;
    let mut unreadable = Vec::new();
    let mut objects = match args.watching.namespaces(own) {
        Namespaces::All => cluster
            .sealed_secrets(None, selector)
            .await
            .context("the SealedSecrets could not be read")?,
        Namespaces::Only(namespaces) => {
            let mut objects = Vec::new();
            for namespace in namespaces {
                match cluster.sealed_secrets(Some(&namespace), selector).await {
                    Ok(found) => objects.extend(found),
                    Err(failure) => unreadable.push(format!("namespace {namespace}: {failure}")),
                }
            }
            objects
        }
    };
    objects.sort_by_cached_key(|object| ObjectKey::of(&object.metadata));
    Ok((objects, unreadable))
}

async fn look(
    cluster: &Cluster,
    policy: &Arc<Policy>,
    ring: &Arc<Ring>,
    object: RawSealedSecret,
) -> (ObjectKey, Result<Prediction, ApiFailure>) {
    let key = ObjectKey::of(&object.metadata);
    let existing = match cluster.secret(&key).await {
        Ok(existing) => existing,
        Err(failure) => return (key, Err(failure)),
    };
    let (policy, ring) = (Arc::clone(policy), Arc::clone(ring));
    let object = Arc::new(object);
    let own = Arc::clone(&object);
    let predicted =
        tokio::task::spawn_blocking(move || predict(&policy, &ring, &own, existing.as_ref()));
    // A panic is about this object alone, as in a pass.
    let prediction = predicted
        .await
        .unwrap_or_else(|_| Prediction::internal(&object));
    (key, Ok(prediction))
}
