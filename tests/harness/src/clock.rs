//! The wall clock of one process, which can be set while it runs, as an administrator or NTP sets a machine's.
//!
//! A small library in C, loaded before libc, moves what the process is told. It must be linked dynamically, as Cargo links
//! unless told otherwise. Clocks that nobody can set (CLOCK_MONOTONIC, CLOCK_BOOTTIME) are left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

const SOURCE: &str = include_str!("clock/step.c");
/// Names the file with the offset; see `clock/step.c`.
const FILE_VARIABLE: &str = "SIGNET_CLOCK_FILE";

/// A clock that is right until it is set.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// A clock called `name`, with its files in `folder`; builds the library with `cc` if it is not there.
    pub fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let library = folder.join("clock.so");
        if !library.exists() {
            let source = folder.join("clock.c");
            fs::write(&source, SOURCE)?;
            let mut command = Command::new("cc");
            command.args(["-shared", "-fPIC", "-O1", "-o"]);
            let status = command
                .args([&library, &source])
                .status()
                .context("run `cc`, which Cargo needs as well")?;
            ensure!(status.success(), "cc failed with {status}");
        }
        let clock = Self {
            library,
            file: folder.join(format!("{name}.clock")),
        };
        clock.set(0)?;
        Ok(clock)
    }

    /// From now on the wall clock is wrong by this many seconds.
    pub fn set(&self, seconds: i64) -> anyhow::Result<()> {
        // In place: processes have the file in their memory.
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.file)?;
        std::io::Write::write_all(&mut file, &seconds.to_ne_bytes()).context("set the clock")
    }

    /// Gives this clock to a process that is started later.
    pub fn give_to(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env(FILE_VARIABLE, &self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(clock: &Clock) -> i64 {
        let mut command = Command::new("date");
        clock.give_to(command.arg("+%s"));
        let output = command.output().unwrap().stdout;
        String::from_utf8(output).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn a_process_sees_the_clock_that_was_set() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::new(folder.path(), "one").unwrap();
        let now = date(&clock);
        clock.set(1_000_000).unwrap();
        assert!(date(&clock) >= now + 1_000_000);
        clock.set(-1_000_000).unwrap();
        assert!(date(&clock) < now);
    }
}
