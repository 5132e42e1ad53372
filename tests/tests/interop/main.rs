//! Signet beside the real upstream programs: each opens what the other sealed, with the same keys. Run with `cargo xtask test --suite interop`.
