//! A proxy on loopback between one client and the API server that makes the faults of a network and of a server in trouble.
//!
//! It speaks HTTP/1.1 over TLS with a certificate of its own, passes everything on as it is, watches included, and does
//! what [`Faults`] say. It knows requests only by method and path.

mod passing;
mod serving;
mod upstream;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use hyper::{Method, Uri};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::ControlPlane;
use upstream::Upstream;

/// The authority that vouches for both certificates of every proxy. It vouches for loopback addresses only.
pub const CA_PEM: &str = include_str!("proxy/ca.crt");

/// What goes wrong. Shares are in thousandths of requests; each request is drawn for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// New connections are closed at once, and old ones with them: the server is away.
    pub refused: bool,
    /// This share is answered with this status, and never reaches the server; 429 and 503 say when to come back.
    pub answered: Option<(u32, u16)>,
    /// This share is passed on only after this pause.
    pub slow: Option<(u32, Duration)>,
    /// Of this share of writes the answer never arrives: the server did what was asked, and the connection is closed.
    pub lost: u32,
}

/// One fault for one request: the next that has this method and exactly this path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// As HTTP writes it.
    pub method: &'static str,
    /// Without a query.
    pub path: String,
    /// What happens to the request.
    pub harm: Harm,
}

/// What a [`Trap`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is answered with this status, and never reaches the server.
    Answered(u16),
    /// The server does what is asked, and the connection is closed instead of an answer.
    Lost,
}

/// What became of a request, for the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Passed on, and the answer passed back.
    Passed,
    /// A connection was closed before it could ask.
    Refused,
    /// Answered with an error of the proxy's own.
    Answered,
    /// Passed on late.
    Slowed,
    /// Held up, for as long as it was asked for.
    HeldUp,
    /// Done, and the answer dropped.
    Lost,
    /// A stream of events was cut off.
    Cut,
}

/// A running proxy. Dropping it closes every connection.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// What the tasks of a proxy share.
#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    state: Mutex<State>,
    /// Raised to end every answer that still streams.
    streams: watch::Sender<u64>,
    /// Raised to end every connection.
    connections: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    traps: Vec<Trap>,
    held_up: Option<String>,
    throttled: Vec<String>,
    fates: BTreeMap<Fate, u64>,
    second_certificate: bool,
    rng: ChaCha20Rng,
}

impl FaultProxy {
    /// Starts a proxy without faults before the API server of `plane`; `seed` decides which requests faults meet.
    pub fn start(plane: &ControlPlane, seed: u64) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            upstream: Upstream::new(&plane.host(), plane.port(), &plane.ca_file())?,
            state: Mutex::new(State {
                faults: Faults::default(),
                traps: Vec::new(),
                held_up: None,
                throttled: Vec::new(),
                fates: BTreeMap::new(),
                second_certificate: false,
                rng: ChaCha20Rng::seed_from_u64(seed),
            }),
            streams: watch::channel(0).0,
            connections: watch::channel(0).0,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, crate::port::free()?))
            .context("listen for the proxy")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let acceptors = serving::acceptors()?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(entered);
        runtime.spawn(serving::serve(listener, acceptors, Arc::clone(&shared)));
        Ok(Self {
            port,
            shared,
            runtime: Some(runtime),
        })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on these faults, instead of those before. Refusing ends the connections that are open.
    pub fn set(&self, faults: Faults) {
        let refused = faults.refused;
        self.shared.state().faults = faults;
        if refused {
            self.cut_connections();
        }
    }

    /// Lays traps beside those that nothing fell into yet.
    pub fn lay(&self, traps: impl IntoIterator<Item = Trap>) {
        self.shared.state().traps.extend(traps);
    }

    /// The traps that nothing fell into yet.
    pub fn traps(&self) -> Vec<Trap> {
        self.shared.state().traps.clone()
    }

    /// From now on, requests whose path with query contains this text wait; `None` lets them go on.
    pub fn hold_up(&self, text: Option<&str>) {
        self.shared.state().held_up = text.map(str::to_owned);
    }

    /// From now on, each POST to one of these paths is answered 429, and the server never sees it.
    pub fn throttle(&self, paths: &[&str]) {
        let paths = paths.iter().map(|path| (*path).to_owned());
        self.shared.state().throttled = paths.collect();
    }

    /// Ends every stream of events that is open, in the middle.
    pub fn cut_watches(&self) {
        self.shared.streams.send_modify(|count| *count += 1);
    }

    /// Ends every connection that is open, whatever it is doing.
    pub fn cut_connections(&self) {
        self.shared.connections.send_modify(|count| *count += 1);
    }

    /// Shows its other certificate from now on, and ends every connection that saw the one before.
    pub fn rotate_certificate(&self) {
        let mut state = self.shared.state();
        state.second_certificate = !state.second_certificate;
        drop(state);
        self.cut_connections();
    }

    /// How many requests met which fate so far.
    pub fn fates(&self) -> BTreeMap<Fate, u64> {
        self.shared.state().fates.clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is to be done with one request.
#[derive(Debug, PartialEq, Eq)]
enum Lot {
    Pass { after: Option<Duration>, lose: bool },
    Answer(u16),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, fate: Fate) {
        *self.state().fates.entry(fate).or_default() += 1;
    }

    /// Whether this request must wait.
    fn holds_up(&self, uri: &Uri) -> bool {
        let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
        let held_up = &self.state().held_up;
        held_up
            .as_ref()
            .is_some_and(|text| whole.contains(text.as_str()))
    }

    fn draw(&self, method: &Method, path: &str) -> Lot {
        let mut state = self.state();
        if *method == Method::POST && state.throttled.iter().any(|throttled| throttled == path) {
            return Lot::Answer(429);
        }
        let trapped = state.spring(method, path);
        trapped.unwrap_or_else(|| state.draw(!matches!(*method, Method::GET | Method::HEAD)))
    }
}

impl State {
    fn spring(&mut self, method: &Method, path: &str) -> Option<Lot> {
        let is_hit = |trap: &Trap| trap.method == method.as_str() && trap.path == path;
        let place = self.traps.iter().position(is_hit)?;
        Some(match self.traps.remove(place).harm {
            Harm::Answered(status) => Lot::Answer(status),
            Harm::Lost => Lot::Pass {
                after: None,
                lose: true,
            },
        })
    }

    fn draw(&mut self, is_write: bool) -> Lot {
        let faults = self.faults.clone();
        if let Some((share, status)) = faults.answered
            && self.hits(share)
        {
            return Lot::Answer(status);
        }
        let slow = faults.slow.filter(|(share, _)| self.hits(*share));
        Lot::Pass {
            after: slow.map(|(_, pause)| pause),
            lose: is_write && self.hits(faults.lost),
        }
    }

    fn hits(&mut self, share: u32) -> bool {
        share > 0 && self.rng.random_range(0..1000) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(faults: Faults) -> State {
        State {
            faults,
            traps: Vec::new(),
            held_up: None,
            throttled: Vec::new(),
            fates: BTreeMap::new(),
            second_certificate: false,
            rng: ChaCha20Rng::seed_from_u64(1),
        }
    }

    #[test]
    fn without_faults_everything_passes() {
        let mut state = state(Faults::default());
        let pass = Lot::Pass {
            after: None,
            lose: false,
        };
        assert!((0..1000).all(|_| state.draw(true) == pass));
    }

    #[test]
    fn a_share_of_requests_is_hit_and_only_writes_are_lost() {
        let mut state = state(Faults {
            answered: Some((250, 503)),
            lost: 1000,
            ..Faults::default()
        });
        let answered = (0..4000)
            .filter(|_| state.draw(true) == Lot::Answer(503))
            .count();
        assert!((800..1200).contains(&answered), "{answered}");
        let kept = |lot: Lot| !matches!(lot, Lot::Pass { lose: true, .. });
        assert!((0..1000).all(|_| kept(state.draw(false))));
        assert!((0..1000).any(|_| !kept(state.draw(true))));
    }

    #[test]
    fn a_trap_meets_one_request_of_its_method_and_path() {
        let mut state = state(Faults::default());
        let path = "/api/v1/namespaces/a/secrets";
        state.traps = [Harm::Answered(409), Harm::Lost]
            .map(|harm| Trap {
                method: "POST",
                path: path.to_owned(),
                harm,
            })
            .to_vec();
        assert_eq!(state.spring(&Method::PUT, path), None);
        assert_eq!(state.spring(&Method::POST, "/api/v1/namespaces/a"), None);
        assert_eq!(state.spring(&Method::POST, path), Some(Lot::Answer(409)));
        let lost = Lot::Pass {
            after: None,
            lose: true,
        };
        assert_eq!(state.spring(&Method::POST, path), Some(lost));
        assert_eq!(state.spring(&Method::POST, path), None);
    }
}
