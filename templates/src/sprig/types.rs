//! sprig: typeOf, kindIs, deepEqual.

use crate::Entry;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[];
