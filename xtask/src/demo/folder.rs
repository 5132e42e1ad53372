//! The folder of one run of the demo, and the record in it of the processes that the run started.
//!
//! A process counts as the run's only if its id and its start time are the recorded ones, so that nobody else's process
//! is ever ended.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use signet_harness::eventually;

const RECORD: &str = "run.json";
const STOP_CAP: Duration = Duration::from_secs(20);

/// A process that may not be ours to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recorded {
    name: String,
    pid: u32,
    started: u64,
}

/// A private folder; it goes away when it is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    processes: Vec<Recorded>,
    kept: bool,
}

impl RunFolder {
    pub(super) fn create() -> anyhow::Result<Self> {
        let root = root()?;
        fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
        let path = root.join(format!("run-{}", std::process::id()));
        if path.exists() {
            // Left by a process of the same id that was killed: this one has the id now.
            stop_run(&path)?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("create {}", path.display()))?;
        let folder = Self {
            path,
            processes: Vec::new(),
            kept: false,
        };
        folder.write_record()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that only its owner can read.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Notes a process, so that `--down` finds it even if this program is killed.
    pub(super) fn record(&mut self, name: &str, pid: u32) -> anyhow::Result<()> {
        let started = start_time(pid).with_context(|| format!("{name} has ended"))?;
        self.processes.retain(|known| known.name != name);
        self.processes.push(Recorded {
            name: name.to_owned(),
            pid,
            started,
        });
        self.write_record()
    }

    /// Lets the folder and the record outlive this program.
    pub(super) fn keep(mut self) -> anyhow::Result<()> {
        self.kept = true;
        self.write_record()
    }

    /// Names of recorded processes that still run.
    pub(super) fn running(&self) -> Vec<String> {
        let running = self.processes.iter().filter(|process| process.is_running());
        running.map(|process| process.name.clone()).collect()
    }

    fn write_record(&self) -> anyhow::Result<()> {
        let owner = std::process::id();
        let processes: Vec<Value> = self.processes.iter().map(Recorded::to_json).collect();
        let record = json!({
            "kept": self.kept,
            "owner": { "name": "demo", "pid": owner, "started": start_time(owner) },
            "processes": processes,
        });
        self.write(RECORD, &record.to_string()).map(drop)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.kept {
            // Whoever cares has checked before; there is nobody to tell now.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Recorded {
    fn to_json(&self) -> Value {
        json!({ "name": self.name, "pid": self.pid, "started": self.started })
    }

    fn from_json(value: &Value) -> Option<Self> {
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            pid: value["pid"].as_u64()?.try_into().ok()?,
            started: value["started"].as_u64()?,
        })
    }

    fn is_running(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    fn stop(&self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = pid.context("a process id is a positive number")?;
        for (signal, cap) in [(Signal::TERM, STOP_CAP), (Signal::KILL, STOP_CAP)] {
            if !self.is_running() {
                return Ok(());
            }
            // It may end between the look and the signal.
            let _ = kill_process(pid, signal);
            if eventually(&self.name, cap, || !self.is_running()).is_ok() {
                return Ok(());
            }
        }
        Err(anyhow!("{} (process {}) does not end", self.name, self.pid))
    }
}

/// What [`stop_all`] did with one run.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Its processes, which have ended now.
    Ended(Vec<String>),
    /// That demo is going on in another terminal.
    StillPlaying(u32),
}

/// Stops every run that was kept, or whose demo was killed.
pub(super) fn stop_all() -> anyhow::Result<Vec<Stopped>> {
    let root = root()?;
    let Ok(entries) = fs::read_dir(&root) else {
        return Ok(Vec::new());
    };
    let mut stopped = Vec::new();
    for entry in entries {
        stopped.push(stop_run(&entry?.path())?);
    }
    Ok(stopped)
}

fn stop_run(folder: &Path) -> anyhow::Result<Stopped> {
    let text = fs::read_to_string(folder.join(RECORD)).unwrap_or_default();
    let record: Value = serde_json::from_str(&text).unwrap_or_default();
    let owner = Recorded::from_json(&record["owner"]);
    if let Some(owner) = owner.filter(|owner| record["kept"] != true && owner.is_running()) {
        return Ok(Stopped::StillPlaying(owner.pid));
    }
    let processes = record["processes"].as_array();
    let mut processes: Vec<Recorded> = processes
        .into_iter()
        .flatten()
        .filter_map(Recorded::from_json)
        .filter(Recorded::is_running)
        .collect();
    // The last one started stands on those before it.
    processes.reverse();
    for process in &processes {
        process.stop()?;
    }
    fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    Ok(Stopped::Ended(
        processes.into_iter().map(|process| process.name).collect(),
    ))
}

fn root() -> anyhow::Result<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("XDG_STATE_HOME")
        .or_else(|| Some(from("HOME")?.join(".local/state")))
        .map(|state| state.join("signet/demo"))
        .context("neither XDG_STATE_HOME nor HOME is set")
}

/// When a process started, in ticks since the machine did; `None` if it has ended.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (state != "Z").then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_the_recorded_id_but_another_start_is_not_ours() {
        let pid = std::process::id();
        let started = start_time(pid).unwrap();
        let recorded = |started| Recorded {
            name: "this test".to_owned(),
            pid,
            started,
        };
        assert!(recorded(started).is_running());
        assert!(!recorded(started + 1).is_running());
        // Ends nothing, least of all this test.
        recorded(started + 1).stop().unwrap();
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let recorded = Recorded {
            name: "etcd".to_owned(),
            pid: 7,
            started: 9,
        };
        assert_eq!(Recorded::from_json(&recorded.to_json()), Some(recorded));
        assert_eq!(Recorded::from_json(&Value::Null), None);
    }
}
