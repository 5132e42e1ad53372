//! Faults, restarts, attacks, and the search for leaked values. Run with `cargo xtask test --suite resilience`.

mod batch;
mod by_hand;
mod bystanders;
mod faults;
mod judge;
mod restart;
mod scene;
