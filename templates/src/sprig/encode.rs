//! sprig: base64 and base32.

use crate::Entry;

/// The functions of this module.
pub(crate) const FUNCTIONS: &[Entry] = &[];
