//! What to do about one SealedSecret: a pure decision over what was read.
//!
//! Knows nothing of clients, queues or time. `pass` carries a plan out.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use signet_crds::names::{
    GROUP, KEY_LABEL, KIND, MANAGED, PATCH, ROOT, SEAL, SEAL_NEVER, SIGNET_PREFIX,
    SKIP_SET_OWNER_REFERENCES, UPSTREAM_PREFIX,
};
use signet_crds::scope::is_true;
use signet_crds::{DesiredSecret, Reason, Refusal, SealedSecret, V1Data};
use signet_templates::Options;

/// What upstream puts before the message of a status about a Secret that could not be written.
pub const UPDATE_FAILED: &str = "failed update: ";

/// `--repair`: what is done when somebody changes a Secret of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Repair {
    /// Put it back.
    #[default]
    On,
    /// Say so in the status, and leave it.
    Report,
    /// Do not look.
    Off,
}

/// Settings that decide which Secrets may be written (docs/trust.md rows 1 and 3).
#[derive(Debug, Clone)]
pub struct Policy {
    /// `--repair`.
    pub repair: Repair,
    /// `--allow-sealed-keys`: a SealedSecret may yield a sealing key.
    pub allow_sealed_keys: bool,
    /// `--forbidden-secret-types`.
    pub forbidden_types: Vec<String>,
    /// The controller's own namespace, where sealing keys live.
    pub key_namespace: String,
    /// `--key-prefix`, which is also the name of the legacy key.
    pub key_prefix: String,
    /// `--skip-recreate`: a Secret that somebody deleted is not made again.
    pub skip_recreate: bool,
    /// `--accept-deprecated-v1-data`.
    pub v1_data: V1Data,
    /// `--templates` and `--template-functions`.
    pub templates: Options,
}

/// Whether the SealedSecret itself changed since the Secret was written from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is new or changed: labels and annotations are replaced wholesale, as upstream does.
    Changed,
    /// It is as it was: labels and annotations of others are kept.
    Unchanged,
}

/// What is to be done. Holds plaintext inside the Secrets, so no `Debug`.
pub enum Plan {
    /// POST this Secret.
    Create(Box<Secret>),
    /// PUT this Secret, which carries the uid and resourceVersion that were read.
    Replace {
        /// The whole Secret as it shall be.
        secret: Box<Secret>,
        /// Whether this puts back what somebody changed.
        repair: bool,
    },
    /// Nothing: the Secret is right.
    Keep,
    /// Write nothing and say why.
    Refuse(Refusal),
}

/// Whether a Secret may be written at all, judged before anything is opened (ARCHITECTURE.md "Ownership").
///
/// Ours is a Secret whose controller is this SealedSecret, or a dead one of the same group, kind and name; or one that
/// carries the managed, patch or skip-set-owner-references annotation.
///
/// # Errors
/// [`Refusal`] with [`Reason::NotManaged`].
pub fn check_ownership(sealed: &SealedSecret, existing: &Secret) -> Result<(), Refusal> {
    let marked = [MANAGED, PATCH, SKIP_SET_OWNER_REFERENCES]
        .into_iter()
        .any(|name| has_mark(existing, name));
    let controller = existing
        .metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true));
    if marked || controller.is_some_and(|owner| is_this_or_dead_predecessor(sealed, owner)) {
        return Ok(());
    }
    // Upstream's words: its status says that the update failed, its event does not (`event.rs`).
    let message = format!(
        "{UPDATE_FAILED}Resource {:?} already exists and is not managed by SealedSecret",
        sealed.name()
    );
    Err(Refusal::new(Reason::NotManaged, message))
}

/// What can be said before anything is opened: the Secret is somebody else's, or it was deleted and stays away. With
/// `--repair=off` nothing is said of a deleted one.
///
/// # Errors
/// [`Refusal`] with [`Reason::NotManaged`] or [`Reason::Drifted`].
pub fn before_opening(
    policy: &Policy,
    sealed: &SealedSecret,
    existing: Option<&Secret>,
    cause: Cause,
) -> Result<(), Refusal> {
    match existing {
        Some(existing) => check_ownership(sealed, existing),
        None if policy.leaves_deleted(cause) && policy.repair != Repair::Off => Err(left_deleted()),
        None => Ok(()),
    }
}

/// A SealedSecret is found by its name, so another uid under the same name no longer lives.
fn is_this_or_dead_predecessor(sealed: &SealedSecret, owner: &OwnerReference) -> bool {
    let group = owner.api_version.split('/').next().unwrap_or_default();
    group == GROUP && owner.kind == KIND && owner.name == sealed.name()
}

fn has_mark(secret: &Secret, name: &str) -> bool {
    secret
        .metadata
        .annotations
        .as_ref()
        .is_some_and(|annotations| is_true(annotations, name))
}

/// Decides, given the Secret that is wanted and the one that is there.
///
/// Guarantees: a Secret that is not ours is never written; every refusal is judged on the final Secret, after a patch is
/// merged, before any write; a plan to replace carries the uid and resourceVersion of what was read.
pub fn plan(
    policy: &Policy,
    sealed: &SealedSecret,
    desired: &DesiredSecret,
    existing: Option<&Secret>,
    cause: Cause,
) -> Plan {
    let Some(existing) = existing else {
        if policy.leaves_deleted(cause) {
            return if policy.repair == Repair::Off {
                Plan::Keep
            } else {
                Plan::Refuse(left_deleted())
            };
        }
        return match judge(policy, desired.to_secret()) {
            Ok(secret) => Plan::Create(Box::new(secret)),
            Err(refusal) => Plan::Refuse(refusal),
        };
    };
    match replacement(policy, sealed, desired, existing, cause) {
        Err(refusal) => Plan::Refuse(refusal),
        Ok(secret) if same(&secret, existing) => Plan::Keep,
        Ok(secret) => replace(policy, secret, cause),
    }
}

impl Policy {
    /// Whether a Secret that is not there stays away.
    pub fn leaves_deleted(&self, cause: Cause) -> bool {
        self.skip_recreate && cause == Cause::Unchanged
    }
}

/// What is said of a Secret that stays away.
fn left_deleted() -> Refusal {
    let message =
        "the Secret was deleted by somebody else; it is not made again because of --skip-recreate";
    Refusal::new(Reason::Drifted, message)
}

fn replace(policy: &Policy, secret: Secret, cause: Cause) -> Plan {
    let repair = cause == Cause::Unchanged;
    match policy.repair {
        Repair::Report if repair => {
            let message = "the Secret was changed by somebody else; it is left alone because of --repair=report";
            Plan::Refuse(Refusal::new(Reason::Drifted, message))
        }
        Repair::Off if repair => Plan::Keep,
        _ => Plan::Replace {
            secret: Box::new(secret),
            repair,
        },
    }
}

fn replacement(
    policy: &Policy,
    sealed: &SealedSecret,
    desired: &DesiredSecret,
    existing: &Secret,
    cause: Cause,
) -> Result<Secret, Refusal> {
    check_ownership(sealed, existing)?;
    let mut secret = if has_mark(existing, PATCH) {
        patched(desired, existing)
    } else {
        replaced(desired, existing, cause)
    };
    if secret.type_ != existing.type_ && !secret.type_.as_deref().unwrap_or_default().is_empty() {
        check_same_type(&secret, existing)?;
    }
    secret.type_ = existing.type_.clone();
    let secret = judge(policy, secret)?;
    check_immutable(&secret, existing)?;
    Ok(secret)
}

/// Our data, labels and annotations over the existing Secret's, which keeps everything else. Names that steer this
/// controller never come from a template here (docs/trust.md row 4).
fn patched(desired: &DesiredSecret, existing: &Secret) -> Secret {
    let steering =
        |name: &str| name.starts_with(UPSTREAM_PREFIX) || name.starts_with(SIGNET_PREFIX);
    let harmless = |map: &BTreeMap<String, String>| {
        map.iter()
            .filter(|(name, _)| !steering(name))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let mut secret = existing.clone();
    let ours = desired.to_secret();
    secret
        .data
        .get_or_insert_default()
        .extend(ours.data.unwrap_or_default());
    merge(&mut secret.metadata.labels, harmless(&desired.labels));
    merge(
        &mut secret.metadata.annotations,
        harmless(&desired.annotations),
    );
    if has_mark(existing, MANAGED) {
        secret.metadata.owner_references = ours.metadata.owner_references;
    }
    secret
}

fn merge(into: &mut Option<BTreeMap<String, String>>, ours: BTreeMap<String, String>) {
    if !ours.is_empty() {
        into.get_or_insert_default().extend(ours);
    }
}

/// Our Secret in place of the existing one. Labels and annotations of others stay unless the SealedSecret changed;
/// finalizers always stay.
fn replaced(desired: &DesiredSecret, existing: &Secret, cause: Cause) -> Secret {
    let ours = desired.to_secret();
    let mut secret = existing.clone();
    secret.data = ours.data;
    secret.type_ = ours.type_;
    secret.immutable = if desired.immutable.is_some() {
        desired.immutable
    } else {
        existing.immutable
    };
    match cause {
        Cause::Changed => {
            secret.metadata.labels = ours.metadata.labels;
            secret.metadata.annotations = ours.metadata.annotations;
            secret.metadata.owner_references = ours.metadata.owner_references;
        }
        Cause::Unchanged => {
            merge(&mut secret.metadata.labels, desired.labels.clone());
            merge(
                &mut secret.metadata.annotations,
                desired.annotations.clone(),
            );
            keep_other_owners(&mut secret, &desired.owner_references);
        }
    }
    secret
}

/// Puts our owners back and keeps the others, but never two controllers.
fn keep_other_owners(secret: &mut Secret, ours: &[OwnerReference]) {
    let owners = secret.metadata.owner_references.get_or_insert_default();
    let we_control = ours.iter().any(|owner| owner.controller == Some(true));
    owners.retain(|owner| {
        !(we_control && owner.controller == Some(true))
            && ours.iter().all(|our| our.uid != owner.uid)
    });
    owners.splice(0..0, ours.iter().cloned());
    if owners.is_empty() {
        secret.metadata.owner_references = None;
    }
}

/// The API server never changes a Secret's type.
fn check_same_type(secret: &Secret, existing: &Secret) -> Result<(), Refusal> {
    let name = |secret: &Secret| secret.type_.clone().unwrap_or_else(|| "Opaque".to_owned());
    if name(secret) == name(existing) {
        return Ok(());
    }
    let message = "the type of an existing Secret cannot be changed; delete the Secret to have it made with the new type";
    Err(Refusal::new(Reason::Immutable, message))
}

fn check_immutable(secret: &Secret, existing: &Secret) -> Result<(), Refusal> {
    let frozen = existing.immutable == Some(true);
    if !frozen || (same_data(secret, existing) && secret.immutable == Some(true)) {
        return Ok(());
    }
    let message = "the target Secret is immutable; delete it to have it made with the new values";
    Err(Refusal::new(Reason::Immutable, message))
}

/// Rows 1 and 3 of docs/trust.md, on the Secret as it would be written. A sealing key is marked, whatever its template
/// says: nothing is ever sealed to it.
fn judge(policy: &Policy, mut secret: Secret) -> Result<Secret, Refusal> {
    let metadata = &secret.metadata;
    let labelled = metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.contains_key(KEY_LABEL));
    let legacy = metadata.name.as_ref() == Some(&policy.key_prefix)
        && metadata.namespace.as_ref() == Some(&policy.key_namespace);
    let is_root = metadata.name.as_deref() == Some(ROOT)
        && metadata.namespace.as_ref() == Some(&policy.key_namespace);
    if is_root {
        let message = "the Secret of this name is the root of the controller's installation; no flag allows to write it";
        return Err(Refusal::new(Reason::SealingKeyRefused, message));
    }
    if (labelled || legacy) && !policy.allow_sealed_keys {
        let message =
            "the Secret would be a sealing key; that needs --allow-sealed-keys on the controller";
        return Err(Refusal::new(Reason::SealingKeyRefused, message));
    }
    let secret_type = secret.type_.as_deref().unwrap_or_default();
    if policy
        .forbidden_types
        .iter()
        .any(|forbidden| forbidden == secret_type)
    {
        let message =
            "Secrets of this type are refused; see --forbidden-secret-types on the controller";
        return Err(Refusal::new(Reason::TypeRefused, message));
    }
    if labelled || legacy {
        let annotations = secret.metadata.annotations.get_or_insert_default();
        annotations.insert(SEAL.to_owned(), SEAL_NEVER.to_owned());
    }
    Ok(secret)
}

fn same(a: &Secret, b: &Secret) -> bool {
    let metadata_is = |a: &Secret, b: &Secret| {
        texts(&a.metadata.labels) == texts(&b.metadata.labels)
            && texts(&a.metadata.annotations) == texts(&b.metadata.annotations)
            && a.metadata.owner_references.as_deref().unwrap_or_default()
                == b.metadata.owner_references.as_deref().unwrap_or_default()
    };
    same_data(a, b)
        && a.type_ == b.type_
        && a.immutable.unwrap_or(false) == b.immutable.unwrap_or(false)
        && metadata_is(a, b)
}

fn texts(map: &Option<BTreeMap<String, String>>) -> Vec<(&String, &String)> {
    map.iter().flatten().collect()
}

fn same_data(a: &Secret, b: &Secret) -> bool {
    a.data.iter().flatten().eq(b.data.iter().flatten())
}

#[cfg(test)]
mod tests;
