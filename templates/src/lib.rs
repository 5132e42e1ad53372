//! Go templates with sprig functions, as SealedSecrets use them in `spec.template.data`.
//!
//! Pure: no file system, no environment, no clock. `now` and the random generator are arguments.
//!
//! Templates are written by people who are not trusted, over values that must not leak (docs/trust.md rows 8 and 9):
//!
//! - everything that costs is charged to a [`Meter`] *before* it is done, one meter for all templates of an object;
//! - an error is a kind, a function name and a position. It cannot hold a value: [`Fault`] takes `&'static str` only.
//!
//! # Writing a function
//!
//! A function is an [`Entry`] in a table of a module under `sprig`: its name, what its parameters are in Go, and a plain
//! `fn`. The evaluator checks the number and types of the arguments as Go's `text/template` does before it calls, so
//! the `fn` reads them with [`Call::str`], [`Call::int`], [`Call::any`] and the like.
//!
//! ```
//! use signet_templates::{Call, Entry, Fault, Param, Value};
//!
//! const FUNCTIONS: &[Entry] = &[
//!     Entry::new("upper", &[Param::Str], upper),
//!     Entry::variadic("coalesce", &[], Param::Any, coalesce),
//! ];
//!
//! fn upper(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
//!     let text = String::from_utf8_lossy(call.str(0)?).to_uppercase();
//!     call.text(text) // charges the bytes
//! }
//!
//! fn coalesce(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
//!     Ok(call.args.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Nil))
//! }
//! # let _ = FUNCTIONS;
//! ```
//!
//! Rules for a function:
//!
//! - Make values with [`Call::text`], [`Call::list`], [`Call::map`]: they charge. Where the result can be much larger than
//!   the arguments (repeat, indent, until), call [`Call::room`] with its size first, before anything is allocated.
//! - Where the work is more than linear in the arguments, call [`Call::work`] with the number of bytes or elements looked
//!   at. Linear work is charged by the evaluator.
//! - Walk nested values with a depth and give up at [`Limits::DEPTH`] ([`Fault::too_deep`]): maps are references, and a
//!   map can hold itself.
//! - Never panic, never loop without charging, never put data into an error.

/// Version of what templates make: raised by a change that gives another result for some template.
pub const VERSION: &str = "1";

mod ast;
mod builtins;
mod call;
mod error;
mod exec;
mod format;
mod meter;
mod parse;
mod registry;
mod render;
mod sprig;
mod strconv;
mod total;
mod value;

pub use call::{Call, Entry, Env, Param};
pub use error::{Fault, FaultKind};
pub use meter::{Limits, Meter};
pub use registry::{FUNCTIONS, find};
pub use render::{Functions, Mode, Options, Rendered, TemplateError, render};
pub use value::{Kind, List, Map, Object, Text, Type, Value};
