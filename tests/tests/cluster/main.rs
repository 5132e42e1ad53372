//! Tests against a real control plane and the real upstream programs. Run them with `cargo xtask test`.

mod harness;
mod thread;
