//! `signet-load flood`: verify requests at a fixed rate, whatever happens to the ones before, until stdin ends.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::{Client, Config};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::client;
use crate::command::end_of_input;

/// Ask a controller to verify an object, many times a second.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the controller serves, e.g. `http://127.0.0.1:8080`.
    #[arg(long)]
    url: Uri,
    /// The object, as JSON.
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// Requests a second.
    #[arg(long, default_value = "200")]
    rate: u32,
}

/// What became of the requests.
#[derive(Default, Serialize)]
struct Answers {
    sent: u32,
    verified: u32,
    /// 429, with and without Retry-After.
    limited: u32,
    limited_without_retry_after: u32,
    other: u32,
    /// No answer, for example because nothing listens yet.
    failed: u32,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let body = std::fs::read(&arguments.body)?;
    let client = client::client(Config::new(arguments.url))?;
    let mut end = end_of_input();
    let mut answers = Answers::default();
    let mut running = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / arguments.rate);
    loop {
        tokio::select! {
            _ = &mut end => break,
            _ = ticks.tick() => {
                answers.sent += 1;
                running.spawn(ask(client.clone(), body.clone()));
            }
            Some(answer) = running.join_next() => answers.count(answer.context("a request panicked")?),
        }
    }
    while let Some(answer) = running.join_next().await {
        answers.count(answer.context("a request panicked")?);
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

/// Status, and whether the answer says when to come again.
type Answer = (StatusCode, bool);

async fn ask(client: Client, body: Vec<u8>) -> anyhow::Result<Answer> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/verify")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body))?;
    let answer = client.send(request).await?;
    let (head, body) = answer.into_parts();
    // Read to its end, so that the connection serves the next request.
    body.collect().await?;
    Ok((head.status, head.headers.contains_key(RETRY_AFTER)))
}

impl Answers {
    fn count(&mut self, answer: anyhow::Result<Answer>) {
        let counter = match answer {
            Err(_) => &mut self.failed,
            Ok((StatusCode::OK, _)) => &mut self.verified,
            Ok((StatusCode::TOO_MANY_REQUESTS, true)) => &mut self.limited,
            Ok((StatusCode::TOO_MANY_REQUESTS, false)) => &mut self.limited_without_retry_after,
            Ok(_) => &mut self.other,
        };
        *counter += 1;
    }
}
