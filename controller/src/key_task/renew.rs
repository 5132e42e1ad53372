//! Making keys: when one is due, or when somebody asks for one.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use signet_common::{KeyEntry, KeyId, NewestKey, RenewalReason};

use super::{KeyTask, newest_key};
use crate::api::ApiFailure;
use crate::keys::{KeyProblem, KeySecret, new_key_name, new_key_secret, read_key};

/// Names that are tried for one new key before giving up until the next attempt.
const NAMES: u32 = 20;

impl KeyTask {
    /// Makes a key if one is due.
    pub(super) async fn renew(&mut self) -> anyhow::Result<()> {
        let Some(reason) = self.due() else {
            self.tell_expired();
            return Ok(());
        };
        tracing::info!(?reason, "making a new sealing key");
        self.make(|task| task.due().is_some()).await
    }

    /// Makes a key because somebody asks for one (SIGUSR1), also with renewal turned off.
    pub(super) async fn make_at_once(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.is_leading(),
            "this replica stands by; send the signal to the one that leads"
        );
        if !self.taken_over {
            self.lead().await?;
        }
        tracing::info!(reason = "SIGUSR1", "making a new sealing key");
        self.asked = Some(self.current());
        self.make_what_is_asked().await
    }

    /// A key that was asked for is tried until it is there: nobody asks again. An answer that was lost costs no second key,
    /// because the next attempt has the same name.
    pub(super) async fn make_what_is_asked(&mut self) -> anyhow::Result<()> {
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
        // The name comes from it; it may have been deleted.
        self.settle_root().await?;
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
        self.publish().await;
    }

    async fn create(&self, ordinal: u32) -> Result<Result<KeySecret, ApiFailure>, KeyProblem> {
        let now = Timestamp::now();
        let newest = self
            .state
            .keys()
            .and_then(|keys| keys.ring.current(now).cloned());
        let (prefix, after) = (&self.settings.prefix, newest.as_ref());
        let name = match self.root.stored() {
            Some(root) => root.key_name(prefix, after, ordinal),
            None => new_key_name(prefix, after, ordinal),
        };
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

    pub(super) fn newest(&self) -> Option<NewestKey> {
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
}
