//! The matrix: scope × kind of value × direction, each cell on the real programs, printed as a table by the test run.
//!
//! Objects of a wider scope are renamed, or renamed and moved, before they are opened: only then does their scope matter.

mod cases;
mod directions;
mod table;

use anyhow::ensure;

use cases::{Case, all};
use directions::Direction;
use table::Table;

#[test]
fn each_peer_opens_what_the_other_sealed_in_every_scope_and_for_every_kind_of_value()
-> anyhow::Result<()> {
    let cases = all();
    let (signet_seals, upstream_seals) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| directions::upstream_seals(&cases));
        let ours = directions::signet_seals(&cases);
        (ours, theirs.join())
    });
    let mut table = Table::new(&cases);
    let upstream_seals =
        upstream_seals.map_err(|_| anyhow::anyhow!("sealing by upstream panicked"))?;
    table.add(signet_seals?);
    table.add(upstream_seals?);
    table.print()?;

    ensure!(
        table.cells() == cases.len() * Direction::ALL.len(),
        "cells are missing"
    );
    let wrong = table.failures();
    ensure!(
        wrong.is_empty(),
        "{} cells are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

/// Every scope with every kind once, and what must not open.
#[test]
fn the_matrix_has_a_row_for_every_scope_and_kind() {
    let cases = all();
    let rows: std::collections::BTreeSet<_> = cases.iter().map(Case::title).collect();
    assert_eq!(rows.len(), cases.len(), "titles are unique");
    assert_eq!(cases.len(), 3 * 7 + 3);
}
