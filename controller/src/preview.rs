//! `signet-controller preview`: what this controller would do in a cluster, without doing it.
//!
//! Reads keys, SealedSecrets and Secrets with get and list, and writes nothing. The decisions are those of a pass: the
//! same functions open, assemble and plan.

mod changes;
mod command;
mod keys;
mod predict;
mod read;
mod report;
mod valid;

pub use command::{NAME, main};
