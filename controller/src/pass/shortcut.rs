//! The answer when a Secret changed and its SealedSecret did not: from memory, with one read of the Secret at most.

use std::sync::Arc;

use signet_crds::{Class, Reason};

use crate::index::{Answer, ObjectKey, SealedEntry, SecretEntry, SecretOwner, Settled, Verdict};
use crate::queue::Next;
use crate::state::{Keys, State};

/// Ends the turn if what happened to the Secret does not matter; `None` if that takes a whole pass.
pub(super) async fn from_memory(
    state: &Arc<State>,
    keys: &Arc<Keys>,
    key: &ObjectKey,
) -> Option<Next> {
    // Judged again: what asked for this turn may be settled by now.
    if state.judge(key) != Some(Verdict::Work) {
        return Some(Next::Idle);
    }
    {
        let mut index = state.index();
        let known = *index.secret(key)?;
        let entry = index.sealed_mut(key)?;
        if entry.is_still_foreign(keys, &known) {
            return Some(settle(keys, entry, Class::Wait, &known));
        }
        if !entry.may_be_right(&known) {
            return None;
        }
    }
    let secret = state.cluster.secret(key).await.ok()??;
    let seen = SecretEntry::of(&secret.metadata);
    state.index().see_secret(key.clone(), seen);
    // Looked at and settled under one lock: what the watch brings in between is another object.
    let mut index = state.index();
    let entry = index.sealed_mut(key)?;
    let right =
        entry.may_be_right(&seen) && entry.holds_for(keys.memory.mac(), entry.remembered, &secret);
    right.then(|| settle(keys, entry, Class::Done, &seen))
}

fn settle(keys: &Keys, entry: &mut SealedEntry, class: Class, secret: &SecretEntry) -> Next {
    entry.answer = Answer::Settled(Settled {
        inputs: keys.tags.settle(entry.inputs, class),
        secret: Some(secret.version),
    });
    Next::Idle
}

impl SealedEntry {
    /// Whether the last answer was that the Secret is somebody else's, and that is so again.
    fn is_still_foreign(&self, keys: &Keys, secret: &SecretEntry) -> bool {
        let answered = self
            .answer
            .settled()
            .is_some_and(|settled| keys.tags.settles(self.inputs, settled.inputs).is_some());
        self.outcome == Some((Reason::NotManaged, Class::Wait))
            && answered
            && self.shows_what_was_said()
            && secret.owner == SecretOwner::Foreign
            && !secret.terminating
    }

    /// Whether the Secret is ours, and was right when it was looked at last.
    fn may_be_right(&self, secret: &SecretEntry) -> bool {
        let ours = match secret.owner {
            SecretOwner::SealedSecret(uid) => uid == self.version.uid,
            SecretOwner::Annotated => true,
            SecretOwner::Foreign => false,
        };
        ours && !secret.terminating && self.is_applied() && self.says_success()
    }
}
