//! The chart: rendered over a grid of values and judged by the real API server, and installed, upgraded and uninstalled by
//! the real Helm. Run with `cargo xtask test --suite chart`.

mod grid;
mod install;
mod manifests;
mod metrics;
mod permissions;
mod row;
mod rows;
mod scene;
mod swap;
mod umbrella;
mod versions;
