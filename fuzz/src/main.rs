//! Runs the fuzz targets and the measurement of timing: `cargo xtask soak fuzz`, `cargo xtask soak timing`.

fn main() -> std::process::ExitCode {
    signet_fuzz::program::main()
}
