//! Another controller at work on the same objects: upstream's takes no Lease, so that nothing else keeps it away.
//!
//! The sign is its status over ours. Upstream's program knows none of our fields and drops them when it writes; nothing that
//! this controller writes looks so.

use signet_crds::SealedSecretStatus;
use signet_crds::status::condition_type::{RECONCILING, SYNCED};

use super::SealedEntry;

impl SealedEntry {
    /// Whether what is seen now is another controller's status over the one that this process wrote. `status` is asked for
    /// only if it matters.
    pub fn is_overwritten_by(
        &self,
        seen: &Self,
        status: impl FnOnce() -> Option<SealedSecretStatus>,
    ) -> bool {
        let overwritten = self.said.is_some()
            && self.said != seen.shown
            && self.version.uid == seen.version.uid
            && self.inputs == seen.inputs
            && !seen.version.is_before(self.version);
        overwritten && status().is_some_and(|status| is_anothers(&status))
    }
}

fn is_anothers(status: &SealedSecretStatus) -> bool {
    let has = |wanted| {
        let mut conditions = status.conditions.iter();
        conditions.any(|condition| condition.condition_type == wanted)
    };
    let ours = status.inputs.is_some() || status.secret.is_some() || !status.items.is_empty();
    // Ours has no tags while it tries again, and says so.
    !ours && has(SYNCED) && !has(RECONCILING)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn upstreams_status_is_told_from_ours_and_from_none() {
        let synced = json!({"type": "Synced", "status": "True"});
        let reconciling = json!({"type": "Reconciling", "status": "True"});
        let table = [
            (json!({}), false),
            (json!({"observedGeneration": 1}), false),
            (json!({"conditions": [synced]}), true),
            (
                json!({"observedGeneration": 1, "conditions": [synced]}),
                true,
            ),
            (
                json!({"conditions": [synced], "inputs": "a", "secret": "b"}),
                false,
            ),
            (json!({"conditions": [synced, reconciling]}), false),
        ];
        for (status, expected) in table {
            let read: SealedSecretStatus = serde_json::from_value(status.clone()).unwrap();
            assert_eq!(is_anothers(&read), expected, "{status}");
        }
    }
}
