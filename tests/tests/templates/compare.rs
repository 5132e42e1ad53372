//! Runs cases on both sides, and counts.

#![expect(
    clippy::print_stdout,
    reason = "what was compared is the result of the test"
)]

use std::thread;

use jiff::{SignedDuration, Timestamp};

use crate::case::{Case, Outcome};
use crate::differences::is_known;
use crate::oracle::Oracle;
use crate::{generate, grid, ours};

const GENERATED: usize = 20_000;
const MISTYPED: usize = 10_000;

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

/// Compares all but what is known to differ, and demands that nothing differs and that enough succeeds: where both fail,
/// there is no output to compare.
fn demand(
    what: &str,
    oracle: &Oracle,
    cases: Vec<Case>,
    least_successes: usize,
) -> anyhow::Result<()> {
    let all = cases.len();
    let cases: Vec<Case> = cases
        .into_iter()
        .filter(|case| !is_known(&case.template))
        .collect();
    let tally = compare(oracle, &cases)?;
    println!(
        "{what}: {all} cases, {} known to differ, {} both succeeded, {} both failed, {} different",
        all - cases.len(),
        tally.both_succeeded,
        tally.both_failed,
        tally.different.len()
    );
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
        "only {} of {all} templates give anything to compare",
        tally.both_succeeded
    );
    Ok(())
}

#[test]
fn every_function_agrees_with_go_on_a_grid_of_arguments() -> anyhow::Result<()> {
    let oracle = Oracle::new()?;
    let functions = oracle.functions()?;
    println!(
        "{} functions of sprig and {} of Go",
        functions.len(),
        grid::BUILTINS.len()
    );
    let cases = grid::cases(&functions);
    let half = cases.len() / 2;
    demand("grid", &oracle, cases, half)
}

#[test]
fn generated_templates_agree_with_go() -> anyhow::Result<()> {
    let cases = generate::cases(GENERATED);
    demand("generated", &Oracle::new()?, cases, GENERATED / 2)
}

#[test]
fn what_go_refuses_of_mistyped_templates_is_refused() -> anyhow::Result<()> {
    let cases = generate::mistyped(&generate::cases(GENERATED), MISTYPED);
    demand("mistyped", &Oracle::new()?, cases, MISTYPED / 10)
}
