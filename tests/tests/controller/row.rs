//! One row: a scene that is played on both sides, and what differed.

use std::time::Duration;

use serde_json::Value;
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::observe::{difference, observed};
use crate::side::Side;

/// How long two sides that are known to differ are given to become the same.
const PATIENCE: Duration = Duration::from_secs(4);

/// A row of the matrix.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: &'static str,
    /// Ids of the differences that it shows.
    pub(crate) cites: &'static [&'static str],
    /// Plays it.
    pub(crate) play: fn(&mut Row) -> anyhow::Result<()>,
}

/// A row that both do alike.
pub(crate) const fn same(name: &'static str, play: fn(&mut Row) -> anyhow::Result<()>) -> Case {
    differs(name, &[], play)
}

/// A row that shows documented differences.
pub(crate) const fn differs(
    name: &'static str,
    cites: &'static [&'static str],
    play: fn(&mut Row) -> anyhow::Result<()>,
) -> Case {
    Case { name, cites, play }
}

/// What came of a case.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) cites: &'static [&'static str],
    /// How the sides differed, if they did; an error if the scene could not be played.
    pub(crate) difference: anyhow::Result<Option<String>>,
}

/// A scene while it is played.
pub(crate) struct Row {
    pub(crate) signet: Side,
    pub(crate) upstream: Side,
    /// How long the sides are given to become the same.
    patience: Duration,
    differences: Vec<String>,
}

impl Row {
    pub(crate) fn new(signet: Side, upstream: Side) -> Self {
        Self {
            signet,
            upstream,
            patience: CAP,
            differences: Vec::new(),
        }
    }

    /// Plays a case to its end.
    pub(crate) fn play(mut self, case: Case) -> Outcome {
        // Only who finds what is expected waits in vain: a busy machine makes no difference.
        if !case.cites.is_empty() {
            self.patience = PATIENCE;
        }
        let played = (case.play)(&mut self);
        let text = self.differences.join("\n");
        Outcome {
            name: case.name,
            cites: case.cites,
            difference: played.map(|()| (!text.is_empty()).then_some(text)),
        }
    }

    /// Does something on both sides.
    pub(crate) fn each(
        &mut self,
        act: impl Fn(&mut Side) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        act(&mut self.signet)?;
        act(&mut self.upstream)
    }

    /// Compares what can be seen; sides that differ are given time to become the same.
    pub(crate) fn compare(
        &mut self,
        when: &str,
        look: impl Fn(&Side) -> anyhow::Result<Value>,
    ) -> anyhow::Result<()> {
        let mut last = None;
        let equal = eventually("the same on both sides", self.patience, || {
            let (ours, theirs) = (look(&self.signet).ok()?, look(&self.upstream).ok()?);
            let found = difference(&ours, &theirs);
            let same = found.is_empty();
            last = Some(found);
            same.then_some(())
        });
        if equal.is_err() {
            match last {
                Some(found) => self.differences.push(format!("{when}:\n{found}")),
                // Nothing could be seen: the error is the answer.
                None => {
                    look(&self.signet)?;
                    look(&self.upstream)?;
                }
            }
        }
        Ok(())
    }

    /// Applies a SealedSecret on both sides, awaits that it was processed, and compares the effects.
    pub(crate) fn apply(
        &mut self,
        when: &str,
        name: &str,
        make: impl Fn(&Side) -> anyhow::Result<Value>,
    ) -> anyhow::Result<()> {
        self.each(|side| {
            let sealed = make(side)?;
            side.apply(&sealed)?;
            side.processed(name)
        })?;
        self.look(when, name)
    }

    /// Compares everything about one SealedSecret.
    pub(crate) fn look(&mut self, when: &str, name: &str) -> anyhow::Result<()> {
        self.compare(when, |side| observed(side, name))
    }
}
