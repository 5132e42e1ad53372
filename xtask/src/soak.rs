//! `cargo xtask soak`: what `cargo xtask test` shows, more often, and what takes too long for it.

use std::process::ExitCode;

use crate::cargo;
use crate::report::Report;

/// Run the long tests: more seeds of faults, more generated templates, more kills, the cluster suites again and again, a
/// release built twice.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many times as much as `cargo xtask test`.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    times: u32,
    /// Only the steps whose name holds this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// Suites whose runs differ: they race, kill or draw at random.
const REPEATED: [&str; 3] = ["resilience", "migration", "preview"];
/// What `cargo xtask test` does once.
const GENERATED: u32 = 20_000;
const KILLS: u32 = 200;
/// Seeds of faults for each time.
const SEEDS: u32 = 2;
/// How many seeds, whatever `--times` says.
const SEEDS_VARIABLE: &str = "SIGNET_SEEDS";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let templates = (GENERATED * arguments.times).to_string();
    let kills = (KILLS * arguments.times).to_string();
    let seeds = (SEEDS * arguments.times).to_string();
    let seeds = std::env::var(SEEDS_VARIABLE).unwrap_or(seeds);
    let mut step = |name: &str, command: &[&str], variables: &[(&str, &str)]| {
        if !name.contains(&arguments.only) {
            return Ok(());
        }
        let run = || Ok(cargo::run_with(command, variables)?.success());
        report.step(name, run)
    };
    step(
        "faults",
        &["xtask", "test", "--suite", "soak"],
        &[(SEEDS_VARIABLE, &seeds)],
    )?;
    step(
        "templates",
        &["xtask", "test", "--suite", "templates"],
        &[("SIGNET_TEMPLATES", &templates)],
    )?;
    step(
        "kills",
        &["test", "-p", "signet-cli", "--test", "cli", "crash"],
        &[("SIGNET_KILLS", &kills)],
    )?;
    for round in 1..=arguments.times {
        for suite in REPEATED {
            let name = format!("{suite} {round}");
            step(&name, &["xtask", "test", "--suite", suite], &[])?;
        }
    }
    step(
        "release",
        &["xtask", "dist", "--check", "--from-scratch"],
        &[],
    )?;
    Ok(report.finish())
}
