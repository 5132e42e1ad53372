//! Several replicas: who works, what happens when the leader goes, sleeps or is cut off, and that two never do harm
//! (ARCHITECTURE.md "Several replicas"). Run with `cargo xtask test --suite replicas`.

mod by_hand;
mod frozen;
mod hand_over;
mod keys;
mod outage;
mod refused;
mod rights;
mod scene;
mod two_installations;
mod upstream;
