//! Offline sealing: ours and upstream's kubeseal in turn on the same input.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use signet_harness::Tool;

use super::lab::Lab;
use super::outcome::{Figure, Outcome};

/// Two items, as `kubectl create secret generic … --dry-run=client -o yaml` prints them.
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\n\
data:\n  password: aHVudGVyMg==\n  user: c2hvcA==\n";

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let runs = lab.pick(100, 20);
    let folder = tempfile::tempdir()?;
    let certificate = folder.path().join("cert.pem");
    let made = Command::new(lab.program("signet")?)
        .args(["keys", "generate", "--out-key"])
        .arg(folder.path().join("key.pem"))
        .arg("--out-cert")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()?;
    ensure!(made.success(), "no key was made");
    let ours = lab.program("kubeseal")?;
    let programs = [ours.as_path(), lab.tools.path(Tool::UpstreamKubeseal)?];
    let mut taken = [Vec::new(), Vec::new()];
    // One run of each first, so that both are in the page cache.
    for round in 0..=runs {
        for (program, taken) in programs.iter().zip(&mut taken) {
            let time = seal(program, &certificate)?;
            if round > 0 {
                taken.push(time);
            }
        }
    }
    let [ours, peer] = taken.map(|times| median(times).as_secs_f64());
    let mut outcome = Outcome::new("offline seal", lab.scale);
    outcome.figure(
        Figure::new("wall time", "ms")
            .ours(ours * 1e3)
            .peer(peer * 1e3),
    );
    outcome.ratio("wall time, ours divided by the peer's", ours / peer);
    outcome.note(format!(
        "`kubeseal --cert FILE` on a Secret of two items, median of {runs} runs in turn."
    ));
    Ok(vec![outcome])
}

fn seal(program: &Path, certificate: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg("--cert")
        .arg(certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    child
        .stdin
        .take()
        .context("stdin is piped")?
        .write_all(SECRET.as_bytes())?;
    let output = child.wait_with_output()?;
    let taken = start.elapsed();
    ensure!(output.status.success(), "{} failed", program.display());
    ensure!(
        output
            .stdout
            .windows(13)
            .any(|part| part == b"encryptedData"),
        "{} sealed nothing",
        program.display()
    );
    Ok(taken)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
