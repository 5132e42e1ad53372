//! A cluster moves from upstream's controller to Signet's and back. Run with `cargo xtask test --suite migration`.

#![expect(clippy::print_stdout, reason = "figures for whoever runs the tests")]

mod fleet;
mod walk;
mod witness;
