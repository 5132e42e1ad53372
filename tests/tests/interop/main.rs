//! Signet beside the real upstream programs: each opens what the other sealed, with the same keys, and each program is
//! understood by the other's peer. Run with `cargo xtask test --suite interop`.

mod access;
mod environment;
mod http;
mod identity;
mod keys;
mod line;
mod matrix;
mod observe;
mod peers;
mod request;
mod rotate;
mod runbooks;
mod ways;
mod world;
