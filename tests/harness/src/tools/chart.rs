//! Packs upstream's chart, which lies in the module that its programs are built from.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::build::{cannot_run_go, go};

/// Writes an archive that Helm takes as a chart.
pub(super) fn pack(source: &Path, module: &str, output: &Path) -> anyhow::Result<()> {
    let download = go("go", source)
        .args(["mod", "download", "-json", module])
        .output()
        .map_err(cannot_run_go)?;
    ensure!(
        download.status.success(),
        "`go mod download {module}` failed: {}",
        String::from_utf8_lossy(&download.stderr)
    );
    let facts: Value = serde_json::from_slice(&download.stdout)?;
    let folder = facts["Dir"].as_str().context("the module has a folder")?;
    let packed = std::process::Command::new("tar")
        .arg("--create")
        .arg("--gzip")
        .arg("--file")
        .arg(output)
        .arg("--directory")
        .arg(Path::new(folder).join("helm"))
        .arg("sealed-secrets")
        .status()
        .context("run tar")?;
    ensure!(packed.success(), "tar failed with {packed}");
    Ok(())
}
