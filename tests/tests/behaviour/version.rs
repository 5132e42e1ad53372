//! `signet-controller --version`, as upstream's spec 922 reads it.

use std::process::Command;

use signet_harness::{binary, kubectl};

#[test]
fn the_version_is_printed_as_upstream_prints_its_own() -> anyhow::Result<()> {
    let mut command = Command::new(binary::path("signet-controller")?);
    command.arg("--version");
    let printed = kubectl::run(command, "")?.success("--version")?;
    let number = printed
        .trim_end()
        .strip_prefix("controller version: v")
        .unwrap_or_default();
    let parts: Vec<_> = number.split(['.', '+']).take(3).collect();
    assert!(
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()),
        "{printed}"
    );
    Ok(())
}
