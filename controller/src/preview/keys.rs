//! What is found about the sealing keys: pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use signet_common::{KeyOrder, KeyRing, KeyUse, RenewalPolicy};

use crate::key_task::newest_key;
use crate::keys::{KnownKeys, read_key};

/// A key Secret, and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyFinding {
    /// Name of the Secret.
    pub(super) secret: String,
    /// Id of the key; empty if it cannot be read.
    pub(super) key_id: String,
    /// Size of the key; 0 if it cannot be read.
    pub(super) bits: usize,
    /// `current`, `opens` or `unusable`.
    pub(super) state: &'static str,
    /// What is worth knowing; empty if nothing is.
    pub(super) finding: String,
}

/// The keys, and whether a new one would be made.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) ring: Option<KeyRing>,
    pub(super) findings: Vec<KeyFinding>,
    /// Why a key would be made at the start; empty if none would.
    pub(super) renewal: String,
}

/// Reads key Secrets as the controller does.
pub(super) fn judge(
    secrets: &[Secret],
    order: KeyOrder,
    renewal: &RenewalPolicy,
    now: Timestamp,
) -> Keys {
    let mut known = KnownKeys::default();
    for secret in secrets {
        let _ = known.see(secret, order);
    }
    let ring = known.ring(None);
    let current = ring.as_ref().and_then(|ring| ring.current(now));
    let newest = current.map(newest_key);
    let current = current.map(|entry| entry.source.clone());
    let mut findings: Vec<_> = secrets
        .iter()
        .map(|secret| finding(secret, order, current.as_deref()))
        .collect();
    findings.sort_by(|a, b| a.secret.cmp(&b.secret));
    let renewal = renewal.due(newest, now);
    Keys {
        ring,
        findings,
        renewal: renewal
            .map(|reason| format!("{reason:?}"))
            .unwrap_or_default(),
    }
}

fn finding(secret: &Secret, order: KeyOrder, current: Option<&str>) -> KeyFinding {
    let name = secret.metadata.name.clone().unwrap_or_default();
    match read_key(secret, order) {
        Ok(entry) => {
            let is_current = current == Some(name.as_str());
            let finding = match entry.key_use {
                KeyUse::OpenOnly => {
                    "made by a SealedSecret: it opens, and nothing is sealed with it"
                }
                KeyUse::SealAndOpen => "",
            };
            KeyFinding {
                secret: name,
                key_id: entry.key_id().to_string(),
                bits: entry.certificate.key().bits(),
                state: if is_current { "current" } else { "opens" },
                finding: finding.to_owned(),
            }
        }
        Err(problem) => KeyFinding {
            secret: name,
            key_id: String::new(),
            bits: 0,
            state: "unusable",
            finding: problem.to_string(),
        },
    }
}
