//! What a boolean flag may be set to.

use super::EMPTY;
use crate::row::{Row, seal};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for literal in ["1", "t", "T", "TRUE", "true", "True"] {
        rows.push(literal_row(literal).gives("exit 0\n"));
    }
    for literal in ["0", "f", "F", "FALSE", "false", "False"] {
        rows.push(literal_row(literal).gives("error: secret.data is empty in input Secret"));
    }
    for literal in ["yes", "on", "tRUE", "2", ""] {
        rows.push(literal_row(literal).differs_wholly(
            "parse-errors-on-stderr",
            "exit 2\nstdout:\n[flags]\ninvalid argument \"",
            "exit 2\nstdout: nothing\nstderr:\nerror: invalid argument \"",
        ));
    }
    rows
}

fn literal_row(literal: &str) -> Row {
    let flag = format!("--allow-empty-data={literal}");
    seal(&format!("a boolean set to {literal:?}"), &[&flag]).stdin(EMPTY)
}
