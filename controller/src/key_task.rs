//! The task that keeps the key ring: loads it, watches it, makes keys when they are due.
//!
//! A replica that stands by only reads (ARCHITECTURE.md "Several replicas").

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use signet_common::{KeyEntry, KeyId, NewestKey, RenewalPolicy, RenewalReason};
use tokio::sync::watch;

use crate::api::ApiFailure;
use crate::keys::{
    KeyProblem, KeySecret, KeySettings, KnownKeys, key_selector, new_key_name, new_key_secret,
    read_key,
};
use crate::state::State;
use crate::watch::Pauses;

/// Names that are tried for one new key before giving up until the next attempt.
const NAMES: u32 = 20;
/// Longest time between two looks at the clock.
const LOOK: Duration = Duration::from_secs(60);
/// Pause after a key could not be made.
const AGAIN: Duration = Duration::from_secs(10);

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
    /// The last attempt to make a key failed.
    failed: bool,
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
            told_expired: None,
        };
        tracing::info!("Searching for existing private keys");
        task.load()
            .await
            .context("the sealing keys could not be read")?;
        if *task.leads.borrow_and_update() {
            task.make_first().await?;
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
        // Told again, as after a restart: the replica that told before may have gone without.
        self.known.forget_problems();
        self.load()
            .await
            .context("the sealing keys could not be read")?;
        self.make_first().await
    }

    async fn load(&mut self) -> Result<(), ApiFailure> {
        let namespace = &self.state.policy.key_namespace;
        let labelled = self
            .state
            .cluster
            .secrets_with_label(namespace, &key_selector())
            .await?;
        let mut secrets: Vec<_> = labelled.into_iter().map(KeySecret::from).collect();
        secrets.extend(self.legacy().await);
        let names: Vec<_> = secrets
            .iter()
            .filter_map(|secret| secret.metadata.name.clone())
            .collect();
        self.known.keep(&names);
        for secret in &secrets {
            self.see(secret).await;
        }
        self.publish();
        Ok(())
    }

    /// The legacy key has no label; it may be unreadable, which is not an error.
    async fn legacy(&self) -> Option<KeySecret> {
        let policy = &self.state.policy;
        self.state
            .cluster
            .legacy_key(&policy.key_namespace, &policy.key_prefix)
            .await
            .ok()
            .flatten()
            .map(KeySecret::from)
    }

    async fn see(&mut self, secret: &Secret) {
        let name = secret.metadata.name.clone().unwrap_or_default();
        let Some(problem) = self.known.see(secret, self.settings.order) else {
            tracing::info!(secretname = name, "registered private key");
            return;
        };
        tracing::error!(secretname = name, problem = %problem, "a sealing key cannot be used");
        if !self.is_leading() {
            return;
        }
        let event = crate::event::key_event(secret, &problem.to_string(), Timestamp::now());
        if let Err(failure) = self.state.cluster.create_event(&event).await {
            tracing::warn!(error = %failure, "event could not be written");
        }
    }

    /// Hands the ring to everybody. The last ring stays if no key is left.
    fn publish(&self) {
        match self.known.ring() {
            Some(ring) => {
                self.state.metrics.set_keys("usable", ring.entries().len());
                if self.is_new(&ring) {
                    self.state.set_ring(ring);
                }
            }
            None if self.state.keys().is_some() => {
                tracing::error!(
                    "no usable key Secret is left in the cluster; going on with the keys in memory"
                );
            }
            None => {}
        }
        self.state
            .metrics
            .set_keys("invalid", self.known.bad_count());
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

    /// Makes a key if one is due.
    async fn renew(&mut self) -> anyhow::Result<()> {
        let Some(reason) = self.due() else {
            self.tell_expired();
            return Ok(());
        };
        tracing::info!(?reason, "making a new sealing key");
        self.make(|task| task.due().is_some()).await
    }

    /// Makes a key because somebody asks for one (SIGUSR1), also with renewal turned off.
    async fn make_at_once(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.is_leading(),
            "this replica stands by; send the signal to the one that leads"
        );
        tracing::info!(reason = "SIGUSR1", "making a new sealing key");
        self.asked = Some(self.current());
        self.make_what_is_asked().await
    }

    /// A key that was asked for is tried until it is there: nobody asks again. An answer that was lost costs no second key,
    /// because the next attempt has the same name.
    async fn make_what_is_asked(&mut self) -> anyhow::Result<()> {
        let Some(before) = self.asked else {
            return Ok(());
        };
        if self.current() == before {
            self.make(|task| task.current() == before).await?;
        }
        tracing::info!("the sealing key that was asked for is there");
        self.asked = None;
        Ok(())
    }

    /// Makes a key, unless `is_wanted` says no after somebody else took the name.
    async fn make(&mut self, is_wanted: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        for ordinal in 1..=NAMES {
            match self.create(ordinal).await? {
                Ok(secret) => {
                    self.made(&secret).await;
                    return Ok(());
                }
                // Somebody was faster, or a retired key has the name: look again before taking the next name.
                Err(ApiFailure::AlreadyExists) => {
                    self.load().await?;
                    if !is_wanted(self) {
                        return Ok(());
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        anyhow::bail!("no free name for a new key Secret")
    }

    async fn made(&mut self, secret: &Secret) {
        let name = secret.metadata.name.clone().unwrap_or_default();
        let namespace = &self.state.policy.key_namespace;
        tracing::info!(namespace, name, "New key written");
        if let Ok(entry) = read_key(secret, self.settings.order) {
            let certificate = entry.certificate.to_pem();
            tracing::info!(certificate, "Certificate generated");
        }
        self.see(secret).await;
        self.publish();
    }

    async fn create(&self, ordinal: u32) -> Result<Result<KeySecret, ApiFailure>, KeyProblem> {
        let now = Timestamp::now();
        let newest = self
            .state
            .keys()
            .and_then(|keys| keys.ring.current(now).cloned());
        let name = new_key_name(&self.settings.prefix, newest.as_ref(), ordinal);
        let (settings, namespace) = (
            self.settings.clone(),
            self.state.policy.key_namespace.clone(),
        );
        let secret = self
            .state
            .on_cores(move || new_key_secret(&settings, &namespace, &name, now))
            .await?;
        let created = self.state.cluster.create_secret(&secret).await;
        Ok(created.map(KeySecret::from))
    }

    fn due(&self) -> Option<RenewalReason> {
        self.renewal.due(self.newest(), Timestamp::now())
    }

    fn current(&self) -> Option<KeyId> {
        let keys = self.state.keys()?;
        keys.ring.current(Timestamp::now()).map(KeyEntry::key_id)
    }

    fn newest(&self) -> Option<NewestKey> {
        let keys = self.state.keys()?;
        keys.ring.current(Timestamp::now()).map(newest_key)
    }

    /// Says once for each key that its certificate, which nothing seals with any more, is handed out all the same.
    fn tell_expired(&mut self) {
        let now = Timestamp::now();
        let Some(keys) = self.state.keys() else {
            return;
        };
        let expired = keys
            .ring
            .current(now)
            .filter(|entry| entry.certificate.not_after() < now);
        let Some(entry) = expired else {
            return;
        };
        if self.told_expired.replace(entry.key_id()) != Some(entry.key_id()) {
            tracing::error!(
                secretname = entry.source,
                "the certificate that is handed out has expired, so nothing can be sealed; SIGUSR1 makes a new key"
            );
        }
    }

    /// How long until a key may be due: looked at often enough that a change of the clock is noticed.
    fn rest(&self) -> Duration {
        if !self.is_leading() {
            return LOOK;
        }
        if self.failed {
            return AGAIN;
        }
        let next = self.newest().and_then(|newest| self.renewal.next(newest));
        let rest =
            next.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok());
        rest.unwrap_or(LOOK).clamp(Duration::from_millis(200), LOOK)
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
                    if let Err(error) = self.lead().await {
                        tracing::error!(error = format!("{error:#}"), "the sealing keys could not be taken over");
                        // Without a key there is nothing to do; with one it is looked at again in a moment.
                        if self.state.keys().is_none() {
                            return;
                        }
                    }
                }
                () = tokio::time::sleep(self.rest()) => self.on_time().await,
            }
        }
    }

    async fn on_time(&mut self) {
        if self.is_leading() {
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
                self.publish();
            }
            Event::Apply(secret) => {
                self.see_again(&KeySecret::from(secret)).await;
                self.publish();
            }
            Event::Delete(secret) => {
                let secret = KeySecret::from(secret);
                let name = secret.metadata.name.clone().unwrap_or_default();
                tracing::info!(secretname = name, "a sealing key was deleted or relabelled");
                self.known.forget(&name);
                self.publish();
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
        match self.legacy().await {
            Some(secret) => self.see_again(&secret).await,
            None => self.known.forget(&self.state.policy.key_prefix.clone()),
        }
        self.publish();
    }
}
