//! The cache of built programs: one folder for each tools module, keyed by all that its programs depend on.
//!
//! Several processes may ask at once: a lock file lets one build and the others wait, and a program appears under its
//! name only when it is whole.

#![expect(clippy::print_stderr, reason = "a wait of minutes needs a word")]

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::Tool;
use super::build::{self, Module};

const CACHE_VARIABLE: &str = "SIGNET_TOOLS_CACHE";

/// Where each wanted program is, or will be when [`ensure`] is done. Quick; fails when Go is missing.
pub(super) fn locate(wanted: &[Tool]) -> anyhow::Result<BTreeMap<Tool, PathBuf>> {
    let mut folders: Vec<(Module, PathBuf)> = Vec::new();
    let mut paths = BTreeMap::new();
    for &tool in wanted {
        let module = Module::of(tool);
        let known = folders.iter().find(|(other, _)| *other == module);
        let folder = match known {
            Some((_, folder)) => folder.clone(),
            None => folder(module)?,
        };
        paths.insert(tool, folder.join(tool.file_name()));
        folders.push((module, folder));
    }
    Ok(paths)
}

/// Builds what [`locate`] named and is not there yet, quickest first.
pub(super) fn ensure(paths: &BTreeMap<Tool, PathBuf>) -> anyhow::Result<()> {
    for &tool in Tool::ALL {
        match paths.get(&tool) {
            Some(path) if !path.is_file() => build_missing(tool, path)?,
            _ => {}
        }
    }
    Ok(())
}

fn build_missing(tool: Tool, path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().context("a program lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let _lock = lock(&folder.join(".lock"))?;
    if path.is_file() {
        return Ok(());
    }
    let partial = folder.join(format!(".{}.partial", tool.file_name()));
    build::build(tool, &partial)?;
    fs::rename(&partial, path).with_context(|| format!("name {}", path.display()))
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
    for path in inputs(&source)? {
        hash.update(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
    }
    // The version of Go that this module selects, and the target.
    hash.update(build::go_facts(&source)?);
    hash.update(build::further_facts(module));
    let key: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(root()?.join(format!("{}-{key}", module.name())))
}

/// The files that a module's programs are made of, apart from what `go.sum` pins.
fn inputs(source: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = vec![source.join("go.mod"), source.join("go.sum")];
    let entries = fs::read_dir(source).with_context(|| format!("read {}", source.display()))?;
    let mut own = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "go") {
            own.push(path);
        }
    }
    own.sort();
    paths.extend(own);
    Ok(paths)
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
