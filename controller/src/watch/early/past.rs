//! Where the early watch begins: a little before now, so that it tells also of what was applied while no controller ran.
//!
//! What happened before now is over and may have been answered or undone since. So it is only a hint: what seems to have
//! no answer is read again, and served as it is now.

use std::collections::BTreeSet;
use std::future::ready;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use super::{AT_ONCE, is_answered};
use crate::index::{ObjectKey, Version};
use crate::object::RawSealedSecret;

/// How far back the watch begins, in changes of anything that is in the cluster; about a minute with a hundred nodes.
/// Bounds also how much is told again.
///
/// resourceVersions are numbers that grow (KEP-5504, Kubernetes 1.35). Nobody promises that a watch may begin between two
/// of them: a server that cannot do this answers 410, and the watch begins now.
const BACK: u64 = 1_000;
/// So many objects of the past are read at most. Where more have no answer, somebody changed very many at once: new ones
/// are not to wait for them, and memory is not to hold them beside the list.
const AT_MOST: usize = 100;
/// What happened before now has been told when nothing comes for this long. If it has not, it costs a request.
const SILENCE: Duration = Duration::from_millis(100);

/// The SealedSecrets of one watch.
#[derive(Clone, Debug)]
pub(super) struct Source {
    api: Api<RawSealedSecret>,
    list: ListParams,
    watch: WatchParams,
}

type SealedEvent = WatchEvent<RawSealedSecret>;
type Events = BoxStream<'static, SealedEvent>;

impl Source {
    pub(super) fn new(api: Api<RawSealedSecret>, selector: &str) -> Self {
        let (mut list, mut watch) = (ListParams::default(), WatchParams::default());
        if !selector.is_empty() {
            list = list.labels(selector);
            watch = watch.labels(selector);
        }
        Self { api, list, watch }
    }

    /// What is new; nothing if the watch is refused.
    pub(super) async fn begin(self) -> Option<Events> {
        let one = self.list.clone().limit(1);
        let now = self.api.list_metadata(&one).await.ok()?.metadata;
        let now = now.resource_version?;
        if let Some(events) = self.watch_past(&now).await {
            return Some(events);
        }
        self.watch_from(&now).await
    }

    async fn watch_from(&self, version: &str) -> Option<Events> {
        let events = self.api.watch(&self.watch, version).await.ok()?;
        let events = events
            .map(Result::ok)
            .take_while(|event| ready(event.is_some()))
            .filter_map(ready);
        Some(events.boxed())
    }

    /// What had no answer shortly before now, as it is today, and what comes after.
    async fn watch_past(&self, now: &str) -> Option<Events> {
        let now: u64 = now.parse().ok()?;
        let begin = now.saturating_sub(BACK).max(1);
        let mut events = self.watch_from(&begin.to_string()).await?;
        let mut past = Past::until(now);
        let mut new = None;
        while let Ok(event) = timeout(SILENCE, events.next()).await {
            let event = event?;
            match past.take_in(&event) {
                Told::Past => {}
                Told::New => {
                    new = Some(event);
                    break;
                }
                Told::Useless => return None,
            }
        }
        let source = self.clone();
        let unanswered = stream::iter(past.unanswered)
            .map(move |key| source.clone().read(key))
            .buffer_unordered(AT_ONCE);
        let source = self.clone();
        let later = stream::iter(new)
            .chain(events)
            .then(move |event| source.clone().up_to_date(event, now));
        Some(stream::select(unanswered, later).filter_map(ready).boxed())
    }

    /// An event that is new; of one that came late from the past, the object as it is now.
    async fn up_to_date(self, event: SealedEvent, now: u64) -> Option<SealedEvent> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object)
                if Version::of(&object.metadata).resource_version <= now =>
            {
                self.read(ObjectKey::of(&object.metadata)).await
            }
            event => Some(event),
        }
    }

    /// An object as it is now, if it is still one of these.
    async fn read(self, key: ObjectKey) -> Option<SealedEvent> {
        let api: Api<RawSealedSecret> = Api::namespaced(self.api.into_client(), &key.namespace);
        let named = self.list.fields(&format!("metadata.name={}", key.name));
        let found = api.list(&named).await.ok()?.items;
        found.into_iter().next().map(WatchEvent::Modified)
    }
}

/// What an event is about.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Past,
    New,
    /// The server cannot tell of the past, or tells of too much.
    Useless,
}

/// What the watch tells of the time before now.
#[derive(Debug)]
struct Past {
    until: u64,
    unanswered: BTreeSet<ObjectKey>,
}

impl Past {
    fn until(now: u64) -> Self {
        Self {
            until: now,
            unanswered: BTreeSet::new(),
        }
    }

    /// Remembers what an event of the past says.
    fn take_in(&mut self, event: &SealedEvent) -> Told {
        let (object, is_there) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Bookmark(_) => return Told::Past,
            WatchEvent::Error(_) => return Told::Useless,
        };
        if Version::of(&object.metadata).resource_version > self.until {
            return Told::New;
        }
        let key = ObjectKey::of(&object.metadata);
        if is_there && !is_answered(object) {
            self.unanswered.insert(key);
        } else {
            self.unanswered.remove(&key);
        }
        if self.unanswered.len() > AT_MOST {
            Told::Useless
        } else {
            Told::Past
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, Response};
    use serde_json::{Value, json};

    use super::*;

    fn object(name: &str, version: u64, answered: bool) -> Value {
        json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {
                "namespace": "ns", "name": name, "generation": 1, "resourceVersion": version.to_string(),
            },
            "spec": {}, "status": answered.then(|| json!({"observedGeneration": 1})),
        })
    }

    fn event(kind: &str, name: &str, version: u64, answered: bool) -> Value {
        json!({"type": kind, "object": object(name, version, answered)})
    }

    fn expired() -> Value {
        json!({"type": "ERROR", "object": {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "too old resource version: 1 (9)", "reason": "Expired", "code": 410,
        }})
    }

    #[test]
    fn of_the_past_only_what_has_no_answer_and_is_there_is_remembered() {
        let mut past = Past::until(10);
        let mut told = |event| past.take_in(&serde_json::from_value(event).expect("an event"));
        for (kind, name, version, answered) in [
            ("ADDED", "waits", 1, false),
            ("ADDED", "answered", 2, false),
            ("ADDED", "gone", 3, false),
            ("ADDED", "changed", 4, true),
            ("MODIFIED", "answered", 5, true),
            ("MODIFIED", "changed", 6, false),
            ("DELETED", "gone", 10, false),
        ] {
            let event = event(kind, name, version, answered);
            assert_eq!(told(event), Told::Past, "{kind} {name}");
        }
        assert_eq!(told(event("DELETED", "waits", 11, false)), Told::New);
        assert_eq!(told(expired()), Told::Useless);
        let names: Vec<_> = past.unanswered.iter().map(|key| &*key.name).collect();
        assert_eq!(names, ["changed", "waits"]);
    }

    #[test]
    fn a_past_with_very_many_changes_is_no_use() {
        let mut past = Past::until(1_000);
        let mut told = |version: u64, answered| {
            let event = event("MODIFIED", &format!("of-{version}"), version, answered);
            past.take_in(&serde_json::from_value(event).expect("an event"))
        };
        for version in 1..=100 {
            assert_eq!(told(version, false), Told::Past);
        }
        assert_eq!(told(101, true), Told::Past);
        assert_eq!(told(102, false), Told::Useless);
    }

    /// Name and version of all that is told by a server that is at version 10, where each object has the version 20 when it
    /// is read. It tells of one event at once and of each other one a second later: those from version 1 on, or from now on.
    async fn told(past: &[Value], new: &[Value]) -> Vec<(String, u64)> {
        let (past, new) = (past.to_vec(), new.to_vec());
        let server = tower::service_fn(move |request: Request<kube::client::Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let events = if query.split('&').any(|part| part == "resourceVersion=1") {
                past.clone()
            } else {
                new.clone()
            };
            async move {
                let body = if query.contains("watch=true") {
                    let lines = stream::iter(events)
                        .enumerate()
                        .then(async |(number, event)| {
                            let pause = Duration::from_secs(u64::from(number > 0));
                            tokio::time::sleep(pause).await;
                            Ok::<_, std::io::Error>(format!("{event}\n"))
                        });
                    Body::from_stream(lines)
                } else {
                    let named = query.split_once("metadata.name%3D");
                    let items = named.map(|(_, name)| object(name, 20, false));
                    let list = json!({
                        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecretList",
                        "metadata": {"resourceVersion": "10"}, "items": Vec::from_iter(items),
                    });
                    Body::from(list.to_string())
                };
                Ok::<_, std::io::Error>(Response::new(body))
            }
        });
        let api = Api::all(kube::Client::new(server, "ns"));
        let events = Source::new(api, "").begin().await.expect("a watch");
        let told = events.map(|event| match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let version = Version::of(&object.metadata).resource_version;
                (object.metadata.name.unwrap_or_default(), version)
            }
            other => panic!("{other:?}"),
        });
        told.collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_of_the_past_is_read_as_it_is_now() {
        let past = [
            event("ADDED", "past", 8, false),
            event("ADDED", "late", 9, false),
            event("ADDED", "new", 11, false),
        ];
        let expected = [("past", 20), ("late", 20), ("new", 11)];
        assert_eq!(
            told(&past, &[]).await,
            expected.map(|(name, version)| (name.to_owned(), version))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_past_the_watch_begins_now() {
        let new = [event("ADDED", "new", 11, false)];
        assert_eq!(told(&[expired()], &new).await, [("new".to_owned(), 11)]);
    }
}
