//! Go maps with string keys: references, so that `set` is seen by everyone who holds the map.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Text, Type, Value};

/// The entries of a map, in the order of their keys, as Go prints them.
type Entries = BTreeMap<Vec<u8>, Value>;

/// A `map[string]T`. A clone is the same map.
#[derive(Clone)]
pub struct Map(Rc<MapCore>);

/// What the holders of a map share.
struct MapCore {
    value: Type,
    entries: RefCell<Entries>,
    nil: bool,
}

impl Map {
    /// A map, neither charged nor registered. Functions use [`crate::Call::map`].
    pub(crate) fn new(value: Type, entries: Entries) -> Self {
        Self(Rc::new(MapCore {
            value,
            entries: RefCell::new(entries),
            nil: false,
        }))
    }

    /// A nil map: reads as an empty one, is `null` in JSON, and cannot be written.
    pub fn nil(value: Type) -> Self {
        Self(Rc::new(MapCore {
            value,
            entries: RefCell::default(),
            nil: true,
        }))
    }

    /// The type of its values.
    pub fn value_type(&self) -> &Type {
        &self.0.value
    }

    /// Number of entries.
    #[allow(clippy::len_without_is_empty, reason = "Go has len only")]
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// The value of a key. Cheap: values are shared.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.entries.borrow().get(key).cloned()
    }

    /// All entries, sorted by key. Do not call [`crate::Call::map_set`] while it is held; take [`Map::entries`] for that.
    pub fn borrow(&self) -> Ref<'_, Entries> {
        self.0.entries.borrow()
    }

    /// A copy of the entries as they are now, sorted by key.
    pub fn entries(&self) -> Vec<(Text, Value)> {
        let entries = self.0.entries.borrow();
        entries
            .iter()
            .map(|(key, value)| (Text::new(key.as_slice()), value.clone()))
            .collect()
    }

    /// Whether both are the same map, not just equal ones.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it is a nil map.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// Sets an entry. Charged by [`crate::Call::map_set`].
    pub(crate) fn insert(&self, key: Vec<u8>, value: Value) {
        self.0.entries.borrow_mut().insert(key, value);
    }

    /// Removes an entry.
    pub(crate) fn remove(&self, key: &[u8]) {
        self.0.entries.borrow_mut().remove(key);
    }

    /// Takes all entries out.
    pub(crate) fn take(&self) -> Entries {
        self.0.entries.take()
    }
}
