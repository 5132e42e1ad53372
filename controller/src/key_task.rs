//! The task that keeps the key ring: loads it, watches it, makes keys when they are due.
//!
//! A replica that stands by only reads (ARCHITECTURE.md "Several replicas").

mod renew;
mod root;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use signet_common::{KeyEntry, KeyId, NewestKey, RenewalPolicy};
use tokio::sync::watch;

use crate::api::ApiFailure;
use crate::keys::{KeySecret, KeySettings, KnownKeys, Unstored, corrected, key_selector};
use crate::state::State;
use crate::watch::Pauses;
use root::KnownRoot;

/// How often the metadata of a key Secret is put right.
const CORRECTIONS: u8 = 3;
/// Longest time between two looks at the clock.
const LOOK: Duration = Duration::from_secs(60);
/// Pause after a key could not be made.
const AGAIN: Duration = Duration::from_secs(10);
/// Pause before a key is made that is due.
const AT_ONCE: Duration = Duration::from_millis(200);

/// What is known of a Secret that was asked for by its name.
enum Named {
    There(Box<KeySecret>),
    Gone,
    Forbidden,
}

/// What renewal asks about a key.
pub(crate) fn newest_key(entry: &KeyEntry) -> NewestKey {
    NewestKey {
        ordered_at: entry.ordered_at,
        not_after: entry.certificate.not_after(),
    }
}

/// Holds the known key Secrets.
pub struct KeyTask {
    state: Arc<State>,
    settings: KeySettings,
    renewal: RenewalPolicy,
    known: KnownKeys,
    leads: watch::Receiver<bool>,
    /// Somebody asked for a key when this one was current, and has none yet.
    asked: Option<Option<KeyId>>,
    /// The last attempt to make a key, or to take the keys over, failed.
    failed: bool,
    /// The keys were read from storage since this replica leads.
    taken_over: bool,
    /// The legacy key, or the root, could not be read; what is known stands until it is.
    unread: bool,
    root: KnownRoot,
    /// How often the metadata of each key Secret was put right; nobody is fought over it.
    corrections: BTreeMap<String, u8>,
    /// Key Secrets may not be updated.
    may_not_correct: bool,
    /// The key whose certificate was last told to have expired.
    told_expired: Option<KeyId>,
}

impl KeyTask {
    /// Loads every key with a quorum read, and makes the first one if there is none and this replica leads
    /// (ARCHITECTURE.md "Keys").
    ///
    /// # Errors
    /// If the keys cannot be read, or the first key cannot be made: without a key a leader has nothing to do.
    pub async fn start(
        state: Arc<State>,
        settings: KeySettings,
        renewal: RenewalPolicy,
    ) -> anyhow::Result<Self> {
        let mut task = Self {
            leads: state.leads(),
            state,
            settings,
            renewal,
            known: KnownKeys::default(),
            asked: None,
            failed: false,
            taken_over: false,
            unread: false,
            root: KnownRoot::default(),
            corrections: BTreeMap::new(),
            may_not_correct: false,
            told_expired: None,
        };
        tracing::info!("Searching for existing private keys");
        task.load()
            .await
            .context("the sealing keys could not be read")?;
        if *task.leads.borrow_and_update() {
            task.make_first().await?;
            task.taken_over = true;
        } else if task.state.keys().is_none() {
            tracing::info!("there is no sealing key yet: the replica that leads makes one");
        }
        Ok(task)
    }

    async fn make_first(&mut self) -> anyhow::Result<()> {
        self.renew()
            .await
            .context("the first sealing key could not be made")?;
        anyhow::ensure!(
            self.state.keys().is_some(),
            "there is no usable sealing key"
        );
        Ok(())
    }

    fn is_leading(&self) -> bool {
        *self.leads.borrow()
    }

    /// Begins to lead: what is due is judged by what the storage has now, not by what a watch showed.
    async fn lead(&mut self) -> anyhow::Result<()> {
        self.taken_over = false;
        // Told again, as after a restart: the replica that told before may have gone without.
        self.known.forget_problems();
        self.load()
            .await
            .context("the sealing keys could not be read")?;
        self.make_first().await?;
        self.taken_over = true;
        Ok(())
    }

    /// As [`KeyTask::lead`]; what fails is tried again in a moment.
    async fn take_over(&mut self) {
        let led = self.lead().await;
        self.failed = led.is_err();
        if let Err(error) = led {
            tracing::error!(
                error = format!("{error:#}"),
                "the sealing keys could not be taken over"
            );
        }
    }

    async fn load(&mut self) -> Result<(), ApiFailure> {
        let namespace = &self.state.policy.key_namespace;
        let labelled = self
            .state
            .cluster
            .secrets_with_label(namespace, &key_selector())
            .await?;
        let mut secrets: Vec<_> = labelled.into_iter().map(KeySecret::from).collect();
        let mut names = Vec::new();
        match self.legacy().await? {
            Named::There(secret) => secrets.push(*secret),
            Named::Gone => {}
            Named::Forbidden => names.push(self.state.policy.key_prefix.clone()),
        }
        names.extend(
            secrets
                .iter()
                .filter_map(|secret| secret.metadata.name.clone()),
        );
        self.known.keep(&names);
        for secret in &secrets {
            self.see(secret).await;
        }
        // Before a key is made, and before anything is decrypted.
        self.settle_root().await?;
        self.unread = false;
        self.publish().await;
        Ok(())
    }

    /// The legacy key has no label. Under another `--key-prefix` it may not be read, which is not an error.
    async fn legacy(&self) -> Result<Named, ApiFailure> {
        let policy = &self.state.policy;
        let found = self
            .state
            .cluster
            .legacy_key(&policy.key_namespace, &policy.key_prefix)
            .await;
        match found {
            Ok(Some(secret)) => Ok(Named::There(Box::new(secret.into()))),
            Ok(None) => Ok(Named::Gone),
            Err(failure) if failure.is_forbidden() => Ok(Named::Forbidden),
            Err(failure) => Err(failure),
        }
    }

    async fn see(&mut self, secret: &Secret) {
        let name = secret.metadata.name.clone().unwrap_or_default();
        let Some(problem) = self.known.see(secret, self.settings.order) else {
            tracing::info!(secretname = name, "registered private key");
            self.correct(secret, &name).await;
            return;
        };
        tracing::error!(secretname = name, problem = %problem, "a sealing key cannot be used");
        let event = crate::event::key_event(secret, &problem.to_string(), Timestamp::now());
        self.write_event(&event).await;
    }

    /// Puts the ID of a key on its Secret, if it is not there.
    async fn correct(&mut self, secret: &Secret, name: &str) {
        if !self.is_leading() || self.may_not_correct {
            return;
        }
        let key = self.known.key(name);
        let Some(right) = key.and_then(|key| corrected(secret, key)) else {
            return;
        };
        let count = self.corrections.entry(name.to_owned()).or_default();
        if *count >= CORRECTIONS {
            return;
        }
        *count += 1;
        match self.state.cluster.replace_secret(&right).await {
            Ok(stored) => {
                // Its event brings nothing new.
                let _ = self
                    .known
                    .see(&KeySecret::from(stored), self.settings.order);
            }
            // Whatever changed it is told of.
            Err(ApiFailure::Conflict | ApiFailure::NotFound | ApiFailure::NotLeading) => {}
            Err(failure) => {
                self.may_not_correct = failure.is_forbidden();
                tracing::info!(
                    secretname = name,
                    error = %failure,
                    "the ID of a sealing key could not be put on its Secret"
                );
            }
        }
    }

    /// Events are the leader's.
    async fn write_event(&self, event: &k8s_openapi::api::core::v1::Event) {
        if !self.is_leading() {
            return;
        }
        if let Err(failure) = self.state.cluster.create_event(event).await {
            tracing::warn!(error = %failure, "event could not be written");
        }
    }

    /// Hands the ring to everybody. The last key stays if none is left.
    async fn publish(&mut self) {
        let before = self.state.keys();
        let ring = self.known.ring(before.as_ref().map(|keys| &*keys.ring));
        let (invalid, unstored) = (self.known.bad_count(), self.known.unstored_count());
        let metrics = &self.state.metrics;
        metrics.set_keys("invalid", invalid);
        metrics.set_keys("unstored", unstored);
        let Some(ring) = ring else { return };
        metrics.set_keys("usable", ring.entries().len().saturating_sub(unstored));
        if self.known.good_count() == 0 {
            tracing::error!(
                "no usable key Secret is left in the cluster; going on with the keys in memory"
            );
        }
        let is_new = self.is_new(&ring);
        if is_new && self.root.stored().is_none() && !self.is_leading() {
            // The leader makes it before the first key. Without an answer, it is read when this replica leads.
            let _ = self.settle_root().await;
        }
        if std::mem::take(&mut self.root.is_new) || is_new {
            self.state.set_ring(ring);
        }
        for gone in self.known.take_untold() {
            self.tell_unstored(&gone).await;
        }
    }

    /// Says that a key is in memory only.
    async fn tell_unstored(&self, gone: &Unstored) {
        let key = gone.entry.key_id();
        let needed = self.state.index().needing(key);
        let now_holds = match gone.successor {
            Some(successor) => format!("the key {successor}"),
            None => "no key that can be read".to_owned(),
        };
        tracing::error!(
            secretname = gone.entry.source,
            key = %key,
            now_holds,
            sealedsecrets = needed,
            "a sealing key was replaced and is stored nowhere any more; it decrypts until this process ends"
        );
        let note = format!(
            "The sealing key {key} is stored nowhere any more: this Secret now holds {now_holds}. It decrypts until the controller ends; {needed} SealedSecrets need it and fail after a restart. Restore it from a backup, in a Secret of another name"
        );
        self.write_event(&crate::event::unstored_event(
            &gone.secret,
            &note,
            Timestamp::now(),
        ))
        .await;
    }

    fn is_new(&self, ring: &signet_common::KeyRing) -> bool {
        let shape = |ring: &signet_common::KeyRing| -> Vec<_> {
            let entries = ring.entries().iter();
            entries
                .map(|entry| {
                    (
                        entry.key_id(),
                        entry.key_use,
                        entry.ordered_at,
                        entry.source.clone(),
                    )
                })
                .collect()
        };
        self.state
            .keys()
            .is_none_or(|keys| shape(&keys.ring) != shape(ring))
    }

    /// How long until a key may be due: looked at often enough that a change of the clock is noticed.
    fn rest(&self) -> Duration {
        if self.unread || (self.is_leading() && self.failed) {
            return AGAIN;
        }
        if !self.is_leading() {
            return LOOK;
        }
        let newest = self.newest();
        if newest.is_none() {
            return AT_ONCE;
        }
        let next = newest.and_then(|newest| self.renewal.next(newest));
        let rest =
            next.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok());
        rest.unwrap_or(LOOK).clamp(AT_ONCE, LOOK)
    }

    /// Watches the key Secrets and renews, for ever.
    pub async fn run(mut self) {
        let api: Api<Secret> = Api::namespaced(
            self.state.cluster.client(),
            &self.state.policy.key_namespace,
        );
        let stream =
            watcher(api, Config::default().labels(&key_selector())).backoff(Pauses::default());
        futures::pin_mut!(stream);
        let mut listed = Vec::new();
        let (state, mut leads) = (Arc::clone(&self.state), self.leads.clone());
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(Ok(event)) => self.on_event(event, &mut listed).await,
                    Some(Err(_)) => tracing::warn!("watch on sealing keys interrupted; trying again"),
                    None => return,
                },
                () = state.legacy_changed.notified() => self.on_legacy().await,
                () = state.key_wanted.notified() => {
                    let made = self.make_at_once().await;
                    self.note(made);
                }
                Ok(()) = leads.changed() => {
                    self.take_over().await;
                    // Without a key there is nothing to do; with one it is tried again in a moment.
                    if self.state.keys().is_none() {
                        return;
                    }
                }
                () = tokio::time::sleep(self.rest()) => self.on_time().await,
            }
        }
    }

    async fn on_time(&mut self) {
        if self.unread {
            self.on_legacy().await;
        }
        if self.is_leading() && !self.taken_over {
            self.take_over().await;
        } else if self.is_leading() {
            let made = match self.make_what_is_asked().await {
                Ok(()) => self.renew().await,
                failed => failed,
            };
            self.note(made);
        } else if self.state.keys().is_none() {
            // The legacy key has no label, so that no watch tells of it.
            self.on_legacy().await;
        }
    }

    /// The watch goes on meanwhile: a key that somebody adds takes effect although none can be made.
    fn note(&mut self, made: anyhow::Result<()>) {
        self.failed = made.is_err();
        if let Err(error) = made {
            tracing::error!(
                error = format!("{error:#}"),
                "a new sealing key could not be made"
            );
        }
    }

    async fn on_event(&mut self, event: Event<Secret>, listed: &mut Vec<String>) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(secret) => {
                let secret = KeySecret::from(secret);
                listed.extend(secret.metadata.name.clone());
                self.see_again(&secret).await;
            }
            Event::InitDone => {
                listed.push(self.state.policy.key_prefix.clone());
                self.known.keep(listed);
                self.publish().await;
            }
            Event::Apply(secret) => {
                self.see_again(&KeySecret::from(secret)).await;
                self.publish().await;
            }
            Event::Delete(secret) => {
                let secret = KeySecret::from(secret);
                let name = secret.metadata.name.clone().unwrap_or_default();
                tracing::info!(secretname = name, "a sealing key was deleted or relabelled");
                // Without its label it may be the legacy key still.
                if name == self.state.policy.key_prefix && self.is_legacy_there().await {
                    return;
                }
                self.known.forget(&name);
                self.publish().await;
            }
        }
    }

    async fn see_again(&mut self, secret: &Secret) {
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        if !self.known.is_same(name, secret) {
            self.see(secret).await;
        }
    }

    async fn on_legacy(&mut self) {
        let legacy = self.legacy().await;
        self.unread = legacy.is_err();
        match legacy {
            Ok(Named::There(secret)) => self.see_again(&secret).await,
            Ok(Named::Gone) => self.known.forget(&self.state.policy.key_prefix.clone()),
            Ok(Named::Forbidden) => {}
            // It goes only when it is known to be gone.
            Err(failure) => {
                tracing::warn!(error = %failure, "the legacy key could not be read; trying again");
            }
        }
        if self.is_leading()
            && self.taken_over
            && let Err(failure) = self.settle_root().await
        {
            self.unread = true;
            tracing::warn!(error = %failure, "the root could not be read; trying again");
        }
        self.publish().await;
    }

    /// Whether the Secret with the legacy name goes on being a key, or may do so.
    async fn is_legacy_there(&mut self) -> bool {
        match self.legacy().await {
            Ok(Named::Gone | Named::Forbidden) => false,
            Ok(Named::There(secret)) => {
                self.see_again(&secret).await;
                self.publish().await;
                true
            }
            Err(_) => {
                self.unread = true;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
