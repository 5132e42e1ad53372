//! Another controller at work on the same objects: upstream's takes no Lease, so that nothing else keeps it away.
//!
//! The sign is a status that appears while this process watches and that is not its own: it replaced one of this process, or it
//! has the form of upstream's, whose program sets one condition, knows none of our fields and drops them. What was there
//! before is history.

use signet_common::Tag;
use signet_crds::SealedSecretStatus;
use signet_crds::status::condition_type::{READY, RECONCILING, SYNCED};

use super::{SealedEntry, Shown};

impl SealedEntry {
    /// Whether what is seen now is a status that another controller has just written. `status` is asked for only if it
    /// matters; `pruned` says that the CRD in the cluster drops our fields.
    pub fn is_written_by_another(
        &self,
        seen: &Self,
        pruned: bool,
        status: impl FnOnce() -> Option<SealedSecretStatus>,
    ) -> bool {
        let changed = self.version.uid == seen.version.uid
            && !seen.version.is_before(self.version)
            && content(self.shown) != content(seen.shown)
            && content(self.said) != content(seen.shown);
        // Once something was said, it is known whether our fields are dropped, and every other status is another's.
        let has_tags = self.said.is_some() && !pruned;
        changed
            && status().is_some_and(|status| {
                // Ours may be seen before the answer to its write, and is known by its tags.
                let foreign = seen.claim.is_none() && is_tagged(&status);
                is_anothers(&status, has_tags)
                    || (self.said.is_some() && foreign && is_a_signets(&status))
            })
    }
}

/// A new generation alone is no new status.
fn content(shown: Option<Shown>) -> Option<Tag> {
    shown.map(|shown| shown.content)
}

/// Whether this has the form of ours: another Signet writes it, with tags of its own.
fn is_a_signets(status: &SealedSecretStatus) -> bool {
    let has = |wanted| {
        let mut conditions = status.conditions.iter();
        conditions.any(|condition| condition.condition_type == wanted)
    };
    has(SYNCED) && has(READY)
}

fn is_tagged(status: &SealedSecretStatus) -> bool {
    status.inputs.is_some() || status.secret.is_some() || !status.items.is_empty()
}

/// Whether this is not a status of ours, which have tags if `has_tags`.
fn is_anothers(status: &SealedSecretStatus, has_tags: bool) -> bool {
    let has = |wanted| {
        let mut conditions = status.conditions.iter();
        conditions.any(|condition| condition.condition_type == wanted)
    };
    let tagged = is_tagged(status);
    // Ours are always ready or not. While we try again there are no tags, and the status says that we do. Upstream keeps
    // conditions that it does not know.
    !tagged && has(SYNCED) && (!has(READY) || (has_tags && !has(RECONCILING)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn upstreams_status_is_told_from_ours_and_from_none() {
        let of = |condition: &str| json!({"type": condition, "status": "True"});
        let (synced, ready, reconciling) = (of("Synced"), of("Ready"), of("Reconciling"));
        // Status, whether it is another's where our fields are dropped, and where they are not.
        let table = [
            (json!({}), false, false),
            (json!({"observedGeneration": 1}), false, false),
            (json!({"conditions": [synced]}), true, true),
            (json!({"conditions": [synced, ready]}), false, true),
            (
                json!({"conditions": [synced, ready], "inputs": "a", "secret": "b"}),
                false,
                false,
            ),
            (
                json!({"conditions": [synced, ready, reconciling]}),
                false,
                false,
            ),
        ];
        for (status, dropped, kept) in table {
            let read: SealedSecretStatus = serde_json::from_value(status.clone()).unwrap();
            let judged = [false, true].map(|has_tags| is_anothers(&read, has_tags));
            assert_eq!(judged, [dropped, kept], "{status}");
        }
    }
}
