//! The outer side of the namespace: starts it, owns its temporary folder, and ends it on a signal.

#![expect(
    clippy::print_stderr,
    reason = "tells the developer where the files are"
)]

use std::fs::File;
use std::io::PipeWriter;
use std::os::fd::AsRawFd;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::io::{FdFlags, fcntl_setfd};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{INIT_ARGUMENT, LIFELINE_VARIABLE, unshare_arguments};

/// Set to keep the temporary folder (logs, etcd data, audit log) after the run.
pub const KEEP_VARIABLE: &str = "SIGNET_KEEP";

/// How long the command may take to end by itself after Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// Runs `command` in fresh user, network, mount and process namespaces and awaits its end.
///
/// The calling program must run [`super::init()`] when its first argument is [`INIT_ARGUMENT`]. All processes inside die with
/// the command, and with the caller. `TMPDIR` is a folder that is removed at the end.
pub fn run_in_namespace(command: &Command) -> anyhow::Result<ExitStatus> {
    let scratch = tempfile::Builder::new().prefix("signet-").tempdir()?;
    let (reader, writer) = std::io::pipe()?;
    fcntl_setfd(&reader, FdFlags::empty())?;
    // Cargo may replace this program while it runs; the open file stays.
    let this_program = File::open("/proc/self/exe")?;
    fcntl_setfd(&this_program, FdFlags::empty())?;

    let mut unshare = Command::new("unshare");
    unshare.args(unshare_arguments()?).arg("--");
    unshare
        .arg(format!("/proc/self/fd/{}", this_program.as_raw_fd()))
        .arg(INIT_ARGUMENT)
        .arg("--");
    unshare.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        unshare.current_dir(dir);
    }
    unshare
        .env(LIFELINE_VARIABLE, reader.as_raw_fd().to_string())
        .env("TMPDIR", scratch.path());

    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let mut child = unshare.spawn().context("run `unshare`")?;
    drop(reader);
    let ended = AtomicBool::new(false);
    let status = thread::scope(|scope| {
        scope.spawn(|| cut_lifeline_on_signal(signals, writer, &ended));
        let status = child.wait();
        ended.store(true, Ordering::Relaxed);
        status
    })?;
    if std::env::var_os(KEEP_VARIABLE).is_some() {
        eprintln!("kept: {}", scratch.keep().display());
    }
    Ok(status)
}

/// A terminal sends Ctrl-C to the command too, which may then tidy up; a second one, or another signal, ends it now.
fn cut_lifeline_on_signal(mut signals: Signals, lifeline: PipeWriter, ended: &AtomicBool) {
    let mut deadline = None;
    while !ended.load(Ordering::Relaxed) {
        for signal in signals.pending() {
            let now = Instant::now();
            deadline = Some(if signal == SIGINT && deadline.is_none() {
                now + GRACE
            } else {
                now
            });
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    drop(lifeline);
}
