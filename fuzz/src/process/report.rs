//! A finding as a person needs it: the input as a file, what happened, and how to see it again.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::Target;

/// Writes the input as hex digits.
pub(super) fn write(folder: &Path, target: &Target, input: &[u8]) -> anyhow::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let file = folder.join(format!("{}-{:016x}.hex", target.name, hasher.finish()));
    let mut text = String::with_capacity(2 * input.len() + input.len() / 32 + 1);
    for line in input.chunks(32) {
        for byte in line {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// Says what was found.
pub(super) fn print(target: &Target, file: &Path, input: &[u8], what: &str) {
    println!("{}: FOUND: {what}", target.name);
    let shown: String = String::from_utf8_lossy(input).chars().take(2000).collect();
    println!("  input of {} bytes: {shown:?}", input.len());
    let (name, file) = (target.name, file.display());
    println!("  again: cargo xtask soak fuzz --target {name} --input {file}");
}
