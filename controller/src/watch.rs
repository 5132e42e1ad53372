//! The watches on SealedSecrets and Secrets: from events to the index and the queue.
//!
//! Decides nothing: `State::see_sealed` and `State::look_at` ask the index.

mod early;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Resource};
use signet_crds::names::ROOT;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::api::ApiFailure;
use crate::index::{ObjectKey, SecretEntry};
use crate::object::RawSealedSecret;
use crate::queue::Lane;
use crate::state::State;
use early::{Early, Gone};

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

/// What one watch covers.
#[derive(Debug, Clone)]
pub struct Scope {
    /// One namespace; all if none.
    pub namespace: Option<Arc<str>>,
    /// `--label-selector`, for SealedSecrets only: a Secret of ours may lack the labels.
    pub selector: String,
}

/// Told when the first list of a watch is complete, or when it is known that it cannot be had now.
pub type FirstList = oneshot::Receiver<()>;

impl Scope {
    fn api<K>(&self, state: &State) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(state.cluster.client(), namespace),
            None => Api::all(state.cluster.client()),
        }
    }
}

/// What is remembered of one watch.
struct Watch {
    what: &'static str,
    scope: Scope,
    seen: BTreeSet<ObjectKey>,
    /// SealedSecrets whose end was told already.
    gone: Gone,
    first: Option<oneshot::Sender<()>>,
    /// A refusal does not hold up the others: it is one namespace of several, or upstream would not watch it.
    may_be_refused: bool,
    /// The last trouble; the same is not told twice in a row.
    trouble: Option<String>,
}

impl Watch {
    fn new(what: &'static str, scope: Scope, first: oneshot::Sender<()>) -> Self {
        Self {
            what,
            may_be_refused: scope.namespace.is_some(),
            scope,
            seen: BTreeSet::new(),
            gone: Gone::default(),
            first: Some(first),
            trouble: None,
        }
    }

    fn namespace(&self) -> &str {
        self.scope.namespace.as_deref().unwrap_or_default()
    }

    fn tell(&mut self) {
        if let Some(first) = self.first.take() {
            // Nobody waits any more when the process is going down.
            let _ = first.send(());
        }
    }

    fn works(&mut self) {
        if self.trouble.take().is_some() {
            let (what, namespace) = (self.what, self.namespace());
            tracing::info!(what, namespace, "watch works again");
        }
    }

    /// The kind of trouble, without the text: it may quote an object. It is tried again for ever.
    fn failed(&mut self, error: &watcher::Error) {
        let (refused, failure) = sort(error);
        if refused && self.may_be_refused {
            self.tell();
        }
        if self.trouble.as_ref() == Some(&failure) {
            return;
        }
        let (what, namespace) = (self.what, self.namespace());
        tracing::warn!(what, namespace, failure, "watch interrupted; trying again");
        self.trouble = Some(failure);
    }
}

/// Watches SealedSecrets for ever. `listed` is told when the first list is complete or refused.
pub async fn watch_sealed(state: Arc<State>, scope: Scope, listed: oneshot::Sender<()>) {
    let mut watch = Watch::new("SealedSecrets", scope, listed);
    let mut relist = state.relist.subscribe();
    let mut early = Some(Early::new(watch.scope.api(&state), &watch.scope.selector));
    loop {
        let api: Api<RawSealedSecret> = watch.scope.api(&state);
        let mut config = Config::default().page_size(PAGE);
        if !watch.scope.selector.is_empty() {
            config = config.labels(&watch.scope.selector);
        }
        let stream = watcher(api, config).backoff(Pauses::default());
        pin_mut!(stream);
        watch.seen.clear();
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                never = follow(&mut early, &state) => match never {},
                _ = relist.changed() => {
                    tracing::info!("the root of the tags changed: looking at every SealedSecret again");
                    break;
                }
            };
            match event {
                Some(Ok(Event::InitApply(ref object)))
                    if early.iter().any(|early| early.outdates(&state, object)) => {}
                Some(Ok(event)) => {
                    if matches!(event, Event::InitDone)
                        && let Some(early) = early.take()
                    {
                        watch.gone = early.complete(&state, &mut watch.seen).await;
                    }
                    on_sealed(&state, event, &mut watch);
                }
                Some(Err(error)) => watch.failed(&error),
                None => break,
            }
        }
    }
}

/// Takes in what comes beside the first list.
async fn follow(early: &mut Option<Early>, state: &State) -> Infallible {
    match early {
        Some(early) => early.follow(state).await,
        None => std::future::pending().await,
    }
}

fn on_sealed(state: &State, event: Event<RawSealedSecret>, watch: &mut Watch) {
    match event {
        Event::Init => return watch.seen.clear(),
        Event::InitApply(object) => {
            watch.seen.insert(ObjectKey::of(&object.metadata));
            state.see_sealed(object, Lane::Sweep);
        }
        Event::InitDone => {
            let listed = std::mem::take(&mut watch.seen);
            let namespace = watch.scope.namespace.as_deref();
            let gone = state.index().keep_sealed(namespace, &listed);
            gone.iter().for_each(|key| state.lose_sealed(key));
            watch.tell();
        }
        Event::Apply(object) if watch.gone.has(&object.metadata) => {}
        Event::Apply(object) => {
            let lane = if state.is_ready() {
                Lane::Fresh
            } else {
                early::lane_of(&object)
            };
            state.see_sealed(object, lane);
        }
        Event::Delete(object) if watch.gone.has(&object.metadata) => {}
        Event::Delete(object) => state.end_sealed(&object.metadata),
    }
    watch.works();
}

/// Watches the metadata of Secrets for ever. `listed` is told when the first list is complete or refused.
pub async fn watch_secrets(state: Arc<State>, scope: Scope, listed: oneshot::Sender<()>) {
    let mut watch = Watch::new("Secrets", scope, listed);
    // Without this watch nothing is lost but what the flag turns off, and shortcuts.
    watch.may_be_refused |= state.policy.skip_recreate;
    // This type makes the API server send metadata only.
    let api: Api<PartialObjectMeta<Secret>> = watch.scope.api(&state);
    let stream = watcher(api, Config::default().page_size(10 * PAGE)).backoff(Pauses::default());
    pin_mut!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if matches!(event, Event::InitDone) && !state.is_ready() {
                    keep_written(&state, &mut watch).await;
                }
                on_secret(&state, event, &mut watch);
            }
            Err(error) => watch.failed(&error),
        }
    }
}

/// Adds to what the list showed those Secrets that were written after it: without this, each would be made once more.
async fn keep_written(state: &State, watch: &mut Watch) {
    let namespace = watch.scope.namespace.as_deref();
    let unsure = state.index().secrets_not_in(namespace, &watch.seen);
    for key in unsure {
        // Where there is no answer, the watch tells of it again.
        if matches!(state.cluster.secret(&key).await, Ok(Some(_))) {
            watch.seen.insert(key);
        }
    }
}

fn on_secret(state: &State, event: Event<PartialObjectMeta<Secret>>, watch: &mut Watch) {
    match event {
        Event::Init => return watch.seen.clear(),
        Event::InitApply(secret) => {
            let key = ObjectKey::of(&secret.metadata);
            watch.seen.insert(key.clone());
            on_secret_state(state, key, &secret.metadata, Lane::Sweep);
        }
        Event::InitDone => {
            let listed = std::mem::take(&mut watch.seen);
            let namespace = watch.scope.namespace.as_deref();
            let gone = state.index().keep_secrets(namespace, &listed);
            gone.iter().for_each(|key| state.look_at(key, Lane::Fresh));
            watch.tell();
        }
        Event::Apply(secret) => {
            let key = ObjectKey::of(&secret.metadata);
            on_secret_state(state, key, &secret.metadata, Lane::Fresh);
        }
        Event::Delete(secret) => {
            let key = ObjectKey::of(&secret.metadata);
            note_legacy(state, &key);
            note_root(state, &key);
            state
                .index()
                .lose_secret(&key, &SecretEntry::of(&secret.metadata), Instant::now());
            state.look_at(&key, Lane::Fresh);
        }
    }
    watch.works();
}

fn on_secret_state(state: &State, key: ObjectKey, metadata: &ObjectMeta, lane: Lane) {
    note_legacy(state, &key);
    state
        .index()
        .see_secret(key.clone(), SecretEntry::of(metadata));
    // An object that waits for its next attempt is not hurried by changes that others make to its Secret.
    if !state.is_backing_off(&key) {
        state.look_at(&key, lane);
    }
}

fn note_legacy(state: &State, key: &ObjectKey) {
    if *key.namespace == *state.policy.key_namespace && *key.name == *state.policy.key_prefix {
        state.legacy_changed.notify_one();
    }
}

/// The root is made again from memory when somebody deletes it.
fn note_root(state: &State, key: &ObjectKey) {
    if *key.namespace == *state.policy.key_namespace && *key.name == *ROOT {
        state.legacy_changed.notify_one();
    }
}

/// Whether the API server refuses the watch, and the kind of trouble.
fn sort(error: &watcher::Error) -> (bool, String) {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            let failure = ApiFailure::of(error);
            let refused = matches!(failure, ApiFailure::Refused(_) | ApiFailure::NotFound);
            (refused, failure.to_string())
        }
        watcher::Error::WatchError(status) => {
            let reason = signet_common::Printable(&status.reason);
            (false, format!("{} {reason}", status.code))
        }
        watcher::Error::NoResourceVersion => {
            (false, "an answer without resourceVersion".to_owned())
        }
    }
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
