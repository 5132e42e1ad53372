//! Secrets that no SealedSecret is about: their values must not come into the controller's memory, where a dump of it,
//! or a defect, would show them all (upstream caches every Secret of the cluster).

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use anyhow::{Context, ensure};
use serde_json::json;
use signet_harness::{Canary, ControlPlane, Options};
use signet_tests::signet::{SignetController, secret, secret_path, sentinel};
use signet_tests::{fresh_namespace, start};

const SYSTEM: &str = "kube-system";
const CHUNK: usize = 1 << 20;

/// How often the canary stands in the memory of a process, in any form, and how many bytes were looked at.
fn scan_memory(process: u32, canary: &Canary) -> anyhow::Result<(usize, usize)> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let (mut found, mut bytes) = (0, 0);
    for line in fs::read_to_string(format!("/proc/{process}/maps"))?.lines() {
        let mut words = line.split(' ');
        let (range, rights) = (words.next(), words.next().unwrap_or_default());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range
            .and_then(|range| range.split_once('-'))
            .context("a range")?;
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16));
        let (mut at, to) = (from?, to?);
        // Chunks overlap, so that none cuts a canary.
        let mut chunk = vec![0; CHUNK + 4096];
        while at < to {
            let length = usize::try_from(to - at).map_or(chunk.len(), |left| left.min(chunk.len()));
            // A page that went away meanwhile holds nothing.
            let read = memory.read_at(&mut chunk[..length], at).unwrap_or(0);
            found += canary.scan_bytes(&chunk[..read]).len();
            bytes += read.min(CHUNK);
            at += CHUNK as u64;
        }
    }
    Ok((found, bytes))
}

fn add(plane: &ControlPlane, namespace: &str, name: &str, value: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let secret = secret(namespace, name, &[("password", value)]);
    plane.api().post(&path, &secret).map(drop)
}

#[test]
fn values_of_secrets_that_no_sealed_secret_asks_for_are_never_in_memory() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let namespace = fresh_namespace(&plane, "foreign")?;
    let (listed, watched, edited) = (
        "value-4711-of-a-listed-secret",
        "value-4712-of-a-watched-secret",
        "value-4713-of-an-edited-secret",
    );
    let (name, own) = ("listed-7f3a91c2", fresh_namespace(&plane, "own")?);
    add(&plane, &namespace, name, listed)?;
    let controller = SignetController::start(&plane, SYSTEM, &[])?;
    add(&plane, &namespace, "watched", watched)?;
    let change = json!({"stringData": {"password": edited}});
    plane
        .api()
        .merge_patch(&secret_path(&namespace, "watched"), &change)?;
    plane.api().delete(&secret_path(&namespace, "watched"))?;
    sentinel(&plane, &controller, &own)?;

    let process = controller.process.id();
    for value in [listed, watched, edited] {
        let (found, bytes) = scan_memory(process, &Canary::new(value.as_bytes())?)?;
        ensure!(bytes > 1 << 20, "only {bytes} bytes were looked at");
        ensure!(found == 0, "{value} stands in memory {found} times");
    }
    // The search sees what is remembered of that Secret: its name.
    let (found, bytes) = scan_memory(process, &Canary::new(name.as_bytes())?)?;
    println!("{bytes} bytes of memory; the name of the Secret stands there {found} times");
    ensure!(found > 0, "the name of the Secret was not found either");
    Ok(())
}
