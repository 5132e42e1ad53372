//! Whether the ways in which an opening fails differ in time (docs/trust.md, "Timing").
//!
//! As dudect does it (Reparaz, Balasch, Verbauwhede 2017): classes of inputs are run in random order, the slowest runs are
//! cropped at several places, and Welch's t says whether the means of two classes differ. Two classes of each measurement
//! are equal: if these differ as well, it is the machine or the measurement, and nothing is said about the code. A leak is
//! planted beside each measurement, to show that one would be seen.
//!
//! Time on the wall is measured: what is taken by others is cropped, and asking the kernel for the time of the thread
//! costs more than the differences that are looked for.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod classes;
mod planted;
mod stats;
mod verdict;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_common::{SealTarget, SealedBlob, UnwrapKey, open};

use crate::fake::KEYS;
use classes::{Class, gcm, oaep};
use planted::{EarlyAtFirstByte, compared_byte_by_byte};
use stats::compare;
use verdict::{Measured, Verdict};

/// Openings without an RSA operation are that much faster.
const FASTER: usize = 25;
/// Blobs that are made at a time.
const CHUNK: usize = 512;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Openings of each class with a real RSA operation; others are run 25 times as often.
    #[arg(long, value_name = "N", default_value = "20000")]
    samples: usize,
    /// Where the blobs and the order of the runs begin.
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,
}

/// Measures and prints. The exit code is 1 if a difference was seen, and 2 if nothing can be said: the equal classes
/// differ, or a planted leak was not seen.
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
    let kinds = oaep(real, &target);
    let times = measure(rng, &kinds, few, |_, blob| opening(real, blob));
    let rsa = report(&kinds, &times);

    println!("planted: the masks are not computed if the first byte is not zero");
    let times = measure(rng, &kinds, few, |class, blob| {
        let early = class == 0;
        opening(&EarlyAtFirstByte { key: real, early }, blob)
    });
    let rsa_planted = report(&kinds, &times);

    println!("AES-256-GCM, 1 KiB: {many} openings of each class, RSA faked");
    let kinds = gcm(&target);
    let times = measure(rng, &kinds, many, |_, blob| opening(&*KEYS[0], blob));
    let aes = report(&kinds, &times);

    println!("planted: the tag is compared byte by byte");
    let times = measure(rng, &kinds, many, |_, blob| compared_byte_by_byte(blob));
    let aes_planted = report(&kinds, &times);

    let verdict = Verdict::of(&[rsa, aes], &[rsa_planted, aes_planted]);
    println!("{verdict}");
    Ok(verdict.exit_code())
}

/// Nanoseconds of each run of each class, in random order. Every run has a blob of its own.
///
/// Where something lies in memory, and what was touched before, must not depend on its class: the blobs are made in the
/// order in which they are run, each is copied to the same place before the clock starts, and the times are sorted
/// afterwards. The first chunk warms up.
fn measure(
    rng: &mut ChaCha8Rng,
    classes: &[Class<'_>],
    samples: usize,
    opens: impl Fn(usize, &SealedBlob) -> bool,
) -> Vec<Vec<f64>> {
    let chunks = (classes.len() * samples).div_ceil(CHUNK);
    let mut times = vec![Vec::with_capacity(samples * 2); classes.len()];
    for chunk in 0..=chunks {
        let order: Vec<usize> = (0..CHUNK)
            .map(|_| rng.random_range(0..classes.len()))
            .collect();
        let blobs: Vec<u8> = order
            .iter()
            .flat_map(|class| (classes[*class].blob)(rng))
            .collect();
        let mut taken = [0.0; CHUNK];
        let runs = order.iter().zip(blobs.chunks_exact(blobs.len() / CHUNK));
        for ((class, bytes), taken) in runs.zip(&mut taken) {
            // The one before was freed, so that it lies where that one lay.
            let blob = SealedBlob::parse(bytes).expect("it is framed");
            let begin = Instant::now();
            let opened = black_box(opens(*class, black_box(&blob)));
            *taken = begin.elapsed().as_secs_f64() * 1e9;
            assert!(!opened, "{} opens", classes[*class].name);
        }
        for (class, nanoseconds) in order.iter().zip(taken).filter(|_| chunk > 0) {
            times[*class].push(nanoseconds);
        }
    }
    times
}

/// Prints each pair of classes, and sums up.
fn report(classes: &[Class<'_>], times: &[Vec<f64>]) -> Measured {
    let mut measured = Measured::default();
    for (at, class) in classes.iter().enumerate() {
        for (other_at, other) in classes.iter().enumerate().skip(at + 1) {
            let found = compare(&times[at], &times[other_at]);
            let control = class.name == other.name;
            measured.add(control, found.t);
            let (t, difference) = (found.t, found.difference);
            let (a, b) = (class.name, other.name);
            let mark = if control { " (equal: control)" } else { "" };
            println!("  t = {t:7.2}  {difference:+9.1} ns  {a} / {b}{mark}");
        }
    }
    measured
}
