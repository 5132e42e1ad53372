//! What the controller does on a real API server, row by row of the design: status, ownership, repair, failures, keys. Run with `cargo xtask test --suite behaviour`.
