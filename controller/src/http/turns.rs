//! Turns for requests that cost private operations: one bucket for all, and a line before it for each peer.
//!
//! Who finds the bucket empty waits in line instead of racing for the next token, and peers take turns. A line is short, and
//! nobody waits long in it: beyond that the answer is 429. Behind the service proxy all have one address, so that they
//! stand in one line (docs/trust.md row 12).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Requests of all peers that wait.
const WAITING: usize = 32;
/// Of one peer.
const OF_ONE: usize = 8;
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

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
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    waiting: usize,
    of: HashMap<Peer, Line>,
}

#[derive(Default)]
struct Line {
    waiting: usize,
    /// Held by the request that waits for the turn of its peer.
    first: Arc<tokio::sync::Mutex<()>>,
}

impl Turns {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate).allow_burst(burst);
        Self {
            rate,
            bucket: RateLimiter::direct(quota),
            first: tokio::sync::Mutex::default(),
            lines: Mutex::default(),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// In so many seconds it is worth trying again.
    pub(super) async fn take(&self, peer: Peer) -> Result<(), u64> {
        let busy = |waiting: usize| {
            let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
            waiting / u64::from(self.rate.get()) + 1
        };
        let stands = self.stand_in_line(peer).map_err(busy)?;
        let turn = async {
            let _first_of_peer = stands.first.lock().await;
            let _first = self.first.lock().await;
            self.bucket.until_ready().await;
        };
        let waited = tokio::time::timeout(LONGEST_WAIT, turn).await;
        waited.map_err(|_| busy(self.lines().waiting))
    }

    /// A place in line; the error is how many wait.
    fn stand_in_line(&self, peer: Peer) -> Result<Stands<'_>, usize> {
        let mut lines = self.lines();
        let of_peer = lines.of.get(&peer).map_or(0, |line| line.waiting);
        if lines.waiting >= WAITING || of_peer >= OF_ONE {
            return Err(lines.waiting);
        }
        lines.waiting += 1;
        let line = lines.of.entry(peer).or_default();
        line.waiting += 1;
        let first = Arc::clone(&line.first);
        Ok(Stands {
            turns: self,
            peer,
            first,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in line, until it is dropped.
struct Stands<'a> {
    turns: &'a Turns,
    peer: Peer,
    first: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Stands<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        lines.waiting -= 1;
        if let Some(line) = lines.of.get_mut(&self.peer) {
            line.waiting -= 1;
            if line.waiting == 0 {
                lines.of.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use futures::stream::FuturesUnordered;

    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::of(text.parse().expect("an address"))
    }

    fn turns(rate: u32) -> Turns {
        let rate = NonZeroU32::new(rate).expect("not zero");
        Turns::new(rate, NonZeroU32::MIN)
    }

    #[tokio::test]
    async fn peers_take_turns_and_requests_of_one_come_in_their_order() {
        let turns = turns(100);
        let asks = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let asked = FuturesUnordered::new();
        for (number, address) in asks.into_iter().enumerate() {
            let turns = &turns;
            let mut ask = Box::pin(async move {
                turns.take(peer(address)).await.expect("a turn");
                number
            });
            // It stands in line from here on; the first has its turn already.
            let done = futures::poll!(&mut ask);
            assert_eq!(done.is_ready(), number == 0, "{number}");
            if number > 0 {
                asked.push(ask);
            }
        }
        let order: Vec<_> = asked.collect().await;
        assert_eq!(order, [1, 3, 4, 2]);
        assert!(turns.lines().of.is_empty() && turns.lines().waiting == 0);
    }

    #[tokio::test]
    async fn a_long_line_of_one_peer_leaves_room_for_another() {
        let turns = turns(1);
        let mut asked = Vec::new();
        for _ in 0..=OF_ONE {
            let mut ask = Box::pin(turns.take(peer("10.0.0.1")));
            if futures::poll!(&mut ask).is_pending() {
                asked.push(ask);
            }
        }
        assert_eq!(asked.len(), OF_ONE);
        let refused = turns.take(peer("10.0.0.1")).await;
        assert_eq!(refused, Err(OF_ONE as u64 + 1));
        let mut other = Box::pin(turns.take(peer("10.0.0.2")));
        assert!(futures::poll!(&mut other).is_pending(), "it waits");
        asked.pop();
        let mut again = Box::pin(turns.take(peer("10.0.0.1")));
        assert!(futures::poll!(&mut again).is_pending(), "it waits");
    }

    #[test]
    fn addresses_of_one_host_are_one_peer() {
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_eq!(peer("fd00::1"), peer("fd00::2:3:4:5"));
        assert_ne!(peer("fd00::1"), peer("fd00:0:0:1::1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
