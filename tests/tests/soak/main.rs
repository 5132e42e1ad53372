//! Many objects, many faults, all drawn from a seed; then the end state is judged. Run with
//! `cargo xtask test --suite soak`, or longer with `cargo xtask soak --only faults`.
//!
//! `SIGNET_SEEDS=N` runs N seeds, `SIGNET_SEED=S` only that one.

mod checker;
mod model;
mod one_fault;
mod plan;
mod planted;
mod replicas;
mod run;
mod slot;
mod stage;
mod strikes;
mod upheaval;
mod witness;
mod work;

use anyhow::Context;
use signet_tests::print_figures;

/// Replicas of the controller.
const REPLICAS: usize = 3;
/// Seeds of `cargo xtask test`; three in a row have every fault.
const SEEDS: u64 = 3;

#[test]
fn every_secret_is_right_after_the_faults_of_each_seed() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    let (seeds, step) = seeds()?;
    for seed in seeds {
        match run::run(seed, REPLICAS, step) {
            Ok(figures) => print_figures(&format!("seed {seed}: {}", figures.line()))?,
            Err(error) => {
                print_figures(&format!(
                    "seed {seed} failed: {error:#}\nTo run it again:\n  \
                     SIGNET_SEED={seed} cargo xtask test --suite soak -- every_secret"
                ))?;
                failed.push(seed);
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "failed seeds: {failed:?}");
    Ok(())
}

/// Which seeds to run, and every how manieth Secret upstream's program is asked about.
fn seeds() -> anyhow::Result<(Vec<u64>, usize)> {
    let variable = |name: &str| -> anyhow::Result<Option<u64>> {
        let text = std::env::var(name).ok();
        text.map(|text| text.parse().with_context(|| format!("{name}={text}")))
            .transpose()
    };
    if let Some(seed) = variable("SIGNET_SEED")? {
        return Ok((vec![seed], 1));
    }
    match variable("SIGNET_SEEDS")? {
        Some(seeds) => Ok(((0..seeds).collect(), 1)),
        None => Ok(((0..SEEDS).collect(), 4)),
    }
}
