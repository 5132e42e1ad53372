//! Of two controllers with keys of their own, the one without the key gives way: else each would put the other's status right
//! for ever.

use jiff::Timestamp;
use signet_crds::{Class, Reason, SealedSecretStatus};

use super::Pass;
use crate::index::{Answer, SecretOwner, Settled, Version};
use crate::object::RawSealedSecret;
use crate::state::synced_of;
use crate::status::{Outcome, next_status};

impl Pass<'_> {
    /// Whether the status of this object is a success that replaced our own `NoKey` while this process ran, of the same
    /// generation, and the Secret is there and owned by the object. Then another controller has the key. A success that
    /// was found is judged as any other. The status may be seen before the Secret that it tells of, which is read then.
    pub(super) async fn gives_way_to(&self, object: &RawSealedSecret) -> bool {
        self.replaced_our_refusal(object)
            && (self.is_secret_owned()
                || (self.read_secret().await.is_ok() && self.is_secret_owned()))
    }

    fn is_secret_owned(&self) -> bool {
        let uid = Version::of(&self.object.metadata).uid;
        let index = self.state.index();
        index.secret(self.key).is_some_and(|secret| {
            secret.owner == SecretOwner::SealedSecret(uid) && !secret.terminating
        })
    }

    fn replaced_our_refusal(&self, object: &RawSealedSecret) -> bool {
        let (Some(status), Some(shown)) = (object.status(), self.keys.shown(object)) else {
            return false;
        };
        let succeeded = synced_of(&status) == Some(1)
            && status.observed_generation == object.metadata.generation;
        let index = self.state.index();
        let Some(entry) = index.sealed(self.key) else {
            return false;
        };
        let tags = &self.keys.tags;
        let same = |settled: &Settled| tags.settles(tags.inputs(object), settled.inputs);
        let refused = entry.outcome == Some((Reason::NoKey, Class::Wait))
            && entry.answer.settled().and_then(same) == Some(Class::Wait);
        let replaced = entry.said.is_some_and(|said| said.content != shown.content);
        let uid = Version::of(&object.metadata).uid;
        succeeded && refused && replaced && entry.version.uid == uid
    }

    /// Leaves the other's success. What upstream's controller kept of our conditions contradicts it, and is taken out once.
    pub(super) async fn give_way_to(&self, object: &RawSealedSecret) {
        let now = Timestamp::now();
        let stored = match self.without_contradiction(object, now) {
            Some(changed) => self.state.cluster.replace_status(&changed).await.ok(),
            None => None,
        };
        self.remember_status(stored.as_ref().unwrap_or(object));
        self.settle_given_way();
        self.tell_of_a_rival(now).await;
    }

    fn settle_given_way(&self) {
        let mut index = self.state.index();
        let secret = index.secret(self.key).map(|secret| secret.version);
        if let Some(entry) = index.sealed_mut(self.key) {
            entry.synced = Some(1);
            if let Answer::Settled(settled) = &mut entry.answer {
                settled.secret = secret;
            }
        }
    }

    fn without_contradiction(
        &self,
        object: &RawSealedSecret,
        now: Timestamp,
    ) -> Option<RawSealedSecret> {
        let before = object.status()?;
        let outcome = Outcome::new(Reason::Unsealed, "");
        let after = next_status(Some(&before), &outcome, object.metadata.generation, now);
        if before.conditions_say_the_same(&after) {
            return None;
        }
        let SealedSecretStatus { conditions, .. } = after;
        let status = SealedSecretStatus {
            conditions,
            ..before
        };
        object.with_status(&status).ok()
    }
}
