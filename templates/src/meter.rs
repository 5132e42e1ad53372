//! What the templates of one object may use up, charged before it is used.
//!
//! Memory is counted in one direction: what a template makes is charged and never given back, so the total of all
//! values ever made is below the limit, and with it what is alive at any time. That is stricter than counting what is
//! alive, and cannot be got wrong by a forgotten or doubled refund.

use crate::Fault;

/// The limits. They are the same for everyone, and are documented in docs/guide/templates.md.
pub struct Limits;

impl Limits {
    /// Steps: about one for each node evaluated, element visited, and 64 bytes looked at.
    pub const STEPS: u64 = 1_000_000;
    /// Bytes of memory for values, over all templates of an object.
    pub const MEMORY: u64 = 16 << 20;
    /// Bytes of output, over all templates of an object.
    pub const OUTPUT: u64 = 1 << 20;
    /// Depth of nested values, of nested actions, and of `template` calls.
    pub const DEPTH: usize = 64;
    /// Depth of lists, branches, calls of templates and parentheses while a template runs.
    pub const CALLS: usize = 150;
    /// Variables that are in scope.
    pub const VARIABLES: usize = 1000;
    /// Bytes of one template's text.
    pub const TEMPLATE: usize = 1 << 20;
    /// Width and precision in `printf`.
    pub const WIDTH: usize = 10_000;
    /// Bytes of a compiled regular expression.
    pub const REGEX: usize = 1 << 20;
}

/// Bytes that every text, list or map costs beside its content.
pub(crate) const OVERHEAD: usize = 48;

/// What is left.
pub struct Meter {
    steps: u64,
    memory: u64,
    output: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            steps: Limits::STEPS,
            memory: Limits::MEMORY,
            output: Limits::OUTPUT,
        }
    }
}

impl Meter {
    /// Uses up steps.
    ///
    /// # Errors
    /// [`Fault::too_expensive`] if fewer are left.
    pub fn step(&mut self, count: u64) -> Result<(), Fault> {
        take(&mut self.steps, count, "more than 1000000 steps")
    }

    /// Uses up memory.
    ///
    /// # Errors
    /// [`Fault::too_expensive`] if less is left.
    pub fn allocate(&mut self, bytes: usize) -> Result<(), Fault> {
        take(&mut self.memory, bytes as u64, "more than 16 MiB of memory")
    }

    /// Whether that much memory is left; uses up nothing.
    ///
    /// # Errors
    /// [`Fault::too_expensive`] if less is left.
    pub fn room(&mut self, bytes: usize) -> Result<(), Fault> {
        let mut left = self.memory;
        take(&mut left, bytes as u64, "more than 16 MiB of memory")
    }

    /// Uses up output.
    ///
    /// # Errors
    /// [`Fault::too_expensive`] if less is left.
    pub fn output(&mut self, bytes: usize) -> Result<(), Fault> {
        take(&mut self.output, bytes as u64, "more than 1 MiB of output")
    }
}

/// After the first failure nothing is left: a function that swallows the fault cannot go on.
fn take(left: &mut u64, count: u64, what: &'static str) -> Result<(), Fault> {
    match left.checked_sub(count) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            *left = 0;
            Err(Fault::too_expensive(what))
        }
    }
}
