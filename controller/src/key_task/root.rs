//! The root of the installation: read, or made by the leader (docs/decisions/0004, 0006).

use signet_common::{KeyEntry, KeyRing, KeyUse, MacKey};
use signet_crds::names::ROOT;

use super::KeyTask;
use crate::api::ApiFailure;
use crate::keys::{KeySecret, Root, new_root_secret};

/// What this process knows of the root.
#[derive(Default)]
pub(super) struct KnownRoot {
    stored: Option<Root>,
    /// It was said that there is none, and why.
    said: bool,
    /// Another root was taken over since the ring was last handed out.
    pub(super) is_new: bool,
}

impl KnownRoot {
    /// The root as it is stored; `None` if it cannot be had.
    pub(super) fn stored(&self) -> Option<&Root> {
        self.stored.as_ref()
    }
}

impl KeyTask {
    /// Reads the root; as the leader, makes it if there is none. Without the rights for it, tags come from the oldest key.
    ///
    /// # Errors
    /// If there is no answer.
    pub(super) async fn settle_root(&mut self) -> Result<(), ApiFailure> {
        let (cluster, namespace) = (&self.state.cluster, &self.state.policy.key_namespace);
        let mut found = cluster.secret_by_list(namespace, ROOT).await;
        if matches!(found, Ok(None)) && self.is_leading() {
            let secret = self.new_root();
            found = match cluster.create_secret(&secret).await {
                Ok(stored) => {
                    tracing::info!(secretname = ROOT, "root of this installation written");
                    Ok(Some(stored))
                }
                // A rival was faster, or the answer to the last attempt was lost.
                Err(ApiFailure::AlreadyExists) => cluster.secret_by_list(namespace, ROOT).await,
                Err(failure) => Err(failure),
            };
        }
        match found {
            Ok(Some(secret)) => self.take_root(&KeySecret::from(secret)),
            Ok(None) => {}
            Err(failure) if failure.is_forbidden() => self.go_without(&failure.to_string()),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn take_root(&mut self, secret: &KeySecret) {
        let Some(root) = Root::read(secret) else {
            return self.go_without("it does not hold 32 bytes of the controller's own");
        };
        self.root.is_new |= self.state.set_root(root.mac().clone());
        self.root.stored = Some(root);
    }

    fn go_without(&mut self, why: &str) {
        if !std::mem::replace(&mut self.root.said, true) {
            tracing::warn!(
                secretname = ROOT,
                why,
                "going on without the root of this installation: tags and random texts come from the oldest key"
            );
        }
    }

    /// What was used until now, or is derived from the oldest key as before there was a root; else random.
    fn new_root(&self) -> KeySecret {
        let namespace = &self.state.policy.key_namespace;
        if let Some(root) = &self.root.stored {
            // It was deleted.
            return new_root_secret(namespace, root.mac(), None);
        }
        let ring = self.known.ring(None);
        match ring
            .as_ref()
            .and_then(|ring| crate::tags::derived_root(ring).zip(oldest(ring)))
        {
            Some((mac, key)) => new_root_secret(namespace, &mac, Some(key)),
            None => new_root_secret(namespace, &MacKey::random(&mut rand::rng()), None),
        }
    }
}

fn oldest(ring: &KeyRing) -> Option<&KeyEntry> {
    let mut entries = ring.entries().iter().rev();
    entries.find(|entry| entry.key_use == KeyUse::SealAndOpen)
}
