//! A cluster moves from upstream's controller to Signet's and back. Run with `cargo xtask test --suite migration`.

mod fleet;
mod walk;
mod witness;
