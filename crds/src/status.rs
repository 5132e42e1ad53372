//! The status of a SealedSecret, for people and machines (ARCHITECTURE.md "Status").
//!
//! Only shapes: what a status says is decided by the controller.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// What the controller said last about a SealedSecret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretStatus {
    /// `metadata.generation` that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Synced` first, as upstream's health checks read it, then `Ready`, then `Stalled` or `Reconciling`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Tag over everything that decides the result (ARCHITECTURE.md "In sync without work"). A hint to do nothing, never
    /// an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Tag over `inputs` and the Secret's uid and resourceVersion (ARCHITECTURE.md "In sync without work").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Item name to the id of the key it is sealed with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, ItemStatus>,
}

/// What is known about one sealed item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemStatus {
    /// Id of the key that opened it: 16 hex digits.
    pub key: String,
}

/// One condition. The times are upstream's; `observedGeneration` is Kubernetes' convention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Synced`, `Ready`, `Stalled` or `Reconciling`.
    #[serde(rename = "type")]
    pub condition_type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One of [`crate::Reason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people; one line per failing item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When this condition was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Time>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// `metadata.generation` that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Condition types.
pub mod condition_type {
    /// The Secret is what the SealedSecret says.
    pub const SYNCED: &str = "Synced";
    /// kstatus: the object reached its desired state.
    pub const READY: &str = "Ready";
    /// kstatus: no progress until somebody changes something.
    pub const STALLED: &str = "Stalled";
    /// kstatus: the controller is still working on it.
    pub const RECONCILING: &str = "Reconciling";
}

impl SealedSecretStatus {
    /// Whether both say the same to people: conditions apart from their times, and the generation they are about.
    pub fn conditions_say_the_same(&self, other: &Self) -> bool {
        let said = |status: &Self| -> Vec<_> {
            let parts = |c: &Condition| {
                (
                    c.condition_type.clone(),
                    c.status.clone(),
                    c.reason.clone(),
                    c.message.clone(),
                )
            };
            status.conditions.iter().map(parts).collect()
        };
        self.observed_generation == other.observed_generation && said(self) == said(other)
    }
}
