//! Runs cases on both sides and counts.

use std::thread;

use crate::case::{Case, Outcome};
use crate::oracle::Oracle;
use crate::ours;

/// What came of many cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) both_succeeded: usize,
    pub(crate) both_failed: usize,
    pub(crate) different: Vec<String>,
}

/// Renders all of them twice.
pub(crate) fn compare(oracle: &Oracle, cases: &[Case]) -> anyhow::Result<Tally> {
    let (go, ours) = thread::scope(|scope| {
        let go = scope.spawn(|| oracle.render(cases));
        let ours: Vec<Outcome> = cases.iter().map(ours::outcome).collect();
        (go.join().expect("the oracle's thread does not panic"), ours)
    });
    let mut tally = Tally::default();
    for ((case, go), ours) in cases.iter().zip(go?).zip(ours) {
        if !go.agrees(&ours) {
            tally
                .different
                .push(format!("{case}\n    Go:   {go}\n    ours: {ours}"));
        } else if matches!(go, Outcome::Output(_)) {
            tally.both_succeeded += 1;
        } else {
            tally.both_failed += 1;
        }
    }
    Ok(tally)
}

#[test]
fn tmp() {
    let oracle = Oracle::new().unwrap();
    let functions = oracle.functions().unwrap();
    let cases = crate::grid::cases(&functions);
    let start = std::time::Instant::now();
    let tally = compare(&oracle, &cases).unwrap();
    eprintln!(
        "{} cases, {} failed, {} ok, {} different, {:?}",
        cases.len(),
        tally.both_failed,
        tally.both_succeeded,
        tally.different.len(),
        start.elapsed()
    );
    std::fs::write("/tmp/grid.txt", tally.different.join("\n")).unwrap();
}
