//! What is known of the cluster, in memory: a small projection of every SealedSecret and Secret.
//!
//! Never ciphertext, never values. Answers one question: does this object need work?

mod answers;
mod deletions;
mod needed;
mod rival;
mod secret;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::num::NonZeroI64;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{KeyId, MacKey, Tag};
use signet_crds::{Class, Reason};
use tokio::time::Instant;

use crate::digest::ContentDigest;
use crate::metrics::Condition;
use crate::pass::{FREE_REPAIRS, LONGEST_PAUSE, pause};
use crate::status::Outcome;
use answers::Answers;
use deletions::Deletions;
pub use needed::KeySet;
use needed::KeySets;
pub use secret::{SecretEntry, SecretOwner, Version};

/// How long a Secret of somebody else must be gone before its name is taken.
pub const FOREIGN_GRACE: Duration = Duration::from_secs(2);

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
    /// Whether it is a refusal that time can change.
    pub may_end: bool,
    /// Tag over what the status says.
    pub content: Tag,
    /// The second tag, not checked yet: that takes the Secret.
    pub secret: Box<str>,
}

/// An answer that is settled and that the status does not say yet, because it could not be written.
#[derive(Debug, Clone)]
pub struct Unsaid {
    /// What was settled.
    pub settled: Settled,
    /// What is to be said.
    pub outcome: Outcome,
    /// Whether the Secret was written.
    pub wrote: bool,
}

/// What a pass came to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing that would still hold.
    None,
    /// This, and the status says so.
    Settled(Settled),
    /// This, and the status must be written yet: nothing is settled.
    Unsaid(Box<Unsaid>),
}

impl Answer {
    /// What is settled.
    pub fn settled(&self) -> Option<&Settled> {
        match self {
            Self::Settled(settled) => Some(settled),
            Self::None | Self::Unsaid(_) => None,
        }
    }
}

/// What a status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The tag of what it says to people.
    pub content: Tag,
    /// The generation that it should be about; the least number without one.
    pub generation: NonZeroI64,
}

/// How often one answer was written again because somebody else had changed the status.
#[derive(Debug, Clone, Copy)]
pub struct Rewrites {
    /// The tag of the answer: one object and, for a refusal, one set of keys.
    pub of: Tag,
    /// How often.
    pub count: u32,
    /// When it was written last.
    pub last: Instant,
}

impl Rewrites {
    /// The next one, of this answer.
    pub fn after(before: Option<&Self>, of: Tag, now: Instant) -> Self {
        let count = before
            .filter(|before| before.of == of && before.is_recent())
            .map_or(1, |before| before.count.saturating_add(1));
        Self {
            of,
            count,
            last: now,
        }
    }

    /// How long the next one must wait: three are free, then 1 s · 2ⁿ.
    pub fn rest(&self) -> Option<Duration> {
        let many = self.count.checked_sub(FREE_REPAIRS)?;
        let rest = pause(many).checked_sub(self.last.elapsed())?;
        (!rest.is_zero()).then_some(rest)
    }

    fn is_recent(&self) -> bool {
        self.last.elapsed() < 2 * LONGEST_PAUSE
    }
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
    /// What the status says now; `None` without a status.
    pub shown: Option<Shown>,
    /// What the last pass of this process said, or gave way to; `None` if it wrote no status.
    pub said: Option<Shown>,
    /// Statuses that were written again.
    pub rewrites: Option<Box<Rewrites>>,
    /// What the last pass of this process came to.
    pub answer: Answer,
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
    pub failing_since: Option<Box<Timestamp>>,
    /// Repairs in a row, and when the last one was.
    pub repairs: Option<Box<(u32, Instant)>>,
    /// Whether it is in sync, for `condition_info`: as the last pass of this process said, else as the status says.
    pub synced: Option<i8>,
    /// The label `app.kubernetes.io/instance`, for `condition_info`.
    pub instance: Option<Arc<str>>,
    /// The keys that the status says its items were decrypted with.
    pub keys: KeySet,
}

impl SealedEntry {
    /// Whether the status says what the last pass of this process said, so that nobody else wrote it since.
    pub fn shows_what_was_said(&self) -> bool {
        self.said.is_none() || self.said == self.shown
    }

    /// Whether the last pass ended well and the status still says so: then a Secret that is right needs no word.
    pub fn says_success(&self) -> bool {
        matches!(self.outcome, Some((_, Class::Done)))
            && !matches!(self.answer, Answer::Unsaid(_))
            && self.shows_what_was_said()
    }

    /// Whether a Secret was written from these inputs, and still is what they ask for.
    pub fn holds_for(&self, mac: &MacKey, remembered: Tag, secret: &Secret) -> bool {
        let digest = self.digest.as_ref();
        self.applied == Some(remembered)
            && digest.is_some_and(|digest| digest.holds_for(mac, secret))
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
    deletions: Deletions,
    key_sets: KeySets,
    answers: Answers,
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
                    // What this process did is newer than what it sees; a replica that stands by does nothing.
                    if known.outcome.is_some() {
                        known.applied = known.applied.or(seen.applied);
                        known.synced = known.synced.or(seen.synced);
                    } else {
                        known.applied = seen.applied.or(known.applied);
                        known.synced = seen.synced.or(known.synced);
                    }
                    known.instance = seen.instance;
                    known.keys = seen.keys;
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

    /// How many SealedSecrets need this key, as their statuses say.
    pub fn needing(&self, key: KeyId) -> usize {
        let needs = |entry: &&SealedEntry| self.key_sets.has(entry.keys, key);
        self.sealed.values().filter(needs).count()
    }

    /// The set of these keys, which are sorted.
    pub fn key_set(&mut self, keys: &[KeyId]) -> KeySet {
        self.key_sets.of(keys)
    }

    /// Forgets a SealedSecret.
    pub fn forget_sealed(&mut self, key: &ObjectKey) {
        self.sealed.remove(key);
        self.answers.forget(key);
    }

    /// Forgets every SealedSecret that a complete list, of one namespace or of all, did not show. Returns them.
    pub fn keep_sealed(
        &mut self,
        namespace: Option<&str>,
        listed: &BTreeSet<ObjectKey>,
    ) -> Vec<ObjectKey> {
        let gone = not_listed(self.sealed.keys(), namespace, listed);
        gone.iter().for_each(|key| self.forget_sealed(key));
        gone
    }

    /// Takes in a Secret, from a watch or from the answer to our own write. Older states than the known one are ignored.
    /// So is a Secret that is known to be gone.
    pub fn see_secret(&mut self, key: ObjectKey, seen: SecretEntry) {
        if self.deletions.is_gone(&key, seen.version.uid) {
            return;
        }
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
        // Also without a SealedSecret: the two watches may tell of it and of this deletion in any order.
        self.deletions.note(key, lost.version.uid, !ours, now);
    }

    /// Takes in that a Secret was asked for and is not there: the watch may tell of its end later, or did so already.
    /// `known` is what was known before the question.
    pub fn miss_secret(&mut self, key: &ObjectKey, known: Option<&SecretEntry>, now: Instant) {
        let recent = |at: Instant| now.saturating_duration_since(at) < FOREIGN_GRACE;
        match known {
            Some(known) => self.lose_secret(key, known, now),
            None if self.deletions.last(key).is_some_and(recent) => {}
            None => self.deletions.note(key, 0, true, now),
        }
    }

    /// When a Secret of somebody else was deleted, if that was a moment ago.
    pub fn foreign_deletion(&self, key: &ObjectKey) -> Option<Instant> {
        self.deletions.foreign(key)
    }

    /// Forgets every Secret that a complete list, of one namespace or of all, did not show. Returns them.
    pub fn keep_secrets(
        &mut self,
        namespace: Option<&str>,
        listed: &BTreeSet<ObjectKey>,
    ) -> Vec<ObjectKey> {
        let gone = not_listed(self.secrets.keys(), namespace, listed);
        for key in &gone {
            self.secrets.remove(key);
        }
        gone
    }

    /// The Secrets of one namespace, or of all, that are known and not among these.
    pub fn secrets_not_in(
        &self,
        namespace: Option<&str>,
        listed: &BTreeSet<ObjectKey>,
    ) -> Vec<ObjectKey> {
        not_listed(self.secrets.keys(), namespace, listed)
    }

    /// What is known of a Secret.
    pub fn secret(&self, key: &ObjectKey) -> Option<&SecretEntry> {
        self.secrets.get(key)
    }

    /// Keeps the words of a settled answer. `of` is the tag that was settled.
    pub fn keep_answer(&mut self, key: &ObjectKey, of: Tag, outcome: &Outcome) {
        self.answers.keep(key, of, outcome);
    }

    /// The words of the settled answer for an object, if they are remembered.
    pub fn answer(&self, key: &ObjectKey) -> Option<Outcome> {
        let entry = self.sealed.get(key)?;
        let (reason, _) = entry.outcome?;
        self.answers
            .get(key, entry.answer.settled()?.inputs, reason)
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

    /// What upstream's `condition_info` says of each SealedSecret.
    pub fn conditions(&self) -> Vec<Condition> {
        let one = |(key, entry): (&ObjectKey, &SealedEntry)| Condition {
            key: key.clone(),
            instance: entry.instance.clone(),
            synced: entry.synced.unwrap_or_default(),
        };
        self.sealed.iter().map(one).collect()
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

fn not_listed<'a>(
    known: impl Iterator<Item = &'a ObjectKey>,
    namespace: Option<&str>,
    listed: &BTreeSet<ObjectKey>,
) -> Vec<ObjectKey> {
    let covered = |key: &&ObjectKey| namespace.is_none_or(|namespace| *key.namespace == *namespace);
    known
        .filter(covered)
        .filter(|key| !listed.contains(key))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
