//! Sizes, and words that no committed file may hold.

use std::path::Path;

use anyhow::ensure;

use super::{committed, read};

/// Longest source file.
const MAX_LINES: usize = 500;
/// A program's `main.rs` only calls its library.
const MAX_MAIN_LINES: usize = 30;
/// Standard library paths that do I/O, or ask the clock or the environment.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
];

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn no_source_file_has_more_than_500_lines() -> anyhow::Result<()> {
    let mut long = Vec::new();
    for path in committed()?.iter().filter(|path| is_rust(path)) {
        let lines = read(path)?.lines().count();
        if lines > MAX_LINES {
            long.push(format!("{} has {lines}", path.display()));
        }
    }
    ensure!(long.is_empty(), "{long:#?}");
    Ok(())
}

#[test]
fn the_main_file_of_every_program_is_short() -> anyhow::Result<()> {
    let mut programs = 0;
    for path in committed()?.iter().filter(|path| is_rust(path)) {
        let text = path.to_string_lossy();
        if text.ends_with("src/main.rs") || text.contains("src/bin/") {
            programs += 1;
            let lines = read(path)?.lines().count();
            ensure!(lines < MAX_MAIN_LINES, "{text} has {lines} lines");
        }
    }
    ensure!(programs >= 4, "only {programs} programs were found");
    Ok(())
}

/// Where clients of the API server are made: the benchmarks have one of their own.
const CLIENTS: [&str; 2] = ["benches/src/client.rs", "tls/src/client.rs"];

#[test]
fn clients_are_made_in_one_place_and_send_nothing_twice() -> anyhow::Result<()> {
    // Put together here, so that this file does not hold them.
    let makes = ["try_from", "try_default"].map(|how| format!("Client::{how}"));
    let builds = format!("ClientBuilder{}", "::");
    let mut found = Vec::new();
    for path in committed()?.iter().filter(|path| is_rust(path)) {
        let text = read(path)?;
        if text.contains(&builds) || makes.iter().any(|make| text.contains(make)) {
            ensure!(
                text.contains("default_retry = false"),
                "{} lets kube send again",
                path.display()
            );
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort_unstable();
    ensure!(found == CLIENTS, "{found:?}");
    Ok(())
}

#[test]
fn common_templates_and_crds_do_no_io_themselves() -> anyhow::Result<()> {
    let mut files = 0;
    for path in committed()?.iter().filter(|path| is_rust(path)) {
        let pure = ["common/src", "templates/src", "crds/src"];
        if pure.iter().any(|folder| path.starts_with(folder)) {
            files += 1;
            let text = read(path)?;
            for word in IMPURE {
                ensure!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
    ensure!(files > 20, "only {files} files were looked at");
    Ok(())
}

#[test]
fn no_committed_file_names_a_package_registry_or_a_path_of_a_machine() -> anyhow::Result<()> {
    // Put together here, so that this file does not hold them.
    let hosts = [
        ("crates", ".io"),
        ("proxy.golang", ".org"),
        ("sum.golang", ".org"),
        ("npmjs", ".org"),
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("rubygems", ".org"),
        ("docker", ".io"),
        ("ghcr", ".io"),
        ("quay", ".io"),
        ("gcr", ".io"),
        ("registry.k8s", ".io"),
    ];
    let folders = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
        ("/tmp/", "signet-"),
        ("C:", "\\"),
    ];
    let needles: Vec<String> = hosts
        .iter()
        .chain(&folders)
        .map(|(a, b)| format!("{a}{b}"))
        .collect();
    let mut found = Vec::new();
    for path in committed()? {
        // Cargo writes where each package comes from.
        if path == Path::new("Cargo.lock") {
            continue;
        }
        for (number, line) in read(&path)?.lines().enumerate() {
            let named = needles.iter().find(|needle| line.contains(needle.as_str()));
            found
                .extend(named.map(|needle| format!("{}:{}: {needle}", path.display(), number + 1)));
        }
    }
    ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}
