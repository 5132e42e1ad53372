//! `cargo xtask bench`: what sealing costs, ours and upstream's in turn on the same input.
//!
//! Prints figures and ratios. Nothing here is a test: figures belong to the machine they were taken on.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use signet_harness::{Tool, Tools};

use crate::cargo;

/// Measure offline sealing beside upstream's kubeseal, and the size of the release programs.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Runs of each program, in turn.
    #[arg(long, default_value = "40")]
    runs: usize,
}

const PROGRAMS: [&str; 3] = ["signet", "kubeseal", "signet-controller"];

/// Two items, as `kubectl create secret generic … --dry-run=client -o yaml` prints them.
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\n\
data:\n  password: aHVudGVyMg==\n  user: c2hvcA==\n";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ensure!(arguments.runs > 0, "at least one run");
    let tools = Tools::ensure(&[Tool::UpstreamKubeseal])?;
    let ours = release_programs()?;
    let folder = tempfile::tempdir()?;
    let certificate = folder.path().join("cert.pem");
    let signet = &ours[0];
    let made = Command::new(signet)
        .args(["keys", "generate", "--out-key"])
        .arg(folder.path().join("key.pem"))
        .arg("--out-cert")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()?;
    ensure!(made.success(), "no key was made");

    let upstream = tools.path(Tool::UpstreamKubeseal)?;
    let programs = [
        ("kubeseal, ours", ours[1].as_path()),
        ("kubeseal, upstream's", upstream),
    ];
    let mut taken = [Vec::new(), Vec::new()];
    // One run of each first, so that both are in the page cache.
    for round in 0..=arguments.runs {
        for ((_, program), taken) in programs.iter().zip(&mut taken) {
            let time = seal(program, &certificate)?;
            if round > 0 {
                taken.push(time);
            }
        }
    }
    let [ours_median, upstream_median] = taken.map(median);
    println!(
        "offline seal, 2 items, median of {} runs in turn",
        arguments.runs
    );
    for ((name, _), time) in programs.iter().zip([ours_median, upstream_median]) {
        println!("  {name:<22} {:>7.2} ms", time.as_secs_f64() * 1e3);
    }
    println!(
        "  ours / upstream's      {:>7.2}",
        ours_median.as_secs_f64() / upstream_median.as_secs_f64()
    );
    println!("size of release programs");
    for path in ours.iter().map(PathBuf::as_path).chain([upstream]) {
        let megabytes = fs::metadata(path)?.len() as f64 / 1e6;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("  {name:<22} {megabytes:>7.1} MB");
    }
    Ok(ExitCode::SUCCESS)
}

fn release_programs() -> anyhow::Result<Vec<PathBuf>> {
    let built = cargo::build(&[
        "build",
        "--release",
        "--package",
        "signet-cli",
        "--package",
        "signet-controller",
    ])?;
    cargo::programs(&built, &PROGRAMS)
}

fn seal(program: &Path, certificate: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg("--cert")
        .arg(certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    child
        .stdin
        .take()
        .context("stdin is piped")?
        .write_all(SECRET.as_bytes())?;
    let output = child.wait_with_output()?;
    let taken = start.elapsed();
    ensure!(output.status.success(), "{} failed", program.display());
    ensure!(
        output
            .stdout
            .windows(13)
            .any(|part| part == b"encryptedData"),
        "{} sealed nothing",
        program.display()
    );
    Ok(taken)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
