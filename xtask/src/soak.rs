//! `cargo xtask soak`: what `cargo xtask test` shows, more often, and what takes too long for it.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cargo;
use crate::report::Report;

/// Run the long tests: fuzzing, more seeds of faults, more generated templates, more kills, the cluster suites again and
/// again, a release built twice.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// How many times as much as `cargo xtask test`.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    times: u32,
    /// Only the steps whose name holds this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    #[command(subcommand)]
    one: Option<One>,
}

/// One kind of long test, with arguments of its own.
#[derive(clap::Subcommand)]
enum One {
    /// Only the fuzz targets: `cargo xtask soak fuzz --help`.
    #[command(disable_help_flag = true)]
    Fuzz(Rest),
    /// Only the measurement of what failed openings take: `cargo xtask soak timing --help`.
    #[command(disable_help_flag = true)]
    Timing(Rest),
}

#[derive(clap::Args)]
struct Rest {
    /// Handed on.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
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
/// Builds and runs the program of `signet-fuzz`.
const FUZZ: [&str; 7] = [
    "run",
    "--quiet",
    "--profile",
    "fuzz",
    "--package",
    "signet-fuzz",
    "--",
];

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.one {
        None => everything(arguments),
        Some(One::Fuzz(rest)) => only("fuzz", rest),
        Some(One::Timing(rest)) => only("timing", rest),
    }
}

/// With the exit code of the program: `timing` has one more, for when nothing can be said.
fn only(what: &str, rest: &Rest) -> anyhow::Result<ExitCode> {
    let words = FUZZ.into_iter().chain([what]).map(OsString::from);
    let words: Vec<OsString> = words.chain(rest.arguments.iter().cloned()).collect();
    let code = cargo::run(&words)?.code();
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn everything(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let templates = (GENERATED * arguments.times).to_string();
    let kills = (KILLS * arguments.times).to_string();
    let seeds = (SEEDS * arguments.times).to_string();
    let seeds = std::env::var(SEEDS_VARIABLE).unwrap_or(seeds);
    let mut step = |name: &str, command: &[&str], variables: &[(&str, &str)]| {
        if !name.contains(&arguments.only) {
            return;
        }
        let run = || Ok(cargo::run_with(command, variables)?.success());
        report.step(name, run);
    };
    for what in ["fuzz", "timing"] {
        step(what, &[&FUZZ[..], &[what]].concat(), &[]);
    }
    step(
        "faults",
        &["xtask", "test", "--suite", "soak"],
        &[(SEEDS_VARIABLE, &seeds)],
    );
    step(
        "templates",
        &["xtask", "test", "--suite", "templates"],
        &[("SIGNET_TEMPLATES", &templates)],
    );
    step(
        "kills",
        &["test", "-p", "signet-cli", "--test", "cli", "crash"],
        &[("SIGNET_KILLS", &kills)],
    );
    for round in 1..=arguments.times {
        for suite in REPEATED {
            let name = format!("{suite} {round}");
            step(&name, &["xtask", "test", "--suite", suite], &[]);
        }
    }
    step(
        "release",
        &["xtask", "dist", "--check", "--from-scratch"],
        &[],
    );
    Ok(report.finish())
}
