//! What an expression may hold and cost while it is read and compiled, charged before it is built.
//!
//! An expression is a language of its own, in which little text asks for much: `\pL` has three characters and holds 5 KiB.

use std::collections::BTreeMap;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::{Fault, Limits, Meter};

/// Why an expression cannot be used.
pub(super) enum Unusable {
    /// Go refuses it as well (or it is nested more deeply than we take).
    Syntax,
    /// It takes more than [`Limits::REGEX`].
    TooLarge,
    /// The object has used up what it may have.
    Spent(Fault),
}

impl From<Fault> for Unusable {
    fn from(fault: Fault) -> Self {
        Self::Spent(fault)
    }
}

impl From<Unusable> for Fault {
    fn from(why: Unusable) -> Self {
        match why {
            Unusable::Syntax => Self::failed("error parsing regexp"),
            Unusable::TooLarge => Self::too_expensive("a regular expression of more than 1 MiB"),
            Unusable::Spent(fault) => fault,
        }
    }
}

/// What is left for one expression, and the classes with a name that it has used already.
pub(super) struct Budget<'m> {
    meter: &'m mut Meter,
    /// Bytes of ranges in all classes so far. Nothing is given back.
    held: usize,
    /// By name without case and punctuation, and whether they are folded.
    pub(super) known: BTreeMap<(String, bool), ClassUnicode>,
}

impl<'m> Budget<'m> {
    pub(super) fn new(meter: &'m mut Meter) -> Self {
        Self {
            meter,
            held: 0,
            known: BTreeMap::new(),
        }
    }

    /// Takes room for so many ranges of a class, and charges what making and compiling them costs.
    pub(super) fn hold(&mut self, ranges: usize) -> Result<(), Unusable> {
        let bytes = ranges.saturating_mul(size_of::<ClassUnicodeRange>());
        self.held = self.held.saturating_add(bytes);
        if self.held > Limits::REGEX {
            return Err(Unusable::TooLarge);
        }
        self.meter.room(self.held)?;
        self.work(bytes.saturating_mul(4))
    }

    /// Charges work: bytes looked at.
    pub(super) fn work(&mut self, bytes: usize) -> Result<(), Unusable> {
        Ok(self.meter.step(bytes as u64 / 64 + 1)?)
    }
}
