//! Log lines that runbooks look for: the same text, level and keys as upstream's, in the same shape.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::upstream::NAMESPACE;
use signet_harness::{Tool, binary, eventually, kubectl};
use signet_tests::signet::CAP;

use super::Side;
use crate::world::key_secrets;

/// Level and message of a line, and the names of its values.
type Lines = BTreeMap<(String, String), BTreeSet<String>>;

/// What both say, for the events of this test.
const SHARED: [(&str, &str, &[&str]); 8] = [
    ("INFO", "Starting sealed-secrets controller", &["version"]),
    ("INFO", "Searching for existing private keys", &[]),
    ("INFO", "registered private key", &["secretname"]),
    ("INFO", "New key written", &["namespace", "name"]),
    ("INFO", "Certificate generated", &["certificate"]),
    ("INFO", "HTTP server serving", &["addr"]),
    ("INFO", "HTTP metrics server serving", &["addr"]),
    ("INFO", "Updating", &["key"]),
];

/// What upstream alone says at these levels, and why Signet does not.
const UPSTREAMS: [(&str, &str); 5] = [
    (
        "Event(",
        "events are in the cluster; the log has their text on the line of the pass",
    ),
    (
        "update suppressed, no changes in spec",
        "at DEBUG: it would follow every status that is written",
    ),
    (
        "Error updating, will retry",
        "what waits for a change is not tried again before",
    ),
    (
        "HTTP server exiting",
        "an end that was asked for is no error",
    ),
    (
        "HTTP metrics server exiting",
        "an end that was asked for is no error",
    ),
];

/// Reads lines as slog writes them; lines of other libraries are left out.
fn lines(log: &str) -> anyhow::Result<Lines> {
    let mut lines = Lines::new();
    for line in log.lines().filter(|line| line.starts_with("time=")) {
        let values = values(line).with_context(|| format!("not slog's shape: {line}"))?;
        let [(time, at), (level, severity), (msg, message), rest @ ..] = &values[..] else {
            anyhow::bail!("too short: {line}");
        };
        ensure!(
            (time.as_str(), level.as_str(), msg.as_str()) == ("time", "level", "msg"),
            "{line}"
        );
        ensure!(
            at.len() == "2026-11-21T11:44:24.329Z".len() && at.ends_with('Z'),
            "{line}"
        );
        let names = rest.iter().map(|(name, _)| name.clone());
        lines
            .entry((severity.clone(), message.clone()))
            .or_default()
            .extend(names);
    }
    Ok(lines)
}

/// `name=value name="value"` of a line; `None` if it is something else.
fn values(line: &str) -> Option<Vec<(String, String)>> {
    let (mut values, mut rest) = (Vec::new(), line);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let value = if after.starts_with('"') {
            // The escapes that matter are JSON's as well.
            let mut stream = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let value = stream.next()?.ok()?;
            rest = &after[stream.byte_offset()..];
            value
        } else {
            let (value, _) = after.split_once(' ').unwrap_or((after, ""));
            rest = &after[value.len()..];
            value.to_owned()
        };
        values.push((name.to_owned(), value));
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    Some(values)
}

/// Objects that open and do not, a key by signal with renewal turned off, a restart.
///
/// `level` is given to both starts.
fn run(start: fn(&[&str]) -> anyhow::Result<Side>, level: &[&str]) -> anyhow::Result<String> {
    let mut side = start(&[&["--key-renew-period=0"], level].concat())?;
    side.play()?;
    let mut kill = Command::new("kill");
    kill.args(["-USR1", &side.running.process.id().to_string()]);
    ensure!(kill.status()?.success(), "no signal");
    eventually("a second key by SIGUSR1", CAP, || {
        (key_secrets(&side.plane, NAMESPACE).ok()?.len() == 2).then_some(())
    })?;
    side.running
        .process
        .wait_until("the second certificate", CAP, |process| {
            process.log().matches("Certificate generated").count() == 2
        })?;
    let first = side.restart(level)?;
    side.running.process.terminate(CAP)?;
    Ok(first + &side.running.process.log())
}

#[test]
fn runbooks_find_upstreams_lines() -> anyhow::Result<()> {
    let upstream = lines(&run(Side::upstream, &[])?)?;
    let signet = lines(&run(Side::signet, &["--log-level=INFO"])?)?;
    let mut left = upstream;
    for (level, message, names) in SHARED {
        let line = (level.to_owned(), message.to_owned());
        let names: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            left.remove(&line),
            Some(names.clone()),
            "upstream: {message}"
        );
        let found = signet.get(&line);
        assert!(
            found.is_some_and(|found| names.is_subset(found)),
            "{message}: {found:?}"
        );
    }
    let given_up = ("ERROR".to_owned(), "Error updating, giving up".to_owned());
    let names = left.remove(&given_up).context("upstream gives up")?;
    assert!(signet[&given_up].is_superset(&names), "{signet:#?}");
    for (text, why) in UPSTREAMS {
        let before = left.len();
        left.retain(|(_, message), _| !message.starts_with(text));
        assert!(
            left.len() < before,
            "upstream does not say {text:?} any more ({why})"
        );
        let same = signet.keys().any(|(_, message)| message.starts_with(text));
        assert!(!same, "Signet says {text:?} after all");
    }
    assert!(left.is_empty(), "neither shared nor explained: {left:#?}");
    Ok(())
}

/// Both, without a cluster: they say that they start, and then that they cannot.
fn without_a_cluster(
    tool: Option<&std::path::Path>,
    arguments: &[&str],
) -> anyhow::Result<kubectl::Output> {
    let mut command = match tool {
        Some(path) => Command::new(path),
        None => Command::new(binary::path("signet-controller")?),
    };
    command
        .env_remove("KUBERNETES_SERVICE_HOST")
        .args(arguments);
    kubectl::run(command, "")
}

#[test]
fn levels_streams_and_shapes_follow_upstreams_flags() -> anyhow::Result<()> {
    let tools = signet_harness::Tools::from_environment()?;
    let upstream = tools.path(Tool::UpstreamController)?;
    // Flags, then whether "Starting" is on stdout, on stderr, and in which shape.
    let table: [(&[&str], bool, bool, &str); 8] = [
        (&[], true, false, "time="),
        (&["--log-info-stdout=false"], false, true, "time="),
        (&["--log-format=json"], true, false, "{\"time\":"),
        (&["--log-format=xml"], true, false, "time="),
        (&["--log-level=warn"], false, false, ""),
        (&["--log-level=INFO+1"], false, false, ""),
        (
            &["--log-level=DEBUG", "--log-info-stdout=F"],
            false,
            true,
            "time=",
        ),
        (&["--log-level=loud"], true, false, "time="),
    ];
    for (arguments, on_stdout, on_stderr, shape) in table {
        for tool in [Some(upstream), None] {
            let output = without_a_cluster(tool, arguments)?;
            let starts = |text: &str| -> Option<String> {
                let line = text
                    .lines()
                    .find(|line| line.contains("Starting sealed-secrets"))?;
                Some(line.to_owned())
            };
            let (stdout, stderr) = (starts(&output.stdout), starts(&output.stderr));
            let found = (stdout.is_some(), stderr.is_some());
            assert_eq!(
                found,
                (on_stdout, on_stderr),
                "{tool:?} {arguments:?}: {output:?}"
            );
            if let Some(line) = stdout.or(stderr) {
                assert!(line.starts_with(shape), "{tool:?} {arguments:?}: {line}");
                if shape.starts_with('{') {
                    let object: Value = serde_json::from_str(&line)?;
                    assert_eq!(object["level"], "INFO");
                    assert_eq!(object["msg"], "Starting sealed-secrets controller");
                    assert!(object["version"].is_string());
                }
            }
            assert!(!output.status.success());
        }
    }
    // What went wrong is an error, and on stderr.
    let output = without_a_cluster(None, &[])?;
    assert!(output.stderr.contains("level=ERROR"), "{output:?}");
    assert!(!output.stdout.contains("ERROR"), "{output:?}");
    Ok(())
}
