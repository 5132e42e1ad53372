//! An answer that could not be written into the status, or that somebody else wrote over, is kept: saying it later costs one
//! request and opens nothing.

use signet_crds::Class;

use super::{Pass, Said};
use crate::index::{Answer, Index, Unsaid, Version};

impl Pass<'_> {
    /// Remembers what could not be said. Nothing is settled until it is; what cannot be settled is forgotten, so that the
    /// next turn does everything.
    pub(super) fn keep_unsaid(&self, said: Said) {
        let mut index = self.state.index();
        let Some(entry) = index.sealed_mut(self.key) else {
            return;
        };
        entry.claim = None;
        let same = entry.version.uid == Version::of(&self.object.metadata).uid;
        entry.answer = match std::mem::replace(&mut entry.answer, Answer::None) {
            Answer::Settled(settled) if same => Answer::Unsaid(Box::new(Unsaid {
                settled,
                outcome: said.outcome,
                wrote: said.wrote,
            })),
            _ => {
                entry.digest = None;
                Answer::None
            }
        };
    }

    /// What an earlier turn could not say, or what the status does not say any more, if the object, the keys and the Secret
    /// are as they were: with the status
    /// written, nothing would be left to do.
    pub(super) fn take_unsaid(&self) -> Option<Box<Said>> {
        let mut index = self.state.index();
        let secret = index.secret(self.key).map(|secret| secret.version);
        let entry = index.sealed_mut(self.key)?;
        let unsaid = match std::mem::replace(&mut entry.answer, Answer::None) {
            Answer::Unsaid(unsaid) => unsaid,
            other => {
                entry.answer = other;
                return self.say_again(&index, secret);
            }
        };
        let tags = &self.keys.tags;
        let settled = tags.settles(tags.inputs(self.object), unsaid.settled.inputs);
        let same = entry.version.uid == Version::of(&self.object.metadata).uid;
        let stands =
            same && unsaid.settled.secret == secret && secret.is_none_or(Version::is_known);
        let Some(class) = settled.filter(|_| stands) else {
            entry.digest = None;
            return None;
        };
        let mut said = Said::new(unsaid.outcome, secret);
        said.wrote = unsaid.wrote;
        said.applied = class == Class::Done;
        said.digest = entry.digest.clone();
        Some(said)
    }

    /// The settled answer for this very object, if its status was written over and nothing else changed.
    fn say_again(&self, index: &Index, secret: Option<Version>) -> Option<Box<Said>> {
        let entry = index.sealed(self.key)?;
        let settled = entry.answer.settled()?;
        let tags = &self.keys.tags;
        let class = tags.settles(tags.inputs(self.object), settled.inputs)?;
        let stands = entry.version.uid == Version::of(&self.object.metadata).uid
            && settled.secret == secret
            && secret.is_none_or(Version::is_known);
        if !stands || entry.shows_what_was_said() {
            return None;
        }
        let mut said = Said::new(index.answer(self.key)?, secret);
        said.applied = class == Class::Done;
        said.digest = entry.digest.clone();
        Some(said)
    }
}

#[cfg(test)]
pub(super) mod tests;
