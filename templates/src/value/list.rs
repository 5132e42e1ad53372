//! Go slices. Nothing in Go templates or sprig writes into a slice, so they are immutable and can share their elements.

use std::rc::Rc;

use super::{Type, Value};

/// A slice: an element type, and a window on shared elements.
#[derive(Clone)]
pub struct List(Rc<Window>);

struct Window {
    element: Type,
    /// Elements up to the capacity; the window is its first `len` from `start`.
    all: Rc<[Value]>,
    start: usize,
    len: usize,
    nil: bool,
    depth: u32,
}

impl List {
    /// A slice of these elements, not charged. Functions use [`crate::Call::list`].
    pub fn new(element: Type, items: Vec<Value>) -> Self {
        let depth = items.iter().map(depth).max().unwrap_or(0) + 1;
        Self(Rc::new(Window {
            element,
            start: 0,
            len: items.len(),
            all: items.into(),
            nil: false,
            depth,
        }))
    }

    /// A nil slice: prints as an empty one, and is `null` in JSON.
    pub fn nil(element: Type) -> Self {
        Self(Rc::new(Window {
            element,
            all: Rc::new([]),
            start: 0,
            len: 0,
            nil: true,
            depth: 1,
        }))
    }

    /// `list[from:to]`; both up to the capacity. `None` if out of range.
    #[must_use]
    pub fn window(&self, from: usize, to: usize) -> Option<Self> {
        (from <= to && to <= self.capacity()).then(|| {
            Self(Rc::new(Window {
                element: self.0.element.clone(),
                all: Rc::clone(&self.0.all),
                start: self.0.start + from,
                len: to - from,
                nil: self.0.nil,
                depth: self.0.depth,
            }))
        })
    }

    /// The element type.
    pub fn element(&self) -> &Type {
        &self.0.element
    }

    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.0.all[self.0.start..self.0.start + self.0.len]
    }

    /// Number of elements.
    #[allow(clippy::len_without_is_empty, reason = "Go has len only")]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// How far the slice may be re-sliced.
    pub fn capacity(&self) -> usize {
        self.0.all.len() - self.0.start
    }

    /// Whether both are the same elements in memory, not just equal ones.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0.all, &other.0.all)
            && self.0.start == other.0.start
            && self.0.len == other.0.len
    }

    /// Whether it is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// How deeply lists are nested in it, itself included. Maps count as flat: they are held elsewhere.
    pub(crate) fn depth(&self) -> u32 {
        self.0.depth
    }
}

fn depth(value: &Value) -> u32 {
    match value {
        Value::List(list) => list.depth(),
        _ => 0,
    }
}
