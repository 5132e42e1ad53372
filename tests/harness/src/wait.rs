//! Waiting for a condition with a cap. Tests await, they never sleep.

use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub(crate) const INTERVAL: Duration = Duration::from_millis(25);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C, SIGTERM and SIGHUP make every wait of this process fail, so that it unwinds and tidies up. A second
/// signal ends it at once.
pub fn fail_on_signals() -> io::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag down.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// Does what a signal does after [`fail_on_signals`], and nothing before it.
pub fn interrupt() {
    if let Some(flag) = INTERRUPTED.get() {
        flag.store(true, Ordering::Relaxed);
    }
}

/// Whether a signal came, and forgets it: tidying up must be able to wait again.
pub fn take_interrupt() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.swap(false, Ordering::Relaxed))
}

/// Whether a signal came after [`fail_on_signals`].
pub fn is_interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// What one look at a condition can answer: `Option`, `Result` or `bool`.
pub trait Attempt {
    /// What a successful look yields.
    type Value;

    /// The value, or why it is not there yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl<T> Attempt for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Display> Attempt for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:#}"))
    }
}

impl Attempt for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(String::new)
    }
}

/// Looks again and again until `attempt` succeeds; after `cap` the error names `what` and the last reason.
pub fn eventually<A: Attempt>(
    what: &str,
    cap: Duration,
    mut attempt: impl FnMut() -> A,
) -> anyhow::Result<A::Value> {
    let start = Instant::now();
    loop {
        match attempt().outcome() {
            Ok(value) => return Ok(value),
            Err(_) if is_interrupted() => bail!("interrupted while waiting: {what}"),
            Err(reason) if start.elapsed() >= cap => {
                let colon = if reason.is_empty() { "" } else { ": " };
                bail!("not within {} s: {what}{colon}{reason}", cap.as_secs());
            }
            Err(_) => thread::sleep(INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yields_the_value_of_the_first_success() {
        let mut looks = 0;
        let value = eventually("third look", Duration::from_secs(10), || {
            looks += 1;
            (looks == 3).then_some("here")
        });
        assert_eq!(value.unwrap(), "here");
    }

    #[test]
    fn a_timeout_names_the_condition_and_the_last_reason() {
        let error = eventually("the moon", Duration::ZERO, || Err::<(), _>("clouds")).unwrap_err();
        assert_eq!(error.to_string(), "not within 0 s: the moon: clouds");
    }
}
