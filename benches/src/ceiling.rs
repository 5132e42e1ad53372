//! `signet-load ceiling`: the work of a cold start with nothing around it.
//!
//! Three measurements: the writes alone, the private operations alone, and for each object both. No watch, no decision, no
//! parsing of answers: no controller can be faster on this machine beside this API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use jiff::Timestamp;
use kube::Client;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use signet_common::{
    Certificate, CertificateRequest, KeySize, Plaintext, PrivateKey, Scope, SealTarget, SealedBlob,
    open, seal,
};
use tokio::sync::Semaphore;

use crate::client::{collection, connect, send};

/// For each SealedSecret that the cluster has: private operations, then a Secret, a status, an event.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The cluster, and who asks; without it, private operations alone.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// What a controller wrote for one object, as examples: a JSON object with `secret`, `status` and `event`.
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    examples: Option<PathBuf>,
    /// Objects at the same time.
    #[arg(long, default_value = "16")]
    connections: usize,
    /// Private operations for each object; 0 takes the writes alone.
    #[arg(long, default_value = "0")]
    items: u32,
    /// How long private operations alone are counted, in seconds.
    #[arg(long, default_value = "3")]
    seconds: u64,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let opener = Arc::new(Opener::new()?);
    let Some(kubeconfig) = &arguments.kubeconfig else {
        let before = cpu_seconds();
        let (count, rate) = opener.rate(Duration::from_secs(arguments.seconds));
        let each = (cpu_seconds() - before) / f64::from(count);
        println!(
            "{}",
            json!({ "private_operations_per_second": rate, "cpu_seconds_each": each })
        );
        return Ok(());
    };
    let client = connect(kubeconfig).await?;
    let examples = arguments
        .examples
        .as_ref()
        .context("--examples is needed")?;
    let examples: Value = serde_json::from_slice(&std::fs::read(examples)?)?;
    let list = send(
        &client,
        Method::GET,
        "/apis/bitnami.com/v1alpha1/sealedsecrets",
        Vec::new(),
    )
    .await?;
    let list: Value = serde_json::from_slice(&list)?;
    let objects = list["items"].as_array().context("a list")?;
    let work = objects
        .iter()
        .map(|object| requests(object, &examples))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = Arc::new(Semaphore::new(cores));
    let start = Instant::now();
    stream::iter(work)
        .map(|requests| {
            let (client, opener, cores) = (&client, Arc::clone(&opener), Arc::clone(&cores));
            one(client, opener, cores, arguments.items, requests)
        })
        .buffer_unordered(arguments.connections)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "objects": objects.len(), "seconds": seconds })
    );
    Ok(())
}

type Request = (Method, String, Vec<u8>);

async fn one(
    client: &Client,
    opener: Arc<Opener>,
    cores: Arc<Semaphore>,
    items: u32,
    requests: [Request; 3],
) -> anyhow::Result<()> {
    if items > 0 {
        let _core = cores.acquire().await?;
        tokio::task::spawn_blocking(move || (0..items).for_each(|_| opener.open())).await?;
    }
    for (method, path, body) in requests {
        send(client, method, &path, body).await?;
    }
    Ok(())
}

/// The three writes for an object, as long as the examples.
fn requests(object: &Value, examples: &Value) -> anyhow::Result<[Request; 3]> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().context("a name")?;
    let mut sealed = object.clone();
    sealed["apiVersion"] = "bitnami.com/v1alpha1".into();
    sealed["kind"] = "SealedSecret".into();
    sealed["status"] = examples["status"].clone();
    let mut secret = examples["secret"].clone();
    secret["apiVersion"] = "v1".into();
    secret["kind"] = "Secret".into();
    secret["metadata"]["name"] = name.into();
    secret["metadata"]["namespace"] = metadata["namespace"].clone();
    secret["metadata"]["ownerReferences"][0]["name"] = name.into();
    secret["metadata"]["ownerReferences"][0]["uid"] = metadata["uid"].clone();
    let mut event = examples["event"].clone();
    event["apiVersion"] = "v1".into();
    event["kind"] = "Event".into();
    event["metadata"] =
        json!({ "name": format!("{name}.ceiling"), "namespace": metadata["namespace"] });
    event["involvedObject"]["name"] = name.into();
    event["involvedObject"]["namespace"] = metadata["namespace"].clone();
    event["involvedObject"]["uid"] = metadata["uid"].clone();
    event["involvedObject"]["resourceVersion"] = metadata["resourceVersion"].clone();
    let status_path = format!("{}/{name}/status", collection(&sealed)?);
    Ok([
        (
            Method::POST,
            collection(&secret)?,
            serde_json::to_vec(&secret)?,
        ),
        (Method::PUT, status_path, serde_json::to_vec(&sealed)?),
        (
            Method::POST,
            collection(&event)?,
            serde_json::to_vec(&event)?,
        ),
    ])
}

/// A key of the default size and a value sealed with it.
pub(crate) struct Opener {
    key: PrivateKey,
    blob: SealedBlob,
    target: SealTarget,
}

impl Opener {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = PrivateKey::generate(KeySize::default())?;
        let mut rng = rand::rng();
        let request = CertificateRequest {
            common_name: "",
            valid_for: Duration::from_secs(3600),
        };
        let certificate = Certificate::self_signed(&mut rng, &key, &request, Timestamp::now())
            .map_err(|error| anyhow!("{error}"))?;
        let target = SealTarget::new(Scope::Strict, "bench", "object")?;
        let value = Plaintext::new(b"twenty bytes of text".to_vec());
        let blob = seal(&mut rng, certificate.key(), &target, "item", &value)?;
        Ok(Self { key, blob, target })
    }

    pub(crate) fn open(&self) {
        // Sealed with its own key; a failure would only be quicker than the truth.
        assert!(open(&self.key, &self.blob, &self.target, "item").is_ok());
    }

    /// Private operations on all cores together: how many, and how many a second.
    fn rate(&self, duration: Duration) -> (u32, f64) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = Instant::now();
        let count = || {
            let mut count = 0_u32;
            while start.elapsed() < duration {
                self.open();
                count += 1;
            }
            count
        };
        let count = std::thread::scope(|scope| {
            let running: Vec<_> = (0..cores).map(|_| scope.spawn(count)).collect();
            let ended = running.into_iter();
            ended.map(|thread| thread.join().unwrap_or_default()).sum()
        });
        (count, f64::from(count) / start.elapsed().as_secs_f64())
    }
}

/// CPU seconds of this process so far.
pub(crate) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
