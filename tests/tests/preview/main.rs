//! `signet-controller preview` on a cluster that the real upstream controller serves: it writes nothing, and what it
//! predicts is what then happens. Run with `cargo xtask test --suite preview`.

mod judge;
mod objects;
mod outcomes;
mod walk;
