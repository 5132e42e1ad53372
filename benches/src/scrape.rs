//! `signet-load scrape`: clients that read the page of metrics again and again, until stdin ends.

use anyhow::Context as _;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::{Client, Config};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::client;
use crate::command::end_of_input;

/// Read the metrics of a controller in a loop.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the controller serves its metrics, e.g. `http://127.0.0.1:8081`.
    #[arg(long)]
    url: Uri,
    /// Clients that read at the same time.
    #[arg(long, default_value = "60")]
    clients: u32,
}

/// What became of the requests.
#[derive(Default, Serialize)]
struct Answers {
    pages: u32,
    /// Bytes of the last page.
    page_bytes: usize,
    /// Answers without a page.
    refused: u32,
    /// No answer, or not all of it.
    failed: u32,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let client = client::client(Config::new(arguments.url))?;
    let mut end = end_of_input();
    let mut answers = Answers::default();
    let mut running = JoinSet::new();
    for _ in 0..arguments.clients {
        running.spawn(page(client.clone()));
    }
    loop {
        tokio::select! {
            _ = &mut end => break,
            Some(answer) = running.join_next() => {
                answers.count(answer.context("a request panicked")?);
                running.spawn(page(client.clone()));
            }
        }
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

async fn page(client: Client) -> anyhow::Result<(StatusCode, usize)> {
    let request = Request::builder()
        .method(Method::GET)
        .uri("/metrics")
        .body(Body::empty())?;
    let answer = client.send(request).await?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await?.to_bytes().len();
    Ok((status, bytes))
}

impl Answers {
    fn count(&mut self, answer: anyhow::Result<(StatusCode, usize)>) {
        match answer {
            Err(_) => self.failed += 1,
            Ok((StatusCode::OK, bytes)) => {
                self.pages += 1;
                self.page_bytes = bytes;
            }
            Ok(_) => self.refused += 1,
        }
    }
}
