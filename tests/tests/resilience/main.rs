//! Faults, restarts, attacks, and the search for leaked values. Run with `cargo xtask test --suite resilience`.

#![expect(clippy::print_stdout, reason = "figures for whoever runs the tests")]

mod ambiguous_targets;
mod amplification;
mod batch;
mod by_hand;
mod bystanders;
mod crowds;
mod faults;
mod first_list;
mod foreign_values;
mod hostile_objects;
mod http;
mod judge;
mod leaks;
mod malformed_requests;
mod read_only;
mod restart;
mod scene;
mod slow_clients;
mod throttled;
mod verify_flood;
mod watch_gap;
mod watch_late;
mod wire;
