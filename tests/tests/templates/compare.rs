//! Runs cases on both sides, and counts.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};

use crate::case::{Case, Outcome};
use crate::differences::{DIFFERENCES, is_known};
use crate::oracle::Oracle;
use crate::{generate, grid, ours};

const GENERATED: usize = 20_000;
/// Another number of them: `cargo xtask soak` sets it.
const GENERATED_VARIABLE: &str = "SIGNET_TEMPLATES";

const MISTYPED: usize = 10_000;

/// Cases in place of those that run into a difference that is known.
const SPARE: usize = 1_000;

/// Differences to show; the others are counted.
const SHOWN: usize = 25;

/// What came of many cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) both_succeeded: usize,
    pub(crate) both_failed: usize,
    pub(crate) different: Vec<String>,
}

/// Renders all of them on both sides.
pub(crate) fn compare(oracle: &Oracle, cases: &[Case]) -> anyhow::Result<Tally> {
    let (go, ours) = thread::scope(|scope| {
        let go = scope.spawn(|| oracle.render(cases));
        let ours: Vec<Outcome> = cases.iter().map(ours::outcome).collect();
        (go.join().expect("the oracle's thread does not panic"), ours)
    });
    let mut tally = Tally::default();
    for ((case, go), ours) in cases.iter().zip(go?).zip(ours) {
        if !go.agrees(&ours) && !agrees_at_one_time(oracle, case)? {
            let difference = format!("{case}\n    Go:   {go}\n    ours: {ours}");
            tally.different.push(difference);
        } else if matches!(go, Outcome::Output(_)) {
            tally.both_succeeded += 1;
        } else {
            tally.both_failed += 1;
        }
    }
    Ok(tally)
}

/// Whether a case that depends on the time gives the same in Go as here at a time when Go ran: the second may have
/// changed between the two runs, so Go runs again, and every second meanwhile is tried.
fn agrees_at_one_time(oracle: &Oracle, case: &Case) -> anyhow::Result<bool> {
    let before = Timestamp::now();
    let another = before + SignedDuration::from_secs(-12_345_678);
    if ours::outcome_at(case, before) == ours::outcome_at(case, another) {
        return Ok(false);
    }
    let go = oracle.render(std::slice::from_ref(case))?;
    let seconds = Timestamp::now().duration_since(before).as_secs() + 1;
    Ok((0..=seconds).any(|later| {
        let now = before + SignedDuration::from_secs(later);
        go.iter().all(|go| go.agrees(&ours::outcome_at(case, now)))
    }))
}

/// Those that run into no difference that is known; of many, so many.
fn comparable(cases: Vec<Case>, count: Option<usize>) -> Vec<Case> {
    let cases = cases.into_iter().filter(|case| !is_known(&case.template));
    let cases: Vec<Case> = match count {
        Some(count) => cases.take(count).collect(),
        None => cases.collect(),
    };
    assert!(cases.len() >= count.unwrap_or(1));
    cases
}

/// Compares, and demands that nothing differs and that enough succeeds: where both fail,
/// there is no output to compare.
fn demand(
    what: &'static str,
    oracle: &Oracle,
    cases: Vec<Case>,
    least_successes: usize,
) -> anyhow::Result<()> {
    let tally = compare(oracle, &cases)?;
    report(what, cases.len(), &tally, oracle)?;
    if let Ok(folder) = std::env::var("DIFF_OUT") {
        std::fs::write(
            format!("{folder}/{what}.txt"),
            tally.different.join("\n=====\n"),
        )?;
    }
    let shown = tally.different.len().min(SHOWN);
    assert!(
        tally.different.is_empty(),
        "{} of {} differ:\n{}",
        tally.different.len(),
        cases.len(),
        tally.different[..shown].join("\n")
    );
    assert!(
        tally.both_succeeded > least_successes,
        "only {} of {} templates give anything to compare",
        tally.both_succeeded,
        cases.len()
    );
    Ok(())
}

/// How many cases of a kind were compared, and how many differed.
static COMPARED: Mutex<BTreeMap<&str, (usize, usize)>> = Mutex::new(BTreeMap::new());

/// One line for each kind of cases, and one for all after the last; past what catches the output of tests that succeed.
fn report(what: &'static str, cases: usize, tally: &Tally, oracle: &Oracle) -> anyhow::Result<()> {
    let mut compared = COMPARED.lock().unwrap_or_else(PoisonError::into_inner);
    compared.insert(what, (cases, tally.different.len()));
    let mut out = std::io::stderr().lock();
    writeln!(
        out,
        "{what}: {} succeed in both, {} fail in both",
        tally.both_succeeded, tally.both_failed
    )?;
    if let [(_, generated), (_, grid), (_, mistyped)] = *compared.iter().collect::<Vec<_>>() {
        writeln!(
            out,
            "templates: {} functions of sprig and {} of Go, {} grid cases, {} generated templates \
             and {} mistyped ones compared, {} differing outside the list of {}",
            oracle.functions()?.len(),
            grid::BUILTINS.len(),
            grid.0,
            generated.0,
            mistyped.0,
            grid.1 + generated.1 + mistyped.1,
            DIFFERENCES.len()
        )?;
    }
    Ok(())
}

#[test]
fn every_function_agrees_with_go_on_a_grid_of_arguments() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    let functions = oracle.functions()?;
    let cases = comparable(grid::cases(&functions), None);
    let half = cases.len() / 2;
    demand("grid", &oracle, cases, half)
}

fn generated() -> anyhow::Result<usize> {
    match std::env::var(GENERATED_VARIABLE) {
        Ok(text) => text.parse().context(GENERATED_VARIABLE),
        Err(_) => Ok(GENERATED),
    }
}

#[test]
fn generated_templates_agree_with_go() -> anyhow::Result<()> {
    let wanted = generated()?;
    let cases = comparable(generate::cases(wanted + wanted / 20), Some(wanted));
    demand("generated", &Oracle::new()?, cases, wanted / 2)
}

#[test]
fn what_go_refuses_of_mistyped_templates_is_refused() -> anyhow::Result<()> {
    let cases = generate::mistyped(&generate::cases(GENERATED), MISTYPED + SPARE);
    let cases = comparable(cases, Some(MISTYPED));
    demand("mistyped", &Oracle::new()?, cases, MISTYPED / 10)
}
