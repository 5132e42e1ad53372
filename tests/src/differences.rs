//! What Signet does otherwise than upstream, as data: `tests/differences.toml`, and how a matrix of tests is held against it.
//!
//! The guide's tables are written from the file by `cargo xtask codegen`. So that the list can be neither too short nor
//! stale, a test that compares both programs row by row keeps a [`Ledger`] for its area:
//!
//! ```
//! # use signet_tests::differences::{Area, Ledger};
//! # fn main() -> anyhow::Result<()> {
//! let mut ledger = Ledger::new(Area::Format)?;
//! // Both did the same, and nothing was claimed.
//! ledger.row("a plain value", &[], None);
//! // They differ, and the row says by which entries.
//! ledger.row("a key of 1024 bits", &["short-rsa-key"], Some("ours refuses".to_owned()));
//! println!("{}", ledger.finish()?);
//! # Ok(())
//! # }
//! ```
//!
//! A row that differs and cites nothing fails, a row that cites and does not differ fails, and so does an entry of the area
//! that no row cites. An entry that a matrix cannot show names another test as `shown_by = "path::function"`; a test of
//! `tests/tests/invariants` sees to it that this function exists.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

const DATA: &str = include_str!("../differences.toml");
/// The document with the tables, from the top of the repository.
pub const GUIDE: &str = "docs/guide/differences.md";

/// A table of the guide, and the matrix that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Ciphertext, keys and certificates. No matrix of its own: every entry is `shown_by` a test.
    Format,
    /// The command line.
    Kubeseal,
    /// What the controller does with objects and keys.
    Controller,
    /// The controller's endpoints.
    Http,
}

impl Area {
    /// Every area, in the order of the guide.
    pub const ALL: [Self; 4] = [Self::Format, Self::Kubeseal, Self::Controller, Self::Http];

    /// Its name in the data and in the markers of the guide.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Kubeseal => "kubeseal",
            Self::Controller => "controller",
            Self::Http => "http",
        }
    }
}

/// One deliberate difference. All texts but `id` and `shown_by` are Markdown.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What rows cite.
    pub id: String,
    /// Where it belongs.
    pub area: Area,
    /// What it is about.
    pub topic: String,
    /// What upstream does.
    pub upstream: String,
    /// What Signet does.
    pub signet: String,
    /// The reason; empty if it is plain.
    #[serde(default)]
    pub why: String,
    /// The flag that brings upstream's way back.
    pub restore: Option<String>,
    /// `path::function` of a test that shows it, where no row can.
    pub shown_by: Option<String>,
}

/// The whole list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    difference: Vec<Difference>,
}

impl Differences {
    /// The list as it is in the repository.
    ///
    /// # Errors
    /// It is not of the shape above, or an id is there twice.
    pub fn load() -> anyhow::Result<Self> {
        Self::parse(DATA)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let list: Self = toml_edit::de::from_str(text).context("tests/differences.toml")?;
        let mut seen = BTreeSet::new();
        for entry in &list.difference {
            ensure!(seen.insert(&entry.id), "the id {} is there twice", entry.id);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            ensure!(entry.id.chars().all(plain), "{} is no id", entry.id);
            for cell in [&entry.topic, &entry.upstream, &entry.signet, &entry.why] {
                ensure!(
                    !cell.contains(['|', '\n']),
                    "{}: a cell cannot hold {cell:?}",
                    entry.id
                );
            }
        }
        Ok(list)
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.difference.iter()
    }

    /// The entries of one area, in the order of the file.
    pub fn of(&self, area: Area) -> impl Iterator<Item = &Difference> {
        self.iter().filter(move |entry| entry.area == area)
    }

    /// The guide's table of one area. The last column is there if an entry can be undone.
    pub fn table(&self, area: Area) -> String {
        let restorable = self.of(area).any(|entry| entry.restore.is_some());
        let mut text = String::from("| | upstream | Signet | why |");
        if restorable {
            text.push_str(" upstream's way |");
        }
        text.push_str("\n|---|---|---|---|");
        if restorable {
            text.push_str("---|");
        }
        text.push('\n');
        let or_dash = |cell: &str| if cell.is_empty() { "–" } else { cell }.to_owned();
        for entry in self.of(area) {
            let mut cells = vec![
                entry.topic.clone(),
                entry.upstream.clone(),
                entry.signet.clone(),
                or_dash(&entry.why),
            ];
            if restorable {
                cells.push(or_dash(entry.restore.as_deref().unwrap_or_default()));
            }
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }

    /// The guide with its tables as the list says: between `<!-- differences:AREA -->` and `<!-- end -->`.
    ///
    /// # Errors
    /// A pair of markers is missing.
    pub fn fill(&self, guide: &str) -> anyhow::Result<String> {
        let mut text = guide.to_owned();
        for area in Area::ALL {
            let begin = format!("<!-- differences:{} -->\n", area.name());
            let (before, rest) = text
                .split_once(&begin)
                .with_context(|| format!("{GUIDE} has no line {}", begin.trim_end()))?;
            let (_, after) = rest
                .split_once("<!-- end -->")
                .with_context(|| format!("{GUIDE}: {} has no end", begin.trim_end()))?;
            text = format!("{before}{begin}{}<!-- end -->{after}", self.table(area));
        }
        Ok(text)
    }
}

/// The top of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the rows of one area's matrix showed.
pub struct Ledger {
    area: Area,
    known: Differences,
    equal: usize,
    different: usize,
    cited: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Ledger {
    /// An empty one.
    ///
    /// # Errors
    /// As [`Differences::load`].
    pub fn new(area: Area) -> anyhow::Result<Self> {
        Ok(Self {
            area,
            known: Differences::load()?,
            equal: 0,
            different: 0,
            cited: BTreeSet::new(),
            wrong: Vec::new(),
        })
    }

    /// Enters one row: what it is, the ids that it cites, and how the programs differ, if they do. Says whether the row is
    /// as it should be; if not, [`Self::finish`] tells.
    pub fn row(&mut self, name: &str, cites: &[&str], difference: Option<String>) -> bool {
        let before = self.wrong.len();
        for id in cites {
            if self.known.of(self.area).any(|entry| entry.id == *id) {
                self.cited.insert((*id).to_owned());
            } else {
                self.wrong.push(format!(
                    "{name}: {id} is no entry of the area {}",
                    self.area.name()
                ));
            }
        }
        match (cites, difference) {
            ([], None) => self.equal += 1,
            ([], Some(how)) => self.wrong.push(format!("{name}: differs\n{how}")),
            (_, Some(_)) => self.different += 1,
            (_, None) => self.wrong.push(format!(
                "{name}: cites {}, but both did the same",
                cites.join(", ")
            )),
        }
        self.wrong.len() == before
    }

    /// The totals, if every row was right and every entry of the area was shown.
    ///
    /// # Errors
    /// All rows that were wrong, and all entries that no row cites.
    pub fn finish(mut self) -> anyhow::Result<Totals> {
        for entry in self.known.of(self.area) {
            if entry.shown_by.is_none() && !self.cited.contains(&entry.id) {
                self.wrong.push(format!(
                    "tests/differences.toml: no row shows {}: is it true?",
                    entry.id
                ));
            }
        }
        self.finish_some()
    }

    /// As [`Self::finish`], for a run that left rows out.
    ///
    /// # Errors
    /// All rows that were wrong.
    pub fn finish_some(self) -> anyhow::Result<Totals> {
        if !self.wrong.is_empty() {
            bail!("{} wrong\n\n{}", self.wrong.len(), self.wrong.join("\n\n"));
        }
        Ok(Totals {
            area: self.area,
            equal: self.equal,
            different: self.different,
            cited: self.cited,
        })
    }
}

/// What a matrix showed, for people.
#[derive(Clone, Debug)]
pub struct Totals {
    area: Area,
    /// Rows in which both did the same.
    pub equal: usize,
    /// Rows that show a documented difference.
    pub different: usize,
    /// The ids of those.
    pub cited: BTreeSet<String>,
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.cited.iter().map(String::as_str).collect();
        write!(
            out,
            "{} matrix: {} rows, {} equal, {} with one of {} documented differences ({})",
            self.area.name(),
            self.equal + self.different,
            self.equal,
            self.different,
            ids.len(),
            ids.join(", ")
        )
    }
}
