//! The table, run and judged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, ensure};
use signet_tests::differences::{Area, Ledger};
use signet_tests::print_figures;

use crate::coverage;
use crate::row::{Row, row};
use crate::rows;
use crate::run::{Whose, run};
use crate::world::{World, world};

/// Runs only rows whose name holds this text, and shows what they did.
const FILTER: &str = "SIGNET_ROWS";
/// Fewer rows would mean that some were lost.
const LEAST: usize = 600;

/// What both programs did.
pub(crate) struct Pair {
    pub(crate) theirs: String,
    pub(crate) ours: String,
}

#[test]
fn both_programs_do_the_same_but_for_the_documented_differences() -> anyhow::Result<()> {
    let world = world()?;
    let filter = std::env::var(FILTER).ok();
    let mut rows = rows::all();
    let total = rows.len();
    ensure!(total >= LEAST, "only {total} rows");
    if let Some(text) = &filter {
        rows.retain(|row| row.name.contains(text));
    }
    let mut ledger = Ledger::new(Area::Kubeseal)?;
    let pairs = run_all(world, &rows)?;
    for (row, pair) in rows.iter().zip(&pairs) {
        let (cites, difference) = judge(row, pair);
        let right = ledger.row(&row.name, &cites, difference);
        if filter.is_some() {
            let verdict = if right { "as it should be" } else { "WRONG" };
            eprintln!(
                "==== {}: {verdict}\n-- upstream: {}-- signet: {}",
                row.name, pair.theirs, pair.ours
            );
        }
    }
    let totals = match &filter {
        None => {
            let outcomes: Vec<_> = pairs.iter().map(|pair| pair.theirs.as_str()).collect();
            let totals = ledger.finish()?;
            coverage::every_text_was_said(&outcomes)?;
            totals
        }
        Some(_) => ledger.finish_some()?,
    };
    print_figures(&totals.to_string())
}

#[test]
fn no_two_rows_have_the_same_name() -> anyhow::Result<()> {
    let mut names: Vec<_> = rows::all().into_iter().map(|row| row.name).collect();
    names.sort();
    for pair in names.windows(2) {
        ensure!(pair[0] != pair[1], "two rows are called {:?}", pair[0]);
    }
    Ok(())
}

/// Upstream's own suite asks for `^kubeseal version: (vX.Y.Z or 40 hex digits)(\+dirty)?`.
#[test]
fn the_version_is_upstreams_with_ours_behind_it() -> anyhow::Result<()> {
    let outcome = run(world()?, Whose::Signet, &row("version", &["--version"]))?;
    let text = String::from_utf8(outcome.stdout)?;
    let ours = text
        .strip_prefix("kubeseal version: 0.40.0+signet.")
        .with_context(|| text.clone())?;
    let parts: Vec<_> = ours.trim_end().split('.').collect();
    ensure!(
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok()),
        "{text}"
    );
    Ok(())
}

/// Runs every row with both programs, as many at a time as there are cores.
pub(crate) fn run_all(world: &World, rows: &[Row]) -> anyhow::Result<Vec<Pair>> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<anyhow::Result<Pair>>>> =
        rows.iter().map(|_| Mutex::new(None)).collect();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((row, slot)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    rows.get(index).zip(done.get(index))
                } {
                    let pair = run_both(world, row);
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(pair.with_context(|| row.name.clone()));
                    }
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| {
            slot.into_inner()
                .ok()
                .flatten()
                .context("a worker did not finish its row")?
        })
        .collect()
}

fn run_both(world: &World, row: &Row) -> anyhow::Result<Pair> {
    let text = |whose| anyhow::Ok(run(world, whose, row)?.text(world, row));
    Ok(Pair {
        theirs: text(Whose::Upstream)?,
        ours: text(Whose::Signet)?,
    })
}

/// The ids that the row shows, and how the two programs differ, if they do. What the row says of itself and does not hold is
/// a difference that nothing documents.
fn judge(row: &Row, pair: &Pair) -> (Vec<&'static str>, Option<String>) {
    let both = || compare(&pair.theirs, &pair.ours);
    let wrong = |why: String| (Vec::new(), Some(format!("{why}\n{}", both())));
    if row.gives.is_empty() && row.claims.is_empty() {
        return wrong("the row does not say what upstream does".to_owned());
    }
    for text in &row.gives {
        if !pair.theirs.contains(text) {
            return wrong(format!("upstream does not give {text:?}"));
        }
    }
    if !is_as_silent(pair) {
        return wrong("signet succeeds, and says something on stderr".to_owned());
    }
    let mut expected = pair.theirs.clone();
    let mut wholly = false;
    for claim in &row.claims {
        if !expected.contains(claim.theirs) {
            return wrong(format!(
                "{}: upstream does not {:?}",
                claim.id, claim.theirs
            ));
        }
        if claim.wholly {
            wholly = true;
            if !pair.ours.contains(claim.ours) {
                return wrong(format!("{}: signet does not {:?}", claim.id, claim.ours));
            }
        } else {
            expected = expected.replace(claim.theirs, claim.ours);
        }
    }
    if !wholly && expected != pair.ours {
        return wrong("what was claimed does not explain this".to_owned());
    }
    let cites = row.claims.iter().map(|claim| claim.id).collect();
    let differ = pair.theirs != pair.ours;
    (cites, differ.then(both))
}

/// Programs around `kubeseal` take any line on stderr for a failure: where Signet succeeds it says there what upstream says,
/// and no claim excuses more.
fn is_as_silent(pair: &Pair) -> bool {
    const SILENT: &str = "\nstderr: nothing\n";
    let succeeds = |text: &str| text.starts_with("exit 0\n");
    let upstream_speaks = succeeds(&pair.theirs) && !pair.theirs.contains(SILENT);
    !succeeds(&pair.ours) || upstream_speaks || pair.ours.contains(SILENT)
}

/// Both texts, with what they begin and end with alike only once: `-` is upstream's, `+` is Signet's.
fn compare(theirs: &str, ours: &str) -> String {
    let theirs: Vec<_> = theirs.lines().collect();
    let ours: Vec<_> = ours.lines().collect();
    let pairs = theirs.iter().zip(&ours);
    let head = pairs.take_while(|(a, b)| a == b).count();
    let rest = theirs.len().min(ours.len()) - head;
    let pairs = theirs.iter().rev().zip(ours.iter().rev());
    let tail = pairs.take(rest).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    let mut show = |mark: &str, lines: &[&str]| {
        for line in lines {
            text.push_str(&format!("{mark} {line}\n"));
        }
    };
    show(" ", &theirs[..head]);
    show("-", &theirs[head..theirs.len() - tail]);
    show("+", &ours[head..ours.len() - tail]);
    show(" ", &theirs[theirs.len() - tail..]);
    text
}
