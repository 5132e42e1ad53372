//! What templates really take of memory, measured at the allocator and not by the meter that is on trial: every function,
//! and every kind of regular expression.
//!
//! One test, alone in its program: the allocator counts for the whole process.

#[path = "memory/cases.rs"]
mod cases;
#[path = "memory/patterns.rs"]
mod patterns;
#[path = "memory/texts.rs"]
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{Env, Limits, Options, render};

use cases::Case;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What docs/guide/templates.md says: what templates make, as much again where a function works, …
const FACTOR: usize = 2;
/// … and a regular expression that is searched for.
const EXPRESSION: usize = 8 << 20;

/// What an object has left when its case begins, and the longest text in a case.
struct Scale {
    cases: u64,
    memory: usize,
    steps: u64,
    text: usize,
}

/// Nearly all cases have a part of everything, so that they take a part of the time; what costs too much for its size, costs
/// too much there as well.
const SMALL: Scale = Scale {
    cases: 20_000,
    memory: 512 << 10,
    steps: 6_000,
    text: 32 << 10,
};
const WHOLE: Scale = Scale {
    cases: 200,
    memory: 16 << 20,
    steps: Limits::STEPS,
    text: 1 << 20,
};

/// The most that is taken beside what the case is given.
fn peak(case: &Case, scale: &Scale) -> usize {
    let data: BTreeMap<&str, &[u8]> = case
        .data
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_slice()))
        .collect();
    let given: usize = case.data.values().map(Vec::len).sum();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let memory = usize::try_from(Limits::MEMORY).expect("a size");
    let taken = env.meter.allocate(memory - scale.memory);
    taken
        .and_then(|()| env.meter.step(Limits::STEPS - scale.steps))
        .expect("so much there is");
    // What comes out is told by other tests.
    let text = [("t", case.text.as_str())].into();
    let _ = render(&text, &data, Options::default(), &mut env);
    (ALLOCATOR.peak_usage() - before).saturating_sub(given)
}

/// The cases that take more than they may.
fn beyond(scale: &Scale, names: &mut BTreeSet<&'static str>) -> Vec<String> {
    let most = FACTOR * scale.memory + EXPRESSION;
    let mut wrong = Vec::new();
    for number in 0..scale.cases {
        let case = cases::case(number, scale.text);
        let peak = peak(&case, scale);
        names.insert(case.name);
        if peak > most {
            let given = case.data.iter().map(|(name, text)| {
                let begin = String::from_utf8_lossy(&text[..text.len().min(80)]);
                format!("  {name}, {} bytes: {begin}", text.len())
            });
            let given: Vec<_> = given.collect();
            wrong.push(format!(
                "case {number}: {} KiB: {}\n{}",
                peak >> 10,
                case.text,
                given.join("\n")
            ));
        }
    }
    wrong
}

#[test]
fn no_template_takes_more_memory_than_the_guide_says() {
    let mut names = BTreeSet::new();
    let mut wrong = beyond(&SMALL, &mut names);
    wrong.extend(beyond(&WHOLE, &mut names));
    let all: BTreeSet<_> = cases::functions().iter().map(|entry| entry.name).collect();
    assert_eq!(names, all, "some function was not called");
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let guide = include_str!("../../docs/guide/templates.md");
    let most = FACTOR * WHOLE.memory + EXPRESSION;
    let sentence = format!("at most {} MiB of the process", most >> 20);
    assert!(guide.contains(&sentence), "the guide says something else");
}
