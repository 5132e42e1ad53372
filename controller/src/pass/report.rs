//! The end of a pass: what is remembered, what the status says, and the event.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use signet_crds::{Class, Reason, SealedSecretStatus};
use tokio::time::Instant;

use super::{CONFLICTS, LOOK_AGAIN, Pass, Said};
use crate::api::ApiFailure;
use crate::event::foreign_writer_event;
use crate::index::{Answer, ObjectKey, Rewrites, Settled, Version};
use crate::metrics::Trouble;
use crate::object::RawSealedSecret;
use crate::plan::Cause;
use crate::queue::Next;
use crate::state::jittered;
use crate::status::{Outcome, next_status, patience_ends, says_the_same, synced};

impl Pass<'_> {
    /// Remembers the result, writes the status if it says something new, then the event.
    pub(super) async fn report(&self, said: Said) -> Next {
        let reason = said.outcome.reason;
        let now = Timestamp::now();
        self.state
            .metrics
            .count_reconcile(reason, &self.key.namespace);
        self.remember(&said, now);
        match self.write_status(&said, now).await {
            Ok(news) => {
                self.count_success(reason.class());
                self.tell_of_a_rival(now).await;
                if said.wrote || news {
                    log_outcome(self.key, &said.outcome);
                    self.write_event(&said.outcome, now).await;
                }
                self.next(&said, now)
            }
            Err(failure) => {
                tracing::warn!(object = %self.key, error = %failure, "status could not be written");
                self.state
                    .metrics
                    .count_trouble(Trouble::Status, &self.key.namespace);
                // A pass that failed has been counted already.
                let counted = said.pause;
                self.keep_unsaid(said);
                let pause = counted.unwrap_or_else(|| self.state.count_failure(self.key, now).0);
                Next::After(failure.rest(pause))
            }
        }
    }

    fn remember(&self, said: &Said, now: Timestamp) {
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
        entry.synced = Some(synced(&said.outcome, now));
        entry.answer = match class {
            Class::Done | Class::Wait => Answer::Settled(Settled {
                inputs: self.keys.tags.settle(inputs, class),
                secret: said.secret,
            }),
            Class::BackOff => Answer::None,
        };
        if said.applied {
            entry.applied = Some(self.keys.memory.inputs(self.object));
            entry.digest = said.digest.clone();
        }
        if let Some(of) = entry.answer.settled().map(|settled| settled.inputs) {
            index.keep_answer(self.key, of, &said.outcome);
        }
    }

    /// Ends the row of failures, if this was none.
    fn count_success(&self, class: Class) {
        let mut index = self.state.index();
        let entry = index.sealed_mut(self.key);
        if let Some(entry) = entry.filter(|_| class != Class::BackOff) {
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
        let mut with_items = true;
        for _ in 0..CONFLICTS {
            if said.outcome.reason == Reason::NoKey && self.gives_way_to(&object).await {
                self.give_way_to(&object).await;
                return Ok(false);
            }
            let before = object.status();
            let Some(status) = self.status_to_write(&object, said, now, with_items) else {
                self.remember_status(&object);
                return Ok(false);
            };
            let news = !before.is_some_and(|before| before.conditions_say_the_same(&status));
            if !self.state.update_status {
                return Ok(news);
            }
            if !news && self.state.is_status_pruned() {
                self.remember_status(&object);
                return Ok(news);
            }
            let Ok(changed) = object.with_status(&status) else {
                return Ok(news);
            };
            match self.state.cluster.replace_status(&changed).await {
                Ok(stored) => {
                    self.state
                        .note_pruned(status.inputs.is_some(), stored.status().as_ref());
                    self.count_rewrite(&object);
                    self.remember_status(&stored);
                    return Ok(news);
                }
                Err(ApiFailure::NotFound) => return Ok(false),
                // Which key opens which item only spares work.
                Err(ApiFailure::TooLarge) if with_items && !said.outcome.items.is_empty() => {
                    with_items = false;
                    continue;
                }
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

    /// Counts how often the same answer was written over what somebody else had made of it in `replaced`.
    pub(super) fn count_rewrite(&self, replaced: &RawSealedSecret) {
        let shown = self.keys.shown(replaced).map(|shown| shown.content);
        let mut index = self.state.index();
        if let Some(entry) = index.sealed_mut(self.key)
            && let Some(settled) = entry.answer.settled()
            && entry.said.is_some_and(|said| Some(said.content) != shown)
        {
            let before = entry.rewrites.as_deref();
            let next = Rewrites::after(before, settled.inputs, Instant::now());
            entry.rewrites = Some(Box::new(next));
        }
    }

    /// Remembers what the status says now, to notice when somebody else changes it.
    pub(super) fn remember_status(&self, object: &RawSealedSecret) {
        let version = Version::of(&object.metadata);
        let content = self.keys.shown(object);
        let mut index = self.state.index();
        let entry = index.sealed_mut(self.key);
        if let Some(entry) = entry.filter(|entry| entry.version.uid == version.uid) {
            entry.said = content;
            // The watch may be further already.
            if !version.is_before(entry.version) {
                entry.version = version;
                entry.shown = content;
            }
        }
    }

    /// The status after this pass; `None` if the present one says it all, tags included.
    pub(super) fn status_to_write(
        &self,
        object: &RawSealedSecret,
        said: &Said,
        now: Timestamp,
        with_items: bool,
    ) -> Option<SealedSecretStatus> {
        let before = object.status();
        let before = before.as_ref();
        // What was changed and changed back meanwhile has a new generation, and the answer is about that one.
        let generation = object.metadata.generation;
        let mut status = next_status(before, &said.outcome, generation, now);
        if !with_items {
            status.items.clear();
        }
        let class = said.outcome.reason.class();
        if matches!(class, Class::Done | Class::Wait) {
            let tags = &self.keys.tags;
            let settled = tags.settle(tags.inputs(self.object), class);
            status.secret = Some(
                tags.secret(settled, said.secret, tags.content(&status))
                    .to_string(),
            );
            status.inputs = Some(settled.to_string());
        } else if self.cause() == Cause::Unchanged {
            // Settles nothing, but tells the next process that the object is as the Secret was written from it.
            let tags = &self.keys.tags;
            let applied = tags.settle(tags.inputs(self.object), class);
            status.inputs = Some(applied.to_string());
        }
        (!before.is_some_and(|before| says_the_same(before, &status))).then_some(status)
    }

    pub(super) async fn tell_of_a_rival(&self, now: Timestamp) {
        if self.state.must_tell_of_a_rival(self.key) {
            self.send_event(&foreign_writer_event(self.object, now))
                .await;
        }
    }

    async fn write_event(&self, outcome: &Outcome, now: Timestamp) {
        let event = crate::event::outcome_event(self.object, outcome.reason, &outcome.message, now);
        if self.state.events.allows(self.key, Instant::now()) {
            self.send_event(&event).await;
        }
    }

    async fn send_event(&self, event: &Event) {
        match self.state.cluster.create_event(event).await {
            Ok(()) | Err(ApiFailure::NamespaceTerminating) => {}
            Err(failure) => {
                tracing::warn!(object = %self.key, error = %failure, "event could not be written");
            }
        }
    }

    fn next(&self, said: &Said, now: Timestamp) -> Next {
        match said.outcome.reason.class() {
            Class::Done => Next::Idle,
            Class::Wait if said.outcome.reason.time_can_change() => {
                Next::LookAgain(jittered(LOOK_AGAIN))
            }
            Class::Wait => Next::Idle,
            Class::BackOff => {
                let pause = said.pause.unwrap_or(Duration::from_secs(1));
                let patience = patience_ends(&said.outcome, now)
                    .and_then(|rest| Duration::try_from(rest).ok());
                Next::After(patience.map_or(pause, |patience| pause.min(patience)))
            }
        }
    }
}

/// The lines that upstream's runbooks look for.
fn log_outcome(key: &ObjectKey, outcome: &Outcome) {
    let reason = outcome.reason.as_str();
    // A line for each item in the status, one line for each event in the log.
    let error = outcome.message.replace('\n', "; ");
    match outcome.reason.class() {
        Class::Done => tracing::info!(%key, reason, "SealedSecret unsealed successfully"),
        Class::BackOff => tracing::error!(%key, reason, error, "Error updating, will retry"),
        // Until a key, the object or its Secret changes.
        Class::Wait => tracing::error!(%key, reason, error, "Error updating, giving up"),
    }
}
