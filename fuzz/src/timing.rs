//! Whether the ways in which an opening fails differ in time (docs/trust.md, "Timing").
//!
//! As dudect does it (Reparaz, Balasch, Verbauwhede 2017): classes of inputs are run in random order, the slowest runs are
//! cropped at several places, and Welch's t says whether the means of two classes differ. A leak is planted beside each
//! measurement, to show that one would be seen.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod classes;
mod planted;
mod stats;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_common::{SealTarget, SealedBlob, UnwrapKey, open};

use crate::fake::KEYS;
use classes::{Class, gcm, oaep};
use planted::{EarlyAtFirstByte, compared_byte_by_byte};
use stats::{Comparison, compare};

/// Below this, no difference is seen.
const NOT_SEEN: f64 = 4.5;
/// Above this, there is one.
const SEEN: f64 = 10.0;
/// Openings without an RSA operation are that much faster.
const FASTER: usize = 25;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Openings of each class with a real RSA operation; others are run 25 times as often.
    #[arg(long, value_name = "N", default_value = "20000")]
    samples: usize,
    /// Where the order of the runs begins.
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,
}

/// Measures and prints. The exit code says whether a difference was seen, or a planted one was not.
///
/// # Errors
/// None today; the signature is that of the other commands.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let rng = &mut rng;
    let (few, many) = (arguments.samples, arguments.samples * FASTER);
    let target = SealTarget::strict("ns", "db").expect("plain names");
    let real = &KEYS[0].real;
    let opening = |key: &dyn UnwrapKey, blob: &SealedBlob| open(key, blob, &target, "item").is_ok();

    println!("OAEP, RSA-2048: {few} openings of each class");
    let kinds = oaep(rng, real, &target);
    let times = measure(rng, &kinds, few, |blob| opening(real, blob));
    let mut worst = report(&kinds, &times);

    let leaking = EarlyAtFirstByte::new(real, &kinds);
    println!("planted: the masks are not computed if the first byte is not zero");
    let times = measure(rng, &kinds, few, |blob| opening(&leaking, blob));
    let mut planted = report(&kinds, &times);

    println!("AES-256-GCM, 1 KiB: {many} openings of each class, RSA faked");
    let kinds = gcm(rng, &target);
    let times = measure(rng, &kinds, many, |blob| opening(&*KEYS[0], blob));
    worst = worst.max(report(&kinds, &times));

    println!("planted: the tag is compared byte by byte");
    let times = measure(rng, &kinds, many, compared_byte_by_byte);
    planted = planted.min(report(&kinds, &times));

    println!(
        "largest |t| {worst:.2} (not seen below {NOT_SEEN}); planted leaks seen with |t| of {planted:.1} and more"
    );
    let passed = worst < SEEN && planted > SEEN;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Nanoseconds of each run of each class, in random order. The first tenth warms up.
fn measure(
    rng: &mut ChaCha8Rng,
    classes: &[Class],
    samples: usize,
    run: impl Fn(&SealedBlob) -> bool,
) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(samples); classes.len()];
    let mut order: Vec<usize> = (0..classes.len() * samples)
        .map(|at| at % classes.len())
        .collect();
    order.shuffle(rng);
    for class in &order[..order.len() / 10] {
        black_box(run(&classes[*class].blobs[0]));
    }
    for class in order {
        let blobs = &classes[class].blobs;
        let blob = &blobs[rng.random_range(0..blobs.len())];
        let begin = Instant::now();
        let opened = black_box(run(black_box(blob)));
        let nanoseconds = begin.elapsed().as_secs_f64() * 1e9;
        assert!(!opened, "{} opens", classes[class].name);
        times[class].push(nanoseconds);
    }
    times
}

/// Prints each pair and gives the largest |t|.
fn report(classes: &[Class], times: &[Vec<f64>]) -> f64 {
    let mut worst: f64 = 0.0;
    for (at, class) in classes.iter().enumerate() {
        for (other_at, other) in classes.iter().enumerate().skip(at + 1) {
            let Comparison { t, difference } = compare(&times[at], &times[other_at]);
            worst = worst.max(t.abs());
            let (a, b) = (class.name, other.name);
            println!("  t = {t:7.2}  {difference:+9.1} ns  {a} / {b}");
        }
    }
    worst
}
