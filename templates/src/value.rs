//! Values as Go has them: kinds of integers, texts of any bytes, slices with an element type, maps that are references.

mod list;
mod map;
mod object;
mod text;

pub use list::List;
pub use map::Map;
pub use object::Object;
pub(crate) use object::is_object;
pub use text::Text;

use std::rc::Rc;

/// A Go type, as far as templates can meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    Str,
    /// `[]T`
    Slice(Rc<Self>),
    /// `map[string]T`
    Map(Rc<Self>),
    /// A named type: `time.Time`, `*semver.Version`, `error` …
    Named(&'static str),
}

impl Type {
    /// `[]T`
    pub fn slice_of(element: Self) -> Self {
        Self::Slice(Rc::new(element))
    }

    /// `map[string]T`
    pub fn map_of(value: Self) -> Self {
        Self::Map(Rc::new(value))
    }

    /// The type as Go's `%T` writes it.
    pub fn name(&self) -> String {
        match self {
            Self::Any => "interface {}".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Uint8 => "uint8".to_owned(),
            Self::Uint64 => "uint64".to_owned(),
            Self::Float64 => "float64".to_owned(),
            Self::Str => "string".to_owned(),
            Self::Slice(element) => format!("[]{}", element.name()),
            Self::Map(value) => format!("map[string]{}", value.name()),
            Self::Named(name) => (*name).to_owned(),
        }
    }
}

/// What Go's `reflect.Kind` says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: an untyped nil.
    Invalid,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    Str,
    /// `slice`
    Slice,
    /// `map`
    Map,
    /// `struct`
    Struct,
    /// `ptr`
    Ptr,
}

impl Kind {
    /// The kind as Go writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Str => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Ptr => "ptr",
        }
    }
}

/// A value. Clones are cheap; lists are immutable, maps are shared as in Go.
///
/// No `Debug`: it holds what must not leak.
#[derive(Clone)]
pub enum Value {
    /// An untyped nil: `nil`, a missing entry of a `map[string]interface {}`.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int32`
    Int32(i32),
    /// `int64`
    Int64(i64),
    /// `uint8`
    Uint8(u8),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float64(f64),
    /// `string`: any bytes.
    Str(Text),
    /// A slice.
    List(List),
    /// A `map[string]T`.
    Map(Map),
    /// Anything else: times, versions, certificates, errors.
    Object(Rc<dyn Object>),
}

impl Value {
    /// The dynamic type; `None` for nil.
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Int32(_) => Type::Int32,
            Self::Int64(_) => Type::Int64,
            Self::Uint8(_) => Type::Uint8,
            Self::Uint64(_) => Type::Uint64,
            Self::Float64(_) => Type::Float64,
            Self::Str(_) => Type::Str,
            Self::List(list) => Type::slice_of(list.element().clone()),
            Self::Map(map) => Type::map_of(map.value_type().clone()),
            Self::Object(object) => Type::Named(object.type_name()),
        })
    }

    /// The kind, as `reflect.Kind`.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int32(_) => Kind::Int32,
            Self::Int64(_) => Kind::Int64,
            Self::Uint8(_) => Kind::Uint8,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float64(_) => Kind::Float64,
            Self::Str(_) => Kind::Str,
            Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// Whether `if` takes it for true: not zero, not empty. A struct is always true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Int32(value) => *value != 0,
            Self::Uint8(value) => *value != 0,
            Self::Uint64(value) => *value != 0,
            Self::Float64(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(list) => list.len() > 0,
            Self::Map(map) => map.len() > 0,
            Self::Object(object) => object.underlying().is_none_or(|value| value.truth()),
        }
    }

    /// The value as `int64`, if its kind is a signed integer.
    pub fn as_signed(&self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Int64(value) => Some(*value),
            Self::Int32(value) => Some(i64::from(*value)),
            Self::Object(object) => object.underlying()?.as_signed(),
            _ => None,
        }
    }

    /// The value as `uint64`, if its kind is an unsigned integer.
    pub fn as_unsigned(&self) -> Option<u64> {
        match self {
            Self::Uint8(value) => Some(u64::from(*value)),
            Self::Uint64(value) => Some(*value),
            Self::Object(object) => object.underlying()?.as_unsigned(),
            _ => None,
        }
    }
}
