//! `--old-gc-behavior`: the end of a Secret whose SealedSecret is gone.
//!
//! Only what garbage collection would remove as well: a Secret that the SealedSecret of its name controls.

use std::sync::Arc;

use super::{CONFLICTS, pause};
use crate::api::ApiFailure;
use crate::index::{ObjectKey, SecretEntry, SecretOwner};
use crate::queue::Next;
use crate::state::State;

/// Deletes the Secret if it was ours and nobody wants it any more.
pub(super) async fn run(state: &Arc<State>, key: &ObjectKey) -> Next {
    match collect(state, key).await {
        Ok(()) => Next::Idle,
        Err(failure) => {
            tracing::warn!(object = %key, error = %failure, "Secret could not be deleted");
            Next::After(failure.rest(pause(3)))
        }
    }
}

async fn collect(state: &Arc<State>, key: &ObjectKey) -> Result<(), ApiFailure> {
    for _ in 0..CONFLICTS {
        // It may be there again, or only have lost the label that is looked for.
        if state.cluster.sealed_secret(key).await?.is_some() {
            return Ok(());
        }
        let Some(secret) = state.cluster.secret(key).await? else {
            return Ok(());
        };
        let seen = SecretEntry::of(&secret.metadata);
        if seen.terminating || !matches!(seen.owner, SecretOwner::SealedSecret(_)) {
            return Ok(());
        }
        match state.cluster.delete_secret(&secret).await {
            Ok(()) => {
                tracing::info!(object = %key, "Secret deleted: its SealedSecret is gone");
                return Ok(());
            }
            Err(ApiFailure::NotFound) => return Ok(()),
            Err(ApiFailure::Conflict) => {}
            Err(failure) => return Err(failure),
        }
    }
    Err(ApiFailure::Conflict)
}
