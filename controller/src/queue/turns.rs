//! Whose turn it is in one lane: namespaces take turns, and within one the oldest is first.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::index::ObjectKey;

#[derive(Default)]
pub(super) struct Turns {
    order: VecDeque<Arc<str>>,
    by_namespace: HashMap<Arc<str>, VecDeque<ObjectKey>>,
    pub(super) len: usize,
}

impl Turns {
    pub(super) fn push(&mut self, key: ObjectKey) {
        let queue = self
            .by_namespace
            .entry(Arc::clone(&key.namespace))
            .or_default();
        if queue.is_empty() {
            self.order.push_back(Arc::clone(&key.namespace));
        }
        queue.push_back(key);
        self.len += 1;
    }

    pub(super) fn has(&self, key: &ObjectKey) -> bool {
        let queue = self.by_namespace.get(&key.namespace);
        queue.is_some_and(|queue| queue.contains(key))
    }

    /// The next object of the next namespace that may have a turn.
    pub(super) fn pop(&mut self, may: impl Fn(&str) -> bool) -> Option<ObjectKey> {
        let place = self.order.iter().position(|namespace| may(namespace))?;
        let namespace = self.order.remove(place)?;
        let queue = self.by_namespace.get_mut(&namespace)?;
        let key = queue.pop_front();
        if queue.is_empty() {
            self.by_namespace.remove(&namespace);
        } else {
            self.order.push_back(namespace);
        }
        self.len -= usize::from(key.is_some());
        key
    }

    /// Puts the highest rank first, within each namespace and of the namespaces.
    pub(super) fn sort(&mut self, rank: impl Fn(&ObjectKey) -> u64) {
        for queue in self.by_namespace.values_mut() {
            let keys = queue.make_contiguous();
            keys.sort_by_cached_key(|key| Reverse(rank(key)));
        }
        let first = |namespace: &Arc<str>| self.by_namespace.get(namespace)?.front().map(&rank);
        let order = self.order.make_contiguous();
        order.sort_by_cached_key(|namespace| Reverse(first(namespace)));
    }
}
