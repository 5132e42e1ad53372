//! Holds the documents against the code: what they name must exist, and what comments refer to must stand there.
//!
//! Judges names only, not whether a sentence is true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not ours to judge.
const SKIPPED: [&str; 2] = ["target", ".git"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below `folder` whose name ends in `ending`.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
        if path.is_dir() && !skipped {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What stands between `before` and the next `after`, for every `before`.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(after)?.0))
}

fn assert_none(what: &str, missing: &[String]) {
    assert!(missing.is_empty(), "{what}:\n{}", missing.join("\n"));
}

#[test]
fn the_where_is_table_names_files_and_symbols_that_exist() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let mut missing = Vec::new();
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let code: Vec<_> = line.split('`').skip(1).step_by(2).collect();
        let &[file, symbol] = code.as_slice() else {
            continue;
        };
        if !file.ends_with(".rs") {
            continue;
        }
        rows += 1;
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        let kinds = ["fn", "struct", "enum", "trait", "const", "type"];
        let defined = kinds.iter().any(|kind| {
            between(&source, &format!("{kind} {symbol}"), "\n")
                .any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        if !defined {
            missing.push(format!("{symbol} in {file}"));
        }
    }
    assert!(rows > 40, "only {rows} rows were found");
    assert_none("the table of ARCHITECTURE.md is out of date", &missing);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in files(root(), ".md") {
        let folder = document.parent().expect("a file lies in a folder");
        let text = read(&document);
        for target in between(&text, "](", ")") {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert_none("broken links", &broken);
}

#[test]
fn tests_that_the_trust_document_names_exist() {
    let text = read(&root().join("docs/trust.md"));
    let sources: String = files(root(), ".rs").iter().map(|path| read(path)).collect();
    let words = text.split('`').skip(1).step_by(2);
    let named: BTreeSet<_> = words
        .filter(|word| {
            word.len() > 20
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
        .collect();
    assert!(named.len() > 20, "only {} names were found", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .map(ToString::to_string)
        .collect();
    assert_none("docs/trust.md names tests that do not exist", &missing);
}

#[test]
fn comments_refer_to_sections_and_rows_that_exist() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let trust = read(&root().join("docs/trust.md"));
    let headings: BTreeSet<_> = map
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| line.trim_start_matches('#').trim())
        .collect();
    let mut dangling = Vec::new();
    for source in files(root(), ".rs") {
        let own = source.ends_with(file!());
        let text = if own { String::new() } else { read(&source) };
        let sections =
            between(&text, "ARCHITECTURE.md \"", "\"").filter(|name| !headings.contains(name));
        let rows = between(&text, "docs/trust.md row ", ")")
            .filter(|row| !trust.contains(&format!("\n| {row} | ")));
        dangling.extend(
            sections
                .chain(rows)
                .map(|name| format!("{}: {name}", source.display())),
        );
    }
    assert_none("comments refer to what is not there", &dangling);
}
