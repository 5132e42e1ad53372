//! Runs each target in a process of its own, so that an input which overflows the stack or exhausts memory is a finding
//! like any other.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod report;
pub mod worker;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::SystemTime;

use anyhow::{Context, ensure};

use crate::Target;
use crate::targets::{self, TARGETS};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Inputs for each target; without it ten millions for parsers and one million for the others.
    #[arg(long, value_name = "N")]
    executions: Option<u64>,
    /// Only this target.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Where randomness begins; without it every run is another one.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Threads; without it one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: Option<u8>,
    /// Seconds after which one input has taken too long.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    limit: u64,
    /// Where findings are written.
    #[arg(long, value_name = "FOLDER", default_value = "target/findings")]
    findings: PathBuf,
    /// Runs this one input, as bytes or, if its name ends in `.hex`, as hex digits.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Runs the targets one after the other; the exit code says whether there was a finding.
///
/// # Errors
/// No such target, or a process could not be started.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let (Some(name), Some(path)) = (&arguments.target, &arguments.input) {
        return replay(name, path);
    }
    let chosen: Vec<&Target> = match &arguments.target {
        Some(name) => vec![targets::find(name)?],
        None => TARGETS.iter().collect(),
    };
    let seed = arguments.seed.unwrap_or_else(some_seed);
    let mut passed = true;
    for target in chosen {
        passed &= run_one(target, seed, arguments)?;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_one(target: &Target, seed: u64, arguments: &Arguments) -> anyhow::Result<bool> {
    let executions = arguments.executions.unwrap_or(target.executions);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.map_or_else(cores, usize::from);
    std::fs::create_dir_all(&arguments.findings)
        .with_context(|| format!("make {}", arguments.findings.display()))?;
    let status = Command::new(std::env::current_exe()?)
        .args(["worker", "--target", target.name])
        .args(["--executions", &executions.to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--threads", &threads.to_string()])
        .args(["--limit", &arguments.limit.to_string()])
        .arg("--findings")
        .arg(&arguments.findings)
        .status()
        .context("start the worker")?;
    if let Some(0 | 1) = status.code() {
        return Ok(status.success());
    }
    died(target, &arguments.findings, threads, status)?;
    Ok(false)
}

/// The process is gone: which of the inputs that were being run was it?
fn died(target: &Target, folder: &Path, threads: usize, status: ExitStatus) -> anyhow::Result<()> {
    println!("{}: the process ended with {status}", target.name);
    for worker in 0..threads {
        let path = worker::current_file(folder, target, worker);
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let Some(input) = worker::current_input(&bytes) else {
            continue;
        };
        let file = report::write(folder, target, input)?;
        let again = Command::new(std::env::current_exe()?)
            .args(["fuzz", "--target", target.name, "--input"])
            .arg(&file)
            .output()?;
        if again.status.success() {
            std::fs::remove_file(&file)?;
            continue;
        }
        report::print(target, &file, input, "the process does not survive it");
    }
    Ok(())
}

/// Runs one input without catching anything.
fn replay(name: &str, path: &Path) -> anyhow::Result<ExitCode> {
    let target = targets::find(name)?;
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let input = match path.extension().is_some_and(|extension| extension == "hex") {
        true => from_hex(&bytes)?,
        false => bytes,
    };
    (target.run)(&input);
    println!(
        "{name}: nothing wrong with this input of {} bytes",
        input.len()
    );
    Ok(ExitCode::SUCCESS)
}

fn from_hex(text: &[u8]) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .copied()
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    ensure!(rest.is_empty(), "an odd number of hex digits");
    pairs
        .iter()
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}

/// Another one each time.
fn some_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |since| since.as_secs())
}
