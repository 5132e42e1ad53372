//! Where Signet's own programs are while tests run.

use std::path::PathBuf;

use anyhow::{Context, ensure};

/// The folder of Signet's built programs; `cargo xtask test` sets it.
pub const DIR_VARIABLE: &str = "SIGNET_BIN_DIR";

/// The path of one of Signet's own programs, as `cargo xtask test` built it.
pub fn path(name: &str) -> anyhow::Result<PathBuf> {
    let dir = std::env::var_os(DIR_VARIABLE)
        .with_context(|| format!("{DIR_VARIABLE} is not set; run `cargo xtask test`"))?;
    let path = PathBuf::from(dir).join(name);
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}
