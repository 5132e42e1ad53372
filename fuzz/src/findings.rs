//! Panics as results: what was said, and where.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// A panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caught {
    /// File and line of our own code or a library's.
    pub(crate) place: String,
    message: String,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs a target on one input.
pub(crate) fn catch(run: fn(&[u8]), input: &[u8]) -> Result<(), Caught> {
    HOOK.call_once(keep_panics_of_targets);
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| run(input)));
    QUIET.set(false);
    result.map_err(|_| {
        LAST.take().unwrap_or(Caught {
            place: "unknown".to_owned(),
            message: "a panic on another thread".to_owned(),
        })
    })
}

/// Panics inside [`catch`] are remembered and not printed; others go where they went before.
fn keep_panics_of_targets() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            return before(info);
        }
        let place = info
            .location()
            .map_or_else(String::new, ToString::to_string);
        let message = info.payload_as_str().unwrap_or("a panic without a text");
        LAST.set(Some(Caught {
            place,
            message: message.to_owned(),
        }));
    }));
}
