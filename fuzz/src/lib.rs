//! Fuzz targets over everything of Signet that reads bytes of somebody else, and what drives them on stable Rust.
//!
//! A target is a plain function over bytes that panics if something does not hold: [`targets`]. The driver mutates real
//! inputs, keeps those that show a new behaviour, and reports an input that panics, hangs, or ends the process:
//! [`driver`], [`process`]. Private operations are faked ([`fake`]), so that millions of inputs get past them.
//!
//! [`timing`] is a measurement of its own: whether the ways in which an opening fails differ in time.

pub mod driver;
pub mod fake;
pub mod feedback;
mod findings;
mod mutate;
#[cfg(test)]
mod planted;
pub mod process;
pub mod program;
pub mod targets;
pub mod timing;

/// One fuzz target and what its inputs look like.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// Runs one input. Panics if something does not hold.
    pub run: fn(&[u8]),
    /// Real inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that inputs are made of.
    pub words: &'static [&'static str],
    /// Longest input, in bytes. What must be read in linear time is not tested with more.
    pub longest: usize,
    /// Executions of a soak: ten millions for parsers, one million for what does more.
    pub executions: u64,
}

/// Executions of a soak for a parser.
pub(crate) const PARSER: u64 = 10_000_000;
/// Executions of a soak for what does more than parse.
pub(crate) const WHOLE: u64 = 1_000_000;
