//! `signet-load post`: makes many objects over parallel connections.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};

use crate::client::{collection, connect, send};

/// Create the objects on stdin, one JSON object a line.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The cluster, and who asks.
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Requests at the same time.
    #[arg(long, default_value = "16")]
    connections: usize,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = connect(&arguments.kubeconfig).await?;
    let mut requests = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let path = collection(&serde_json::from_str::<Value>(&line)?)?;
        requests.push((path, line.into_bytes()));
    }
    let objects = requests.len();
    let start = Instant::now();
    stream::iter(requests)
        .map(|(path, body)| {
            let client = &client;
            async move { send(client, Method::POST, &path, body).await }
        })
        .buffer_unordered(arguments.connections)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({ "objects": objects, "seconds": seconds }));
    Ok(())
}
