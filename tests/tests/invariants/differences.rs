//! The list of differences from upstream: it is whole, the guide shows it, and a matrix cannot pass it by.

use std::path::Path;

use anyhow::{Context, ensure};
use signet_tests::differences::{Area, Differences, GUIDE, Ledger};

use super::{committed, read};

#[test]
fn the_guide_shows_the_list_as_it_is() -> anyhow::Result<()> {
    let guide = read(Path::new(GUIDE))?;
    ensure!(
        Differences::load()?.fill(&guide)? == guide,
        "{GUIDE} is out of date: run `cargo xtask codegen`"
    );
    Ok(())
}

#[test]
fn every_test_that_shows_a_difference_exists() -> anyhow::Result<()> {
    let committed = committed()?;
    let list = Differences::load()?;
    for entry in list.iter() {
        let Some(test) = &entry.shown_by else {
            ensure!(
                entry.area != Area::Format,
                "{}: this area has no matrix, so a test must be named",
                entry.id
            );
            continue;
        };
        let (file, function) = test
            .split_once("::")
            .with_context(|| format!("{}: {test} is not path::function", entry.id))?;
        let file = Path::new(file);
        ensure!(
            committed.iter().any(|path| path == file)
                && read(file)?.contains(&format!("fn {function}(")),
            "{}: there is no {test}",
            entry.id
        );
    }
    Ok(())
}

#[test]
fn a_matrix_that_passes_the_list_by_fails() -> anyhow::Result<()> {
    let somehow = || Some("exit codes 0 and 1".to_owned());
    let run = |cites: &[&str], difference| -> anyhow::Result<String> {
        let mut ledger = Ledger::new(Area::Format)?;
        ledger.row("a row", cites, difference);
        Ok(match ledger.finish() {
            Ok(totals) => totals.to_string(),
            Err(error) => error.to_string(),
        })
    };
    assert!(run(&[], None)?.contains("1 rows, 1 equal, 0 with one of 0 documented"));
    assert!(run(&["newer-format"], somehow())?.contains("0 equal, 1 with one of 1"));
    assert!(run(&[], somehow())?.contains("a row: differs\nexit codes 0 and 1"));
    assert!(run(&["newer-format"], None)?.contains("but both did the same"));
    assert!(run(&["stray-word"], somehow())?.contains("no entry of the area format"));
    let unshown = Ledger::new(Area::Kubeseal)?.finish();
    let text = unshown.map_or_else(|error| error.to_string(), |totals| totals.to_string());
    assert!(text.contains("no row shows stray-word"), "{text}");
    Ok(())
}
