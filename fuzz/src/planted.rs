//! How tests show that a target is sound, and that it would see a bug.

use crate::Target;
use crate::driver::{Pulse, fuzz};

/// Inputs within which a planted bug must be found; a soak has a hundred times as many for the least of the targets.
const ENOUGH: u64 = 200_000;
const SEED: u64 = 1;

/// The target bears this many inputs.
#[track_caller]
pub(crate) fn passes(target: &Target, executions: u64) {
    let result = fuzz(target, SEED, executions, &Pulse::default(), &mut |_| {});
    if let Err(finding) = result {
        let input = String::from_utf8_lossy(&finding.input);
        panic!("{}: {}\n{input:?}", target.name, finding.what);
    }
}

/// The target with a bug in what it tests finds something that is described like this.
#[track_caller]
pub(crate) fn finds(target: &Target, what: &str, run: fn(&[u8])) {
    let planted = Target { run, ..*target };
    let Err(finding) = fuzz(&planted, SEED, ENOUGH, &Pulse::default(), &mut |_| {}) else {
        panic!("{}: the planted bug was not found", target.name)
    };
    assert!(
        finding.what.contains(what),
        "found another thing: {}",
        finding.what
    );
}
