//! The real `kubeseal` and ours on the same input: each row of a table runs both in folders that are the same, and compares
//! exit code, stdout, stderr and every file. What differs on purpose cites `tests/differences.toml`.
//!
//! Run with `cargo xtask test --suite kubeseal`. `SIGNET_ROWS=text` runs only the rows whose name holds the text, and prints
//! what both programs did.

mod coverage;
mod matrix;
mod outcome;
mod pairs;
mod row;
mod rows;
mod run;
mod scalars;
mod scenarios;
mod web;
mod world;
