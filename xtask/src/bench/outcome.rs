//! What a scenario measured.

use serde::{Deserialize, Serialize};

use super::lab::Scale;

/// The figures of one scenario, and the ratios that it is judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: String,
    pub(crate) scale: Scale,
    pub(crate) figures: Vec<Figure>,
    pub(crate) ratios: Vec<Ratio>,
    /// How it was measured, and what else is worth knowing. One sentence each.
    pub(crate) notes: Vec<String>,
}

/// One thing measured on each side that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    /// The most that this machine could do, measured in the same run.
    pub(crate) ceiling: Option<f64>,
}

/// A number without a machine in it: a quotient, a count, or a bound on a time that people notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) name: String,
    pub(crate) value: f64,
}

impl Outcome {
    pub(crate) fn new(scenario: &str, scale: Scale) -> Self {
        Self {
            scenario: scenario.to_owned(),
            scale,
            figures: Vec::new(),
            ratios: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn ratio(&mut self, name: &str, value: f64) {
        self.ratios.push(Ratio {
            name: name.to_owned(),
            value,
        });
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Figure {
    pub(crate) fn new(what: &str, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            ours: None,
            peer: None,
            ceiling: None,
        }
    }

    pub(crate) fn ours(mut self, value: f64) -> Self {
        self.ours = Some(value);
        self
    }

    pub(crate) fn peer(mut self, value: f64) -> Self {
        self.peer = Some(value);
        self
    }

    pub(crate) fn ceiling(mut self, value: f64) -> Self {
        self.ceiling = Some(value);
        self
    }
}
