//! Values that are neither scalars nor collections: times, durations, versions, certificates, errors.

use std::any::Any;

use super::{Kind, Value};
use crate::Entry;

/// A Go value of a named type.
pub trait Object {
    /// The type as `%T` writes it: `time.Time`, `*semver.Version`.
    fn type_name(&self) -> &'static str;

    /// Its `reflect.Kind`: `Struct`, `Ptr`, or that of [`Object::underlying`].
    fn kind(&self) -> Kind;

    /// The scalar beneath, for types like `time.Duration` (an `Int64`).
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// What its `String` or `Error` method gives; `None` if it has neither.
    fn string(&self) -> Option<Vec<u8>> {
        None
    }

    /// What its `GoString` method gives, which `%#v` asks for; `None` if it has none.
    fn go_string(&self) -> Option<Vec<u8>> {
        None
    }

    /// Exported fields of a struct (or of what a pointer points at), in order of declaration.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// A method by name. It is called with [`crate::Call::receiver`] set to this object.
    fn method(&self, name: &str) -> Option<&'static Entry> {
        let _ = name;
        None
    }

    /// What `encoding/json` makes of it; `None`: an object of its fields.
    fn json(&self) -> Option<Vec<u8>> {
        None
    }

    /// `reflect.DeepEqual` against another object of the same type name.
    fn deep_equal(&self, other: &dyn Object) -> bool;

    /// For functions that know the type.
    fn as_any(&self) -> &dyn Any;
}

/// Whether `other` is of the Rust type that `is_same` takes, and is the same: for [`Object::deep_equal`].
pub(crate) fn is_object<T: Any>(other: &dyn Object, is_same: impl FnOnce(&T) -> bool) -> bool {
    other.as_any().downcast_ref().is_some_and(is_same)
}
