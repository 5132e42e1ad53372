//! What happens to SealedSecrets while the first list is read (ARCHITECTURE.md "Start").
//!
//! A list of ten thousand objects takes seconds, and the watch that follows it tells only then what came meanwhile. This
//! second watch begins a little before the list, so that neither an object that is applied now nor one that was applied
//! while no controller ran waits for thousands of others. It is a shortcut: whatever it misses, list and watch bring as
//! well.

mod past;

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::{pending, ready};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::WatchEvent;

use crate::index::{ObjectKey, SealedEntry, Version};
use crate::object::RawSealedSecret;
use crate::queue::Lane;
use crate::state::State;
use past::Source;

/// Questions at the same time.
const AT_ONCE: usize = 8;

/// The watch beside the first list, and what it told.
pub(super) struct Early {
    selector: String,
    events: BoxStream<'static, WatchEvent<RawSealedSecret>>,
    there: BTreeSet<ObjectKey>,
    gone: Gone,
}

/// Objects that the early watch saw end: uid, and resourceVersion of the end. What list and watch tell of the time before
/// is over. An object that no longer has the labels that are asked for ends like that, too, and may begin again.
#[derive(Debug, Default)]
pub(super) struct Gone(HashMap<u128, u64>);

impl Gone {
    fn add(&mut self, metadata: &ObjectMeta) {
        let version = Version::of(metadata);
        // Zero stands for every uid that is no UUID.
        if version.uid != 0 {
            self.0.insert(version.uid, version.resource_version);
        }
    }

    /// Whether this object has ended since it was like this.
    pub(super) fn has(&self, metadata: &ObjectMeta) -> bool {
        let Version {
            uid,
            resource_version,
        } = Version::of(metadata);
        self.0
            .get(&uid)
            .is_some_and(|ended| resource_version <= *ended)
    }
}

impl Early {
    /// A watch from a moment ago on. It does nothing until it is asked for the next event; if it is refused, it has none.
    pub(super) fn new(api: Api<RawSealedSecret>, selector: &str) -> Self {
        let source = Source::new(api, selector);
        let begun = async move { source.begin().await };
        let events = stream::once(begun).filter_map(ready).flatten().boxed();
        Self {
            selector: selector.to_owned(),
            events,
            there: BTreeSet::new(),
            gone: Gone::default(),
        }
    }

    /// Takes in one event after the other. Loses none when it is dropped.
    pub(super) async fn follow(&mut self, state: &State) -> Infallible {
        while let Some(event) = self.events.next().await {
            self.take_in(state, event);
        }
        pending().await
    }

    fn take_in(&mut self, state: &State, event: WatchEvent<RawSealedSecret>) {
        match event {
            // It was read while its end was told.
            WatchEvent::Added(object) | WatchEvent::Modified(object)
                if self.gone.has(&object.metadata) => {}
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                self.there.insert(ObjectKey::of(&object.metadata));
                let lane = lane_of(&object);
                state.see_sealed(object, lane);
            }
            WatchEvent::Deleted(object) => {
                let key = ObjectKey::of(&object.metadata);
                self.there.remove(&key);
                self.gone.add(&object.metadata);
                state.end_sealed(&object.metadata);
            }
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
        }
    }

    /// Whether the list shows an object that is gone since, perhaps with another one of its name after it.
    pub(super) fn outdates(&self, state: &State, listed: &RawSealedSecret) -> bool {
        let key = ObjectKey::of(&listed.metadata);
        let version = Version::of(&listed.metadata);
        let another = |known: &SealedEntry| {
            known.version.uid != version.uid
                && known.version.resource_version > version.resource_version
        };
        let replaced = || state.index().sealed(&key).is_some_and(another);
        self.gone.has(&listed.metadata) || (self.there.contains(&key) && replaced())
    }

    /// Adds to what the list showed those objects that came after it and are there. One that ended meanwhile is not
    /// told of by the watch that follows if the list was later, so each is asked for. Returns what ended.
    pub(super) async fn complete(self, state: &State, listed: &mut BTreeSet<ObjectKey>) -> Gone {
        let unsure: Vec<_> = self.there.difference(listed).cloned().collect();
        let selector = self.selector.as_str();
        let asked = stream::iter(unsure).map(async |key| {
            let found = state.cluster.has_sealed_secret(&key, selector).await;
            // Where there is no answer, the watch brings it again.
            found.is_ok_and(|found| found).then_some(key)
        });
        let there: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        listed.extend(there.into_iter().flatten());
        self.gone
    }
}

/// Before the Secrets are listed, an object with an answer cannot be told from one that needs work: it waits for them.
pub(super) fn lane_of(object: &RawSealedSecret) -> Lane {
    if is_answered(object) {
        Lane::Sweep
    } else {
        Lane::Fresh
    }
}

fn is_answered(object: &RawSealedSecret) -> bool {
    object
        .status()
        .is_some_and(|status| status.observed_generation == object.metadata.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_hides_what_was_before_it_and_not_what_comes_after() {
        let metadata = |uid: &str, version: &str| ObjectMeta {
            uid: Some(uid.to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        };
        let (one, other) = (
            "3f7a1a52-8f5e-4c0f-9d2b-7a6b0f1c2d3e",
            "3f7a1a52-8f5e-4c0f-9d2b-7a6b0f1c2d3f",
        );
        let mut gone = Gone::default();
        assert!(!gone.has(&metadata(one, "5")));
        gone.add(&metadata(one, "7"));
        gone.add(&metadata("no UUID", "7"));
        let table = [
            (one, "5", true),
            (one, "7", true),
            (one, "8", false),
            (other, "5", false),
        ];
        for (uid, version, hidden) in table {
            assert_eq!(gone.has(&metadata(uid, version)), hidden, "{uid} {version}");
        }
        assert!(!gone.has(&metadata("no UUID", "5")));
    }
}
