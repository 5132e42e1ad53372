//! The table that a test run shows.

use std::io::Write as _;

use super::cases::Case;
use super::directions::{Column, Direction};

/// Verdicts by case and direction.
pub(super) struct Table<'a> {
    cases: &'a [Case],
    columns: Vec<Column>,
}

impl<'a> Table<'a> {
    pub(super) fn new(cases: &'a [Case]) -> Self {
        Self {
            cases,
            columns: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, columns: [Column; 2]) {
        self.columns.extend(columns);
    }

    /// How many verdicts there are.
    pub(super) fn cells(&self) -> usize {
        self.columns
            .iter()
            .map(|column| column.verdicts.len())
            .sum()
    }

    /// A line for each wrong cell.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for column in &self.columns {
            for (case, verdict) in self.cases.iter().zip(&column.verdicts) {
                if let Err(error) = verdict {
                    let (scope, kind) = case.title();
                    lines.push(format!(
                        "{scope}, {kind}, {}: {error:#}",
                        column.direction.title().join(" ")
                    ));
                }
            }
        }
        lines
    }

    /// Prints it where the test harness does not hold it back: who runs the tests sees it, passed or not.
    pub(super) fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.render().as_bytes())?;
        out.flush()
    }

    fn render(&self) -> String {
        let titles = Direction::ALL.map(Direction::title);
        let mut lines = vec![
            format!("\n{:<32}  {:<26}", "", ""),
            format!("{:<32}  {:<26}", "scope", "value"),
        ];
        for [first, second] in titles {
            lines[0].push_str(&format!("{first:<21}"));
            lines[1].push_str(&format!("{second:<21}"));
        }
        for (row, case) in self.cases.iter().enumerate() {
            let (scope, kind) = case.title();
            let mut line = format!("{scope:<32}  {kind:<26}");
            for direction in Direction::ALL {
                line.push_str(&format!("{:<21}", self.cell(row, direction, case)));
            }
            lines.push(line);
        }
        let text: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
        format!("{}\n\n", text.join("\n"))
    }

    fn cell(&self, row: usize, direction: Direction, case: &Case) -> &'static str {
        let column = self.columns.iter().find(|one| one.direction == direction);
        match column.and_then(|column| column.verdicts.get(row)) {
            None => "missing",
            Some(Err(_)) => "WRONG",
            Some(Ok(())) if case.opens => "same",
            Some(Ok(())) => "refused",
        }
    }
}
