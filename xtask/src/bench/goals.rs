//! `benches/goals.toml`: which ratios are judged, and the judgement.

use std::fmt;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::lab::Scale;
use super::outcome::Outcome;

const FILE: &str = "benches/goals.toml";

/// All ratios that are judged, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goals {
    pub(crate) judged: Vec<Judged>,
}

/// One ratio and its bounds: exactly one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judged {
    pub(crate) scenario: String,
    pub(crate) ratio: String,
    at_least: Option<Bounds>,
    at_most: Option<Bounds>,
}

/// What must be, and what we want. Without a floor, missing the goal is no failure.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    floor: Option<f64>,
    goal: f64,
}

/// How a ratio stands to its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Goal,
    Floor,
    Below,
    NotMeasured,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Goal => "goal",
            Self::Floor => "floor",
            Self::Below => "**below**",
            Self::NotMeasured => "not measured",
        })
    }
}

impl Goals {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join(FILE)).context(FILE)?;
        Self::parse(&text).context(FILE)
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let goals: Self = toml_edit::de::from_str(text)?;
        for judged in &goals.judged {
            let bounds = [judged.at_least, judged.at_most];
            ensure!(
                bounds.iter().flatten().count() == 1,
                "{}, {}: one of at_least and at_most",
                judged.scenario,
                judged.ratio
            );
        }
        Ok(goals)
    }

    /// What fails the check, one line each. What was not measured is no failure unless everything should have been.
    pub(crate) fn failures(&self, outcomes: &[Outcome], is_everything: bool) -> Vec<String> {
        let mut failures = Vec::new();
        for judged in &self.judged {
            let (verdict, value) = judged.judge(outcomes);
            let what = format!("{}: {}", judged.scenario, judged.ratio);
            match verdict {
                Verdict::Below => failures.push(format!(
                    "BELOW: {what} is {}, must be {}",
                    value.unwrap_or_default(),
                    judged.floor()
                )),
                Verdict::NotMeasured if is_everything => {
                    failures.push(format!("NOT MEASURED: {what}"));
                }
                _ => {}
            }
        }
        let quick = outcomes.iter().filter(|o| o.scale == Scale::Quick);
        if is_everything && quick.clone().next().is_some() {
            let names: Vec<_> = quick.map(|outcome| outcome.scenario.as_str()).collect();
            failures.push(format!("ONLY QUICK: {}", names.join(", ")));
        }
        failures
    }
}

impl Judged {
    /// The verdict and the value that led to it.
    pub(crate) fn judge(&self, outcomes: &[Outcome]) -> (Verdict, Option<f64>) {
        let outcome = outcomes.iter().find(|o| o.scenario == self.scenario);
        let ratio = outcome.and_then(|o| o.ratios.iter().find(|ratio| ratio.name == self.ratio));
        let Some(value) = ratio.map(|ratio| ratio.value) else {
            return (Verdict::NotMeasured, None);
        };
        let reaches = |bound: f64| match self.at_least {
            Some(_) => value >= bound,
            None => value <= bound,
        };
        let bounds = self.bounds();
        let verdict = if bounds.is_some_and(|bounds| reaches(bounds.goal)) {
            Verdict::Goal
        } else if bounds.is_some_and(|bounds| bounds.floor.is_none_or(reaches)) && !value.is_nan() {
            Verdict::Floor
        } else {
            Verdict::Below
        };
        (verdict, Some(value))
    }

    pub(crate) fn floor(&self) -> String {
        let floor = self.bounds().and_then(|bounds| bounds.floor);
        floor.map_or_else(|| "–".to_owned(), |floor| self.bound(floor))
    }

    pub(crate) fn goal(&self) -> String {
        self.bounds()
            .map_or_else(String::new, |bounds| self.bound(bounds.goal))
    }

    fn bounds(&self) -> Option<Bounds> {
        self.at_least.or(self.at_most)
    }

    fn bound(&self, bound: f64) -> String {
        let sign = if self.at_least.is_some() {
            "≥"
        } else {
            "≤"
        };
        format!("{sign} {bound}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [[judged]]
        scenario = "cold"
        ratio = "speed"
        at_least = { floor = 3, goal = 4 }
        [[judged]]
        scenario = "restart"
        ratio = "writes"
        at_most = { floor = 1, goal = 0 }
        [[judged]]
        scenario = "restart"
        ratio = "delay"
        at_most = { goal = 2 }
    "#;

    fn outcomes(scale: Scale, speed: f64, writes: f64, delay: Option<f64>) -> Vec<Outcome> {
        let mut cold = Outcome::new("cold", scale);
        cold.ratio("speed", speed);
        let mut restart = Outcome::new("restart", scale);
        restart.ratio("writes", writes);
        if let Some(delay) = delay {
            restart.ratio("delay", delay);
        }
        vec![cold, restart]
    }

    fn verdicts(outcomes: &[Outcome]) -> Vec<Verdict> {
        let goals = Goals::parse(TEXT).unwrap();
        goals.judged.iter().map(|j| j.judge(outcomes).0).collect()
    }

    #[test]
    fn a_ratio_is_judged_by_its_own_direction() {
        use Verdict::{Below, Floor, Goal, NotMeasured};
        let full = |speed, writes, delay| verdicts(&outcomes(Scale::Full, speed, writes, delay));
        assert_eq!(full(4.0, 0.0, Some(2.0)), [Goal, Goal, Goal]);
        assert_eq!(full(3.0, 1.0, Some(9.0)), [Floor, Floor, Floor]);
        assert_eq!(full(2.9, 2.0, None), [Below, Below, NotMeasured]);
        assert_eq!(
            full(f64::NAN, f64::NAN, Some(f64::NAN)),
            [Below, Below, Below]
        );
    }

    #[test]
    fn the_check_fails_below_the_floor_and_on_what_a_full_run_left_out() {
        let goals = Goals::parse(TEXT).unwrap();
        let failures = |outcomes: &[Outcome], all| goals.failures(outcomes, all);
        let good = outcomes(Scale::Full, 3.5, 1.0, Some(3.0));
        assert_eq!(failures(&good, true), [""; 0]);
        let below = outcomes(Scale::Full, 2.5, 1.0, Some(3.0));
        assert_eq!(
            failures(&below, false),
            ["BELOW: cold: speed is 2.5, must be ≥ 3"]
        );
        let missing = outcomes(Scale::Full, 3.5, 1.0, None);
        assert_eq!(failures(&missing, false), [""; 0]);
        assert_eq!(failures(&missing, true), ["NOT MEASURED: restart: delay"]);
        let quick = outcomes(Scale::Quick, 3.5, 1.0, Some(3.0));
        assert_eq!(failures(&quick, true), ["ONLY QUICK: cold, restart"]);
    }

    #[test]
    fn bounds_point_one_way() {
        let none = "[[judged]]\nscenario = 'a'\nratio = 'b'";
        assert!(Goals::parse(none).is_err());
        let both = format!("{none}\nat_least = {{ goal = 1 }}\nat_most = {{ goal = 1 }}");
        assert!(Goals::parse(&both).is_err());
    }

    #[test]
    fn each_judged_ratio_names_a_scenario_of_the_list() {
        let goals = Goals::read().unwrap();
        let names: Vec<_> = crate::bench::names().collect();
        for judged in &goals.judged {
            assert!(
                names.contains(&judged.scenario.as_str()),
                "{}",
                judged.scenario
            );
        }
    }
}
