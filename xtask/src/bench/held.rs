//! A program that has done its work and is held at its output, so that the kernel can still be asked what it took.
//!
//! Its stdout is a socket that is full: the first write does not return. What `wait4` tells would hold the memory of the
//! parent too, which the child has until it becomes another program.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::usage;

/// Longest time for the work.
const CAP: Duration = Duration::from_secs(60);
/// How long no thread may run until the work is taken for done.
const STILL: Duration = Duration::from_millis(60);

/// What a program took until its first output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// CPU seconds, in steps of 10 ms.
    pub(crate) cpu: f64,
    /// Bytes of resident memory, at most.
    pub(crate) memory: u64,
}

/// Runs a program with this input, and returns what it took and what it printed.
pub(crate) fn run(mut command: Command, input: &[u8]) -> anyhow::Result<(Taken, Vec<u8>)> {
    let (mut read, write) = UnixStream::pair()?;
    let filling = fill(&write)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(OwnedFd::from(write))
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    // The command keeps a copy of the socket, without whose end there is no end of the output.
    drop(command);
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin.write_all(input)?;
    drop(stdin);
    let taken = await_still(&mut child);
    let taken = taken.and_then(|()| {
        Ok(Taken {
            cpu: usage::cpu_seconds(child.id())?,
            memory: usage::peak_memory(child.id())?,
        })
    });
    let mut output = Vec::new();
    read.read_to_end(&mut output)?;
    let status = child.wait()?;
    ensure!(status.success(), "it ended with {status}");
    output.drain(..filling);
    Ok((taken?, output))
}

/// Writes until nothing more fits. Returns how many bytes that were.
fn fill(mut stream: &UnixStream) -> anyhow::Result<usize> {
    stream.set_nonblocking(true)?;
    let mut filled = 0;
    for size in [4096, 1] {
        loop {
            match stream.write(&vec![b' '; size]) {
                Ok(written) => filled += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    stream.set_nonblocking(false)?;
    Ok(filled)
}

fn await_still(child: &mut Child) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut since = Instant::now();
    while since.elapsed() < STILL {
        ensure!(start.elapsed() < CAP, "it never prints anything");
        ensure!(child.try_wait()?.is_none(), "it ended without output");
        thread::sleep(Duration::from_millis(2));
        if runs(child.id())? {
            since = Instant::now();
        }
    }
    Ok(())
}

/// Whether any thread of a process runs, or waits for a core or a disk.
fn runs(pid: u32) -> anyhow::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end meanwhile.
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else {
            return Ok(true);
        };
        let state = stat.rsplit_once(") ").map(|(_, fields)| &fields[..1]);
        if state != Some("S") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_program_says_what_it_took_and_what_it_printed() {
        let mut command = Command::new("sh");
        command.args(["-c", "read line; printf '%s!' \"$line\""]);
        let (taken, output) = run(command, b"hello\n").unwrap();
        assert_eq!(output, b"hello!");
        assert!(taken.memory > 100_000 && taken.cpu < 10.0, "{taken:?}");
    }

    #[test]
    fn a_program_that_fails_is_an_error() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        assert!(run(command, b"").is_err());
    }
}
