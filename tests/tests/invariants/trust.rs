//! Tests that the documents about trust name as proof: each exists, and each answer that needs one has one.
//!
//! In the last cell of a row of a table, `file.rs` begins a place, names of functions after it are tests in that file,
//! and a text in double quotes is the name of a row of a matrix in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use signet_tests::differences::Differences;

use super::{committed, read};

/// Rows of docs/trust.md that nobody who comes from upstream notices: forged statuses, costs, and a file that there is not.
const UNNOTICED: [&str; 3] = ["5", "7", "16"];
const DOCUMENTS: [&str; 2] = ["docs/trust.md", "docs/weaknesses.md"];

/// What a row of a table says stands in a file.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    /// A test function.
    Test(String),
    /// A row of a matrix.
    Row(String),
    /// Any test at all.
    SomeTest,
}

/// The cells of each row of the tables below a heading; of every table without one. Heads and rulers are left out.
fn rows(text: &str, heading: Option<&str>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let (mut inside, mut previous) = (heading.is_none(), None);
    for line in text.lines() {
        if let (Some(title), Some(heading)) = (line.strip_prefix("## "), heading) {
            inside = title == heading;
        }
        let row = line.starts_with('|') && inside;
        let ruler = row && line.starts_with("|---");
        if ruler {
            previous = None;
        }
        found.extend(previous.take());
        if row && !ruler {
            let cells = line.trim_matches('|').split(" | ");
            previous = Some(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    found.extend(previous);
    found
}

/// Whether a code span is the name of a test: a sentence in snake case.
fn is_sentence(span: &str) -> bool {
    span.matches('_').count() >= 2
        && span
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The files that a cell names, and what it says is in each.
fn proofs(cell: &str) -> Vec<(String, Proof)> {
    let mut found: Vec<(String, Proof)> = Vec::new();
    let mut file: Option<String> = None;
    let mut names_something = true;
    for (number, part) in cell.split('`').enumerate() {
        let is_code = number % 2 == 1;
        if is_code && part.ends_with(".rs") {
            if let Some(file) = file.replace(part.to_owned()).filter(|_| !names_something) {
                found.push((file, Proof::SomeTest));
            }
            names_something = false;
        } else if let Some(file) = &file {
            let names: Vec<Proof> = if is_code {
                let name = is_sentence(part).then(|| Proof::Test(part.to_owned()));
                name.into_iter().collect()
            } else {
                let quoted = part.split('"').skip(1).step_by(2);
                quoted.map(|name| Proof::Row(name.to_owned())).collect()
            };
            names_something |= !names.is_empty();
            found.extend(names.into_iter().map(|proof| (file.clone(), proof)));
        }
    }
    if let Some(file) = file.filter(|_| !names_something) {
        found.push((file, Proof::SomeTest));
    }
    found
}

/// Whether the text has a test function of this name.
fn has_test(text: &str, name: &str) -> bool {
    text.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let before = text[..at].trim_end_matches("async ").trim_end();
        let attributes = before.rsplit("\n\n").next().unwrap_or(before);
        attributes
            .lines()
            .rev()
            .take_while(|line| line.trim_start().starts_with(['#', '/']))
            .any(|line| line.contains("test]") || line.contains("test("))
    })
}

fn holds(text: &str, proof: &Proof) -> bool {
    match proof {
        Proof::Test(name) => has_test(text, name),
        Proof::Row(name) => text.contains(&format!("\"{name}\"")),
        Proof::SomeTest => text.contains("test]"),
    }
}

/// A file may be named by the end of its path; then one of those with that end has to hold the proof.
fn exists(committed: &[PathBuf], file: &str, proof: &Proof) -> anyhow::Result<bool> {
    for path in committed.iter().filter(|path| path.ends_with(file)) {
        if holds(&read(path)?, proof) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn every_test_that_the_documents_about_trust_name_exists() -> anyhow::Result<()> {
    let committed = committed()?;
    let (mut named, mut wrong) = (0, Vec::new());
    for document in DOCUMENTS {
        for row in rows(&read(Path::new(document))?, None) {
            let last = row.last().context("a row has cells")?;
            for (file, proof) in proofs(last) {
                named += 1;
                if !exists(&committed, &file, &proof)? {
                    wrong.push(format!("{document}, {}: no {proof:?} in {file}", row[0]));
                }
            }
        }
    }
    ensure!(named > 100, "only {named} tests are named");
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn every_class_of_upstreams_past_fixes_has_a_test_or_a_gate() -> anyhow::Result<()> {
    let text = read(Path::new("docs/trust.md"))?;
    let rows = rows(&text, Some("Classes of upstream's past fixes"));
    ensure!(rows.len() >= 24, "only {} rows", rows.len());
    for row in rows {
        let last = row.last().context("a row has cells")?;
        ensure!(
            !proofs(last).is_empty() || last.contains("`cargo deny`"),
            "{row:?} names no test"
        );
    }
    Ok(())
}

#[test]
fn every_weakness_of_upstream_is_fixed_with_a_test_or_says_why_not() -> anyhow::Result<()> {
    let text = read(Path::new("docs/weaknesses.md"))?;
    let rows = rows(&text, None);
    ensure!(rows.len() >= 40, "only {} rows", rows.len());
    for row in rows {
        let [_, answer, shown] = &row[..] else {
            anyhow::bail!("{row:?} has not three cells");
        };
        let shown = match answer.split(':').next().unwrap_or_default() {
            "fixed" | "part" => !proofs(shown).is_empty(),
            "by design" | "open" => answer.len() > 20,
            _ => false,
        };
        ensure!(shown, "{row:?} is not answered");
    }
    Ok(())
}

/// The numbers in links such as `[trust row 8]` and `[trust rows 8 and 9]`.
fn cited(text: &str) -> Vec<String> {
    let links = text.split("[trust row").skip(1);
    let inside = links.filter_map(|link| link.split(']').next());
    inside
        .flat_map(|link| link.split(|c: char| !c.is_ascii_digit()))
        .filter(|number| !number.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_row_that_differs_from_upstream_stands_in_the_list_of_differences() -> anyhow::Result<()> {
    let text = read(Path::new("docs/trust.md"))?;
    let numbers: Vec<String> = rows(&text, Some("Rows"))
        .iter()
        .map(|row| row[0].clone())
        .collect();
    ensure!(numbers.len() == 20, "{numbers:?}");
    let list = Differences::load()?;
    let cited: Vec<String> = list.iter().flat_map(|entry| cited(&entry.why)).collect();
    for number in &cited {
        ensure!(numbers.contains(number), "there is no row {number}");
    }
    for number in &numbers {
        let expected = !UNNOTICED.contains(&number.as_str());
        ensure!(
            cited.contains(number) == expected,
            "row {number} is cited: {}",
            !expected
        );
    }
    Ok(())
}

#[test]
fn every_flag_that_restores_upstreams_way_is_in_a_guide() -> anyhow::Result<()> {
    let guides = ["docs/guide/controller.md", "docs/guide/cli.md"];
    let guides = guides.map(|guide| read(Path::new(guide)));
    let list = Differences::load()?;
    let mut flags = 0;
    for entry in list.iter() {
        let restore = entry.restore.as_deref().unwrap_or_default();
        for flag in restore.split('`').skip(1).step_by(2) {
            let name = flag.split('=').next().unwrap_or(flag);
            flags += 1;
            let is_there = guides
                .iter()
                .flatten()
                .any(|guide| guide.contains(&format!("`{name}")));
            ensure!(is_there, "{}: no guide has {name}", entry.id);
        }
    }
    ensure!(flags > 5, "only {flags} flags");
    Ok(())
}

#[test]
fn a_wrong_name_of_a_test_is_noticed() -> anyhow::Result<()> {
    let text = "| a | b |\n|---|---|\n| 1 | `x.rs` `a_b_c` \"row\"; `y.rs`, every test |\n## Next\n| c |\n|---|\n| 2 |\n";
    let found = rows(text, None);
    assert_eq!(
        found,
        [
            vec!["1", "`x.rs` `a_b_c` \"row\"; `y.rs`, every test"],
            vec!["2"]
        ]
    );
    assert_eq!(rows(text, Some("Next")), [["2"]]);
    let place = |file: &str, proof| (file.to_owned(), proof);
    assert_eq!(
        proofs(&found[0][1]),
        [
            place("x.rs", Proof::Test("a_b_c".to_owned())),
            place("x.rs", Proof::Row("row".to_owned())),
            place("y.rs", Proof::SomeTest),
        ]
    );
    assert_eq!(
        cited("x ([trust row 3](t)); [trust rows 8 and 9](t)"),
        ["3", "8", "9"]
    );
    assert!(has_test("#[test]\nfn a_b_c() {", "a_b_c"));
    assert!(has_test("}\n\n#[tokio::test]\nasync fn a_b_c() {", "a_b_c"));
    assert!(!has_test("#[test]\nfn other() {}\n\nfn a_b_c() {", "a_b_c"));
    assert!(!has_test("#[test]\nfn a_b_c_d() {", "a_b_c"));
    assert!(holds("same(\"row\", f)", &Proof::Row("row".to_owned())));
    assert!(!exists(
        &committed()?,
        "invariants/trust.rs",
        &Proof::Test("no_such_test".to_owned())
    )?);
    Ok(())
}
