//! The key Secrets that are known, and the keys that they held.
//!
//! A key goes when its Secret does. A Secret that holds something else by now takes no key away: the key that it held
//! goes on decrypting for as long as this process lives.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{KeyEntry, KeyId, KeyOrder, KeyRing, KeyUse};

use super::{KeyProblem, read_key};

/// A key that is stored nowhere any more: its Secret holds another key by now, or nothing that can be read.
#[derive(Debug, Clone)]
pub struct Unstored {
    /// The key. It only decrypts.
    pub entry: KeyEntry,
    /// The key that its Secret holds now; `None` if that cannot be read.
    pub successor: Option<KeyId>,
    /// Namespace, name and uid of that Secret.
    pub secret: ObjectMeta,
    told: bool,
}

/// The key Secrets that are known, good and bad.
#[derive(Debug, Default)]
pub struct KnownKeys {
    good: BTreeMap<String, KeyEntry>,
    bad: BTreeMap<String, KeyProblem>,
    /// uid and resourceVersion that each was read from.
    versions: BTreeMap<String, (Option<String>, Option<String>)>,
    unstored: Vec<Unstored>,
    /// uids of Secrets that were seen as a SealedSecret's: they never become anything else.
    sealed: BTreeSet<Option<String>>,
}

impl KnownKeys {
    /// Takes in a key Secret. Returns the problem if it is a new one.
    pub fn see(&mut self, secret: &Secret, order: KeyOrder) -> Option<KeyProblem> {
        let name = secret.metadata.name.clone().unwrap_or_default();
        self.versions.insert(name.clone(), version(secret));
        let read = read_key(secret, order).map(|entry| self.restricted(secret, entry));
        let before = self.good.remove(&name);
        match read {
            Ok(entry) => {
                self.bad.remove(&name);
                self.unstored
                    .retain(|gone| !is_same_key(&gone.entry, &entry));
                let successor = Some(entry.key_id());
                self.good.insert(name, entry);
                self.keep_unless_stored(before, successor, secret);
                None
            }
            Err(problem) => {
                self.keep_unless_stored(before, None, secret);
                let before = self.bad.insert(name, problem.clone());
                (before.as_ref() != Some(&problem)).then_some(problem)
            }
        }
    }

    /// What was a SealedSecret's once only decrypts, also when its owner is gone.
    fn restricted(&mut self, secret: &Secret, mut entry: KeyEntry) -> KeyEntry {
        let uid = &secret.metadata.uid;
        if entry.key_use == KeyUse::OpenOnly {
            self.sealed.insert(uid.clone());
        } else if uid.is_some() && self.sealed.contains(uid) {
            entry.key_use = KeyUse::OpenOnly;
        }
        entry
    }

    /// Keeps the key that this Secret held before, unless a Secret still holds it.
    fn keep_unless_stored(
        &mut self,
        before: Option<KeyEntry>,
        successor: Option<KeyId>,
        secret: &Secret,
    ) {
        let Some(mut entry) = before else { return };
        if self.good.values().any(|good| is_same_key(good, &entry)) {
            return;
        }
        entry.key_use = KeyUse::OpenOnly;
        self.unstored.push(Unstored {
            entry,
            successor,
            secret: ObjectMeta {
                namespace: secret.metadata.namespace.clone(),
                name: secret.metadata.name.clone(),
                uid: secret.metadata.uid.clone(),
                ..ObjectMeta::default()
            },
            told: false,
        });
    }

    /// Forgets what was told, so that it is told again.
    pub fn forget_problems(&mut self) {
        self.bad.clear();
        self.unstored.iter_mut().for_each(|gone| gone.told = false);
    }

    /// The keys that are stored nowhere any more and were not returned here yet.
    pub fn take_untold(&mut self) -> Vec<Unstored> {
        let untold = self.unstored.iter_mut().filter(|gone| !gone.told);
        untold
            .map(|gone| {
                gone.told = true;
                gone.clone()
            })
            .collect()
    }

    /// Whether this version of a key Secret was read already.
    pub fn is_same(&self, name: &str, secret: &Secret) -> bool {
        self.versions.get(name) == Some(&version(secret))
    }

    /// Forgets a key Secret that is gone or no longer labelled.
    pub fn forget(&mut self, name: &str) {
        self.versions.remove(name);
        self.good.remove(name);
        self.bad.remove(name);
    }

    /// Forgets every key Secret that a complete list did not show.
    pub fn keep(&mut self, listed: &[String]) {
        self.versions.retain(|name, _| listed.contains(name));
        self.good.retain(|name, _| listed.contains(name));
        self.bad.retain(|name, _| listed.contains(name));
    }

    /// The ring that follows `before`; `None` if there is no key. If no key Secret is left that can be read, the keys of
    /// `before` stay, and those that were replaced only decrypt.
    pub fn ring(&self, before: Option<&KeyRing>) -> Option<KeyRing> {
        let replaced = |entry: &&KeyEntry| {
            let mut unstored = self.unstored.iter();
            unstored.any(|gone| is_same_key(&gone.entry, entry))
        };
        let stored: Vec<_> = if self.good.is_empty() {
            let before = before.into_iter().flat_map(KeyRing::entries);
            before.filter(|entry| !replaced(entry)).cloned().collect()
        } else {
            self.good.values().cloned().collect()
        };
        let unstored = self.unstored.iter().map(|gone| gone.entry.clone());
        KeyRing::new(stored.into_iter().chain(unstored).collect())
    }

    /// The key that a Secret holds.
    pub fn key(&self, name: &str) -> Option<&KeyEntry> {
        self.good.get(name)
    }

    /// How many key Secrets can be used.
    pub fn good_count(&self) -> usize {
        self.good.len()
    }

    /// How many key Secrets are unusable.
    pub fn bad_count(&self) -> usize {
        self.bad.len()
    }

    /// How many keys are stored nowhere any more.
    pub fn unstored_count(&self) -> usize {
        self.unstored.len()
    }
}

/// By the whole public key: a key id is too short to prove that two keys are one.
fn is_same_key(one: &KeyEntry, other: &KeyEntry) -> bool {
    one.key.spki_der() == other.key.spki_der()
}

fn version(secret: &Secret) -> (Option<String>, Option<String>) {
    (
        secret.metadata.uid.clone(),
        secret.metadata.resource_version.clone(),
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::ByteString;
    use signet_crds::names::TLS_KEY;

    use super::super::tests::{secret, secret_of};
    use super::*;

    const ORDER: KeyOrder = KeyOrder::CertNotBefore;
    const NOW: i64 = 1_700_000_000;

    fn garbage(name: &str) -> Secret {
        let mut bad = secret(name);
        let data = bad.data.as_mut().unwrap();
        data.insert(TLS_KEY.to_owned(), ByteString(b"garbage".to_vec()));
        bad
    }

    fn id(secret: &Secret) -> KeyId {
        read_key(secret, ORDER).unwrap().key_id()
    }

    /// Key and use of each entry, the newest first, and the key that is served.
    fn ring(known: &KnownKeys, before: Option<&KeyRing>) -> (Vec<(KeyId, KeyUse)>, Option<KeyId>) {
        let ring = known.ring(before).unwrap();
        let entries = ring.entries().iter();
        let current = ring.current(Timestamp::from_second(NOW + 1000).unwrap());
        (
            entries
                .map(|entry| (entry.key_id(), entry.key_use))
                .collect(),
            current.map(KeyEntry::key_id),
        )
    }

    #[test]
    fn a_problem_is_told_once_and_again_when_it_changes() {
        let mut known = KnownKeys::default();
        let mut bad = garbage("k1");
        assert!(known.see(&bad, ORDER).is_some());
        assert!(known.see(&bad, ORDER).is_none());
        assert_eq!((known.bad_count(), known.ring(None).is_none()), (1, true));
        bad.data = None;
        assert!(known.see(&bad, ORDER).is_some());
    }

    #[test]
    fn a_key_that_is_replaced_in_place_goes_on_decrypting_and_is_never_served() {
        // The old pair is older, then newer than the new one.
        for (old, new) in [(NOW, NOW + 60), (NOW + 60, NOW)] {
            let (old, new) = (secret_of("k1", old), secret_of("k1", new));
            let mut known = KnownKeys::default();
            known.see(&old, ORDER);
            known.see(&new, ORDER);
            let (entries, current) = ring(&known, None);
            assert_eq!(entries.len(), 2);
            assert!(
                entries.contains(&(id(&old), KeyUse::OpenOnly)),
                "{entries:?}"
            );
            assert_eq!(current, Some(id(&new)));
            let told = known.take_untold();
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].entry.key_id(), id(&old));
            assert_eq!(told[0].successor, Some(id(&new)));
            assert!(known.take_untold().is_empty(), "told once");
            known.forget_problems();
            assert_eq!(known.take_untold().len(), 1, "and by the next leader");
            // Whatever becomes of that Secret, the old key was not in it.
            known.forget("k1");
            assert_eq!(known.unstored_count(), 1);
            // A process that starts later knows what is stored.
            let mut later = KnownKeys::default();
            later.see(&new, ORDER);
            assert_eq!(ring(&later, None).0, [(id(&new), KeyUse::SealAndOpen)]);
        }
    }

    #[test]
    fn a_key_whose_secret_cannot_be_read_any_more_goes_on_decrypting() {
        let (one, other) = (secret("k1"), secret_of("k2", NOW - 60));
        let mut known = KnownKeys::default();
        known.see(&one, ORDER);
        known.see(&other, ORDER);
        assert!(known.see(&garbage("k1"), ORDER).is_some());
        let (entries, current) = ring(&known, None);
        assert_eq!(entries[0], (id(&one), KeyUse::OpenOnly));
        assert_eq!(current, Some(id(&other)));
        assert_eq!((known.bad_count(), known.good_count()), (1, 1));
        assert_eq!(known.take_untold()[0].successor, None);
    }

    #[test]
    fn a_replaced_key_that_is_stored_again_is_an_ordinary_key() {
        let (old, new) = (secret("k1"), secret_of("k1", NOW + 60));
        let mut known = KnownKeys::default();
        known.see(&old, ORDER);
        known.see(&new, ORDER);
        let mut restored = old.clone();
        restored.metadata.name = Some("restored".to_owned());
        known.see(&restored, ORDER);
        assert_eq!(known.unstored_count(), 0);
        assert!(
            ring(&known, None)
                .0
                .contains(&(id(&old), KeyUse::SealAndOpen))
        );
        // And goes with its Secret.
        known.forget("restored");
        assert_eq!(ring(&known, None).0, [(id(&new), KeyUse::SealAndOpen)]);
        // What another Secret still holds is not lost.
        known.see(&restored, ORDER);
        known.see(&old, ORDER);
        known.see(&new, ORDER);
        assert_eq!(known.unstored_count(), 0);
    }

    #[test]
    fn the_last_key_stays_when_it_is_deleted_and_is_not_served_when_it_was_replaced() {
        let old = secret("k1");
        let mut known = KnownKeys::default();
        known.see(&old, ORDER);
        let before = known.ring(None);
        known.forget("k1");
        let deleted = ring(&known, before.as_ref());
        assert_eq!(deleted.1, Some(id(&old)));
        known.see(&old, ORDER);
        known.see(&garbage("k1"), ORDER);
        let replaced = ring(&known, before.as_ref());
        assert_eq!(replaced, (vec![(id(&old), KeyUse::OpenOnly)], None));
    }

    #[test]
    fn a_sealed_key_that_lost_its_owner_still_only_decrypts() {
        let mut key = secret("k1");
        key.metadata.uid = Some("u1".to_owned());
        let orphan = key.clone();
        key.metadata.owner_references = Some(vec![serde_json::from_value(serde_json::json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "k1", "uid": "s1",
        }))
        .unwrap()]);
        let mut known = KnownKeys::default();
        known.see(&key, ORDER);
        known.see(&orphan, ORDER);
        assert_eq!(ring(&known, None).1, None);
        // Another Secret of that name is another Secret.
        let mut other = orphan;
        other.metadata.uid = Some("u2".to_owned());
        known.see(&other, ORDER);
        assert_eq!(ring(&known, None).1, Some(id(&other)));
    }
}
