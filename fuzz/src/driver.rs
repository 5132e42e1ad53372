//! Runs a target over mutated inputs: deterministic for a seed, one worker a thread.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::findings::{Caught, catch};
use crate::mutate::mutate;
use crate::{Target, feedback};

/// Most inputs that a worker keeps. The first are the seeds; of the others, chance decides which go.
const CORPUS: usize = 4096;

/// An input that a target cannot bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The input, made as small as could be.
    pub input: Vec<u8>,
    /// What happened, and where.
    pub what: String,
    /// How many inputs were run before.
    pub execution: u64,
}

/// What a run without a finding came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Inputs that were run.
    pub executions: u64,
    /// Inputs that showed something new and were kept, seeds included.
    pub kept: usize,
}

/// What others can see of a running worker.
#[derive(Default)]
pub struct Pulse {
    count: AtomicU64,
    input: Mutex<Vec<u8>>,
}

impl Pulse {
    fn begin(&self, input: &[u8]) {
        let mut current = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        current.clear();
        current.extend_from_slice(input);
        drop(current);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The input that is being run.
    pub fn input(&self) -> Vec<u8> {
        let current = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// How many inputs have begun.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Notices an execution that takes too long.
pub struct Watchdog {
    limit: Duration,
    last: Vec<(u64, Instant)>,
}

impl Watchdog {
    /// For this many workers, none of which has begun.
    pub fn new(workers: usize, limit: Duration, now: Instant) -> Self {
        let last = vec![(0, now); workers];
        Self { limit, last }
    }

    /// The worker that has been at the same input for too long, if there is one. Counts of zero have not begun.
    pub fn stuck(&mut self, counts: &[u64], now: Instant) -> Option<usize> {
        let pairs = self.last.iter_mut().zip(counts).enumerate();
        for (worker, ((count, since), current)) in pairs {
            if *count != *current {
                (*count, *since) = (*current, now);
            } else if *current > 0 && now.duration_since(*since) > self.limit {
                return Some(worker);
            }
        }
        None
    }
}

/// Called with each input before it is run, so that it can be found if the process does not survive it.
pub type Recorder<'a> = &'a mut dyn FnMut(&[u8]);

/// Runs `executions` inputs and stops at the first finding, which is made smaller.
///
/// The same target, seed and number give the same inputs, whatever else runs.
///
/// # Errors
/// The finding.
pub fn fuzz(
    target: &Target,
    seed: u64,
    executions: u64,
    pulse: &Pulse,
    record: Recorder<'_>,
) -> Result<Tally, Finding> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // What an earlier run on this thread has left.
    feedback::take();
    let mut corpus = (target.seeds)();
    let seeds = corpus.len();
    let mut behaviours = HashSet::new();
    for execution in 0..executions {
        // The seeds first, as they are.
        let at = usize::try_from(execution).unwrap_or(usize::MAX);
        let input = match corpus.get(at).filter(|_| at < seeds) {
            Some(seed) => seed.clone(),
            None => mutate(&mut rng, &corpus, target),
        };
        pulse.begin(&input);
        record(&input);
        if let Err(caught) = catch(target.run, &input) {
            return Err(Finding {
                input: smaller(target, &caught, input),
                what: caught.to_string(),
                execution,
            });
        }
        let shown = feedback::take();
        let new = shown
            .into_iter()
            .filter(|shown| behaviours.insert(*shown))
            .count();
        if new > 0 && at >= seeds {
            keep(&mut corpus, seeds, input, execution);
        }
    }
    let kept = corpus.len();
    Ok(Tally { executions, kept })
}

fn keep(corpus: &mut Vec<Vec<u8>>, seeds: usize, input: Vec<u8>, execution: u64) {
    if corpus.len() < CORPUS.max(2 * seeds) {
        corpus.push(input);
        return;
    }
    let others = (corpus.len() - seeds) as u64;
    let place = seeds + usize::try_from(execution % others).unwrap_or(0);
    corpus[place] = input;
}

/// Leaves out what can be left out while the same thing happens at the same place.
fn smaller(target: &Target, caught: &Caught, mut input: Vec<u8>) -> Vec<u8> {
    let same =
        |input: &[u8]| catch(target.run, input).is_err_and(|other| other.place == caught.place);
    let mut tries = 2_000_u32;
    let mut chunk = input.len().div_ceil(2);
    while chunk > 0 && tries > 0 {
        let mut start = 0;
        while start < input.len() && tries > 0 {
            tries -= 1;
            let end = (start + chunk).min(input.len());
            let without = [&input[..start], &input[end..]].concat();
            if same(&without) {
                input = without;
            } else {
                start = end;
            }
        }
        chunk /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: Target = Target {
        name: "planted",
        run: |data| {
            feedback::note(data.iter().take_while(|byte| **byte == b'x').count().min(6));
            assert!(!data.starts_with(b"xxxxxx"), "six of them");
        },
        seeds: || vec![b"abc".to_vec()],
        words: &[],
        longest: 64,
        executions: 0,
    };

    fn run(seed: u64, executions: u64) -> Result<Tally, Finding> {
        fuzz(&PLANTED, seed, executions, &Pulse::default(), &mut |_| {})
    }

    #[test]
    fn what_six_steps_lead_to_is_found_and_made_small() {
        let finding = run(1, 1_000_000).expect_err("a finding");
        assert_eq!(finding.input, b"xxxxxx");
        assert!(finding.what.contains("six of them"), "{}", finding.what);
        assert_eq!(run(1, 1_000_000), Err(finding));
    }

    #[test]
    fn without_a_bug_every_execution_is_counted() {
        let tally = run(1, 10).expect("nothing");
        assert_eq!(tally.executions, 10);
    }

    #[test]
    fn an_execution_that_does_not_end_is_noticed() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut watchdog = Watchdog::new(2, Duration::from_secs(10), begin);
        assert_eq!(watchdog.stuck(&[0, 0], at(60)), None);
        assert_eq!(watchdog.stuck(&[5, 7], at(61)), None);
        assert_eq!(watchdog.stuck(&[6, 7], at(70)), None);
        assert_eq!(watchdog.stuck(&[9, 7], at(72)), Some(1));
    }
}
