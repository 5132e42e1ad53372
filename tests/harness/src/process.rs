//! One child process: started with a log file, awaited, signalled by id, killed on drop.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::wait::{self, eventually};

const TAIL_LINES: usize = 25;

/// A running child in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Process {
    /// Starts `command`; stdout and stderr are appended to `NAME.log` in `log_dir`, stdin is empty.
    pub fn spawn(name: &str, mut command: Command, log_dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(log_dir)?;
        let log = log_dir.join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        let log_start = file.metadata()?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name} ({})", command.get_program().display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            log_start,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file with everything the process wrote.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything this process wrote so far, without what an earlier process of the same name wrote.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start)
            .unwrap_or(0)
            .min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// The last lines of the log, for an error message.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Whether the process has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Awaits `ready`; ends early when the process dies, and then shows the tail of its log.
    pub fn wait_until(
        &mut self,
        what: &str,
        cap: Duration,
        mut ready: impl FnMut(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let ended = eventually(&format!("{}: {what}", self.name), cap, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Some(status));
            }
            ready(self).then_some(None)
        })
        .with_context(|| format!("last lines of its log:\n{}", self.log_tail()))?;
        match ended {
            Some(status) => Err(anyhow!(
                "{} ended with {status}; last lines of its log:\n{}",
                self.name,
                self.log_tail()
            )),
            None => Ok(()),
        }
    }

    /// Awaits a log line that contains `needle` and returns it.
    pub fn wait_for_line(&mut self, needle: &str, cap: Duration) -> anyhow::Result<String> {
        self.wait_until(&format!("a log line with {needle:?}"), cap, |p| {
            p.line_with(needle).is_some()
        })?;
        self.line_with(needle).context("a log only grows")
    }

    /// Awaits a 200 answer to a plain HTTP GET, such as `("127.0.0.1", port, "/healthz")`.
    pub fn wait_for_http(
        &mut self,
        host: &str,
        port: u16,
        path: &str,
        cap: Duration,
    ) -> anyhow::Result<()> {
        self.wait_until(&format!("GET http://{host}:{port}{path}"), cap, |_| {
            plain_http_status(host, port, path).is_ok_and(|status| status == 200)
        })
    }

    /// Sends SIGTERM and awaits the end.
    pub fn terminate(&mut self, cap: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(cap)
    }

    /// Sends SIGKILL to the process and its group, and awaits the end.
    pub fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        kill_process_group(self.pid(), Signal::KILL)?;
        Ok(self.child.wait()?)
    }

    /// Stops the process as a debugger would (SIGSTOP): it lives, keeps its connections and does nothing.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on (SIGCONT).
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Lets it outlive this value and this program.
    pub fn leave_running(self) {
        std::mem::forget(self);
    }

    /// Sends any signal to the process itself.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has already ended with {status}", self.name);
        }
        kill_process(self.pid(), signal).with_context(|| format!("signal {}", self.name))
    }

    /// Awaits the end without asking for it.
    pub fn wait(&mut self, cap: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        eventually(&what, cap, || self.child.try_wait().ok().flatten())
            .with_context(|| format!("last lines of its log:\n{}", self.log_tail()))
    }

    fn line_with(&self, needle: &str) -> Option<String> {
        self.log()
            .lines()
            .find(|line| line.contains(needle))
            .map(str::to_owned)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to tell when this fails, and an ended process is fine.
        let _ = self.kill();
    }
}

/// Interrupts a child (SIGINT) if this process is, while it waits for the child's end; see [`wait::fail_on_signals`].
#[derive(Debug)]
pub struct Watch {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches until it is dropped, which belongs right behind the wait.
    pub fn over(child: &Child) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let pid = Pid::from_child(child);
        let thread = thread::spawn({
            let done = Arc::clone(&done);
            move || {
                while !done.load(Ordering::Relaxed) {
                    if wait::is_interrupted() {
                        // It may have ended by itself: a terminal's Ctrl-C reaches it too.
                        let _ = kill_process(pid, Signal::INT);
                        return;
                    }
                    thread::park_timeout(wait::INTERVAL);
                }
            }
        });
        Self {
            done,
            thread: Some(thread),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn plain_http_status(host: &str, port: u16, path: &str) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let code = std::str::from_utf8(&head[9..])?;
    Ok(code.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(60);

    fn shell(script: &str, dir: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("shell", command, dir).unwrap()
    }

    #[test]
    fn a_line_is_awaited_and_the_exit_status_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell("echo one; echo two >&2; exit 3", dir.path());
        assert_eq!(process.wait(CAP).unwrap().code(), Some(3));
        assert_eq!(process.log(), "one\ntwo\n");
    }

    #[test]
    fn a_process_that_dies_early_fails_the_wait_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell("echo the cause; exit 1", dir.path());
        let error = process.wait_for_line("never", CAP).unwrap_err();
        assert!(error.to_string().contains("the cause"), "{error:#}");
    }

    #[test]
    fn drop_kills_the_children_of_the_child_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = shell("sleep 600 & echo child $!; wait", dir.path());
        let line = process.wait_for_line("child", CAP).unwrap();
        let grandchild: i32 = line.trim_start_matches("child ").parse().unwrap();
        drop(process);
        eventually("the grandchild is gone", CAP, || is_gone(grandchild)).unwrap();
    }

    /// An orphan may stay a zombie where nobody reaps.
    fn is_gone(pid: i32) -> bool {
        fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    }
}
