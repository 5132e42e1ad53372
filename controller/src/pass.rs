//! One pass over one SealedSecret: read, open, plan, write, report.
//!
//! The decisions are in `plan`, `unseal` and `status`; this file only does them in order. The Secret is written before
//! the status, and the status before the event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use signet_common::{KeyRing, Plaintext};
use signet_crds::{
    Class, DesiredSecret, ItemStatus, Opening, Progress, Reason, Refusal, SealedSecret,
    SealedSecretStatus, assemble,
};
use tokio::time::Instant;

use crate::api::ApiFailure;
use crate::digest::ContentDigest;
use crate::index::{ObjectKey, SecretEntry, Settled, Verdict, Version};
use crate::object::RawSealedSecret;
use crate::plan::{Cause, Plan, check_ownership, plan};
use crate::queue::{Job, Next, Unfinished};
use crate::state::{Keys, State};
use crate::status::{Outcome, next_status, patience_ends, says_the_same};

/// Private operations in one turn (design §6 row 7).
const BUDGET: u64 = 4096;
/// Fresh reads after conflicts, in one pass.
const CONFLICTS: u32 = 5;
/// How long a Secret of somebody else must be gone before its name is taken (design §4.3).
const FOREIGN_GRACE: Duration = Duration::from_secs(2);
/// When a refused object is looked at again although nothing changed.
pub const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// Repairs at once before they slow down.
const FREE_REPAIRS: u32 = 3;
/// Longest pause between repairs, and between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

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
    StillRight(Version),
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
    let (object, opening) = match job.opening {
        Some(unfinished) => (unfinished.object, Some(unfinished.opening)),
        None => match fetch(state, &key, job.object, job.was_put_off).await {
            Ok(Some(object)) => (object, None),
            Ok(None) => return Next::Idle,
            Err(failure) => {
                tracing::warn!(object = %key, error = %failure, "SealedSecret could not be read");
                return Next::After(state.count_failure(&key, Timestamp::now()).0);
            }
        },
    };
    let pass = Pass {
        state,
        keys: &keys,
        key: &key,
        object: &object,
    };
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
    // Judged again: what asked for this turn may be settled by now. A refusal is looked at again from time to time.
    let look_again = was_put_off && state.is_refused(key);
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

/// Says that a pass over this object panicked. The object is left alone until it changes (design §6 row 2).
pub async fn report_panic(state: &Arc<State>, key: &ObjectKey) -> Next {
    let (Some(keys), Ok(Some(object))) = (state.keys(), state.cluster.sealed_secret(key).await)
    else {
        return Next::After(LONGEST_PAUSE);
    };
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
        let opened = match self.open(&sealed, opening).await {
            Ok(opened) => opened,
            Err(end) => return self.with_secret(*end, existing.as_ref()),
        };
        let (data, items) = opened;
        let desired = match assemble(&sealed, data) {
            Ok(desired) => desired,
            Err(refusal) => return self.refused(refusal, existing.as_ref()),
        };
        self.write(&sealed, &desired, items, existing).await
    }

    /// The Secret, read only if the index knows one: a new object costs no read.
    async fn existing(&self) -> Result<Option<Secret>, ApiFailure> {
        if self.state.index().secret(self.key).is_none() {
            return Ok(None);
        }
        let existing = self.state.cluster.secret(self.key).await?;
        self.saw(existing.as_ref());
        Ok(existing)
    }

    fn saw(&self, secret: Option<&Secret>) {
        if let Some(secret) = secret {
            self.state
                .index()
                .see_secret(self.key.clone(), SecretEntry::of(&secret.metadata));
        }
    }

    /// What can be said before a private operation is spent.
    fn without_opening(&self, sealed: &SealedSecret, existing: Option<&Secret>) -> Option<End> {
        let Some(existing) = existing else {
            return self.grace().map(End::Later);
        };
        if existing.metadata.deletion_timestamp.is_some() {
            // Its end is an event of its own.
            return Some(End::Nothing);
        }
        if let Err(refusal) = check_ownership(sealed, existing) {
            return Some(self.refused(refusal, Some(existing)));
        }
        if self.is_still_synced(Some(existing)) {
            return Some(End::StillRight(Version::of(&existing.metadata)));
        }
        // Somebody who changes the Secret again and again must not make us open it each time.
        let rest = (self.cause() == Cause::Unchanged)
            .then(|| self.repair_rest())
            .flatten()?;
        Some(self.repair_conflict(rest, Some(existing)))
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
                match Opening::new(sealed, &hints) {
                    Ok(opening) => Box::new(opening),
                    Err(refusal) => return Err(Box::new(self.refused(refusal, None))),
                }
            }
        };
        let ring = Arc::clone(&self.keys.ring);
        let (progress, operations) = self.state.on_cores(move || advance(opening, &ring)).await;
        self.state.metrics.add_private_operations(operations);
        match progress {
            Progress::Opened(opened) => Ok((opened.data, opened.keys)),
            Progress::More(opening) => {
                let object = Box::new(self.object.clone());
                Err(Box::new(End::GoOn(Unfinished { opening, object })))
            }
            Progress::Failed(failures) => Err(Box::new(
                self.refused(failed_items(sealed, &failures), None),
            )),
        }
    }

    async fn write(
        &self,
        sealed: &SealedSecret,
        desired: &DesiredSecret,
        items: BTreeMap<String, ItemStatus>,
        mut existing: Option<Secret>,
    ) -> End {
        let mut vanished = false;
        for _ in 0..CONFLICTS {
            let cause = self.cause();
            let (attempt, repair) = match plan(
                &self.state.policy,
                sealed,
                desired,
                existing.as_ref(),
                cause,
            ) {
                Plan::Refuse(refusal) => return self.refused(refusal, existing.as_ref()),
                Plan::Keep => return self.right(desired, items, existing.as_ref(), false),
                Plan::Create(_) if vanished => {
                    self.state
                        .index()
                        .note_foreign_deletion(self.key, Instant::now());
                    return End::Later(FOREIGN_GRACE);
                }
                Plan::Create(secret) => (self.state.cluster.create_secret(&secret).await, false),
                Plan::Replace { secret, repair } => {
                    if repair && let Some(rest) = self.repair_rest() {
                        return self.repair_conflict(rest, existing.as_ref());
                    }
                    (self.state.cluster.replace_secret(&secret).await, repair)
                }
            };
            match attempt {
                Ok(written) => {
                    self.wrote(&written, repair);
                    return self.right(desired, items, Some(&written), true);
                }
                Err(ApiFailure::Conflict | ApiFailure::AlreadyExists | ApiFailure::NotFound) => {}
                Err(failure) => return self.failed(&failure, existing.as_ref()),
            }
            existing = match self.state.cluster.secret(self.key).await {
                Ok(existing) => existing,
                Err(failure) => return self.failed(&failure, None),
            };
            self.saw(existing.as_ref());
            vanished = existing.is_none();
            if existing
                .as_ref()
                .is_some_and(|secret| secret.metadata.deletion_timestamp.is_some())
            {
                return End::Nothing;
            }
        }
        self.failed(&ApiFailure::Conflict, existing.as_ref())
    }

    fn cause(&self) -> Cause {
        let index = self.state.index();
        let unchanged = index
            .sealed(self.key)
            .is_some_and(|entry| entry.applied == Some(entry.inputs));
        if unchanged {
            Cause::Unchanged
        } else {
            Cause::Changed
        }
    }

    fn wrote(&self, written: &Secret, repair: bool) {
        self.state.metrics.count_write();
        let mut index = self.state.index();
        index.see_secret(self.key.clone(), SecretEntry::of(&written.metadata));
        if let Some(entry) = index.sealed_mut(self.key) {
            entry.repairs = if repair {
                let before = entry.repairs.map_or(0, |(count, _)| count);
                Some((before + 1, Instant::now()))
            } else {
                None
            };
        }
    }

    /// How long a repair must wait because there were several in a row.
    fn repair_rest(&self) -> Option<Duration> {
        let mut index = self.state.index();
        let entry = index.sealed_mut(self.key)?;
        let (count, last) = entry.repairs?;
        if last.elapsed() > 2 * LONGEST_PAUSE {
            entry.repairs = None;
            return None;
        }
        if count < FREE_REPAIRS {
            return None;
        }
        pause(count - FREE_REPAIRS)
            .checked_sub(last.elapsed())
            .filter(|rest| !rest.is_zero())
    }

    fn repair_conflict(&self, rest: Duration, existing: Option<&Secret>) -> End {
        let message = "the Secret is changed again and again by somebody else; repairing it more and more slowly";
        let mut said = Said::new(
            Outcome::new(Reason::RepairConflict, message),
            version_of(existing),
        );
        said.outcome.failing_since = self.state.failing_since(self.key, Timestamp::now());
        said.pause = Some(rest);
        End::Said(said)
    }

    /// The Secret is what it shall be.
    fn right(
        &self,
        desired: &DesiredSecret,
        items: BTreeMap<String, ItemStatus>,
        secret: Option<&Secret>,
        wrote: bool,
    ) -> End {
        let mut outcome = Outcome::new(Reason::Unsealed, "");
        outcome.items = items;
        let mut said = Said::new(outcome, version_of(secret));
        said.wrote = wrote;
        said.applied = true;
        // A patched Secret holds more than ours, so its digest would say nothing.
        let whole =
            secret.filter(|secret| secret.data.iter().flatten().count() == desired.data.len());
        said.digest = whole.map(|secret| {
            let mut written = desired.to_secret();
            written.type_ = secret.type_.clone();
            written.metadata.owner_references = secret.metadata.owner_references.clone();
            ContentDigest::of(self.keys.tags.mac(), &written)
        });
        End::Said(said)
    }

    fn refused(&self, refusal: Refusal, existing: Option<&Secret>) -> End {
        End::Said(Said::new(
            Outcome::new(refusal.reason, refusal.message),
            version_of(existing),
        ))
    }

    fn failed(&self, failure: &ApiFailure, existing: Option<&Secret>) -> End {
        let reason = match failure {
            ApiFailure::Invalid(_) => Reason::SecretInvalid,
            ApiFailure::Refused(_) => Reason::WriteRefused,
            _ => Reason::ApiUnavailable,
        };
        let mut said = Said::new(
            Outcome::new(reason, failure.to_string()),
            version_of(existing),
        );
        if reason.class() == Class::BackOff {
            let (rest, since) = self.state.count_failure(self.key, Timestamp::now());
            said.pause = Some(rest);
            said.outcome.failing_since = Some(since);
            said.outcome.still_synced = self.is_still_synced(existing);
        }
        End::Said(said)
    }

    /// Whether the last good result still stands although this pass failed.
    fn is_still_synced(&self, existing: Option<&Secret>) -> bool {
        let index = self.state.index();
        let (Some(entry), Some(existing)) = (index.sealed(self.key), existing) else {
            return false;
        };
        let right = entry
            .digest
            .as_ref()
            .is_some_and(|digest| digest.holds_for(self.keys.tags.mac(), existing));
        entry.applied == Some(entry.inputs) && right
    }

    fn with_secret(&self, end: End, existing: Option<&Secret>) -> End {
        match end {
            End::Said(mut said) => {
                said.secret = version_of(existing);
                End::Said(said)
            }
            other => other,
        }
    }

    /// The Secret moved on without touching anything of ours.
    fn settle_again(&self, version: Version) {
        let mut index = self.state.index();
        if let Some(entry) = index.sealed_mut(self.key) {
            let inputs = self.keys.tags.settle(entry.inputs, Class::Done);
            entry.settled = Some(Settled {
                inputs,
                secret: Some(version),
            });
        }
    }

    /// Remembers the result, writes the status if it says something new, then the event.
    async fn report(&self, said: Said) -> Next {
        let reason = said.outcome.reason;
        let now = Timestamp::now();
        self.state.metrics.count_reconcile(reason);
        self.remember(&said);
        match self.write_status(&said, now).await {
            Ok(news) => {
                if said.wrote || news {
                    log_outcome(self.key, &said.outcome);
                    self.write_event(&said.outcome, now).await;
                }
                self.next(&said, now)
            }
            Err(failure) => {
                tracing::warn!(object = %self.key, error = %failure, "status could not be written");
                self.state.unsettle(self.key);
                Next::After(self.state.count_failure(self.key, now).0)
            }
        }
    }

    fn remember(&self, said: &Said) {
        let class = said.outcome.reason.class();
        let mut index = self.state.index();
        let Some(entry) = index.sealed_mut(self.key) else {
            return;
        };
        if entry.version.uid != Version::of(&self.object.metadata).uid {
            return;
        }
        let inputs = self.keys.tags.inputs(self.object);
        entry.outcome = Some((said.outcome.reason, class));
        entry.settled = matches!(class, Class::Done | Class::Wait).then(|| Settled {
            inputs: self.keys.tags.settle(inputs, class),
            secret: said.secret,
        });
        if said.applied {
            entry.applied = Some(inputs);
            entry.digest = said.digest.clone();
        }
        if class != Class::BackOff {
            entry.failures = 0;
            entry.failing_since = None;
        }
    }

    /// Returns whether the conditions say something new. A status that only renews its tags is written, too.
    ///
    /// # Errors
    /// [`ApiFailure`] if there was something to write and it could not be written.
    async fn write_status(&self, said: &Said, now: Timestamp) -> Result<bool, ApiFailure> {
        let mut object = self.object.clone();
        for _ in 0..CONFLICTS {
            let before = object.status();
            let Some(status) = self.status_to_write(before.as_ref(), said, now) else {
                return Ok(false);
            };
            let news = !before.is_some_and(|before| before.conditions_say_the_same(&status));
            if !self.state.update_status || (!news && self.state.is_status_pruned()) {
                return Ok(news);
            }
            let Ok(changed) = object.with_status(&status) else {
                return Ok(news);
            };
            match self.state.cluster.replace_status(&changed).await {
                Ok(stored) => {
                    self.state
                        .note_pruned(status.inputs.is_some(), stored.status().as_ref());
                    return Ok(news);
                }
                Err(ApiFailure::NotFound) => return Ok(false),
                Err(ApiFailure::Conflict) => {}
                Err(failure) => return Err(failure),
            }
            match self.state.cluster.sealed_secret(self.key).await? {
                // What changed does not decide the result: the answer still stands.
                Some(fresh) if self.keys.tags.inputs(&fresh) == self.keys.tags.inputs(&object) => {
                    object = fresh
                }
                // Its event brings a new pass.
                _ => return Ok(false),
            }
        }
        Err(ApiFailure::Conflict)
    }

    /// The status after this pass; `None` if the present one says it all, tags included.
    fn status_to_write(
        &self,
        before: Option<&SealedSecretStatus>,
        said: &Said,
        now: Timestamp,
    ) -> Option<SealedSecretStatus> {
        let generation = self.object.metadata.generation;
        let mut status = next_status(before, &said.outcome, generation, now);
        let class = said.outcome.reason.class();
        if matches!(class, Class::Done | Class::Wait) {
            let tags = &self.keys.tags;
            let settled = tags.settle(tags.inputs(self.object), class);
            status.secret = Some(
                tags.secret(settled, said.secret, tags.content(&status))
                    .to_string(),
            );
            status.inputs = Some(settled.to_string());
        }
        (!before.is_some_and(|before| says_the_same(before, &status))).then_some(status)
    }

    async fn write_event(&self, outcome: &Outcome, now: Timestamp) {
        let event = crate::event::outcome_event(self.object, outcome.reason, &outcome.message, now);
        if let Err(failure) = self.state.cluster.create_event(&event).await {
            tracing::warn!(object = %self.key, error = %failure, "event could not be written");
        }
    }

    fn next(&self, said: &Said, now: Timestamp) -> Next {
        match said.outcome.reason.class() {
            Class::Done => Next::Idle,
            Class::Wait => Next::After(LOOK_AGAIN),
            Class::BackOff => {
                let pause = said.pause.unwrap_or(Duration::from_secs(1));
                let patience = patience_ends(&said.outcome, now)
                    .and_then(|rest| Duration::try_from(rest).ok());
                Next::After(patience.map_or(pause, |patience| pause.min(patience)))
            }
        }
    }
}

/// Growing pauses: 1 s · 2ⁿ, ten minutes at most.
pub fn pause(count: u32) -> Duration {
    Duration::from_secs(1 << count.min(10)).min(LONGEST_PAUSE)
}

fn advance(opening: Box<Opening>, ring: &KeyRing) -> (Progress, u64) {
    let mut operations = 0;
    let progress = opening.advance(ring, BUDGET, &mut operations);
    (progress, operations)
}

fn version_of(secret: Option<&Secret>) -> Option<Version> {
    secret.map(|secret| Version::of(&secret.metadata))
}

/// One refusal for all failing items: the reason of the first, a line for each, and upstream's phrase where it fits.
fn failed_items(sealed: &SealedSecret, failures: &[signet_crds::ItemFailure]) -> Refusal {
    let first = failures
        .first()
        .map_or(Reason::Internal, |failure| failure.reason);
    let named = |reason| {
        failures
            .iter()
            .filter(move |failure| failure.reason == reason)
    };
    let mut lines = Vec::new();
    let lost: Vec<_> = named(Reason::NoKey)
        .map(|failure| failure.item.as_str())
        .collect();
    if !lost.is_empty() {
        lines.push(format!("no key could decrypt secret ({})", lost.join(", ")));
    }
    let others = failures
        .iter()
        .filter(|failure| failure.reason != Reason::NoKey);
    lines.extend(others.map(|failure| format!("{}: {}", failure.item, failure.message)));
    let reason = match was_renamed(sealed) {
        Some(hint) if first == Reason::NoKey => {
            lines.push(hint);
            Reason::Renamed
        }
        _ => first,
    };
    Refusal::new(reason, lines.join("\n"))
}

/// kubeseal records the name and namespace that it sealed for in the template.
fn was_renamed(sealed: &SealedSecret) -> Option<String> {
    let recorded = &sealed.spec.template.metadata;
    let differs = |recorded: &Option<String>, now: &str| {
        recorded.as_deref().is_some_and(|recorded| recorded != now)
    };
    let moved = differs(&recorded.namespace, sealed.namespace());
    let renamed = differs(&recorded.name, sealed.name());
    let relevant = match sealed.scope() {
        signet_common::Scope::Strict => moved || renamed,
        signet_common::Scope::NamespaceWide => moved,
        signet_common::Scope::ClusterWide => false,
    };
    relevant.then(|| {
        let text = |text: &Option<String>| {
            signet_common::Printable(text.as_deref().unwrap_or("?")).to_string()
        };
        format!(
            "it was sealed for {}/{}; seal it again for its new place",
            text(&recorded.namespace),
            text(&recorded.name)
        )
    })
}

fn log_outcome(key: &ObjectKey, outcome: &Outcome) {
    let reason = outcome.reason.as_str();
    if outcome.reason.class() == Class::Done {
        tracing::info!(object = %key, reason, "Secret is in sync");
    } else {
        tracing::warn!(object = %key, reason, message = outcome.message.as_str(), "SealedSecret is not in sync");
    }
}
