//! The watches on SealedSecrets and Secrets: from events to the index and the queue.
//!
//! Decides nothing: `State::see_sealed` and `State::look_at` ask the index.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Config, Event, watcher};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::index::{ObjectKey, SecretEntry};
use crate::object::RawSealedSecret;
use crate::queue::Lane;
use crate::state::State;

/// Objects in one page of a list: bounds what is in memory at once.
const PAGE: u32 = 50;
/// Longest pause before a broken watch is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A watch that held this long has recovered.
const CALM: Duration = Duration::from_secs(60);

/// Pauses after a watch broke: half a second, growing to [`LONGEST_PAUSE`], a little random.
///
/// Short, because after an outage it takes two attempts: the API server has forgotten the old place (410). The usual 30 s
/// are for thousands of clients that come back together; this one is alone.
#[derive(Debug, Default)]
pub struct Pauses {
    count: u32,
    last: Option<Instant>,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        // A watch says "begin" before its list may fail, so that only time shows that it works again.
        if self.last.replace(now).is_some_and(|last| now - last > CALM) {
            self.count = 0;
        }
        let pause = Duration::from_millis(500 << self.count.min(10)).min(LONGEST_PAUSE);
        self.count += 1;
        Some(pause.mul_f64(rand::random_range(0.75..1.25)))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {}
}

/// Watches SealedSecrets for ever. `listed` is told when the first list is complete.
pub async fn watch_sealed(state: Arc<State>, mut listed: Option<oneshot::Sender<()>>) {
    loop {
        let api: Api<RawSealedSecret> = Api::all(state.cluster.client());
        let stream = watcher(api, Config::default().page_size(PAGE)).backoff(Pauses::default());
        pin_mut!(stream);
        let mut seen = BTreeSet::new();
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = state.relist.notified() => {
                    tracing::info!("the oldest key changed: looking at every SealedSecret again");
                    break;
                }
            };
            match event {
                Some(Ok(event)) => on_sealed(&state, event, &mut seen, &mut listed),
                Some(Err(error)) => warn("SealedSecrets", &error),
                None => break,
            }
        }
    }
}

fn on_sealed(
    state: &State,
    event: Event<RawSealedSecret>,
    seen: &mut BTreeSet<ObjectKey>,
    listed: &mut Option<oneshot::Sender<()>>,
) {
    match event {
        Event::Init => seen.clear(),
        Event::InitApply(object) => {
            seen.insert(ObjectKey::of(&object.metadata));
            state.see_sealed(object, Lane::Sweep);
        }
        Event::InitDone => {
            let gone = state.index().keep_sealed(&std::mem::take(seen));
            gone.iter().for_each(|key| state.queue.forget(key));
            tell(listed);
        }
        Event::Apply(object) => state.see_sealed(object, Lane::Fresh),
        Event::Delete(object) => {
            let key = ObjectKey::of(&object.metadata);
            state.index().forget_sealed(&key);
            state.queue.forget(&key);
        }
    }
}

/// Watches the metadata of all Secrets for ever. `listed` is told when the first list is complete.
pub async fn watch_secrets(state: Arc<State>, mut listed: Option<oneshot::Sender<()>>) {
    // This type makes the API server send metadata only.
    let api: Api<PartialObjectMeta<Secret>> = Api::all(state.cluster.client());
    let stream = watcher(api, Config::default().page_size(10 * PAGE)).backoff(Pauses::default());
    pin_mut!(stream);
    let mut seen = BTreeSet::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => on_secret(&state, event, &mut seen, &mut listed),
            Err(error) => warn("Secrets", &error),
        }
    }
}

fn on_secret(
    state: &State,
    event: Event<PartialObjectMeta<Secret>>,
    seen: &mut BTreeSet<ObjectKey>,
    listed: &mut Option<oneshot::Sender<()>>,
) {
    match event {
        Event::Init => seen.clear(),
        Event::InitApply(secret) => {
            let key = ObjectKey::of(&secret.metadata);
            seen.insert(key.clone());
            on_secret_state(state, key, &secret.metadata);
        }
        Event::InitDone => {
            let gone = state.index().keep_secrets(&std::mem::take(seen));
            gone.iter().for_each(|key| state.look_at(key, Lane::Fresh));
            tell(listed);
        }
        Event::Apply(secret) => {
            on_secret_state(state, ObjectKey::of(&secret.metadata), &secret.metadata)
        }
        Event::Delete(secret) => {
            let key = ObjectKey::of(&secret.metadata);
            note_legacy(state, &key);
            state
                .index()
                .lose_secret(&key, &SecretEntry::of(&secret.metadata), Instant::now());
            state.look_at(&key, Lane::Fresh);
        }
    }
}

fn on_secret_state(state: &State, key: ObjectKey, metadata: &ObjectMeta) {
    note_legacy(state, &key);
    state
        .index()
        .see_secret(key.clone(), SecretEntry::of(metadata));
    // An object that waits for its next attempt is not hurried by changes that others make to its Secret.
    if !state.is_backing_off(&key) {
        state.look_at(&key, Lane::Fresh);
    }
}

fn note_legacy(state: &State, key: &ObjectKey) {
    if *key.namespace == *state.policy.key_namespace && *key.name == *state.policy.key_prefix {
        state.legacy_changed.notify_one();
    }
}

fn tell(listed: &mut Option<oneshot::Sender<()>>) {
    if let Some(listed) = listed.take() {
        // Nobody waits any more when the process is going down.
        let _ = listed.send(());
    }
}

/// The kind of trouble, without the text: it may quote an object.
fn warn(what: &str, error: &watcher::Error) {
    let failure = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => crate::api::ApiFailure::of(error).to_string(),
        watcher::Error::WatchError(status) => format!(
            "{} {}",
            status.code,
            signet_common::Printable(&status.reason)
        ),
        watcher::Error::NoResourceVersion => "an answer without resourceVersion".to_owned(),
    };
    tracing::warn!(what, failure, "watch interrupted; trying again");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound_and_begin_anew_after_a_calm_time() {
        let mut pauses = Pauses::default();
        let grown: Vec<_> = pauses.by_ref().take(20).collect();
        assert!(grown[0] < Duration::from_secs(1) && grown[19] > grown[0]);
        assert!(
            grown
                .iter()
                .all(|pause| *pause <= LONGEST_PAUSE.mul_f64(1.25))
        );
        tokio::time::advance(2 * CALM).await;
        assert!(pauses.next() < Some(Duration::from_secs(1)));
    }
}
