//! What must stay true of the source itself. No cluster and no network: `cargo test -p signet-tests --test invariants`.

mod build;
mod ci;
mod dependencies;
mod differences;
mod documents;
mod sources;
mod trust;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The top of the repository.
fn root() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().context("the repository")
}

/// Every committed file that is still there, from the top.
fn committed() -> anyhow::Result<Vec<PathBuf>> {
    let root = root()?;
    let mut git = Command::new("git");
    git.args(["ls-files", "-z"]).current_dir(&root);
    // A hook of git's, and some people, point it to another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    let output = git.output()?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout)?;
    let files: Vec<_> = names
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|path| root.join(path).is_file())
        .collect();
    ensure!(
        files.len() > 100,
        "only {} files: this is not the repository",
        files.len()
    );
    Ok(files)
}

/// The text of a file from the top.
fn read(path: &Path) -> anyhow::Result<String> {
    let bytes =
        std::fs::read(root()?.join(path)).with_context(|| format!("read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
