//! Takes part in the election: reads and writes the Lease, opens and closes the fence (ARCHITECTURE.md "Several replicas").
//!
//! Who may lead is decided in `lease`; what a leader does is decided elsewhere.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use signet_common::Printable;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::{ApiFailure, Cluster};
use crate::args::LeaderElect;
use crate::fence::boot_time;
use crate::lease::{Election, Record, Step, Timing};
use crate::state::State;

/// Which Lease, and how.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// `--leader-elect`.
    pub mode: LeaderElect,
    /// The times.
    pub timing: Timing,
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What the election has to itself, so that nothing else that this process does takes its time.
pub struct Apart {
    /// Where it runs.
    pub runtime: Handle,
    /// The cluster, through a client that runs there.
    pub cluster: Cluster,
}

/// Why this replica may not go on.
#[derive(Debug)]
enum Trouble {
    /// It led, and may not any more.
    Lost(String),
    /// The API server said no, or nothing.
    Api(ApiFailure),
}

impl From<ApiFailure> for Trouble {
    fn from(failure: ApiFailure) -> Self {
        Self::Api(failure)
    }
}

/// This replica's part, while it runs.
pub struct Leadership(Option<Part>);

struct Part {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Elector, String>>,
}

impl Leadership {
    /// Looks at the Lease for the first time, takes it if it is free, and goes on in the background.
    ///
    /// # Errors
    /// If the rights are missing and `--leader-elect=on`.
    pub async fn begin(
        state: &Arc<State>,
        settings: LeaseSettings,
        Apart { runtime, cluster }: Apart,
    ) -> anyhow::Result<Self> {
        if settings.mode == LeaderElect::Off {
            tracing::info!("--leader-elect=off: running as the only replica");
            state.lead_alone();
            return Ok(Self(None));
        }
        let mut elector = Elector::new(state, settings, cluster);
        let first = runtime.spawn(async move {
            let result = elector.attempt().await;
            (elector, result)
        });
        let (mut elector, result) = first.await.context("the first look at the Lease")?;
        match result {
            Err(Trouble::Api(failure)) if failure.is_forbidden() => {
                let LeaseSettings {
                    mode,
                    namespace,
                    name,
                    ..
                } = elector.settings;
                anyhow::ensure!(
                    mode == LeaderElect::Auto,
                    "the Lease {namespace}/{name} may not be used ({failure}): grant create, and get and update on {name}, for leases in the API group coordination.k8s.io, as the chart's Role does; or run a single replica with --leader-elect=off"
                );
                tracing::info!("no Lease: running as the only replica");
                state.lead_alone();
                return Ok(Self(None));
            }
            result => elector.note(&result),
        }
        let (stop, stopped) = oneshot::channel();
        let task = runtime.spawn(elector.run(stopped));
        Ok(Self(Some(Part { stop, task })))
    }

    /// Waits until this replica has led and may not any more. Returns why.
    pub async fn lost(&mut self) -> String {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(part) => match (&mut part.task).await {
                Ok(Err(why)) => why,
                Ok(Ok(_)) | Err(_) => "the task that renews it ended".to_owned(),
            },
        }
    }

    /// Lets no write pass any more, and gives the Lease back if asked to.
    pub async fn end(self, state: &State, give_back: bool) {
        state.cluster.fence().close();
        let Some(Part { stop, task }) = self.0 else {
            return;
        };
        // It may have ended by itself.
        let _ = stop.send(());
        if let Ok(Ok(elector)) = task.await
            && give_back
        {
            elector.give_back().await;
        }
    }
}

struct Elector {
    state: Arc<State>,
    cluster: Cluster,
    settings: LeaseSettings,
    election: Election,
    /// The Lease as this replica wrote it last.
    ours: Option<Lease>,
    /// Whom the Lease named last, for the log.
    leader: String,
    /// The last trouble; the same is not told twice in a row.
    trouble: Option<String>,
}

impl Elector {
    fn new(state: &Arc<State>, settings: LeaseSettings, cluster: Cluster) -> Self {
        Self {
            election: Election::new(own_name(), settings.timing),
            state: Arc::clone(state),
            cluster,
            settings,
            ours: None,
            leader: String::new(),
            trouble: None,
        }
    }

    /// Looks again and again, until this replica is told to stop or may not go on.
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Result<Self, String> {
        loop {
            let pause = self.pause();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cluster.fence().lapsed() => {}
                _ = &mut stopped => return Ok(self),
            }
            if self.time_left() == Some(Duration::ZERO) {
                self.cluster.fence().close();
                return Err("it could not be renewed in time".to_owned());
            }
            let result = self.attempt().await;
            if let Err(Trouble::Lost(holder)) = result {
                self.cluster.fence().close();
                return Err(format!("{} holds it now", Printable(&holder)));
            }
            self.note(&result);
        }
    }

    fn time_left(&self) -> Option<Duration> {
        self.election.time_left(boot_time())
    }

    fn pause(&self) -> Duration {
        match self.time_left() {
            Some(left) => self.settings.timing.retry.min(left),
            None => self
                .election
                .next_look(boot_time(), rand::random_range(0.0..1.0)),
        }
    }

    /// The longest time for a request: so that one without an answer leaves time for another.
    fn deadline(&self) -> Duration {
        let half = self.settings.timing.renew / 2;
        self.time_left().map_or(half, |left| half.min(left))
    }

    /// One look at the Lease, and what follows from it.
    async fn attempt(&mut self) -> Result<(), Trouble> {
        if let Some(ours) = self.ours.clone() {
            match self.take(&ours).await {
                Err(ApiFailure::Conflict | ApiFailure::NotFound) => self.ours = None,
                result => return Ok(result?),
            }
        }
        let LeaseSettings {
            namespace, name, ..
        } = &self.settings;
        let cluster = &self.cluster;
        let found = cluster.lease(self.deadline(), namespace, name).await?;
        let record = found.as_ref().map(record);
        let step = self.election.saw(record.as_ref(), boot_time());
        let result = match (step, found) {
            (Step::Lost(holder), _) => return Err(Trouble::Lost(holder)),
            (Step::Take, Some(found)) => self.take(&found).await,
            (Step::Create | Step::Take, _) => self.create().await,
            (Step::Wait, _) => {
                self.follow(record.as_ref());
                Ok(())
            }
        };
        match result {
            // Somebody was faster; the next look tells who.
            Err(ApiFailure::Conflict | ApiFailure::AlreadyExists | ApiFailure::NotFound) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn create(&mut self) -> Result<(), ApiFailure> {
        let lease = Lease {
            metadata: ObjectMeta {
                namespace: Some(self.settings.namespace.clone()),
                name: Some(self.settings.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(None)),
        };
        let sent = boot_time();
        let cluster = &self.cluster;
        let stored = cluster.create_lease(self.deadline(), &lease).await?;
        self.won(stored, sent);
        Ok(())
    }

    /// Writes our name into the Lease that was read or written last.
    async fn take(&mut self, found: &Lease) -> Result<(), ApiFailure> {
        let mut lease = found.clone();
        lease.spec = Some(self.spec(found.spec.as_ref()));
        let sent = boot_time();
        let cluster = &self.cluster;
        let stored = cluster.replace_lease(self.deadline(), &lease).await?;
        self.won(stored, sent);
        Ok(())
    }

    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let before = before.cloned().unwrap_or_default();
        let holder = before.holder_identity.as_deref();
        let stays = holder == Some(self.election.me());
        let transitions = before.lease_transitions.unwrap_or(0);
        let seconds = self.settings.timing.lease.as_millis().div_ceil(1000);
        LeaseSpec {
            holder_identity: Some(self.election.me().to_owned()),
            lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
            acquire_time: before
                .acquire_time
                .filter(|_| stays)
                .or_else(|| Some(now.clone())),
            renew_time: Some(now),
            // The first leader follows nobody.
            lease_transitions: Some(if stays || holder.is_none() {
                transitions
            } else {
                transitions.saturating_add(1)
            }),
            ..before
        }
    }

    fn won(&mut self, stored: Lease, sent: Duration) {
        let first = !self.election.leads();
        let until = self.election.won(sent);
        self.cluster.fence().open_until(until);
        let metrics = &self.state.metrics;
        metrics.set_lease_transitions(record(&stored).transitions);
        self.ours = Some(stored);
        if first {
            tracing::info!(identity = self.election.me(), "leading");
            self.state.lead();
        }
    }

    fn follow(&mut self, record: Option<&Record>) {
        let Some(record) = record else { return };
        let metrics = &self.state.metrics;
        metrics.set_lease_transitions(record.transitions);
        if self.leader != record.holder {
            self.leader.clone_from(&record.holder);
            let (identity, leader) = (self.election.me(), Printable(&self.leader));
            tracing::info!(identity, %leader, "standing by");
        }
    }

    /// Tells of trouble once.
    fn note(&mut self, result: &Result<(), Trouble>) {
        let trouble = match result {
            Err(Trouble::Api(failure)) => Some(failure.to_string()),
            _ => None,
        };
        match &trouble {
            Some(failure) if self.trouble != trouble => {
                tracing::warn!(failure, "the Lease could not be used; trying again")
            }
            None if self.trouble.is_some() => tracing::info!("the Lease can be used again"),
            _ => {}
        }
        self.trouble = trouble;
    }

    /// Takes our name out of the Lease, so that the next leader need not wait.
    async fn give_back(self) {
        let Some(mut lease) = self.ours.clone() else {
            return;
        };
        if self.time_left() == Some(Duration::ZERO) {
            return;
        }
        let mut spec = self.spec(lease.spec.as_ref());
        // As client-go leaves it.
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        lease.spec = Some(spec);
        let cluster = &self.cluster;
        match cluster.replace_lease(self.deadline(), &lease).await {
            Ok(_) => tracing::info!("the Lease is given back"),
            Err(failure) => tracing::warn!(%failure, "the Lease could not be given back"),
        }
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        lease: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        renewed: spec.renew_time.map(|time| time.0),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

/// A name that no other process has, now or later: the pod's, which is the host's name there, and something random.
fn own_name() -> String {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}_{:016x}", rand::random::<u64>())
}

#[cfg(test)]
mod tests;
