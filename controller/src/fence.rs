//! The gate that every write passes: whether this replica leads, and still has time to (ARCHITECTURE.md "Several replicas").
//!
//! Time is that of CLOCK_BOOTTIME: it runs on while the process or the machine sleeps, and nobody sets it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// No write passes any more, whatever comes. Zero is the time before: none passes either.
const ENDED: u64 = 1;
/// Every write passes.
const OPEN: u64 = u64::MAX;

/// Time since the machine was started, its sleep included.
pub fn boot_time() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Until when this replica may write. Closed at first.
#[derive(Debug, Default)]
pub struct Fence {
    /// Nanoseconds of [`boot_time`].
    until: AtomicU64,
    lapsed: Notify,
}

impl Fence {
    /// Lets writes pass for ever: there is no Lease.
    pub fn open(&self) {
        self.open_unless_ended(OPEN);
    }

    /// Lets writes pass until then, in [`boot_time`].
    pub fn open_until(&self, until: Duration) {
        let nanoseconds = u64::try_from(until.as_nanos()).unwrap_or(OPEN - 1);
        self.open_unless_ended(nanoseconds.max(ENDED + 1));
    }

    /// Who has lost the Lease or gives it back never leads again: a renewal that was under way opens nothing.
    fn open_unless_ended(&self, until: u64) {
        let open = |before| (before != ENDED).then_some(until);
        let _ = self
            .until
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, open);
    }

    /// Lets no write pass any more, for good.
    pub fn close(&self) {
        self.until.store(ENDED, Ordering::SeqCst);
    }

    /// Whether a write may be sent at this moment of [`boot_time`]. A write that comes too late ends the process; see
    /// [`Fence::lapsed`].
    pub fn lets_pass(&self, now: Duration) -> bool {
        let until = self.until.load(Ordering::SeqCst);
        if u128::from(until) > now.as_nanos() {
            return true;
        }
        if until > ENDED {
            self.lapsed.notify_one();
        }
        false
    }

    /// Waits for a write that came too late.
    pub async fn lapsed(&self) {
        self.lapsed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn writes_pass_only_while_there_is_time() {
        let second = Duration::from_secs;
        let fence = Fence::default();
        assert!(!fence.lets_pass(second(0)), "closed at first");
        assert!(fence.lapsed().now_or_never().is_none(), "nothing was lost");
        fence.open_until(second(10));
        assert!(fence.lets_pass(second(9)));
        assert!(fence.lapsed().now_or_never().is_none());
        assert!(!fence.lets_pass(second(10)));
        assert!(fence.lapsed().now_or_never().is_some(), "too late is told");
        fence.open();
        assert!(fence.lets_pass(second(1 << 32)));
        fence.close();
        assert!(!fence.lets_pass(second(1)));
        assert!(fence.lapsed().now_or_never().is_none());
    }

    #[test]
    fn a_renewal_that_was_under_way_does_not_open_a_fence_that_was_closed() {
        let fence = Fence::default();
        fence.open_until(Duration::from_secs(10));
        fence.close();
        fence.open_until(Duration::from_secs(20));
        assert!(!fence.lets_pass(Duration::from_secs(1)));
    }

    #[test]
    fn the_clock_runs() {
        let before = boot_time();
        assert!(before > Duration::ZERO && boot_time() >= before);
    }
}
