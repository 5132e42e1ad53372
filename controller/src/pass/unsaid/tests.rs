//! No status can be written here: nothing leads.

use std::sync::Arc;

use jiff::Timestamp;
use signet_crds::Reason;

use super::*;
use crate::index::{ObjectKey, SecretEntry, Verdict};
use crate::object::RawSealedSecret;
use crate::queue::{Lane, Next};
use crate::state::State;
use crate::status::Outcome;

pub(in crate::pass) fn object(version: u32) -> RawSealedSecret {
    let json = serde_json::json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {
            "name": "name", "namespace": "ns", "generation": version,
            "uid": "00000000-0000-0000-0000-000000000001", "resourceVersion": version.to_string(),
        },
        "spec": {"encryptedData": {"k": format!("version {version}")}},
    });
    serde_json::from_value(json).expect("a SealedSecret")
}

pub(in crate::pass) fn secret(version: u32) -> SecretEntry {
    let metadata = serde_json::json!({
        "name": "name", "namespace": "ns",
        "uid": "00000000-0000-0000-0000-000000000002", "resourceVersion": version.to_string(),
    });
    SecretEntry::of(&serde_json::from_value(metadata).expect("metadata"))
}

fn add_key(state: &State, keys: usize) {
    state.add_key(Timestamp::from_second(1000 + keys as i64).expect("a time"));
}

/// A state that knows version 1 of the object and of its Secret.
pub(in crate::pass) fn state() -> Arc<State> {
    let state = State::without_cluster();
    add_key(&state, 0);
    state.index().see_secret(key(), secret(1));
    state.see_sealed(object(1), Lane::Fresh);
    Arc::new(state)
}

pub(in crate::pass) fn key() -> ObjectKey {
    ObjectKey::of(&object(1).metadata)
}

/// Ends a pass over version 1 in this way; the status cannot be written.
async fn report(state: &Arc<State>, reason: Reason) -> Next {
    let mut said = Said::new(Outcome::new(reason, "why"), Some(secret(1).version));
    said.applied = reason.class() == Class::Done;
    said.wrote = true;
    over(state, &object(1), async |pass| pass.report(*said).await).await
}

pub(in crate::pass) async fn over<T>(
    state: &Arc<State>,
    object: &RawSealedSecret,
    turn: impl AsyncFnOnce(&Pass<'_>) -> T,
) -> T {
    let keys = state.keys().expect("a key");
    let pass = Pass {
        state,
        keys: &keys,
        key: &key(),
        object,
    };
    turn(&pass).await
}

async fn take(state: &Arc<State>, object: &RawSealedSecret) -> Option<Box<Said>> {
    over(state, object, async |pass| pass.take_unsaid()).await
}

#[tokio::test]
async fn what_could_not_be_said_is_said_again_while_everything_is_as_it_was() {
    for reason in [Reason::Unsealed, Reason::NoKey] {
        let state = state();
        report(&state, reason).await;
        assert_eq!(state.judge(&key()), Some(Verdict::Work), "not settled yet");
        let said = take(&state, &object(1)).await.expect("it stands");
        assert_eq!(said.outcome, Outcome::new(reason, "why"));
        assert!(said.wrote, "its event comes with the status");
        assert_eq!(said.applied, reason == Reason::Unsealed);
        assert!(take(&state, &object(1)).await.is_none(), "once");
    }
}

#[tokio::test]
async fn another_object_secret_or_key_takes_a_whole_pass() {
    let changed = state();
    report(&changed, Reason::Unsealed).await;
    assert!(take(&changed, &object(2)).await.is_none());

    let edited = state();
    report(&edited, Reason::Unsealed).await;
    edited.index().see_secret(key(), secret(2));
    assert!(take(&edited, &object(1)).await.is_none());

    let deleted = state();
    report(&deleted, Reason::Unsealed).await;
    let lost = secret(1);
    let now = tokio::time::Instant::now();
    deleted.index().lose_secret(&key(), &lost, now);
    assert!(take(&deleted, &object(1)).await.is_none());

    // A new key may open what none opened.
    let refused = state();
    report(&refused, Reason::NoKey).await;
    add_key(&refused, 1);
    assert!(take(&refused, &object(1)).await.is_none());

    // What may be over by itself is tried anew.
    let backing_off = state();
    report(&backing_off, Reason::ApiUnavailable).await;
    assert!(take(&backing_off, &object(1)).await.is_none());
}

#[tokio::test]
async fn an_answer_that_is_unsaid_is_no_success_to_rest_upon() {
    let state = state();
    report(&state, Reason::Unsealed).await;
    let says_success = || state.index().sealed(&key()).expect("known").says_success();
    assert!(!says_success());
}

#[tokio::test]
async fn pauses_grow_while_a_status_cannot_be_written() {
    let state = state();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        match report(&state, Reason::Unsealed).await {
            Next::After(pause) => pauses.push(pause),
            _ => panic!("it was said"),
        }
    }
    // Each is half as long again or more, whatever was drawn.
    let grow = pauses.windows(2).all(|pair| pair[1] >= pair[0]);
    assert!(grow && pauses[3] > 3 * pauses[0], "{pauses:?}");
}
