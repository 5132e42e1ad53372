//! When an object is looked at although neither it, nor a key, nor its Secret changed: because its refusal may be over by itself,
//! or because somebody else wrote its status.

use std::sync::PoisonError;
use std::time::Duration;

use signet_common::Tag;
use signet_crds::Class;

use super::{State, settled_class};
use crate::index::{Answer, ObjectKey, SealedEntry};
use crate::object::RawSealedSecret;
use crate::pass::LOOK_AGAIN;
use crate::queue::Lane;

/// Whether another controller was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Rival {
    #[default]
    None,
    /// In the status of this object, and no event was written yet.
    Seen(ObjectKey),
    Told,
}

impl State {
    /// Has an object looked at some time, if its refusal may be over by itself. When that is due is drawn: what an earlier
    /// process refused comes back spread over the whole time. An earlier turn stands.
    pub(super) fn look_again_at(&self, key: &ObjectKey) {
        if self.may_end_by_itself(key) {
            let delay = LOOK_AGAIN.mul_f64(rand::random_range(0.0..1.0));
            self.queue.push_after(key.clone(), Lane::Sweep, delay);
        }
    }

    /// Whether the settled answer for an object is a refusal that time can change.
    pub fn may_end_by_itself(&self, key: &ObjectKey) -> bool {
        let Some(keys) = self.keys() else {
            return false;
        };
        let index = self.index();
        let secret = index.secret(key).map(|secret| secret.version);
        let Some(entry) = index.sealed(key) else {
            return false;
        };
        let may_end = match (&entry.answer, entry.outcome, &entry.claim) {
            (Answer::Settled(_), Some((reason, _)), _) => reason.time_can_change(),
            (Answer::Settled(_), None, _) => false,
            (_, _, claim) => claim.as_ref().is_some_and(|claim| claim.may_end),
        };
        may_end && settled_class(&keys.tags, entry, secret) == Some(Class::Wait)
    }

    /// Notes whether another controller wrote a status.
    pub(super) fn note_rival(
        &self,
        known: &SealedEntry,
        seen: &SealedEntry,
        object: &RawSealedSecret,
    ) {
        let pruned = self.is_status_pruned();
        if !known.is_written_by_another(seen, pruned, || object.status()) {
            return;
        }
        self.metrics.count_foreign_status();
        let key = ObjectKey::of(&object.metadata);
        let mut rival = self.rival.lock().unwrap_or_else(PoisonError::into_inner);
        if *rival == Rival::None {
            tracing::warn!(
                object = %key,
                "another controller serves the same SealedSecrets: it writes statuses. Upstream's takes no Lease, and Signet's is kept away by its own only; stop one of the two"
            );
            *rival = Rival::Seen(key);
        }
    }

    /// Whether an event must say that another controller was seen first in the status of this object: once.
    pub fn must_tell_of_a_rival(&self, key: &ObjectKey) -> bool {
        let mut rival = self.rival.lock().unwrap_or_else(PoisonError::into_inner);
        let must = matches!(&*rival, Rival::Seen(seen) if seen == key);
        if must {
            *rival = Rival::Told;
        }
        must
    }

    /// How long a status that somebody else changed must wait before it is put right once more. `None` if it need not, or if
    /// more than the status changed.
    pub fn rewrite_rest(&self, key: &ObjectKey) -> Option<Duration> {
        let keys = self.keys()?;
        let index = self.index();
        let secret = index.secret(key).map(|secret| secret.version);
        let entry = index.sealed(key)?;
        let rest = entry.rewrites.as_ref()?.rest()?;
        let only_the_status =
            !entry.shows_what_was_said() && settled_class(&keys.tags, entry, secret).is_some();
        only_the_status.then_some(rest)
    }

    /// The tag of an object as it is known; `None` if it is unknown.
    pub fn fingerprint(&self, key: &ObjectKey) -> Option<Tag> {
        self.index().sealed(key).map(|entry| entry.remembered)
    }
}
