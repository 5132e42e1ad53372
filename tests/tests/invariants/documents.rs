//! The "where is" table of ARCHITECTURE.md: each file and symbol in it exists.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{read, root};

const FILE: &str = "ARCHITECTURE.md";
/// What a symbol is declared with.
const KEYWORDS: [&str; 9] = [
    "fn",
    "struct",
    "enum",
    "trait",
    "const",
    "static",
    "type",
    "mod",
    "macro_rules!",
];

/// A row: question, file, symbols.
#[derive(Debug)]
struct Row {
    question: String,
    file: String,
    symbols: Vec<String>,
}

/// The rows of the table: `| question | `file` | `symbol` |`.
fn rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let start = text
        .find("\n## Where is")
        .with_context(|| format!("{FILE} has no section \"Where is\""))?;
    let section = &text[start + 1..];
    let end = section[1..]
        .find("\n## ")
        .map_or(section.len(), |end| end + 1);
    let lines = section[..end].lines().filter(|line| line.starts_with('|'));
    lines.skip(2).map(row).collect()
}

fn row(line: &str) -> anyhow::Result<Row> {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    ensure!(cells.len() >= 2, "{line}: a row has a question and a file");
    let names = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let mut files = names(cells[1]);
    ensure!(files.len() == 1, "{line}: the second cell is one `file`");
    Ok(Row {
        question: cells[0].to_owned(),
        file: files.remove(0),
        symbols: cells.get(2).map(|cell| names(cell)).unwrap_or_default(),
    })
}

/// Whether a source text declares this name.
fn declares(text: &str, symbol: &str) -> bool {
    KEYWORDS.iter().any(|keyword| {
        let needle = format!("{keyword} {symbol}");
        text.match_indices(&needle).any(|(at, _)| {
            let after = text[at + needle.len()..].chars().next();
            let before = text[..at].chars().next_back();
            let inside = |neighbour: Option<char>| {
                neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_')
            };
            !inside(after) && !inside(before)
        })
    })
}

#[test]
fn every_file_and_symbol_of_the_where_is_table_exists() -> anyhow::Result<()> {
    let text = read(Path::new(FILE)).context("the map of the code is missing")?;
    let rows = rows(&text)?;
    ensure!(rows.len() > 30, "the table has only {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let path = Path::new(&row.file);
        if !root()?.join(path).exists() {
            wrong.push(format!("{}: no {}", row.question, row.file));
            continue;
        }
        for symbol in &row.symbols {
            let name = symbol
                .rsplit("::")
                .next()
                .unwrap_or(symbol)
                .trim_end_matches("()");
            if !declares(&read(path)?, name) {
                wrong.push(format!("{}: no {symbol} in {}", row.question, row.file));
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn a_wrong_row_is_noticed() -> anyhow::Result<()> {
    let table = "x\n## Where is\n\n| q | file | symbol |\n|---|---|---|\n| a? | `b.rs` | `C`, `d` |\n\n## Next\n| e | `f` |\n";
    let found = rows(table)?;
    assert_eq!(
        (found.len(), found[0].file.as_str(), found[0].symbols.len()),
        (1, "b.rs", 2)
    );
    assert!(declares("pub struct Ring {", "Ring") && declares("async fn ring(", "ring"));
    assert!(!declares("pub struct Rings {", "Ring") && !declares("// a struct: Ring", "Ring"));
    assert!(rows("no table").is_err());
    Ok(())
}
