//! What the controller does on a real API server, section by section of ARCHITECTURE.md: status, ownership, repair, failures, keys.
//! Run with `cargo xtask test --suite behaviour`.

mod admission;
mod content;
mod documented_restore;
mod drift;
mod failures;
mod forged;
mod in_sync;
mod keys;
mod ownership;
mod ownership_marks;
mod refused_keys;
mod repair;
mod restart;
mod scene;
mod scopes;
mod sealing_key;
mod status;
mod suspects;
mod templates;
mod trust;
mod version;
