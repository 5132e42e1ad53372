//! What is known of the cluster, in memory: a small projection of every SealedSecret and Secret.
//!
//! Never ciphertext, never values. Answers one question: does this object need work?

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{MacKey, Tag};
use signet_crds::names::{GROUP, KIND, MANAGED, PATCH, SKIP_SET_OWNER_REFERENCES};
use signet_crds::scope::is_true;
use signet_crds::{Class, Reason};
use tokio::time::Instant;

use crate::digest::ContentDigest;

/// How long a Secret of somebody else must be gone before its name is taken.
pub const FOREIGN_GRACE: Duration = Duration::from_secs(2);
/// Deletions that are remembered before old ones are looked for.
const FOREIGN_DELETIONS: usize = 1024;

/// Namespace and name of a SealedSecret, and of its Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// The key of an object with this metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
            name: metadata.name.as_deref().unwrap_or_default().into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One version of one object. Kubernetes' resource versions are integers that grow (KEP-5504).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version {
    /// The uid as a number; 0 if it is not a UUID, which switches the shortcuts off.
    pub uid: u128,
    /// The resourceVersion; 0 if it is not a number, which switches the shortcuts off.
    pub resource_version: u64,
}

impl Version {
    /// The version in this metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let resource_version = metadata
            .resource_version
            .as_deref()
            .and_then(|text| text.parse().ok());
        Self {
            uid: metadata.uid.as_deref().map(parse_uid).unwrap_or_default(),
            resource_version: resource_version.unwrap_or_default(),
        }
    }

    /// Whether both parts could be read.
    pub fn is_known(self) -> bool {
        self.uid != 0 && self.resource_version != 0
    }

    /// Whether `self` is an earlier state of the same object than `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.uid == other.uid && self.is_known() && self.resource_version < other.resource_version
    }
}

fn parse_uid(text: &str) -> u128 {
    let hex: String = text.chars().filter(|character| *character != '-').collect();
    u128::from_str_radix(&hex, 16).unwrap_or_default()
}

/// Who a Secret belongs to, as far as this controller cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOwner {
    /// Its controller is a SealedSecret of the Secret's own name, with this uid.
    SealedSecret(u128),
    /// It carries `managed`, `patch` or `skip-set-owner-references`.
    Annotated,
    /// Somebody else's.
    Foreign,
}

/// What is remembered of a Secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretEntry {
    /// Which version the watch, or our own write, showed last.
    pub version: Version,
    /// Who it belongs to.
    pub owner: SecretOwner,
    /// Whether it carries the `managed` annotation.
    pub managed: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl SecretEntry {
    /// The projection of a Secret's metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let marked = |name| {
            metadata
                .annotations
                .as_ref()
                .is_some_and(|annotations| is_true(annotations, name))
        };
        let owner = match sealed_secret_owner(metadata) {
            Some(uid) => SecretOwner::SealedSecret(uid),
            None if [MANAGED, PATCH, SKIP_SET_OWNER_REFERENCES]
                .into_iter()
                .any(marked) =>
            {
                SecretOwner::Annotated
            }
            None => SecretOwner::Foreign,
        };
        Self {
            version: Version::of(metadata),
            owner,
            managed: marked(MANAGED),
            terminating: metadata.deletion_timestamp.is_some(),
        }
    }
}

/// The uid of the controlling SealedSecret of the same name, if that is what controls the object.
fn sealed_secret_owner(metadata: &ObjectMeta) -> Option<u128> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    let group = owner.api_version.split('/').next().unwrap_or_default();
    let ours = group == GROUP && owner.kind == KIND && Some(&owner.name) == metadata.name.as_ref();
    ours.then(|| parse_uid(&owner.uid))
}

/// The two tags that say "this result was reached from these inputs, and the Secret is still that one"
/// (ARCHITECTURE.md "In sync without work").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Tag over the inputs and the kind of outcome.
    pub inputs: Tag,
    /// Which Secret was there; `None` if none.
    pub secret: Option<Version>,
}

/// What a status says about itself: that an earlier process settled it (ARCHITECTURE.md "In sync without work").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// How it was settled; the first tag proves it for the inputs as they are.
    pub class: Class,
    /// Tag over what the status says.
    pub content: Tag,
    /// The second tag, not checked yet: that takes the Secret.
    pub secret: Box<str>,
}

/// What is remembered of a SealedSecret.
#[derive(Debug, Clone)]
pub struct SealedEntry {
    /// Which version was seen last.
    pub version: Version,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The tag of the inputs as they are now, as statuses have it.
    pub inputs: Tag,
    /// The tag of the inputs as they are now, for `applied`.
    pub remembered: Tag,
    /// The tag of what the status says now, and of the generation; `None` without a status.
    pub shown: Option<Tag>,
    /// The tag of what the last pass of this process said; `None` if it wrote no status.
    pub said: Option<Tag>,
    /// What the last pass of this process settled.
    pub settled: Option<Settled>,
    /// What the status claims; looked at only until a pass of this process settled something.
    pub claim: Option<Claim>,
    /// The tag (`remembered`) of the inputs that the Secret was last written from.
    pub applied: Option<Tag>,
    /// What the Secret must contain, to recognise foreign changes that do not matter.
    pub digest: Option<ContentDigest>,
    /// How the last pass ended.
    pub outcome: Option<(Reason, Class)>,
    /// Passes that ended in [`Class::BackOff`], in a row.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Repairs in a row, and when the last one was.
    pub repairs: Option<(u32, Instant)>,
}

impl SealedEntry {
    /// Whether the status says what the last pass of this process said, so that nobody else wrote it since.
    pub fn shows_what_was_said(&self) -> bool {
        self.said.is_none() || self.said == self.shown
    }

    /// Whether the last pass ended well and the status still says so: then a Secret that is right needs no word.
    pub fn says_success(&self) -> bool {
        matches!(self.outcome, Some((_, Class::Done))) && self.shows_what_was_said()
    }

    /// Whether a Secret is what the inputs as they are now ask for.
    pub fn holds_for(&self, mac: &MacKey, secret: &Secret) -> bool {
        let digest = self.digest.as_ref();
        self.is_applied() && digest.is_some_and(|digest| digest.holds_for(mac, secret))
    }

    /// Whether the Secret was written from the inputs as they are now.
    pub fn is_applied(&self) -> bool {
        self.applied == Some(self.remembered)
    }
}

/// What an object needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: everything is as the last result left it.
    InSync,
    /// Nothing: it is being deleted, and the garbage collector does the rest.
    Terminating,
    /// A pass.
    Work,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub struct Index {
    sealed: HashMap<ObjectKey, SealedEntry>,
    secrets: HashMap<ObjectKey, SecretEntry>,
    foreign_deletions: HashMap<ObjectKey, Instant>,
}

impl Index {
    /// Takes in a SealedSecret as a watch showed it. Returns whether it was unknown before.
    pub fn see_sealed(&mut self, key: ObjectKey, seen: SealedEntry) -> bool {
        match self.sealed.entry(key) {
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(seen);
                true
            }
            std::collections::hash_map::Entry::Occupied(mut slot) => {
                let known = slot.get_mut();
                if known.version.uid != seen.version.uid {
                    *known = seen;
                    return true;
                }
                if !seen.version.is_before(known.version) {
                    known.version = seen.version;
                    known.terminating = seen.terminating;
                    known.inputs = seen.inputs;
                    known.remembered = seen.remembered;
                    known.shown = seen.shown;
                    known.claim = seen.claim;
                    known.applied = known.applied.or(seen.applied);
                }
                false
            }
        }
    }

    /// Forgets how the last passes ended, so that every status is written anew.
    pub fn forget_outcomes(&mut self) {
        for entry in self.sealed.values_mut() {
            entry.outcome = None;
        }
    }

    /// Forgets a SealedSecret.
    pub fn forget_sealed(&mut self, key: &ObjectKey) {
        self.sealed.remove(key);
    }

    /// Forgets every SealedSecret that a complete list did not show. Returns them.
    pub fn keep_sealed(&mut self, listed: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        let gone: Vec<_> = self
            .sealed
            .keys()
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        for key in &gone {
            self.sealed.remove(key);
        }
        gone
    }

    /// Takes in a Secret, from a watch or from the answer to our own write. Older states than the known one are ignored.
    pub fn see_secret(&mut self, key: ObjectKey, seen: SecretEntry) {
        if self
            .secrets
            .get(&key)
            .is_none_or(|known| !seen.version.is_before(known.version))
        {
            self.secrets.insert(key, seen);
        }
    }

    /// Takes in the end of a Secret. A Secret that was not ours is remembered for a moment (ARCHITECTURE.md "Ownership").
    pub fn lose_secret(&mut self, key: &ObjectKey, lost: &SecretEntry, now: Instant) {
        if self
            .secrets
            .get(key)
            .is_some_and(|known| known.version.uid != lost.version.uid)
        {
            return;
        }
        self.secrets.remove(key);
        let ours = match lost.owner {
            SecretOwner::SealedSecret(_) => true,
            SecretOwner::Annotated => lost.managed,
            SecretOwner::Foreign => false,
        };
        if !ours {
            // Also without a SealedSecret: the two watches may tell of it and of this deletion in any order.
            self.note_foreign_deletion(key, now);
        }
    }

    /// Remembers that a Secret of somebody else was deleted just now.
    pub fn note_foreign_deletion(&mut self, key: &ObjectKey, now: Instant) {
        if self.foreign_deletions.len() >= FOREIGN_DELETIONS
            && let Some(before) = now.checked_sub(FOREIGN_GRACE)
        {
            self.expire_foreign_deletions(before);
        }
        self.foreign_deletions.insert(key.clone(), now);
    }

    /// When a Secret of somebody else was deleted, if that was remembered.
    pub fn foreign_deletion(&self, key: &ObjectKey) -> Option<Instant> {
        self.foreign_deletions.get(key).copied()
    }

    /// Forgets deletions from before `before`.
    pub fn expire_foreign_deletions(&mut self, before: Instant) {
        self.foreign_deletions.retain(|_, at| *at >= before);
    }

    /// Forgets every Secret that a complete list did not show. Returns them.
    pub fn keep_secrets(&mut self, listed: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        let gone: Vec<_> = self
            .secrets
            .keys()
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        for key in &gone {
            self.secrets.remove(key);
        }
        gone
    }

    /// What is known of a Secret.
    pub fn secret(&self, key: &ObjectKey) -> Option<&SecretEntry> {
        self.secrets.get(key)
    }

    /// What is known of a SealedSecret.
    pub fn sealed(&self, key: &ObjectKey) -> Option<&SealedEntry> {
        self.sealed.get(key)
    }

    /// What is known of a SealedSecret, to be changed.
    pub fn sealed_mut(&mut self, key: &ObjectKey) -> Option<&mut SealedEntry> {
        self.sealed.get_mut(key)
    }

    /// Every SealedSecret.
    pub fn sealed_keys(&self) -> impl Iterator<Item = (&ObjectKey, &SealedEntry)> {
        self.sealed.iter()
    }

    /// How many SealedSecrets there are.
    pub fn len(&self) -> usize {
        self.sealed.len()
    }

    /// Whether there is no SealedSecret.
    pub fn is_empty(&self) -> bool {
        self.sealed.is_empty()
    }

    /// Whether an object needs a pass; `None` if it is unknown. `settled` says whether the object is settled with this
    /// version of its Secret.
    pub fn judge(
        &self,
        key: &ObjectKey,
        settled: impl Fn(&SealedEntry, Option<Version>) -> bool,
    ) -> Option<Verdict> {
        let entry = self.sealed.get(key)?;
        if entry.terminating {
            return Some(Verdict::Terminating);
        }
        let secret = self.secrets.get(key);
        if secret.is_some_and(|secret| secret.terminating) {
            return Some(Verdict::Work);
        }
        let in_sync = settled(entry, secret.map(|secret| secret.version));
        Some(if in_sync {
            Verdict::InSync
        } else {
            Verdict::Work
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(value: serde_json::Value) -> ObjectMeta {
        serde_json::from_value(value).unwrap()
    }

    fn secret(uid: &str, resource_version: &str) -> SecretEntry {
        SecretEntry::of(&metadata(
            json!({"name": "db", "namespace": "ns", "uid": uid, "resourceVersion": resource_version}),
        ))
    }

    fn key() -> ObjectKey {
        ObjectKey {
            namespace: "ns".into(),
            name: "db".into(),
        }
    }

    const ONE: &str = "00000000-0000-0000-0000-000000000001";
    const TWO: &str = "00000000-0000-0000-0000-000000000002";

    #[test]
    fn a_late_event_does_not_bring_back_an_older_version() {
        let mut index = Index::default();
        index.see_secret(key(), secret(ONE, "7"));
        index.see_secret(key(), secret(ONE, "6"));
        assert_eq!(index.secret(&key()).unwrap().version.resource_version, 7);
        index.see_secret(key(), secret(TWO, "3"));
        assert_eq!(
            index.secret(&key()).unwrap().version.uid,
            2,
            "another object is another history"
        );
    }

    #[test]
    fn the_end_of_an_earlier_object_does_not_end_its_successor() {
        let mut index = Index::default();
        index.see_secret(key(), secret(TWO, "9"));
        index.lose_secret(&key(), &secret(ONE, "8"), Instant::now());
        assert!(index.secret(&key()).is_some());
        index.lose_secret(&key(), &secret(TWO, "10"), Instant::now());
        assert!(index.secret(&key()).is_none());
    }

    #[test]
    fn owners_are_told_apart() {
        let owner = |api: &str, kind: &str, name: &str, controller: bool| json!([{"apiVersion": api, "kind": kind, "name": name, "uid": ONE, "controller": controller}]);
        let of = |owners: serde_json::Value, annotations: serde_json::Value| {
            let value =
                json!({"name": "db", "ownerReferences": owners, "annotations": annotations});
            SecretEntry::of(&metadata(value)).owner
        };
        let ours = SecretOwner::SealedSecret(1);
        assert_eq!(
            of(
                owner("bitnami.com/v1alpha1", "SealedSecret", "db", true),
                json!({})
            ),
            ours
        );
        assert_eq!(
            of(
                owner("bitnami.com/v1alpha1", "SealedSecret", "db", false),
                json!({})
            ),
            SecretOwner::Foreign
        );
        assert_eq!(
            of(
                owner("bitnami.com/v1alpha1", "SealedSecret", "x", true),
                json!({})
            ),
            SecretOwner::Foreign
        );
        assert_eq!(
            of(
                owner("example.com/v1", "SealedSecret", "db", true),
                json!({})
            ),
            SecretOwner::Foreign
        );
        assert_eq!(
            of(json!([]), json!({MANAGED: "true"})),
            SecretOwner::Annotated
        );
        assert_eq!(of(json!([]), json!({MANAGED: "yes"})), SecretOwner::Foreign);
    }

    #[test]
    fn versions_that_are_no_numbers_switch_the_shortcuts_off() {
        let odd = Version::of(&metadata(
            json!({"uid": "not-a-uuid!", "resourceVersion": "abc"}),
        ));
        assert!(
            !odd.is_known()
                && !odd.is_before(Version {
                    uid: 0,
                    resource_version: 9
                })
        );
    }
}
