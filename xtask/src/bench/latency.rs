//! How long new objects wait for their Secrets.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::world::{CAP, World};

/// Between two looks. A look costs etcd a fraction of a millisecond.
const LOOK: Duration = Duration::from_millis(3);

/// Objects that are applied one by one, at fixed times, whatever happened to the ones before.
#[derive(Debug)]
pub(crate) struct Applicant {
    waiting: VecDeque<Value>,
    pending: Vec<(String, Instant)>,
    every: Duration,
    next: Instant,
    /// Seconds from the answer to the POST until etcd has the Secret.
    waits: Vec<f64>,
}

impl Applicant {
    /// Takes the objects from a file of one JSON object a line. The first is applied at once.
    pub(crate) fn new(file: &Path, every: Duration) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file)?;
        let objects = text.lines().map(serde_json::from_str);
        Ok(Self {
            waiting: objects.collect::<Result<_, _>>()?,
            pending: Vec::new(),
            every,
            next: Instant::now(),
            waits: Vec::new(),
        })
    }

    /// Applies what is due and looks for what is pending, until `enough` says so.
    pub(crate) fn run_until(
        &mut self,
        world: &World<'_>,
        mut enough: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        while !enough(self)? {
            ensure!(
                start.elapsed() < CAP,
                "{} objects still wait",
                self.pending.len()
            );
            self.step(world)?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Awaits the Secrets of all that were applied, and applies no more.
    pub(crate) fn finish(mut self, world: &World<'_>) -> anyhow::Result<Vec<f64>> {
        self.waiting.clear();
        self.run_until(world, |own| Ok(own.pending.is_empty()))?;
        Ok(self.waits)
    }

    /// Whether nothing is left to be applied.
    pub(crate) fn is_through(&self) -> bool {
        self.waiting.is_empty() && self.pending.is_empty()
    }

    /// How many are still to be applied.
    pub(crate) fn left(&self) -> usize {
        self.waiting.len()
    }

    fn step(&mut self, world: &World<'_>) -> anyhow::Result<()> {
        if self.next <= Instant::now()
            && let Some(object) = self.waiting.pop_front()
        {
            let text = |field: &str| object["metadata"][field].as_str().context("metadata");
            let (namespace, name) = (text("namespace")?, text("name")?);
            let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
            world.plane.api().post(&path, &object)?;
            let secret = format!("secrets/{namespace}/{name}");
            self.pending.push((secret, Instant::now()));
            self.next += self.every;
        }
        let mut still = Vec::new();
        for (secret, since) in self.pending.drain(..) {
            if world.plane.count_stored(&secret)? > 0 {
                self.waits.push(since.elapsed().as_secs_f64());
            } else {
                still.push((secret, since));
            }
        }
        self.pending = still;
        Ok(())
    }
}

/// The value that `percent` of all do not exceed (nearest rank). Not a number if there is none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50), 100.0);
        assert_eq!(percentile(&values, 99), 198.0);
        assert_eq!(percentile(&values, 100), 200.0);
        assert_eq!(percentile(&[7.0], 1), 7.0);
        assert!(percentile(&[], 50).is_nan());
    }
}
