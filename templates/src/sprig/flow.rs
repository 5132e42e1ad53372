//! sprig: fail and hello.

use crate::{Call, Entry, Fault, Param, Value};

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[
    Entry::new("fail", &[Param::Str], fail),
    Entry::new("hello", &[], hello),
];

/// The message is not shown: it may hold a value.
fn fail(_: &mut Call<'_, '_>) -> Result<Value, Fault> {
    Err(Fault::failed("called by the template"))
}

fn hello(call: &mut Call<'_, '_>) -> Result<Value, Fault> {
    call.text("Hello!")
}
