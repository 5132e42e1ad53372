//! What CI runs shows what a newcomer meets: nothing that earlier runs left on the machine helps it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Stands for Cargo: notes what it was given, and what its home holds.
const CARGO: &str = "#!/bin/sh
{ echo \"$@\"; ls -A \"$CARGO_HOME\"; cat \"$CARGO_HOME\"/config.toml 2>/dev/null; } >\"$NOTE\"
exit \"$CODE\"
";

/// Runs `.ci/run` with that Cargo, and gives what it noted.
fn note(place: &Path, cargo_home: &Path, code: i32) -> anyhow::Result<String> {
    let programs = place.join("bin");
    fs::create_dir_all(&programs)?;
    fs::write(programs.join("cargo"), CARGO)?;
    fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)))?;
    let output = Command::new("bash")
        .arg(super::root()?.join(".ci/run"))
        .env("PATH", path)
        .env("CARGO_HOME", cargo_home)
        .env("CARGO_TARGET_DIR", place.join("target"))
        .env("NOTE", place.join("note"))
        .env("CODE", code.to_string())
        .output()?;
    ensure!(
        output.status.code() == Some(code),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        !place.join("target/ci/cargo-home").exists(),
        "Cargo's home was left behind"
    );
    fs::read_to_string(place.join("note")).context("Cargo was not run")
}

#[test]
fn ci_runs_with_an_empty_cargo_home_that_keeps_only_the_configuration() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let home = place.path().join("home");
    fs::create_dir_all(home.join("registry"))?;
    ensure!(note(place.path(), &home, 0)? == "xtask test\n");
    fs::write(home.join("config.toml"), "# here\n")?;
    ensure!(note(place.path(), &home, 7)? == "xtask test\nconfig.toml\n# here\n");
    ensure!(
        home.join("registry").is_dir(),
        "the user's home was touched"
    );
    Ok(())
}
