//! sprig: random texts, numbers and ids.

use crate::Entry;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[];
