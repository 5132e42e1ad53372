//! sprig: default, empty, coalesce, all, any, ternary.

use crate::Entry;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[];
