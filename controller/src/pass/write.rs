//! The second half of a pass: from the Secret that is wanted to the one that is there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use signet_crds::{Class, DesiredSecret, ItemStatus, Reason, Refusal, SealedSecret};
use tokio::time::Instant;

use super::{CONFLICTS, End, FREE_REPAIRS, LONGEST_PAUSE, Pass, Said, pause, version_of};
use crate::api::ApiFailure;
use crate::digest::ContentDigest;
use crate::index::{Answer, SealedEntry, SecretEntry, Settled, Version};
use crate::plan::{Cause, Plan, plan};
use crate::status::Outcome;

impl Pass<'_> {
    pub(super) async fn write(
        &self,
        sealed: &SealedSecret,
        desired: &DesiredSecret,
        items: BTreeMap<String, ItemStatus>,
        mut existing: Option<Secret>,
    ) -> End {
        for _ in 0..CONFLICTS {
            let cause = self.cause();
            let mut is_fresh = false;
            let (attempt, repair) = match plan(
                &self.state.policy,
                sealed,
                desired,
                existing.as_ref(),
                cause,
            ) {
                Plan::Refuse(refusal) => return self.refused(refusal, existing.as_ref()),
                Plan::Keep => return self.right(desired, items, existing.as_ref(), false),
                Plan::Create(secret) => {
                    match self.may_create(&secret).await {
                        Ok(true) => {}
                        Ok(false) => return End::Nothing,
                        Err(failure) => return self.failed(&failure, None),
                    }
                    // The Secret of somebody else may have gone since this pass began.
                    if let Some(rest) = self.grace() {
                        return End::Later(rest);
                    }
                    // Somebody deleted it: that is as good a fight as an edit.
                    let repair = cause == Cause::Unchanged;
                    if repair && let Some(rest) = self.repair_rest() {
                        return self.repair_conflict(rest, None);
                    }
                    (self.state.cluster.create_secret(&secret).await, repair)
                }
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
                // The object goes with it: there is nothing to put back, and nobody to tell.
                Err(ApiFailure::NamespaceTerminating) => return End::Nothing,
                // Before the Secrets are listed: a quota refuses first, and what is there is told by nobody.
                Err(refused @ ApiFailure::Refused(_))
                    if existing.is_none() && !self.state.is_ready() =>
                {
                    existing = self.read_secret().await.unwrap_or_default();
                    if existing.is_none() {
                        return self.failed(&refused, None);
                    }
                    is_fresh = true;
                }
                Err(failure) => return self.failed(&failure, existing.as_ref()),
            }
            if !is_fresh {
                existing = match self.read_secret().await {
                    Ok(existing) => existing,
                    Err(failure) => return self.failed(&failure, None),
                };
            }
            if existing
                .as_ref()
                .is_some_and(|secret| secret.metadata.deletion_timestamp.is_some())
            {
                return End::Nothing;
            }
        }
        self.failed(&ApiFailure::Conflict, existing.as_ref())
    }

    /// Whether a Secret may be made: not for an object that is gone. Garbage collection takes what is made for one that
    /// goes at this moment; of a Secret without an owner nothing would, so its object is asked for once more.
    pub(super) async fn may_create(&self, secret: &Secret) -> Result<bool, ApiFailure> {
        if !self.is_there() {
            return Ok(false);
        }
        let uid = &self.object.metadata.uid;
        let mut owners = secret.metadata.owner_references.iter().flatten();
        if owners.any(|owner| Some(&owner.uid) == uid.as_ref()) {
            return Ok(true);
        }
        let found = self.state.cluster.sealed_secret(self.key).await?;
        Ok(found.is_some_and(|found| {
            found.metadata.uid == *uid && found.metadata.deletion_timestamp.is_none()
        }))
    }

    pub(super) fn cause(&self) -> Cause {
        // Of the object in hand: the index may be behind it, or ahead.
        let remembered = self.keys.memory.inputs(self.object);
        let index = self.state.index();
        let entry = index.sealed(self.key);
        if entry.is_some_and(|entry| entry.applied == Some(remembered)) {
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
                let before = entry.repairs.as_deref().map_or(0, |(count, _)| *count);
                Some(Box::new((before + 1, Instant::now())))
            } else {
                None
            };
        }
    }

    /// How long a repair must wait because there were several in a row.
    pub(super) fn repair_rest(&self) -> Option<Duration> {
        let mut index = self.state.index();
        let entry = index.sealed_mut(self.key)?;
        let (count, last) = *entry.repairs.as_deref()?;
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

    pub(super) fn repair_conflict(&self, rest: Duration, existing: Option<&Secret>) -> End {
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
        said.digest = secret.map(|secret| {
            // A patched Secret may hold more than ours.
            let whole = secret.data.iter().flatten().count() == desired.data.len();
            let mut written = desired.to_secret();
            written.type_ = secret.type_.clone();
            // Ours, and the controller that a patched Secret may have; helpers of others may come and go.
            let mut owners = secret.metadata.owner_references.clone();
            owners.iter_mut().for_each(|owners| {
                owners.retain(|owner| {
                    owner.controller == Some(true) || desired.owner_references.contains(owner)
                });
            });
            written.metadata.owner_references = owners;
            // A patch leaves out what would steer this controller.
            let (ours, live) = (&mut written.metadata, &secret.metadata);
            keep_common(&mut ours.labels, live.labels.as_ref());
            keep_common(&mut ours.annotations, live.annotations.as_ref());
            ContentDigest::of(self.keys.memory.mac(), &written, whole)
        });
        End::Said(said)
    }

    pub(super) fn refused(&self, refusal: Refusal, existing: Option<&Secret>) -> End {
        End::Said(Said::new(
            Outcome::new(refusal.reason, refusal.message),
            version_of(existing),
        ))
    }

    pub(super) fn failed(&self, failure: &ApiFailure, existing: Option<&Secret>) -> End {
        let reason = match failure {
            ApiFailure::Invalid(_) | ApiFailure::TooLarge => Reason::SecretInvalid,
            ApiFailure::Refused(_) => Reason::WriteRefused,
            _ => Reason::ApiUnavailable,
        };
        let mut said = Said::new(
            Outcome::new(reason, failure.to_string()),
            version_of(existing),
        );
        if reason.class() == Class::BackOff {
            let (rest, since) = self.state.count_failure(self.key, Timestamp::now());
            said.pause = Some(failure.rest(rest));
            said.outcome.failing_since = Some(since);
            said.outcome.still_synced = self.is_still_synced(existing);
        }
        End::Said(said)
    }

    /// Whether the last good result still stands although this pass failed.
    pub(super) fn is_still_synced(&self, existing: Option<&Secret>) -> bool {
        let index = self.state.index();
        let (Some(entry), Some(existing)) = (index.sealed(self.key), existing) else {
            return false;
        };
        let remembered = self.keys.memory.inputs(self.object);
        entry.holds_for(self.keys.memory.mac(), remembered, existing)
    }

    /// Whether the status says success, as this process wrote it: then a Secret that is right needs no word.
    pub(super) fn says_success(&self) -> bool {
        let index = self.state.index();
        index
            .sealed(self.key)
            .is_some_and(SealedEntry::says_success)
    }

    pub(super) fn with_secret(&self, end: End, existing: Option<&Secret>) -> End {
        match end {
            End::Said(mut said) => {
                said.secret = version_of(existing);
                End::Said(said)
            }
            other => other,
        }
    }

    /// The Secret moved on without touching anything of ours. Settles the object in hand, whatever the index shows by now.
    pub(super) fn settle_again(&self, version: Option<Version>) {
        let tags = &self.keys.tags;
        let inputs = tags.settle(tags.inputs(self.object), Class::Done);
        let uid = Version::of(&self.object.metadata).uid;
        let mut index = self.state.index();
        let entry = index.sealed_mut(self.key);
        if let Some(entry) = entry.filter(|entry| entry.version.uid == uid) {
            entry.answer = Answer::Settled(Settled {
                inputs,
                secret: version,
            });
        }
    }
}

fn keep_common(
    ours: &mut Option<BTreeMap<String, String>>,
    live: Option<&BTreeMap<String, String>>,
) {
    ours.iter_mut().for_each(|ours| {
        ours.retain(|name, value| live.is_some_and(|live| live.get(name) == Some(value)));
    });
}
