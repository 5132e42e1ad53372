//! Without a cluster: sealing with ours and upstream's kubeseal in turn, and the private operation of each library.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use signet_harness::Tool;
use tempfile::TempDir;

use super::held::{self, Taken};
use super::lab::Lab;
use super::outcome::{Figure, Outcome};
use super::{ceiling, usage};

/// Two items, as `kubectl create secret generic … --dry-run=client -o yaml` prints them.
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\n\
data:\n  password: aHVudGVyMg==\n  user: c2hvcA==\n";

pub(crate) fn run(lab: &Lab) -> anyhow::Result<Vec<Outcome>> {
    let key = Key::make(lab)?;
    Ok(vec![seal(lab, &key)?, private_operation(lab, &key)?])
}

/// A key and its certificate, as files.
struct Key {
    folder: TempDir,
}

impl Key {
    fn make(lab: &Lab) -> anyhow::Result<Self> {
        let key = Self {
            folder: tempfile::tempdir()?,
        };
        let made = Command::new(lab.program("signet")?)
            .args(["keys", "generate", "--out-key"])
            .arg(key.file("key.pem"))
            .arg("--out-cert")
            .arg(key.file("cert.pem"))
            .stderr(Stdio::null())
            .status()?;
        ensure!(made.success(), "no key was made");
        Ok(key)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn seal_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("--cert").arg(self.file("cert.pem"));
        command
    }
}

fn seal(lab: &Lab, key: &Key) -> anyhow::Result<Outcome> {
    let runs = lab.pick(100, 20);
    let ours = lab.program("kubeseal")?;
    let programs = [ours.as_path(), lab.tools.path(Tool::UpstreamKubeseal)?];
    let mut times = [Vec::new(), Vec::new()];
    // One run of each first, so that both are in the page cache.
    for round in 0..=runs {
        for (program, times) in programs.iter().zip(&mut times) {
            let time = seal_once(key.seal_command(program))?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let [ours, peer] = times.map(|times| median(times).as_secs_f64());
    let mut peaks = [0; 2];
    for _ in 0..lab.pick(5, 1) {
        for (program, peak) in programs.iter().zip(&mut peaks) {
            let (taken, output) = held::run(key.seal_command(program), SECRET.as_bytes())?;
            ensure_sealed(&output)?;
            *peak = taken.memory.max(*peak);
        }
    }
    let [our_size, peer_size] = programs.map(|program| fs::metadata(program).map(|m| m.len()));
    let megabytes = |size: u64| size as f64 / 1e6;
    let signet = fs::metadata(lab.program("signet")?)?.len();
    let largest = megabytes(signet.max(our_size?));

    let mut outcome = Outcome::new("offline seal", lab.scale);
    let mut sides = |what: &str, unit: &str, ours: f64, peer: f64| {
        outcome.figure(Figure::new(what, unit).ours(ours).peer(peer));
    };
    sides("wall time", "ms", ours * 1e3, peer * 1e3);
    let [our_peak, peer_peak] = peaks.map(usage::mebibytes);
    sides("peak memory", "MiB", our_peak, peer_peak);
    sides("the larger program", "MB", largest, megabytes(peer_size?));
    outcome.ratio("wall time, ours divided by the peer's", ours / peer);
    outcome.ratio(
        "peak memory, ours divided by the peer's",
        our_peak / peer_peak,
    );
    outcome.ratio("MB of the larger program", largest);
    outcome.note(format!(
        "`kubeseal --cert FILE` on a Secret of two items, median of {runs} runs in turn."
    ));
    outcome.note(
        "Peak memory is what the kernel says (VmHWM) while the program waits to print. The larger program is that of \
         `signet` and `kubeseal`.",
    );
    Ok(outcome)
}

fn seal_once(mut command: Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    child
        .stdin
        .take()
        .context("stdin is piped")?
        .write_all(SECRET.as_bytes())?;
    let output = child.wait_with_output()?;
    let taken = start.elapsed();
    ensure!(output.status.success(), "it failed");
    ensure_sealed(&output.stdout)?;
    Ok(taken)
}

fn ensure_sealed(output: &[u8]) -> anyhow::Result<()> {
    let is_sealed = output.windows(13).any(|part| part == b"encryptedData");
    ensure!(is_sealed, "nothing was sealed");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// CPU of one private operation: by themselves in our process, and as `kubeseal --recovery-unseal` of many items.
fn private_operation(lab: &Lab, key: &Key) -> anyhow::Result<Outcome> {
    let items = lab.pick(400, 100);
    let load = lab.program("signet-load")?;
    let sealed = Command::new(&load)
        .args(["seal", "--count=1", &format!("--items={items}"), "--cert"])
        .arg(key.file("cert.pem"))
        .output()?;
    ensure!(sealed.status.success(), "signet-load seal failed");
    let unseal = |program: &Path| -> anyhow::Result<f64> {
        let mut command = Command::new(program);
        command
            .args(["--recovery-unseal", "--recovery-private-key"])
            .arg(key.file("key.pem"));
        let (Taken { cpu, .. }, output) = held::run(command, &sealed.stdout)?;
        let opened = String::from_utf8_lossy(&output).matches("\"item").count();
        ensure!(opened == items, "{opened} of {items} items were opened");
        Ok(cpu / items as f64)
    };
    let ours = unseal(&lab.program("kubeseal")?)?;
    let peer = unseal(lab.tools.path(Tool::UpstreamKubeseal)?)?;
    let libraries = ceiling::libraries(&load)?;

    let mut outcome = Outcome::new("private operation", lab.scale);
    outcome.figure(
        Figure::new("opening an item, RSA-4096", "CPU ms")
            .ours(ours * 1e3)
            .peer(peer * 1e3),
    );
    let by_itself = |what: &str, seconds: f64| Figure::new(what, "CPU ms").ours(seconds * 1e3);
    outcome.figure(by_itself("aws-lc-rs by itself", libraries.aws_lc));
    outcome.figure(by_itself(
        "rsa by itself, which we do not use for it",
        libraries.rsa,
    ));
    outcome.ratio("CPU, peer's divided by ours", peer / ours);
    outcome.note(format!(
        "`kubeseal --recovery-unseal` of one object of {items} items, CPU of the whole process; Go's library is in the \
         peer's. The others are private operations one after the other in one thread."
    ));
    Ok(outcome)
}
