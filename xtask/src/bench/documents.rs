//! The tables in README and guide, made from the committed results.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use super::goals::Goals;
use super::results::{COMMITTED, Results};
use super::table;

/// The documents with the present tables between their markers.
pub(crate) fn files(root: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let results = Results::read_or_empty(&root.join(COMMITTED))?;
    let goals = Goals::read()?;
    let judged = table::judged(&results.outcomes, &goals, true);
    let mut machine = String::new();
    for (name, value) in &results.machine {
        let _ = writeln!(machine, "- {name}: {value}");
    }
    let sections = [
        ("judged", judged.clone()),
        ("machine", machine),
        ("figures", table::figures(&results.outcomes)),
        ("notes", table::notes(&results.outcomes)),
    ];
    let guide = "docs/guide/performance.md";
    let mut text = read(root, guide)?;
    for (name, section) in &sections {
        text = between_markers(&text, name, section).context(guide)?;
    }
    let readme =
        between_markers(&read(root, "README.md")?, "judged", &judged).context("README.md")?;
    Ok(vec![(guide, text), ("README.md", readme)])
}

fn read(root: &Path, name: &str) -> anyhow::Result<String> {
    fs::read_to_string(root.join(name)).with_context(|| format!("read {name}"))
}

/// The document with `section` in the place of what stands between its two markers.
fn between_markers(document: &str, name: &str, section: &str) -> anyhow::Result<String> {
    let (begin, end) = (
        format!("<!-- bench {name}: written by cargo xtask codegen -->\n"),
        format!("<!-- bench {name}: end -->"),
    );
    ensure!(document.matches(&begin).count() == 1, "one line {begin}");
    let (head, rest) = document.split_once(&begin).context("the marker is there")?;
    let (_, tail) = rest
        .split_once(&end)
        .with_context(|| format!("no line {end}"))?;
    Ok(format!("{head}{begin}\n{section}\n{end}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::names;

    #[test]
    fn a_section_replaces_what_stands_between_its_markers() {
        let document =
            "a\n<!-- bench x: written by cargo xtask codegen -->\nold\n<!-- bench x: end -->\nb\n";
        let new = between_markers(document, "x", "new\n").unwrap();
        let expected = "a\n<!-- bench x: written by cargo xtask codegen -->\n\nnew\n\n<!-- bench x: end -->\nb\n";
        assert_eq!(new, expected);
        assert_eq!(between_markers(&new, "x", "new\n").unwrap(), expected);
        assert!(between_markers(document, "y", "").is_err());
    }

    #[test]
    fn the_documents_show_the_committed_results() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (name, wanted) in files(&root).unwrap() {
            assert_eq!(
                read(&root, name).unwrap(),
                wanted,
                "{name}: run `cargo xtask codegen`"
            );
        }
    }

    #[test]
    fn the_committed_results_are_of_scenarios_that_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let results = Results::read_or_empty(&root.join(COMMITTED)).unwrap();
        let names: Vec<_> = names().collect();
        for outcome in &results.outcomes {
            assert!(
                names.contains(&outcome.scenario.as_str()),
                "{}",
                outcome.scenario
            );
        }
    }
}
