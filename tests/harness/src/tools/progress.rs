//! Tells, once in a while, that a long build is alive.

#![expect(
    clippy::print_stderr,
    reason = "progress of minutes belongs on the terminal"
)]

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(12);

/// Prints a line on stderr now and then until it is finished or dropped.
pub(super) struct Progress {
    start: Instant,
    name: &'static str,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub(super) fn start(name: &'static str, cpu_time: Duration) -> Self {
        let start = Instant::now();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let title = format!(
            "building {name} (first time only, {}, longer while Cargo compiles)",
            estimate(cpu_time, cores)
        );
        eprintln!("{title}");
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{title}: {}", clock(start.elapsed()));
            }
        });
        Self {
            start,
            name,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn finish(self) {
        eprintln!("built {} in {}", self.name, clock(self.start.elapsed()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn estimate(cpu_time: Duration, cores: usize) -> String {
    // Linking and a few large packages do not spread over cores.
    let useful = cores.clamp(1, 4) as f64 * 0.85;
    let seconds = cpu_time.as_secs_f64() / useful;
    let on = if cores == 1 {
        "on 1 core".to_owned()
    } else {
        format!("on {cores} cores")
    };
    if seconds < 90.0 {
        return format!("about {:.0} s {on}", (seconds / 10.0).ceil() * 10.0);
    }
    format!("about {:.0} minutes {on}", (seconds / 60.0).ceil())
}

fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_rounded_up_and_names_the_cores() {
        assert_eq!(
            estimate(Duration::from_secs(510), 2),
            "about 5 minutes on 2 cores"
        );
        assert_eq!(
            estimate(Duration::from_secs(70), 2),
            "about 50 s on 2 cores"
        );
        assert_eq!(estimate(Duration::from_secs(70), 1), "about 90 s on 1 core");
    }

    #[test]
    fn elapsed_time_reads_like_a_clock() {
        assert_eq!(clock(Duration::from_secs(65)), "1:05");
    }
}
