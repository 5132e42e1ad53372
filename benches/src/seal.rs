//! `signet-load seal`: many SealedSecrets, one JSON object a line.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value, json};
use signet_common::{Certificate, SealingKey};
use signet_crds::{InputSecret, seal_secret};

/// Print SealedSecrets, sealed on all cores.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The certificate to seal with.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// They are spread over the namespaces PREFIX0, PREFIX1, …
    #[arg(long, default_value = "bench-")]
    prefix: String,
    /// How many namespaces.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    namespaces: u32,
    /// How many objects.
    #[arg(long)]
    count: u32,
    /// The number of the first one, which its name has.
    #[arg(long, default_value = "0")]
    first: u32,
    /// Items of each.
    #[arg(long, default_value = "1")]
    items: u32,
    /// Bytes of each value.
    #[arg(long, default_value = "20")]
    bytes: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let pem = std::fs::read_to_string(&arguments.cert)?;
    let certificate = Certificate::parse_pem(pem.as_bytes())
        .map_err(|error| anyhow!("the certificate cannot be used: {error}"))?;
    let key = certificate.key();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<u32> = (arguments.first..arguments.first + arguments.count).collect();
    let share = numbers.len().div_ceil(threads).max(1);
    let parts = std::thread::scope(|scope| {
        let running: Vec<_> = numbers
            .chunks(share)
            .map(|part| scope.spawn(move || lines(arguments, key, part)))
            .collect();
        let ended = running.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_| anyhow!("a thread panicked"))
                .flatten()
        });
        ended.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut stdout = std::io::stdout().lock();
    for part in parts {
        stdout.write_all(part.as_bytes())?;
    }
    Ok(())
}

fn lines(arguments: &Arguments, key: &SealingKey, numbers: &[u32]) -> anyhow::Result<String> {
    let mut rng = rand::rng();
    let mut lines = String::new();
    for number in numbers {
        let secret = InputSecret::parse(&secret(arguments, *number))
            .map_err(|_| anyhow!("the Secret cannot be read"))?;
        let sealed = seal_secret(&mut rng, key, &secret).context("seal")?;
        lines.push_str(&serde_json::to_string(&sealed)?);
        lines.push('\n');
    }
    Ok(lines)
}

/// Values are text that differs from item to item.
fn secret(arguments: &Arguments, number: u32) -> Value {
    let items = (0..arguments.items).map(|item| {
        let value = format!("value {item} of object {number} ");
        let value: String = value.chars().cycle().take(arguments.bytes).collect();
        (format!("item{item}"), Value::from(value))
    });
    let namespace = format!("{}{}", arguments.prefix, number % arguments.namespaces);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": format!("object-{number}"), "namespace": namespace },
        "stringData": Map::from_iter(items),
    })
}
