//! The process that runs one target: its threads, and somebody who watches them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::report;
use crate::driver::{Finding, Pulse, Tally, Watchdog, fuzz};
use crate::{Target, targets};

/// As the controller's threads have it: what overflows here would overflow there.
const STACK: usize = 2 * 1024 * 1024;

/// What `fuzz` asks of a worker.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The target.
    #[arg(long)]
    target: String,
    /// Inputs, over all threads.
    #[arg(long)]
    executions: u64,
    /// Where randomness begins.
    #[arg(long)]
    seed: u64,
    /// Threads.
    #[arg(long)]
    threads: usize,
    /// Seconds for one input.
    #[arg(long)]
    limit: u64,
    /// Where findings, and the inputs that are being run, are written.
    #[arg(long)]
    findings: PathBuf,
}

/// Where a thread writes what it is about to run.
pub(super) fn current_file(folder: &Path, target: &Target, worker: usize) -> PathBuf {
    folder.join(format!(".current-{}-{worker}", target.name))
}

/// The input in such a file: its length stands before it, since what is left of longer ones follows.
pub(super) fn current_input(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// Runs a target on all threads and says what came of it; the exit code is 1 if something was found.
///
/// # Errors
/// No such target, or a file cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let target = targets::find(&arguments.target)?;
    let begun = Instant::now();
    let pulses: Vec<Pulse> = (0..arguments.threads).map(|_| Pulse::default()).collect();
    let result = thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for (worker, pulse) in pulses.iter().enumerate() {
            let send = send.clone();
            let run = move || {
                // The receiver is gone when another thread found something.
                let _ = send.send(work(target, arguments, worker, pulse));
            };
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, run)
                .context("start a thread")?;
        }
        drop(send);
        watch(target, arguments, &pulses, &receive)
    });
    let tally = result?;
    for worker in 0..arguments.threads {
        let _ = std::fs::remove_file(current_file(&arguments.findings, target, worker));
    }
    println!(
        "{}: {} executions in {} s from seed {}, {} inputs kept, nothing found",
        target.name,
        tally.executions,
        begun.elapsed().as_secs(),
        arguments.seed,
        tally.kept
    );
    Ok(ExitCode::SUCCESS)
}

fn work(
    target: &Target,
    arguments: &Arguments,
    worker: usize,
    pulse: &Pulse,
) -> anyhow::Result<Result<Tally, Finding>> {
    let path = current_file(&arguments.findings, target, worker);
    let mut file = File::create(&path).with_context(|| format!("write {}", path.display()))?;
    let threads = arguments.threads as u64;
    let (share, rest) = (
        arguments.executions / threads,
        arguments.executions % threads,
    );
    let share = share + u64::from((worker as u64) < rest);
    // Seeds of neighbouring runs and threads must not meet.
    let seed = arguments
        .seed
        .wrapping_mul(1009)
        .wrapping_add(worker as u64);
    let mut buffer = Vec::new();
    let mut record = |input: &[u8]| {
        buffer.clear();
        buffer.extend_from_slice(&(input.len() as u64).to_le_bytes());
        buffer.extend_from_slice(input);
        // Without the record a death is still noticed, only not its cause.
        let _ = std::io::Seek::rewind(&mut file).and_then(|()| file.write_all(&buffer));
    };
    Ok(fuzz(target, seed, share, pulse, &mut record))
}

/// Waits for all threads. Whatever is found ends the process: other threads may be in the middle of something.
fn watch(
    target: &Target,
    arguments: &Arguments,
    pulses: &[Pulse],
    receive: &mpsc::Receiver<anyhow::Result<Result<Tally, Finding>>>,
) -> anyhow::Result<Tally> {
    let mut total = Tally::default();
    let limit = Duration::from_secs(arguments.limit);
    let mut watchdog = Watchdog::new(pulses.len(), limit, Instant::now());
    let mut done = 0;
    while done < pulses.len() {
        match receive.recv_timeout(Duration::from_secs(1)) {
            Ok(result) => match result? {
                Ok(tally) => {
                    done += 1;
                    total.executions += tally.executions;
                    total.kept += tally.kept;
                }
                Err(Finding { input, what, .. }) => {
                    let all: u64 = pulses.iter().map(Pulse::count).sum();
                    let what = format!("{what} (after {all} executions)");
                    found(target, arguments, &input, &what)?;
                }
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("a thread is gone")),
        }
        let counts: Vec<u64> = pulses.iter().map(Pulse::count).collect();
        // A thread that is done rests at its last input.
        if done == 0
            && let Some(worker) = watchdog.stuck(&counts, Instant::now())
        {
            let what = format!("no end after {} s", arguments.limit);
            found(target, arguments, &pulses[worker].input(), &what)?;
        }
    }
    Ok(total)
}

fn found(target: &Target, arguments: &Arguments, input: &[u8], what: &str) -> anyhow::Result<()> {
    let file = report::write(&arguments.findings, target, input)?;
    report::print(target, &file, input, what);
    std::process::exit(1);
}
