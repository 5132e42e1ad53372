//! The cache of built programs: one folder for each tools module, keyed by all that its programs depend on.
//!
//! Several processes may ask at once: a lock file lets one build and the others wait, and a program appears under its
//! name only when it is whole.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::Tool;
use super::build::{self, Module};

const CACHE_VARIABLE: &str = "SIGNET_TOOLS_CACHE";

pub(super) fn ensure(wanted: &[Tool]) -> anyhow::Result<BTreeMap<Tool, PathBuf>> {
    let mut paths = BTreeMap::new();
    for module in Module::ALL {
        let tools: Vec<Tool> = Tool::ALL
            .iter()
            .copied()
            .filter(|tool| wanted.contains(tool) && Module::of(*tool) == *module)
            .collect();
        if tools.is_empty() {
            continue;
        }
        let folder = folder(*module)?;
        for &tool in &tools {
            paths.insert(tool, folder.join(tool.file_name()));
        }
        build_missing(*module, &tools, &folder)?;
    }
    Ok(paths)
}

fn build_missing(module: Module, tools: &[Tool], folder: &Path) -> anyhow::Result<()> {
    let is_missing = |tool: &&Tool| !folder.join(tool.file_name()).is_file();
    if tools.iter().filter(is_missing).count() == 0 {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let _lock = lock(&folder.join(".lock"))?;
    for &tool in tools.iter().filter(is_missing) {
        let partial = folder.join(format!(".{}.partial", tool.file_name()));
        build::build(module, tool, &partial)?;
        fs::rename(&partial, folder.join(tool.file_name()))?;
    }
    Ok(())
}

/// Held until the file is dropped, also when the process is killed.
fn lock(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("tools: another process is building the same programs; waiting for it");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error).context("lock the cache of tools"),
    }
    Ok(file)
}

fn folder(module: Module) -> anyhow::Result<PathBuf> {
    let source = module.source();
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let path = source.join(file);
        hash.update(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
    }
    // The version of Go that this module selects, and the target.
    hash.update(build::go_facts(&source)?);
    let key: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(root()?.join(format!("{}-{key}", module.name())))
}

fn root() -> anyhow::Result<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from(CACHE_VARIABLE)
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("signet/tools")))
        .or_else(|| Some(from("HOME")?.join(".cache/signet/tools")))
        .with_context(|| format!("neither {CACHE_VARIABLE}, XDG_CACHE_HOME nor HOME is set"))
}
