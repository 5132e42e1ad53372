//! A Go string: any bytes, shared, wiped when the last holder goes.

use std::ops::Deref;
use std::rc::Rc;

use zeroize::Zeroizing;

/// A Go string. May hold a value of a Secret, so it has no `Debug`.
#[derive(Clone)]
pub struct Text(Rc<Zeroizing<Vec<u8>>>);

impl Text {
    /// A text of these bytes, not charged. Functions use [`crate::Call::text`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Rc::new(Zeroizing::new(bytes.into())))
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
