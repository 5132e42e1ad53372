//! Results as a file: outcomes of single scenarios, each in the place of its earlier one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// The file that the documents show.
pub(crate) const COMMITTED: &str = "benches/results.json";

/// Everything measured so far, in the order in which it is shown.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Facts of the machine and versions of what ran beside ours.
    pub(crate) machine: BTreeMap<String, String>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Results {
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))
    }

    pub(crate) fn read_or_empty(file: &Path) -> anyhow::Result<Self> {
        if file.exists() {
            Self::read(file)
        } else {
            Ok(Self::default())
        }
    }

    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }

    /// Takes outcomes over; `order` is that of all names. What is no longer in it goes.
    pub(crate) fn merge(&mut self, measured: Vec<Outcome>, order: &[&str]) {
        for outcome in measured {
            self.outcomes
                .retain(|known| known.scenario != outcome.scenario);
            self.outcomes.push(outcome);
        }
        let place = |name: &str| order.iter().position(|known| *known == name);
        self.outcomes
            .retain(|outcome| place(&outcome.scenario).is_some());
        self.outcomes
            .sort_by_key(|outcome| place(&outcome.scenario));
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::Scale;
    use super::*;

    #[test]
    fn a_new_outcome_replaces_the_old_one_and_keeps_its_place() {
        let outcome = |name: &str, scale| Outcome::new(name, scale);
        let mut results = Results {
            outcomes: vec![
                outcome("a", Scale::Quick),
                outcome("gone", Scale::Full),
                outcome("c", Scale::Full),
            ],
            ..Results::default()
        };
        results.merge(
            vec![outcome("b", Scale::Full), outcome("a", Scale::Full)],
            &["a", "b", "c"],
        );
        let shown: Vec<_> = results
            .outcomes
            .iter()
            .map(|outcome| (outcome.scenario.as_str(), outcome.scale))
            .collect();
        assert_eq!(
            shown,
            [("a", Scale::Full), ("b", Scale::Full), ("c", Scale::Full)]
        );
    }
}
