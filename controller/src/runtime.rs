//! Wiring: configuration, tasks, signals. Every background task that ends, ends the process (ARCHITECTURE.md "One process").

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use signet_common::RenewalPolicy;
use signet_crds::V1Data;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::api::{Cluster, client};
use crate::args::{Args, Namespaces};
use crate::http::server::{self, Timeouts};
use crate::http::{Api, HttpSettings};
use crate::key_task::KeyTask;
use crate::keys::KeySettings;
use crate::leader::{Apart, Leadership, LeaseSettings};
use crate::plan::Policy;
use crate::queue::{Job, Next};
use crate::state::State;
use crate::suspects::Suspects;
use crate::watch::{FirstList, Scope};
use crate::{pass, watch};

/// How long running passes may take to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(10);
/// A look at everything in memory, which catches what a lost event hid.
const SWEEP: Duration = Duration::from_secs(3600);
/// Where a pod finds its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The one folder that a container may write to although its image is read-only, and that belongs to the pod: the next
/// container finds there what one left that was killed.
const SHARED_MEMORY: &str = "/dev/shm";

/// Runs the controller until it is told to stop; the election in a runtime of its own.
///
/// # Errors
/// If it cannot start, or a task that must never end ends.
pub async fn run(args: Args, apart: Handle) -> anyhow::Result<()> {
    tracing::info!(
        version = crate::args::VERSION,
        "Starting sealed-secrets controller"
    );
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    let key_wanted = signal(SignalKind::user_defined1()).context("signals cannot be received")?;
    let lease = lease(&args)?;
    // A quarter of the workers stays free for other namespaces.
    let workers = args.workers.get() as usize;
    let config = config(&args).await?;
    let mut state = State::new(
        cluster(&args, config.clone())?,
        policy(&args),
        args.effects.update_status,
        workers - workers / 4,
    );
    state.collects = args.effects.old_gc_behavior;
    let in_a_pod = args.kubeconfig.is_none();
    state.suspects = Suspects::read(in_a_pod.then(|| Path::new(SHARED_MEMORY)));
    let state = Arc::new(state);
    let mut tasks = JoinSet::new();
    serve(&args, &state, &mut tasks).await?;
    let apart = elect_in(apart, &state, config)?;
    let mut leadership = tokio::select! {
        leadership = Leadership::begin(&state, lease, apart) => leadership?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let mut workers = JoinSet::new();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // Whatever is under way is left where it is: the replica that leads now does it again.
        why = leadership.lost() => anyhow::bail!("the Lease was lost: {why}"),
        error = control(&args, &state, key_wanted, &mut tasks, &mut workers) => return Err(error),
    }
    tracing::info!("Shutting down controller");
    state.queue.close();
    let drained = tokio::time::timeout(DRAIN, async {
        while workers.join_next().await.is_some() {}
    })
    .await;
    if drained.is_err() {
        tracing::warn!("some passes did not end in time");
    }
    tasks.shutdown().await;
    // While a pass may still be writing, the Lease runs out by itself.
    leadership.end(&state, drained.is_ok()).await;
    Ok(())
}

/// Starts everything that uses keys, and watches over it. Returns why that has ended.
async fn control(
    args: &Args,
    state: &Arc<State>,
    mut key_wanted: Signal,
    tasks: &mut JoinSet<()>,
    workers: &mut JoinSet<()>,
) -> anyhow::Error {
    match KeyTask::start(Arc::clone(state), key_settings(args), renewal(args)).await {
        Ok(keys) => tasks.spawn(keys.run()),
        Err(error) => return error,
    };
    let wanted = Arc::clone(state);
    tasks.spawn(async move {
        while key_wanted.recv().await.is_some() {
            wanted.key_wanted.notify_one();
        }
    });
    let mut has_keys = state.has_keys();
    tokio::select! {
        _ = has_keys.wait_for(|has_keys| *has_keys) => {}
        ended = tasks.join_next() => return anyhow!("a background task ended: {}", describe(ended)),
    }
    let lists = watch_all(args, state, tasks);
    tasks.spawn(begin(Arc::clone(state), lists));
    for _ in 0..args.workers.get() {
        workers.spawn(work(Arc::clone(state), one_pass));
    }
    until_one_ends(tasks, workers).await
}

/// Waits until a task or a worker ends, and says which. Nothing is started anew: a process that has lost a part of itself ends,
/// and whoever runs it starts a whole one.
async fn until_one_ends(tasks: &mut JoinSet<()>, workers: &mut JoinSet<()>) -> anyhow::Error {
    tokio::select! {
        ended = tasks.join_next() => anyhow!("a background task ended: {}", describe(ended)),
        ended = workers.join_next() => anyhow!("a worker ended: {}", describe(ended)),
    }
}

fn describe<T>(ended: Option<Result<T, tokio::task::JoinError>>) -> &'static str {
    match ended {
        Some(Err(error)) if error.is_panic() => "it panicked",
        _ => "it returned",
    }
}

/// Starts every watch. Returns what tells that their first lists are complete, or cannot be had.
fn watch_all(args: &Args, state: &Arc<State>, tasks: &mut JoinSet<()>) -> Vec<FirstList> {
    let own = &state.policy.key_namespace;
    let scopes: Vec<Option<Arc<str>>> = match args.watching.namespaces(own) {
        Namespaces::All => vec![None],
        Namespaces::Only(namespaces) => namespaces.into_iter().map(Some).collect(),
    };
    let mut lists = Vec::new();
    for namespace in scopes {
        tracing::info!(
            namespace = namespace.as_deref().unwrap_or_default(),
            "Starting informer"
        );
        let scope = Scope {
            namespace,
            selector: args.watching.label_selector.clone(),
        };
        let (listed, list) = oneshot::channel();
        let watch = watch::watch_sealed(Arc::clone(state), scope.clone(), listed);
        tasks.spawn(watch);
        lists.push(list);
        let (listed, list) = oneshot::channel();
        tasks.spawn(watch::watch_secrets(Arc::clone(state), scope, listed));
        lists.push(list);
    }
    lists
}

/// Starts the work when this replica leads: on new objects at once, on the others when all first lists are complete. Then
/// sweeps every hour.
async fn begin(state: Arc<State>, lists: Vec<FirstList>) {
    let mut leads = state.leads();
    let complete = async {
        for list in lists {
            // A sender that is dropped means that its watch ended, which ends the process anyway.
            let _ = list.await;
        }
    };
    tokio::pin!(complete);
    let leads_before = tokio::select! {
        biased;
        () = &mut complete => false,
        // The sender lives in the state.
        () = async { drop(leads.wait_for(|leads| *leads).await) } => true,
    };
    if leads_before {
        state.queue.start_fresh();
        complete.await;
    }
    state.set_ready();
    if *leads.borrow() {
        // What waits carries the objects that the lists brought.
        state.sweep();
        state.queue.start();
    } else {
        tracing::info!("lists complete, standing by");
        state.queue.stand_by();
        // The sender lives in the state.
        let _ = leads.wait_for(|leads| *leads).await;
        state.queue.start();
        state.sweep();
    }
    tracing::info!(
        sealedsecrets = state.index().len(),
        "lists complete, starting work"
    );
    let mut every = tokio::time::interval(SWEEP);
    every.tick().await;
    loop {
        every.tick().await;
        state.sweep();
    }
}

/// What a worker does with a job.
type Turn = fn(Arc<State>, Job) -> BoxFuture<'static, Next>;

fn one_pass(state: Arc<State>, job: Job) -> BoxFuture<'static, Next> {
    async move { pass::run(&state, job).await }.boxed()
}

async fn work(state: Arc<State>, turn: Turn) {
    while let Some(job) = state.queue.next().await {
        let key = job.key.clone();
        let worked_on = state.fingerprint(&key);
        let next = match unless_it_panics(turn(Arc::clone(&state), job)).await {
            Some(next) => next,
            None => {
                let (state, key) = (Arc::clone(&state), key.clone());
                let report = async move { pass::report_panic(&state, &key, worked_on).await };
                // What a pass panicked over, its report may panic over as well.
                let said = unless_it_panics(report).await;
                said.unwrap_or(Next::After(pass::LONGEST_PAUSE))
            }
        };
        state.queue.done(&key, next);
    }
}

/// Runs work in a task of its own: a panic ends this attempt, not the process (docs/trust.md row 2).
async fn unless_it_panics<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    tokio::spawn(work).await.ok()
}

async fn serve(args: &Args, state: &Arc<State>, tasks: &mut JoinSet<()>) -> anyhow::Result<()> {
    let serving = &args.serving;
    let settings = HttpSettings {
        rotate: serving.rotate,
        rate: serving.rate_limit,
        burst: serving.rate_limit_burst,
        omit_secret_labels: serving.metrics_omit_secret_labels,
    };
    let timeouts = Timeouts::new(serving.read_timeout, serving.write_timeout);
    let api = Api::new(Arc::clone(state), settings);
    let routers = [
        (
            &serving.listen_addr,
            api.clone().router(),
            "HTTP server serving",
        ),
        (
            &serving.listen_metrics_addr,
            api.metrics_router(),
            "HTTP metrics server serving",
        ),
    ];
    for (address, router, message) in routers {
        let listener = server::listen(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!(addr = %address, "{message}");
        tasks.spawn(async move {
            if let Err(error) = server::serve(listener, router, timeouts).await {
                tracing::error!(%error, "HTTP server failed");
            }
        });
    }
    Ok(())
}

/// The cluster as a person at a terminal means it, too.
///
/// # Errors
/// If no kubeconfig can be used, and this is no pod.
pub(crate) async fn cluster_for_people(args: &Args) -> anyhow::Result<Cluster> {
    if args.kubeconfig.is_some() {
        return cluster(args, config(args).await?);
    }
    // Its causes are in its text.
    let config = Config::infer().await.map_err(|error| {
        anyhow::anyhow!(
            "neither in a pod nor with a usable kubeconfig; give --kubeconfig FILE ({error})"
        )
    })?;
    cluster(args, config)
}

async fn config(args: &Args) -> anyhow::Result<Config> {
    Ok(match &args.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)
                .with_context(|| format!("the kubeconfig {} cannot be read", path.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .context("the kubeconfig cannot be used")?
        }
        None => Config::incluster().context("not in a pod: give --kubeconfig FILE")?,
    })
}

fn cluster(args: &Args, config: Config) -> anyhow::Result<Cluster> {
    let client = client(config).context("no client for the API server")?;
    Ok(Cluster::new(client, limit(args)))
}

/// A client has tasks of its own: they run where it is made.
fn elect_in(runtime: Handle, state: &State, config: Config) -> anyhow::Result<Apart> {
    let entered = runtime.enter();
    let client = client(config).context("no client for the Lease")?;
    drop(entered);
    let cluster = state.cluster.through(client);
    Ok(Apart { runtime, cluster })
}

/// `--kubeclient-qps` as whole requests a second; none if it is absent, zero or negative.
fn limit(args: &Args) -> Option<(NonZeroU32, NonZeroU32)> {
    let rate = args.kubeclient_qps.filter(|rate| *rate > 0.0)?;
    let whole = rate.ceil().min(1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 1e6"
    )]
    let whole = whole as u32;
    Some((NonZeroU32::new(whole)?, args.kubeclient_burst))
}

/// The flags that decide which Secrets may be written.
pub(crate) fn policy(args: &Args) -> Policy {
    Policy {
        repair: args.repair,
        allow_sealed_keys: args.allow_sealed_keys,
        forbidden_types: args.forbidden_secret_types.clone(),
        key_namespace: namespace(args),
        key_prefix: args.key_prefix.clone(),
        skip_recreate: args.effects.skip_recreate,
        templates: args.templates.options(),
        v1_data: if args.effects.accept_deprecated_v1_data {
            V1Data::Accepted
        } else {
            V1Data::Refused
        },
    }
}

fn lease(args: &Args) -> anyhow::Result<LeaseSettings> {
    let flags = &args.election;
    Ok(LeaseSettings {
        mode: flags.leader_elect,
        timing: flags.timing().map_err(|error| anyhow!(error))?,
        namespace: namespace(args),
        name: flags.leader_elect_resource_name.clone(),
    })
}

fn namespace(args: &Args) -> String {
    let from_file = || {
        std::fs::read_to_string(NAMESPACE_FILE)
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let given = args
        .namespace
        .clone()
        .filter(|namespace| !namespace.is_empty());
    given
        .or_else(from_file)
        .unwrap_or_else(|| "default".to_owned())
}

fn key_settings(args: &Args) -> KeySettings {
    KeySettings {
        prefix: args.key_prefix.clone(),
        size: args.key_size,
        valid_for: args.key_ttl,
        common_name: args.my_cn.clone(),
        order: args.key_order_priority,
        labels: args.new_keys.privatekey_labels.0.clone(),
        annotations: args.new_keys.privatekey_annotations.0.clone(),
    }
}

/// The flags that decide when a key is made.
pub(crate) fn renewal(args: &Args) -> RenewalPolicy {
    RenewalPolicy {
        period: args.key_renew_period,
        cutoff: args.key_cutoff_time.0,
    }
}

#[cfg(test)]
mod tests;
