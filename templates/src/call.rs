//! Calling a function: what it declares, what it is given, what it may use.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand::CryptoRng;

use crate::meter::OVERHEAD;
use crate::{Fault, Limits, List, Map, Meter, Object, Text, Type, Value};

/// A parameter's type in Go. The evaluator checks and converts as `text/template` does: a literal `3` fits `Int`, `Int64`
/// and `Float64`, a variable that holds an `int` fits `Int` and `Any` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// `interface{}`: anything, nil included.
    Any,
    /// `string`
    Str,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint32`: no value has this type, only constants fit.
    Uint32,
    /// `float64`
    Float64,
    /// `[]interface{}`
    Anys,
    /// `[]string`
    Strs,
    /// `map[string]interface{}`; nil gives a nil map.
    Map,
    /// A named type, as `%T` writes it.
    Named(&'static str),
}

/// A function of templates, or a method of an object.
pub struct Entry {
    /// Its name in templates.
    pub name: &'static str,
    /// Types of the fixed parameters.
    pub params: &'static [Param],
    /// Type of the variadic parameter.
    pub rest: Option<Param>,
    /// The code.
    pub run: fn(&mut Call<'_, '_>) -> Result<Value, Fault>,
    /// Whether it makes keys or hashes passwords: only with `--template-functions=all`.
    pub key_making: bool,
    /// Whether two calls with the same arguments can differ.
    pub varies: bool,
}

impl Entry {
    /// A function with these parameters.
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        run: fn(&mut Call<'_, '_>) -> Result<Value, Fault>,
    ) -> Self {
        Self {
            name,
            params,
            rest: None,
            run,
            key_making: false,
            varies: false,
        }
    }

    /// A function with these parameters, and any number of further ones of type `rest`.
    pub const fn variadic(
        name: &'static str,
        params: &'static [Param],
        rest: Param,
        run: fn(&mut Call<'_, '_>) -> Result<Value, Fault>,
    ) -> Self {
        Self {
            rest: Some(rest),
            ..Self::new(name, params, run)
        }
    }

    /// Marks it: makes keys or hashes passwords.
    #[must_use]
    pub const fn key_making(mut self) -> Self {
        self.key_making = true;
        self
    }

    /// Marks it: depends on time or chance.
    #[must_use]
    pub const fn varies(mut self) -> Self {
        self.varies = true;
        self
    }
}

/// What all templates of one object share while they are rendered.
pub struct Env<'e> {
    /// What is left of the limits.
    pub meter: Meter,
    /// The time that `now` gives.
    pub now: Timestamp,
    /// Where random functions draw from.
    pub rng: &'e mut dyn CryptoRng,
    /// Every map that was made. Maps can hold each other in circles, so they are emptied at the end; and they go
    /// one by one then, so that a long chain of them does not recurse.
    maps: Vec<Map>,
}

impl<'e> Env<'e> {
    /// A fresh one, with full limits.
    pub fn new(now: Timestamp, rng: &'e mut dyn CryptoRng) -> Self {
        Self {
            meter: Meter::default(),
            now,
            rng,
            maps: Vec::new(),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn text(&mut self, bytes: impl Into<Vec<u8>>) -> Result<Value, Fault> {
        let bytes = bytes.into();
        self.meter.allocate(bytes.len() + OVERHEAD)?;
        Ok(Value::Str(Text::new(bytes)))
    }

    /// A slice.
    ///
    /// # Errors
    /// [`Fault::too_expensive`], also if lists are nested too deeply.
    pub fn list(&mut self, element: Type, items: Vec<Value>) -> Result<Value, Fault> {
        self.meter
            .allocate(items.len() * size_of::<Value>() + OVERHEAD)?;
        let list = List::new(element, items);
        if list.depth() as usize > Limits::DEPTH {
            return Err(Fault::too_deep());
        }
        Ok(Value::List(list))
    }

    /// A map.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn map(&mut self, value: Type, entries: BTreeMap<Vec<u8>, Value>) -> Result<Value, Fault> {
        let bytes: usize = entries.keys().map(|key| entry_size(key)).sum();
        self.meter.allocate(bytes + OVERHEAD + NODE)?;
        let map = Map::new(value, entries);
        self.maps.push(map.clone());
        Ok(Value::Map(map))
    }

    /// Sets an entry of a map, for everyone who holds the map.
    ///
    /// # Errors
    /// [`Fault::too_expensive`], or if it is a nil map.
    pub fn map_set(&mut self, map: &Map, key: &[u8], value: Value) -> Result<(), Fault> {
        if map.is_nil() {
            return Err(Fault::failed("assignment to entry in nil map"));
        }
        self.meter.allocate(entry_size(key))?;
        map.insert(key.to_vec(), value);
        Ok(())
    }
}

impl Drop for Env<'_> {
    fn drop(&mut self) {
        for map in &self.maps {
            drop(map.take());
        }
    }
}

/// A node of a `BTreeMap` with its eleven slots. It is there whole as soon as a map has one entry.
const NODE: usize = 11 * (size_of::<Vec<u8>>() + size_of::<Value>()) + OVERHEAD;

/// What an entry of a map takes beside its key's text: its part of a node, of which as few as five slots may be taken.
pub(crate) const ENTRY: usize = OVERHEAD + NODE / 5;

fn entry_size(key: &[u8]) -> usize {
    key.len() + ENTRY
}

/// One call. Argument accessors give what the declared parameter promises, so a failure there is a wrong declaration.
pub struct Call<'a, 'e> {
    /// The function's name.
    pub name: &'static str,
    /// The arguments, checked and converted.
    pub args: &'a [Value],
    /// For a method: the object it is called on.
    pub receiver: Option<&'a Value>,
    /// Limits, time, chance.
    pub env: &'a mut Env<'e>,
}

impl<'a> Call<'a, '_> {
    /// An argument.
    ///
    /// # Errors
    /// A [`Fault`] if there is none.
    pub fn any(&self, index: usize) -> Result<&'a Value, Fault> {
        self.args
            .get(index)
            .ok_or(Fault::failed("wrong number of args"))
    }

    /// An argument that is a string.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn str(&self, index: usize) -> Result<&'a [u8], Fault> {
        match self.any(index)? {
            Value::Str(text) => Ok(text),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is an `int` or `int64`.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn int(&self, index: usize) -> Result<i64, Fault> {
        match self.any(index)? {
            Value::Int(value) | Value::Int64(value) => Ok(*value),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is a `uint32`.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn uint32(&self, index: usize) -> Result<u32, Fault> {
        match self.any(index)? {
            Value::Uint64(value) => u32::try_from(*value).map_err(|_| Fault::wrong_type()),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is a `float64`.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn float(&self, index: usize) -> Result<f64, Fault> {
        match self.any(index)? {
            Value::Float64(value) => Ok(*value),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is a `bool`.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn bool(&self, index: usize) -> Result<bool, Fault> {
        match self.any(index)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is a slice, of any element type.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn slice(&self, index: usize) -> Result<&'a List, Fault> {
        match self.any(index)? {
            Value::List(list) => Ok(list),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument that is a map, of any value type.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn dict(&self, index: usize) -> Result<&'a Map, Fault> {
        match self.any(index)? {
            Value::Map(map) => Ok(map),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// An argument, or the receiver of a method, that is an object of this Rust type.
    ///
    /// # Errors
    /// A [`Fault`] if it is something else.
    pub fn object<T: Object + 'static>(&self, value: &'a Value) -> Result<&'a T, Fault> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref().ok_or(Fault::wrong_type()),
            _ => Err(Fault::wrong_type()),
        }
    }

    /// Charges work that is more than linear in the arguments: bytes or elements looked at.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn work(&mut self, bytes: usize) -> Result<(), Fault> {
        self.env.meter.step(bytes as u64 / 64 + 1)
    }

    /// Whether a result of this size fits; charges nothing. Call it before allocating what may be large.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn room(&mut self, bytes: usize) -> Result<(), Fault> {
        self.env.meter.room(bytes)
    }

    /// What `fmt.Sprint` makes of a value (`%v`), charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn print(&mut self, value: &Value) -> Result<Vec<u8>, Fault> {
        crate::format::print(&mut self.env.meter, value)
    }

    /// What sprig's `strval` makes of a value: as [`Call::print`], but a `[]uint8` is its bytes.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn strval(&mut self, value: &Value) -> Result<Vec<u8>, Fault> {
        if let Value::List(list) = value
            && *list.element() == Type::Uint8
        {
            self.room(list.len())?;
            return Ok(list.items().iter().filter_map(byte).collect());
        }
        self.print(value)
    }

    /// A string, charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn text(&mut self, bytes: impl Into<Vec<u8>>) -> Result<Value, Fault> {
        self.env.text(bytes)
    }

    /// A slice, charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn list(&mut self, element: Type, items: Vec<Value>) -> Result<Value, Fault> {
        self.env.list(element, items)
    }

    /// A `[]string`, charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn texts<T: Into<Vec<u8>>>(
        &mut self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Value, Fault> {
        let items: Result<_, _> = items.into_iter().map(|item| self.env.text(item)).collect();
        self.env.list(Type::Str, items?)
    }

    /// A map, charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`].
    pub fn map(&mut self, value: Type, entries: BTreeMap<Vec<u8>, Value>) -> Result<Value, Fault> {
        self.env.map(value, entries)
    }

    /// Sets an entry of a map, for everyone who holds the map; charged.
    ///
    /// # Errors
    /// [`Fault::too_expensive`], or if it is a nil map.
    pub fn map_set(&mut self, map: &Map, key: &[u8], value: Value) -> Result<(), Fault> {
        self.env.map_set(map, key, value)
    }

    /// Removes an entry of a map, for everyone who holds the map.
    pub fn map_remove(&mut self, map: &Map, key: &[u8]) {
        map.remove(key);
    }
}

fn byte(value: &Value) -> Option<u8> {
    match value {
        Value::Uint8(byte) => Some(*byte),
        _ => None,
    }
}
