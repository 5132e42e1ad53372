//! Bare requests: bytes out, status in, keep-alive connections.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A client of the cluster that a kubeconfig file names.
pub(crate) async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    client(config)
}

/// A client that sends each request once: an answer that refuses is counted, and not waited for.
pub(crate) fn client(mut config: Config) -> anyhow::Result<Client> {
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Where many requests go.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// The cluster, and who asks.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: PathBuf,
    /// Requests at the same time.
    #[arg(long, default_value = "16")]
    connections: usize,
}

impl Target {
    /// Sends a body to each path, over parallel connections.
    pub(crate) async fn send_all(
        &self,
        client: &Client,
        method: Method,
        requests: Vec<(String, Vec<u8>)>,
    ) -> anyhow::Result<()> {
        stream::iter(requests)
            .map(|(path, body)| {
                let method = method.clone();
                async move { send(client, method, &path, body).await }
            })
            .buffer_unordered(self.connections)
            .try_for_each(|_| async { Ok(()) })
            .await
    }
}

/// Sends a request and returns the body of the answer, which must be a success.
pub(crate) async fn send(
    client: &Client,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))?;
    let answer = client.send(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(
        status.is_success(),
        "{method} {path}: {status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(body.to_vec())
}

/// Where objects of a kind in a namespace are made.
pub(crate) fn collection(object: &serde_json::Value) -> anyhow::Result<String> {
    let namespace = object["metadata"]["namespace"]
        .as_str()
        .context("an object without a namespace")?;
    let (root, plural) = match object["kind"].as_str() {
        Some("SealedSecret") => ("/apis/bitnami.com/v1alpha1", "sealedsecrets"),
        Some("Secret") => ("/api/v1", "secrets"),
        Some("Event") => ("/api/v1", "events"),
        other => anyhow::bail!("nobody asked for objects of the kind {other:?}"),
    };
    Ok(format!("{root}/namespaces/{namespace}/{plural}"))
}
