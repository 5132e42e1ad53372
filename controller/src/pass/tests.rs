//! Decisions are about the object in hand, not about the one that the index shows by then.

use std::sync::Arc;

use signet_crds::Reason;

use super::unsaid::tests::{key, object, over, secret, state};
use super::*;
use crate::index::Verdict;
use crate::queue::Lane;

/// A state in which version 1 of the object is applied, and settled with version 1 of its Secret.
fn settled() -> Arc<State> {
    let state = state();
    let keys = state.keys().expect("a key");
    let mut index = state.index();
    let entry = index.sealed_mut(&key()).expect("known");
    entry.applied = Some(keys.memory.inputs(&object(1)));
    entry.outcome = Some((Reason::Unsealed, signet_crds::Class::Done));
    drop(index);
    state
}

#[tokio::test]
async fn an_object_that_is_ahead_of_the_index_is_a_changed_one() {
    let state = settled();
    let cause = over(&state, &object(1), async |pass| pass.cause()).await;
    assert_eq!(cause, Cause::Unchanged);
    let cause = over(&state, &object(2), async |pass| pass.cause()).await;
    assert_eq!(cause, Cause::Changed, "the watch is late");
}

#[tokio::test]
async fn settling_the_object_in_hand_does_not_settle_its_successor() {
    let state = settled();
    state.see_sealed(object(2), Lane::Fresh);
    over(&state, &object(1), async |pass| {
        pass.settle_again(Some(secret(1).version));
    })
    .await;
    assert_eq!(state.judge(&key()), Some(Verdict::Work));
}

#[tokio::test]
async fn a_failure_that_cannot_be_said_either_is_counted_once() {
    let state = settled();
    over(&state, &object(1), async |pass| {
        let failure = ApiFailure::Unavailable {
            shown: "503".to_owned(),
            retry_after: None,
        };
        match pass.failed(&failure, None) {
            End::Said(said) => pass.report(*said).await,
            _ => panic!("nothing to say"),
        }
    })
    .await;
    assert_eq!(state.index().sealed(&key()).expect("known").failures, 1);
}

fn with_status(version: u32, generation: u32, synced: &str) -> RawSealedSecret {
    let conditions = serde_json::json!([
        {"type": "Synced", "status": synced}, {"type": "Ready", "status": synced},
    ]);
    let json = serde_json::json!({
        "metadata": {
            "name": "name", "namespace": "ns", "generation": generation,
            "uid": "00000000-0000-0000-0000-000000000001", "resourceVersion": version.to_string(),
        },
        "spec": {"encryptedData": {"k": "version 1"}},
        "status": {"observedGeneration": 1, "inputs": "x", "secret": "y", "conditions": conditions},
    });
    serde_json::from_str(&json.to_string()).expect("a SealedSecret")
}

#[tokio::test]
async fn a_status_that_another_signet_wrote_over_ours_is_noticed_and_a_new_generation_is_not_one() {
    let state = state();
    let keys = state.keys().expect("a key");
    let ours = with_status(2, 1, "True");
    state.see_sealed(ours.clone(), Lane::Fresh);
    let said = keys.shown(&ours);
    state.index().sealed_mut(&key()).expect("known").said = said;
    let seen = || {
        let metrics = state.metrics.render(&[]);
        let line = metrics
            .lines()
            .find(|line| line.starts_with("signet_foreign_statuses_total"));
        line.expect("the metric").ends_with(" 1")
    };
    state.see_sealed(with_status(3, 2, "True"), Lane::Fresh);
    assert!(!seen(), "the spec was changed, the status is ours");
    state.see_sealed(with_status(4, 2, "False"), Lane::Fresh);
    assert!(seen());
}

/// A status that an earlier process of this installation wrote for a refusal.
fn refused_before(state: &State, reason: Reason) -> RawSealedSecret {
    let keys = state.keys().expect("a key");
    let object = object(1);
    let settled = keys
        .tags
        .settle(keys.tags.inputs(&object), signet_crds::Class::Wait);
    let outcome = Outcome::new(reason, "why");
    let mut status = crate::status::next_status(None, &outcome, Some(1), Timestamp::UNIX_EPOCH);
    let content = keys.tags.content(&status);
    status.secret = Some(keys.tags.secret(settled, None, content).to_string());
    status.inputs = Some(settled.to_string());
    object.with_status(&status).expect("a status")
}

#[tokio::test(start_paused = true)]
async fn after_a_hand_over_and_a_restart_only_refusals_that_time_can_change_are_looked_at_again() {
    for stands_by in [true, false] {
        for (reason, again) in [(Reason::SecretInvalid, true), (Reason::NoKey, false)] {
            let state = State::with_key();
            if stands_by {
                state.queue.stand_by();
            }
            state.see_sealed(refused_before(&state, reason), Lane::Sweep);
            state.queue.start();
            state.sweep();
            let limit = LOOK_AGAIN + Duration::from_secs(60);
            let job = tokio::time::timeout(limit, state.queue.next()).await;
            assert_eq!(job.is_ok(), again, "{reason}, stood by: {stands_by}");
        }
    }
}

#[tokio::test]
async fn a_status_that_somebody_wrote_over_is_said_again_from_memory_and_more_and_more_slowly() {
    let state = settled();
    let keys = state.keys().expect("a key");
    let ours = with_status(2, 1, "True");
    let of = keys
        .tags
        .settle(keys.tags.inputs(&ours), signet_crds::Class::Done);
    {
        let mut index = state.index();
        let entry = index.sealed_mut(&key()).expect("known");
        entry.said = keys.shown(&ours);
        entry.shown = entry.said;
        entry.inputs = keys.tags.inputs(&ours);
        entry.answer = crate::index::Answer::Settled(crate::index::Settled {
            inputs: of,
            secret: Some(secret(1).version),
        });
        let mut said = Outcome::new(Reason::Unsealed, "");
        let key_id = "0123456789abcdef".to_owned();
        said.items = BTreeMap::from([("k".to_owned(), ItemStatus { key: key_id })]);
        index.keep_answer(&key(), of, &said);
    }
    assert_eq!(state.judge(&key()), Some(Verdict::InSync));
    let forged = with_status(3, 1, "False");
    state.see_sealed(forged.clone(), Lane::Fresh);
    assert_eq!(state.judge(&key()), Some(Verdict::Work));
    let again = over(&state, &forged, async |pass| pass.take_unsaid()).await;
    let again = again.expect("it is remembered");
    assert_eq!(again.outcome.items.len(), 1);
    assert!(again.applied && !again.wrote);
    // Three at once, and then pauses.
    let mut rests = Vec::new();
    for _ in 0..6 {
        let rest = state.rewrite_rest(&key());
        rests.push(rest.map_or(0, |rest| rest.as_secs() + 1));
        over(&state, &forged, async |pass| pass.count_rewrite(&forged)).await;
    }
    assert_eq!(rests, [0, 0, 0, 1, 2, 4]);
    // Another Secret is another world.
    state.index().see_secret(key(), secret(2));
    assert_eq!(state.rewrite_rest(&key()), None);
    assert!(
        over(&state, &forged, async |pass| pass.take_unsaid())
            .await
            .is_none()
    );
}

#[tokio::test]
async fn only_nokey_gives_way_and_only_to_a_success_over_its_own_words_with_its_secret_there() {
    let gives_way = async |reason: Reason, said: bool, generation: u32, owner: &str| {
        let state = state();
        let keys = state.keys().expect("a key");
        let found = with_status(3, generation, "True");
        let owned = serde_json::json!({
            "name": "name", "namespace": "ns", "resourceVersion": "5",
            "uid": "00000000-0000-0000-0000-000000000002",
            "ownerReferences": [{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                "name": "name", "uid": owner, "controller": true}],
        });
        let owned = serde_json::from_value(owned).expect("metadata");
        let said_before = keys.shown(&with_status(2, 1, "False")).filter(|_| said);
        let settled = crate::index::Settled {
            inputs: keys.tags.settle(keys.tags.inputs(&found), reason.class()),
            secret: None,
        };
        {
            let mut index = state.index();
            index.see_secret(key(), SecretEntry::of(&owned));
            let entry = index.sealed_mut(&key()).expect("known");
            entry.outcome = Some((reason, reason.class()));
            entry.answer = crate::index::Answer::Settled(settled);
            entry.said = said_before;
        }
        over(&state, &found, async |pass| pass.gives_way_to(&found).await).await
    };
    let ours = "00000000-0000-0000-0000-000000000001";
    assert!(gives_way(Reason::NoKey, true, 1, ours).await);
    assert!(
        !gives_way(Reason::NoKey, false, 1, ours).await,
        "it was found"
    );
    assert!(
        !gives_way(Reason::NoKey, true, 2, ours).await,
        "of an earlier generation"
    );
    let other = "00000000-0000-0000-0000-000000000009";
    assert!(
        !gives_way(Reason::NoKey, true, 1, other).await,
        "another owner"
    );
    assert!(!gives_way(Reason::MalformedItem, true, 1, ours).await);
    assert!(!gives_way(Reason::Unsealed, true, 1, ours).await);
}

#[tokio::test]
async fn nothing_is_made_for_an_object_that_is_gone() {
    let state = state();
    let owned = serde_json::from_value(serde_json::json!({"metadata": {
        "ownerReferences": [{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "name": "name", "uid": "00000000-0000-0000-0000-000000000001"}],
    }}));
    let owned: Secret = owned.expect("a Secret");
    let may = async || {
        over(&state, &object(1), async |pass| {
            pass.may_create(&owned).await
        })
        .await
    };
    assert_eq!(may().await, Ok(true));
    // Without an owner it is asked for, and here nobody answers.
    let orphan = Secret::default();
    let asked = over(&state, &object(1), async |pass| {
        pass.may_create(&orphan).await
    })
    .await;
    assert!(asked.is_err());
    state.index().sealed_mut(&key()).expect("known").terminating = true;
    assert_eq!(may().await, Ok(false));
    state.lose_sealed(&key());
    assert_eq!(may().await, Ok(false));
}

#[tokio::test]
async fn a_status_is_about_the_generation_that_it_is_written_over() {
    let state = state();
    let mut changed_back = object(1);
    changed_back.metadata.generation = Some(3);
    let said = Said::new(Outcome::new(Reason::Unsealed, ""), None);
    let status = over(&state, &object(1), async |pass| {
        pass.status_to_write(&changed_back, &said, Timestamp::now(), true)
    })
    .await;
    let status = status.expect("something to write");
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.conditions[0].observed_generation, Some(3));
}
