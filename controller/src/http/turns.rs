//! Turns for requests that cost private operations: one bucket for all, and two lines before it for each peer.
//!
//! Who finds the bucket empty waits in line instead of racing for the next token, and peers take turns. A line is short, and
//! nobody waits long in it: beyond that the answer is 429. Behind the service proxy all have one address, so that they
//! stand in one line (docs/trust.md row 12).
//!
//! A turn lasts until its judgement has ended, so that of one peer one request at a time is judged. Large requests, which are
//! judged for seconds, have lines of their own, and of all peers one is judged at a time: what it holds in memory is
//! several times its body. Small ones are judged beside it, slice by slice.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::OwnedMutexGuard;

/// Requests of all peers that wait or are judged. A peer that has none gets a place beyond that.
const WAITING: usize = 32;
/// Of one peer and size.
const OF_ONE: usize = 8;
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Bodies above this size in bytes are large.
const LARGE: usize = 64 * 1024;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    /// An IPv6 host has as many addresses as it likes, below one prefix.
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(prefix).into()
            }
            address => address,
        })
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// The bucket, and the lines before it.
pub(super) struct Turns {
    rate: NonZeroU32,
    bucket: DefaultDirectRateLimiter,
    /// Held by the peer whose turn it is. A fair lock: peers take turns.
    first: tokio::sync::Mutex<()>,
    /// Held by the large request that is judged.
    large: Arc<tokio::sync::Mutex<()>>,
    lines: Mutex<Lines>,
}

/// A turn, until it is dropped.
pub(super) struct Turn {
    _large: Option<OwnedMutexGuard<()>>,
    _first_of_peer: OwnedMutexGuard<()>,
    _stands: Stands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Size {
    Small,
    Large,
}

#[derive(Default)]
struct Lines {
    waiting: usize,
    of: HashMap<(Peer, Size), Line>,
}

#[derive(Default)]
struct Line {
    waiting: usize,
    /// Held by the request that has the turn of its peer, or waits for it as the first.
    first: Arc<tokio::sync::Mutex<()>>,
}

impl Turns {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate).allow_burst(burst);
        Self {
            rate,
            bucket: RateLimiter::direct(quota),
            first: tokio::sync::Mutex::default(),
            large: Arc::default(),
            lines: Mutex::default(),
        }
    }

    /// Waits for a turn for a body of so many bytes.
    ///
    /// # Errors
    /// In so many seconds it is worth trying again.
    pub(super) async fn take(self: &Arc<Self>, peer: Peer, bytes: usize) -> Result<Turn, u64> {
        let size = if bytes > LARGE {
            Size::Large
        } else {
            Size::Small
        };
        let busy = |waiting: usize| {
            let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
            waiting / u64::from(self.rate.get()) + 1
        };
        let stands = self.stand_in_line(peer, size).map_err(busy)?;
        let turn = async {
            let first_of_peer = Arc::clone(&stands.first).lock_owned().await;
            let large = match size {
                Size::Small => None,
                Size::Large => Some(Arc::clone(&self.large).lock_owned().await),
            };
            let _first = self.first.lock().await;
            self.bucket.until_ready().await;
            Turn {
                _large: large,
                _first_of_peer: first_of_peer,
                _stands: stands,
            }
        };
        let waited = tokio::time::timeout(LONGEST_WAIT, turn).await;
        waited.map_err(|_| busy(self.lines().waiting))
    }

    /// A place in line; the error is how many wait.
    fn stand_in_line(self: &Arc<Self>, peer: Peer, size: Size) -> Result<Stands, usize> {
        let mut lines = self.lines();
        let whose = (peer, size);
        let of_peer = lines.of.get(&whose).map_or(0, |line| line.waiting);
        let is_full = lines.waiting >= WAITING && of_peer > 0;
        if is_full || of_peer >= OF_ONE {
            return Err(lines.waiting);
        }
        lines.waiting += 1;
        let line = lines.of.entry(whose).or_default();
        line.waiting += 1;
        let first = Arc::clone(&line.first);
        Ok(Stands {
            turns: Arc::clone(self),
            whose,
            first,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in line, until it is dropped.
struct Stands {
    turns: Arc<Turns>,
    whose: (Peer, Size),
    first: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Stands {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        lines.waiting -= 1;
        if let Some(line) = lines.of.get_mut(&self.whose) {
            line.waiting -= 1;
            if line.waiting == 0 {
                lines.of.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::StreamExt as _;
    use futures::stream::FuturesUnordered;

    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::of(text.parse().expect("an address"))
    }

    fn turns(rate: u32) -> Arc<Turns> {
        let rate = NonZeroU32::new(rate).expect("not zero");
        Arc::new(Turns::new(rate, NonZeroU32::MIN))
    }

    #[tokio::test]
    async fn peers_take_turns_and_requests_of_one_come_in_their_order() {
        let turns = turns(100);
        let asks = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let asked = FuturesUnordered::new();
        let mut first = None;
        for (number, address) in asks.into_iter().enumerate() {
            let turns = &turns;
            let mut ask = Box::pin(async move {
                let turn = turns.take(peer(address), 0).await;
                (number, turn.map(drop))
            });
            // It stands in line from here on; the first has its turn already.
            match futures::poll!(&mut ask) {
                Poll::Ready(done) => first = Some(done),
                Poll::Pending => asked.push(ask),
            }
        }
        assert_eq!(first, Some((0, Ok(()))));
        let order: Vec<_> = asked.map(|(number, _)| number).collect().await;
        assert_eq!(order, [1, 3, 4, 2]);
        assert!(turns.lines().of.is_empty() && turns.lines().waiting == 0);
    }

    #[tokio::test]
    async fn a_long_line_of_one_peer_leaves_room_for_another() {
        let turns = turns(1);
        let mut asked = Vec::new();
        for _ in 0..OF_ONE {
            asked.push(Box::pin(turns.take(peer("10.0.0.1"), 0)));
        }
        let judged = asked.remove(0).await.expect("a turn");
        for ask in &mut asked {
            assert!(futures::poll!(ask).is_pending(), "it waits");
        }
        let refused = turns.take(peer("10.0.0.1"), 0).await.map(drop);
        assert_eq!(refused, Err(OF_ONE as u64 + 1));
        let mut other = Box::pin(turns.take(peer("10.0.0.2"), 0));
        assert!(futures::poll!(&mut other).is_pending(), "it waits");
        drop(judged);
        let mut again = Box::pin(turns.take(peer("10.0.0.1"), 0));
        assert!(futures::poll!(&mut again).is_pending(), "it waits");
    }

    #[tokio::test]
    async fn peers_that_fill_the_line_leave_a_place_for_one_that_has_none() {
        let turns = turns(1);
        let mut asked = Vec::new();
        for number in 0..WAITING {
            let address = format!("10.0.1.{}", number / OF_ONE);
            let mut ask = Box::pin(turns.take(peer(&address), 0));
            asked.push((futures::poll!(&mut ask), ask));
        }
        let another = turns.stand_in_line(peer("10.0.0.2"), Size::Small);
        assert!(another.is_ok());
        let second = turns.stand_in_line(peer("10.0.0.2"), Size::Small);
        assert!(second.is_err());
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_judgement_and_large_ones_hold_up_no_small_ones() {
        let turns = turns(1000);
        let (a, b) = (peer("10.0.0.1"), peer("10.0.0.2"));
        let large = turns.take(a, LARGE + 1).await.expect("a turn");
        let small = turns.take(a, LARGE).await.expect("beside it");
        let mut next = Box::pin(turns.take(a, 1));
        let mut other = Box::pin(turns.take(b, LARGE + 1));
        // More than the bucket needs for all of them.
        drop(turns.take(b, 1).await.expect("beside both"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(futures::poll!(&mut next).is_pending(), "one at a time");
        assert!(futures::poll!(&mut other).is_pending(), "one large one");
        drop((large, small));
        assert!(other.await.is_ok() && next.await.is_ok());
    }

    #[test]
    fn addresses_of_one_host_are_one_peer() {
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_eq!(peer("fd00::1"), peer("fd00::2:3:4:5"));
        assert_ne!(peer("fd00::1"), peer("fd00:0:0:1::1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
