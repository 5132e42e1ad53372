//! One pass over one SealedSecret: read, open, plan, write, report.
//!
//! The decisions are in `plan`, `unseal` and `status`; this file only does them in order. The Secret is written before
//! the status, and the status before the event.

mod assemble;
mod collect;
mod give_way;
mod report;
mod shortcut;
mod unsaid;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use assemble::rendered;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use signet_common::{KeyRing, Plaintext, Tag};
use signet_crds::{ItemStatus, Opening, Progress, Reason, SealedSecret, failed_items};
use tokio::time::Instant;

use crate::api::ApiFailure;
use crate::digest::ContentDigest;
use crate::index::{FOREIGN_GRACE, ObjectKey, SecretEntry, Verdict, Version};
use crate::metrics::Trouble;
use crate::object::RawSealedSecret;
use crate::plan::{Cause, Repair, before_opening};
use crate::queue::{Job, Next, Unfinished};
use crate::state::{Keys, State};
use crate::status::Outcome;

/// Private operations in one turn (docs/trust.md row 7).
const BUDGET: u64 = 4096;
/// Private operations on a core before others may have it: about a tenth of a second.
const SLICE: u64 = 64;
/// Fresh reads after conflicts, in one pass.
const CONFLICTS: u32 = 5;
/// When an object is looked at again although nothing changed, if its refusal may be over by itself.
pub const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// Repairs at once before they slow down; statuses that are put right, too.
pub(crate) const FREE_REPAIRS: u32 = 3;
/// Longest pause between repairs, and between attempts.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// What a pass came to.
enum End {
    /// Something to say, with the Secret that is there now.
    Said(Box<Said>),
    /// Nothing to say; look again after this time.
    Later(Duration),
    /// The budget ran out.
    GoOn(Unfinished),
    /// The object is gone, is being deleted, or changed under our hands: its event comes.
    Nothing,
    /// A foreign change that does not matter.
    StillRight(Option<Version>),
}

struct Said {
    outcome: Outcome,
    secret: Option<Version>,
    /// Whether the Secret was created or replaced.
    wrote: bool,
    digest: Option<ContentDigest>,
    /// The Secret holds what the inputs ask for.
    applied: bool,
    pause: Option<Duration>,
}

impl Said {
    fn new(outcome: Outcome, secret: Option<Version>) -> Box<Self> {
        Box::new(Self {
            outcome,
            secret,
            wrote: false,
            digest: None,
            applied: false,
            pause: None,
        })
    }
}

/// Runs a job to its end and says what follows.
pub async fn run(state: &Arc<State>, job: Job) -> Next {
    let key = job.key.clone();
    let Some(keys) = state.keys() else {
        return Next::After(Duration::from_secs(1));
    };
    if state.collects && state.index().sealed(&key).is_none() {
        return collect::run(state, &key).await;
    }
    if let Some(rest) = state.rewrite_rest(&key) {
        return Next::After(rest);
    }
    // Nothing but the Secret asked for this turn.
    if job.object.is_none()
        && job.opening.is_none()
        && !job.was_put_off
        && let Some(next) = shortcut::from_memory(state, &keys, &key).await
    {
        return next;
    }
    let was_begun = job.opening.is_some();
    let (object, opening) = match job.opening {
        // Under other keys it begins anew.
        Some(unfinished) => {
            let same = Arc::ptr_eq(&unfinished.ring, &keys.ring);
            (unfinished.object, same.then_some(unfinished.opening))
        }
        None => match fetch(state, &key, job.object, job.was_put_off).await {
            Ok(Some(object)) => (object, None),
            Ok(None) => return Next::Idle,
            Err(failure) => {
                tracing::warn!(object = %key, error = %failure, "SealedSecret could not be read");
                state.metrics.count_trouble(Trouble::Fetch, "");
                return Next::After(failure.rest(state.count_failure(&key, Timestamp::now()).0));
            }
        },
    };
    let _room = state.room_for(object.size()).await;
    let pass = Pass {
        state,
        keys: &keys,
        key: &key,
        object: &object,
    };
    // It may have gone since its last turn.
    if was_begun && !pass.is_there() {
        return Next::Idle;
    }
    match pass.work(opening).await {
        End::Said(said) => pass.report(*said).await,
        End::StillRight(version) => {
            pass.settle_again(version);
            Next::Idle
        }
        End::Later(delay) => Next::After(delay),
        End::GoOn(unfinished) => Next::GoOn(unfinished),
        End::Nothing => Next::Idle,
    }
}

async fn fetch(
    state: &Arc<State>,
    key: &ObjectKey,
    carried: Option<Box<RawSealedSecret>>,
    was_put_off: bool,
) -> Result<Option<Box<RawSealedSecret>>, ApiFailure> {
    // Judged again: what asked for this turn may be settled by now. Some refusals are looked at again from time to time.
    let look_again = was_put_off && state.may_end_by_itself(key);
    match state.judge(key) {
        Some(Verdict::Work) => {}
        Some(Verdict::InSync) if look_again => {}
        _ => return Ok(None),
    }
    if let Some(object) = carried {
        return Ok(Some(object));
    }
    let object = state.cluster.sealed_secret(key).await?;
    if object.is_none() {
        state.index().forget_sealed(key);
    }
    Ok(object.map(Box::new))
}

/// Says that a pass over this object panicked. The object is left alone until it changes (docs/trust.md row 2).
///
/// `worked_on` is the tag of the object that it was: what was changed meanwhile is not refused for it.
pub async fn report_panic(state: &Arc<State>, key: &ObjectKey, worked_on: Option<Tag>) -> Next {
    let (Some(keys), Ok(Some(object))) = (state.keys(), state.cluster.sealed_secret(key).await)
    else {
        return Next::After(LONGEST_PAUSE);
    };
    if worked_on.is_some_and(|tag| tag != keys.memory.inputs(&object)) {
        return Next::After(pause(0));
    }
    let secret = state.index().secret(key).map(|secret| secret.version);
    let outcome = Outcome::new(
        Reason::Internal,
        "a defect in the controller; please report it, with its log",
    );
    let pass = Pass {
        state,
        keys: &keys,
        key,
        object: &object,
    };
    pass.report(*Said::new(outcome, secret)).await
}

struct Pass<'a> {
    state: &'a Arc<State>,
    keys: &'a Arc<Keys>,
    key: &'a ObjectKey,
    object: &'a RawSealedSecret,
}

impl Pass<'_> {
    async fn work(&self, opening: Option<Box<Opening>>) -> End {
        if self.object.metadata.deletion_timestamp.is_some() {
            return End::Nothing;
        }
        if opening.is_none() {
            tracing::info!(key = %self.key, "Updating");
            if self.gives_way_to(self.object).await {
                self.give_way_to(self.object).await;
                return End::Nothing;
            }
            if let Some(said) = self.take_unsaid() {
                return End::Said(said);
            }
        }
        let sealed = match self.object.decode() {
            Ok(sealed) => sealed,
            Err(refusal) => return self.refused(refusal, None),
        };
        let existing = match self.existing().await {
            Ok(existing) => existing,
            Err(failure) => return self.failed(&failure, None),
        };
        if let Some(end) = self.without_opening(&sealed, existing.as_ref()) {
            return end;
        }
        if opening.is_none()
            && let Some(end) = self.put_off(existing.as_ref())
        {
            return end;
        }
        let opened = match self.open(&sealed, opening).await {
            Ok(opened) => opened,
            Err(end) => return self.with_secret(*end, existing.as_ref()),
        };
        let (data, items) = opened;
        let (sealed, desired) = self.assemble(sealed, data).await;
        let end = match desired {
            Ok(desired) => self.write(&sealed, &desired, items, existing).await,
            Err(refusal) => self.refused(refusal, existing.as_ref()),
        };
        self.note_answer(&end);
        end
    }

    /// Whether the index still shows this very object, and not on its way out.
    fn is_there(&self) -> bool {
        let uid = Version::of(&self.object.metadata).uid;
        let index = self.state.index();
        index
            .sealed(self.key)
            .is_some_and(|entry| entry.version.uid == uid && !entry.terminating)
    }

    /// The Secret, read only if the index knows one: a new object costs no read.
    async fn existing(&self) -> Result<Option<Secret>, ApiFailure> {
        let left = self.state.policy.leaves_deleted(self.cause());
        if self.state.index().secret(self.key).is_none() && !left {
            return Ok(None);
        }
        self.read_secret().await
    }

    /// Reads the Secret and remembers what was found.
    async fn read_secret(&self) -> Result<Option<Secret>, ApiFailure> {
        let known = self.state.index().secret(self.key).copied();
        let secret = self.state.cluster.secret(self.key).await?;
        let mut index = self.state.index();
        match &secret {
            Some(secret) => index.see_secret(self.key.clone(), SecretEntry::of(&secret.metadata)),
            None => index.miss_secret(self.key, known.as_ref(), Instant::now()),
        }
        drop(index);
        Ok(secret)
    }

    /// What can be said before a private operation is spent.
    fn without_opening(&self, sealed: &SealedSecret, existing: Option<&Secret>) -> Option<End> {
        // Somebody who changes or deletes the Secret again and again must not make us open it each time.
        let conflict = || {
            let rest = (self.cause() == Cause::Unchanged).then(|| self.repair_rest())??;
            Some(self.repair_conflict(rest, existing))
        };
        let policy = &self.state.policy;
        let cause = self.cause();
        let early = before_opening(policy, sealed, existing, cause);
        let early = early.err().map(|refusal| self.refused(refusal, existing));
        let Some(existing) = existing else {
            if early.is_none() && policy.leaves_deleted(cause) {
                // What an earlier process wrote is opened once more, to know what to say.
                return self.says_success().then_some(End::StillRight(None));
            }
            let grace = || self.grace().map(End::Later);
            return early.or_else(grace).or_else(conflict);
        };
        if existing.metadata.deletion_timestamp.is_some() {
            // Its end is an event of its own.
            return Some(End::Nothing);
        }
        if early.is_some() {
            return early;
        }
        let ignored = policy.repair == Repair::Off && cause == Cause::Unchanged;
        if self.says_success() && (ignored || self.is_still_synced(Some(existing))) {
            return Some(End::StillRight(version_of(Some(existing))));
        }
        conflict()
    }

    /// How long the name must rest because a Secret of somebody else was there a moment ago.
    fn grace(&self) -> Option<Duration> {
        let deleted = self.state.index().foreign_deletion(self.key)?;
        FOREIGN_GRACE
            .checked_sub(deleted.elapsed())
            .filter(|rest| !rest.is_zero())
    }

    async fn open(
        &self,
        sealed: &SealedSecret,
        opening: Option<Box<Opening>>,
    ) -> Result<(BTreeMap<String, Plaintext>, BTreeMap<String, ItemStatus>), Box<End>> {
        let opening = match opening {
            Some(opening) => opening,
            None => {
                let hints = self
                    .object
                    .status()
                    .map(|status| status.items)
                    .unwrap_or_default();
                match Opening::new(sealed, &hints, self.state.policy.v1_data) {
                    Ok(opening) => Box::new(opening),
                    Err(refusal) => return Err(Box::new(self.refused(refusal, None))),
                }
            }
        };
        let (progress, operations) = self.open_in_slices(opening).await;
        self.state.metrics.add_private_operations(operations);
        match progress {
            Progress::Opened(opened) => Ok((opened.data, opened.keys)),
            Progress::More(opening) => {
                let object = Box::new(self.object.clone());
                let ring = Arc::clone(&self.keys.ring);
                let unfinished = Unfinished {
                    opening,
                    object,
                    ring,
                };
                Err(Box::new(End::GoOn(unfinished)))
            }
            Progress::Failed(failures) => Err(Box::new(
                self.refused(failed_items(sealed, &failures), None),
            )),
        }
    }

    /// Waits for a core between slices, so that cheap objects pass expensive ones.
    async fn open_in_slices(&self, mut opening: Box<Opening>) -> (Progress, u64) {
        let mut total = 0;
        loop {
            let ring = Arc::clone(&self.keys.ring);
            let slice = move || advance(opening, &ring);
            let namespace = &self.key.namespace;
            let (progress, operations) = self.state.on_cores_for(namespace, slice).await;
            total += operations;
            match progress {
                Progress::More(rest) if total < BUDGET => opening = rest,
                progress => return (progress, total),
            }
        }
    }
}

fn advance(opening: Box<Opening>, ring: &KeyRing) -> (Progress, u64) {
    let mut operations = 0;
    let progress = opening.advance(ring, SLICE, &mut operations);
    (progress, operations)
}

/// Growing pauses: 1 s · 2ⁿ, ten minutes at most.
pub fn pause(count: u32) -> Duration {
    Duration::from_secs(1 << count.min(10)).min(LONGEST_PAUSE)
}

fn version_of(secret: Option<&Secret>) -> Option<Version> {
    secret.map(|secret| Version::of(&secret.metadata))
}

#[cfg(test)]
mod tests;
