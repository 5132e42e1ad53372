//! What all tasks of the controller share.

mod again;
mod cores;
mod room;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroI64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{KeyId, KeyRing, MacKey, Tag};
use signet_crds::names::INSTANCE_LABEL;
use signet_crds::status::condition_type::SYNCED;
use signet_crds::{Class, Condition, Reason, SealedSecretStatus};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use crate::api::Cluster;
use crate::brake::Brake;
use crate::cores::Cores;
use crate::event::limit::EventLimit;
use crate::index::{Answer, Claim, Index, KeySet, ObjectKey, SealedEntry, Shown, Verdict, Version};
use crate::metrics::Metrics;
use crate::object::RawSealedSecret;
use crate::pass::pause;
use crate::plan::Policy;
use crate::queue::{Lane, Queue};
use crate::suspects::Suspects;
use crate::tags::{Tags, derived_root};
use again::Rival;

/// The keys of one moment, and the tags under them.
pub struct Keys {
    /// The ring.
    pub ring: Arc<KeyRing>,
    /// Tags under this ring, for statuses.
    pub tags: Tags,
    /// Tags under the first root of this process, for what is only in memory: they outlive its change.
    pub memory: Tags,
}

impl Keys {
    /// What the status of an object says, and the generation that it should be about.
    pub fn shown(&self, object: &RawSealedSecret) -> Option<Shown> {
        Some(Shown {
            content: self.memory.content(&object.status()?),
            generation: object
                .metadata
                .generation
                .and_then(NonZeroI64::new)
                .unwrap_or(NonZeroI64::MIN),
        })
    }
}

/// Shared by watches, workers, the key task and the HTTP server.
pub struct State {
    /// The cluster.
    pub cluster: Cluster,
    /// What is counted.
    pub metrics: Metrics,
    /// Which Secrets may be written.
    pub policy: Policy,
    /// `--update-status`.
    pub update_status: bool,
    /// What is to be looked at.
    pub queue: Queue,
    /// `--old-gc-behavior`: the Secret of a SealedSecret that is gone is deleted.
    pub collects: bool,
    /// Asks the SealedSecret watches to list again: the root changed.
    pub relist: watch::Sender<()>,
    /// Asks the key task to read the legacy key and the root again.
    pub legacy_changed: Notify,
    /// Asks the key task to make a key at once.
    pub key_wanted: Notify,
    /// Slows failing templates down.
    pub brake: Brake,
    /// Which events are written.
    pub events: EventLimit,
    /// Whose templates may have killed an earlier process.
    pub suspects: Suspects,
    leads: watch::Sender<bool>,
    has_keys: watch::Sender<bool>,
    index: Mutex<Index>,
    keys: RwLock<Option<Arc<Keys>>>,
    root: Mutex<Option<MacKey>>,
    cores: Arc<Cores>,
    /// Bytes of large objects that passes may still take.
    room: Semaphore,
    /// Since when what is suspect gives way.
    gives_way: OnceLock<Instant>,
    pruned: AtomicBool,
    ready: AtomicBool,
    rival: Mutex<Rival>,
}

impl State {
    /// The state of a controller that has seen nothing yet.
    ///
    /// `per_namespace` bounds the passes of one namespace at the same time.
    pub fn new(
        cluster: Cluster,
        policy: Policy,
        update_status: bool,
        per_namespace: usize,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cluster,
            policy,
            update_status,
            metrics: Metrics::default(),
            queue: Queue::new(per_namespace),
            collects: false,
            relist: watch::Sender::new(()),
            legacy_changed: Notify::new(),
            key_wanted: Notify::new(),
            brake: Brake::default(),
            events: EventLimit::default(),
            suspects: Suspects::default(),
            leads: watch::Sender::default(),
            has_keys: watch::Sender::default(),
            index: Mutex::default(),
            keys: RwLock::default(),
            root: Mutex::default(),
            cores: Cores::new(u32::try_from(cores).unwrap_or(u32::MAX)),
            room: Semaphore::new(room::ROOM),
            gives_way: OnceLock::new(),
            pruned: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            rival: Mutex::default(),
        }
    }

    /// What is known of the cluster. Never held across an `await`.
    pub fn index(&self) -> MutexGuard<'_, Index> {
        // Every change of the index is complete before anything in it can panic.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys as they are now; `None` before the first.
    pub fn keys(&self) -> Option<Arc<Keys>> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Leads, for as long as the fence lets writes pass.
    pub fn lead(&self) {
        self.metrics.set_leader();
        self.leads.send_replace(true);
    }

    /// Leads for ever: there is no Lease.
    pub fn lead_alone(&self) {
        self.cluster.fence().open();
        self.lead();
    }

    /// Whether this replica leads: once true, true until the process ends.
    pub fn leads(&self) -> watch::Receiver<bool> {
        self.leads.subscribe()
    }

    /// Whether there are keys: once true, always true.
    pub fn has_keys(&self) -> watch::Receiver<bool> {
        self.has_keys.subscribe()
    }

    /// Takes over the root that tags are made with from the next ring on. Returns whether it is another one.
    pub fn set_root(&self, root: MacKey) -> bool {
        let mut known = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.replace(root.clone());
        before.is_none_or(|before| before.to_bytes() != root.to_bytes())
    }

    /// The root; where there is none yet, what is derived from this ring stays for as long as this process lives.
    fn root(&self, ring: &KeyRing) -> MacKey {
        let mut known = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let derived = || derived_root(ring).unwrap_or_else(|| MacKey::random(&mut rand::rng()));
        known.get_or_insert_with(derived).clone()
    }

    /// Takes over a new ring, and wakes whatever waited for a key.
    pub fn set_ring(&self, ring: KeyRing) {
        let ring = Arc::new(ring);
        let tags = Tags::under(self.root(&ring), &ring, &self.policy);
        let memory = self.keys().map(|before| before.memory.clone());
        let keys = Arc::new(Keys {
            memory: memory.unwrap_or_else(|| tags.clone()),
            tags,
            ring,
        });
        let probe = |keys: &Keys| keys.tags.mac().tag([&b"probe"[..]]);
        let before = self
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(Arc::clone(&keys));
        match before {
            Some(before) if probe(&before) != probe(&keys) => {
                self.index().forget_outcomes();
                self.relist.send_replace(());
            }
            Some(_) => self.sweep(),
            None => {}
        }
        self.has_keys.send_replace(true);
    }

    /// Takes in a SealedSecret and asks for a turn if it needs one.
    pub fn see_sealed(&self, object: RawSealedSecret, lane: Lane) {
        let Some(keys) = self.keys() else { return };
        let key = ObjectKey::of(&object.metadata);
        let (mut entry, needed) = entry_of(&keys, &object);
        let mut index = self.index();
        entry.keys = index.key_set(&needed);
        if let Some(known) = index.sealed(&key) {
            // The two watches of a start tell in any order.
            if !self.is_ready() && entry.version.is_before(known.version) {
                return;
            }
            self.note_rival(known, &entry, &object);
        }
        let inputs_before = index.sealed(&key).map(|known| known.inputs);
        let new = index.see_sealed(key.clone(), entry);
        let known = index.sealed(&key);
        let changed = new || known.is_some_and(|known| Some(known.inputs) != inputs_before);
        let backing_off =
            known.is_some_and(|known| matches!(known.outcome, Some((_, Class::BackOff))));
        drop(index);
        match self.judge(&key) {
            // The echo of our own status must not cut a pause short.
            Some(Verdict::Work) if changed || !backing_off => {
                self.queue.push(key, lane, Some(Box::new(object)))
            }
            Some(Verdict::InSync) if new => self.look_again_at(&key),
            // Upstream says this for every status that it wrote; here it is for the curious.
            Some(Verdict::InSync) if !changed => {
                tracing::debug!("sealed-secret" = %key, "update suppressed, no changes in spec")
            }
            _ => {}
        }
    }

    /// Takes in that a watch told of the end of a SealedSecret; of another one, or of a newer state, it says nothing.
    pub fn end_sealed(&self, metadata: &ObjectMeta) {
        let (key, ended) = (ObjectKey::of(metadata), Version::of(metadata));
        let is_over =
            |known: &SealedEntry| known.version.uid == ended.uid && !ended.is_before(known.version);
        if self.index().sealed(&key).is_none_or(is_over) {
            self.lose_sealed(&key);
        }
    }

    /// Takes in that a SealedSecret is gone, or no longer among those that are looked at.
    pub fn lose_sealed(&self, key: &ObjectKey) {
        self.index().forget_sealed(key);
        self.queue.forget(key);
        if self.collects {
            self.queue.push(key.clone(), Lane::Fresh, None);
        }
    }

    /// Asks for a turn of an object if what is known of it says so.
    pub fn look_at(&self, key: &ObjectKey, lane: Lane) {
        if self.judge(key) == Some(Verdict::Work) {
            self.queue.nudge(key.clone(), lane);
        }
    }

    /// Looks at every object, in memory. The latest change has its turn first: somebody may be waiting for it.
    pub fn sweep(&self) {
        let version = |entry: &SealedEntry| entry.version.resource_version;
        let keys: HashMap<_, _> = self
            .index()
            .sealed_keys()
            .map(|(key, entry)| (key.clone(), version(entry)))
            .collect();
        for key in keys.keys() {
            self.look_at(key, Lane::Sweep);
            // A replica that stood by has forgotten when it was to be.
            self.look_again_at(key);
        }
        self.queue
            .sort_sweep(|key| keys.get(key).copied().unwrap_or_default());
    }

    /// Whether an object needs a pass; `None` if it is unknown.
    pub fn judge(&self, key: &ObjectKey) -> Option<Verdict> {
        let keys = self.keys()?;
        self.index().judge(key, |entry, secret| {
            entry.shows_what_was_said() && settled_class(&keys.tags, entry, secret).is_some()
        })
    }

    /// Whether the last pass over an object is waiting for its next attempt.
    pub fn is_backing_off(&self, key: &ObjectKey) -> bool {
        self.index()
            .sealed(key)
            .is_some_and(|entry| matches!(entry.outcome, Some((_, Class::BackOff))))
    }

    /// Counts a transient failure: the pause before the next attempt, and since when it has been failing.
    pub fn count_failure(&self, key: &ObjectKey, now: Timestamp) -> (Duration, Timestamp) {
        let mut index = self.index();
        let Some(entry) = index.sealed_mut(key) else {
            return (pause(0), now);
        };
        let rest = pause(entry.failures);
        entry.failures = entry.failures.saturating_add(1);
        let since = **entry.failing_since.get_or_insert_with(|| Box::new(now));
        (jittered(rest), since)
    }

    /// Since when an object has been failing; from now on if it was not.
    pub fn failing_since(&self, key: &ObjectKey, now: Timestamp) -> Option<Timestamp> {
        let mut index = self.index();
        index
            .sealed_mut(key)
            .map(|entry| **entry.failing_since.get_or_insert_with(|| Box::new(now)))
    }

    /// Notes whether the API server kept our status fields.
    pub fn note_pruned(&self, expected: bool, stored: Option<&SealedSecretStatus>) {
        if !expected {
            return;
        }
        let pruned = stored.is_none_or(|status| status.inputs.is_none());
        self.metrics.set_status_pruned(pruned);
        if pruned && !self.pruned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the CRD in the cluster drops status fields: after a restart everything is opened again"
            );
        }
    }

    /// Notes that the first lists are complete.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Whether the first lists are complete.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether the API server drops our status fields.
    pub fn is_status_pruned(&self) -> bool {
        self.pruned.load(Ordering::Relaxed)
    }
}

/// How an object is settled under these keys and with this Secret: by what this process did, or by what an earlier one
/// wrote into the status.
fn settled_class(tags: &Tags, entry: &SealedEntry, secret: Option<Version>) -> Option<Class> {
    if secret.is_some_and(|secret| !secret.is_known()) {
        return None;
    }
    let known = entry
        .answer
        .settled()
        .filter(|settled| settled.secret == secret);
    if let Some(class) = known.and_then(|settled| tags.settles(entry.inputs, settled.inputs)) {
        return Some(class);
    }
    let claim = entry
        .claim
        .as_ref()
        .filter(|_| entry.answer.settled().is_none())?;
    let settled = tags.settle(entry.inputs, claim.class);
    (tags.secret(settled, secret, claim.content).to_string() == *claim.secret)
        .then_some(claim.class)
}

/// The projection of an object, with what its status claims to be settled, and the keys that it needs.
fn entry_of(keys: &Keys, object: &RawSealedSecret) -> (SealedEntry, Vec<KeyId>) {
    let inputs = keys.tags.inputs(object);
    let remembered = keys.memory.inputs(object);
    let status = object.status();
    let claim = status
        .as_ref()
        // What was changed and changed back is the same, but the status must be about the new generation.
        .filter(|status| status.observed_generation == object.metadata.generation)
        .and_then(|status| claim(&keys.tags, inputs, status));
    let labels = object.metadata.labels.as_ref();
    let needed = status.as_ref().map_or_else(Vec::new, keys_of);
    let entry = SealedEntry {
        version: Version::of(&object.metadata),
        terminating: object.metadata.deletion_timestamp.is_some(),
        inputs,
        remembered,
        shown: keys.shown(object),
        said: None,
        rewrites: None,
        answer: Answer::None,
        applied: was_applied(&keys.tags, object).then_some(remembered),
        claim,
        digest: None,
        outcome: None,
        failures: 0,
        failing_since: None,
        repairs: None,
        synced: status.as_ref().and_then(synced_of),
        instance: labels
            .and_then(|labels| labels.get(INSTANCE_LABEL))
            .map(|text| text.as_str().into()),
        keys: KeySet::default(),
    };
    (entry, needed)
}

/// The keys of the items, sorted, each once.
fn keys_of(status: &SealedSecretStatus) -> Vec<KeyId> {
    let keys = status.items.values();
    let keys: BTreeSet<KeyId> = keys.filter_map(|item| item.key.parse().ok()).collect();
    keys.into_iter().collect()
}

/// What a status says about being in sync, as `condition_info` has it; `None` if it says nothing.
pub(crate) fn synced_of(status: &SealedSecretStatus) -> Option<i8> {
    let mut conditions = status.conditions.iter();
    let synced = conditions.find(|condition| condition.condition_type == SYNCED)?;
    Some(crate::status::number(&synced.status))
}

/// Whether the status says that the Secret was written from the object as it is now, by this controller or upstream's.
pub(crate) fn was_applied(tags: &Tags, object: &RawSealedSecret) -> bool {
    object.status().is_some_and(|status| {
        claims_applied(tags, tags.inputs(object), &status)
            || was_served_by_upstream(object.metadata.generation, &status)
    })
}

/// Whether a status claims that the Secret was written from these inputs, whatever became of it.
fn claims_applied(tags: &Tags, inputs: Tag, status: &SealedSecretStatus) -> bool {
    let claimed = |class| {
        let settled = status.inputs.as_deref();
        settled.is_some_and(|settled| tags.settled_once(inputs, class, settled))
    };
    let drifted =
        |condition: &Condition| condition.reason.as_deref() == Some(Reason::Drifted.as_str());
    claimed(Class::Done)
        || claimed(Class::BackOff)
        || (claimed(Class::Wait) && status.conditions.first().is_some_and(drifted))
}

/// Whether upstream's controller, which leaves no tags, says that it made the Secret from this generation. So what
/// differs when Signet takes over was edited since, and is repaired or reported as such. A forged status of this form
/// gains nothing: data and type are judged all the same, and its author could have edited the Secret.
fn was_served_by_upstream(generation: Option<i64>, status: &SealedSecretStatus) -> bool {
    let no_tags = status.inputs.is_none() && status.secret.is_none() && status.items.is_empty();
    no_tags && status.observed_generation == generation && synced_of(status) == Some(1)
}

/// What a status claims, if its first tag is ours and about these inputs.
fn claim(tags: &Tags, inputs: Tag, status: &SealedSecretStatus) -> Option<Claim> {
    let settled = status.inputs.as_deref()?;
    let class = [Class::Done, Class::Wait]
        .into_iter()
        .find(|class| tags.settle(inputs, *class).to_string() == settled)?;
    let reason = status.conditions.first()?.reason.as_deref();
    let mut all = Reason::ALL.into_iter();
    let reason = all.find(|known| Some(known.as_str()) == reason);
    Some(Claim {
        class,
        may_end: reason.is_some_and(Reason::time_can_change),
        content: tags.content(status),
        secret: status.secret.as_deref()?.into(),
    })
}

/// A pause between 75 % and 125 % of this one, so that objects that failed together do not come back together.
pub(crate) fn jittered(rest: Duration) -> Duration {
    rest.mul_f64(rand::random_range(0.75..1.25))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod without_cluster;
