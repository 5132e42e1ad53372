//! `signet-load post`: makes many objects over parallel connections.

use std::io::BufRead as _;
use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use crate::client::{Target, collection, connect};

/// Create the objects on stdin, one JSON object a line.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = connect(&arguments.target.kubeconfig).await?;
    let mut requests = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let path = collection(&serde_json::from_str::<Value>(&line)?)?;
        requests.push((path, line.into_bytes()));
    }
    let objects = requests.len();
    let start = Instant::now();
    let target = &arguments.target;
    target.send_all(&client, Method::POST, requests).await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({ "objects": objects, "seconds": seconds }));
    Ok(())
}
