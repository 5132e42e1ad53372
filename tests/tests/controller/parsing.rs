//! How flags and variables are read: exit code and what is printed, with `--version` so that nothing is started.

use std::process::Command;

use serde_json::{Value, json};
use signet_harness::{Tool, binary, kubectl};

use crate::row::{Case, Row, differs, same};
use crate::side::{Program, Side};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        same("--version", |row| reads(row, &["--version"], &[])),
        same("--help", |row| reads(row, &["--help"], &[])),
        same("-h", |row| reads(row, &["-h"], &[])),
        differs("the default of --kubeclient-qps", &["client-qps"], |row| {
            default_of(row, "kubeclient-qps")
        }),
        same("the defaults of all other flags", |row| {
            let others = FLAGS
                .iter()
                .filter(|(flag, _)| !["kubeclient-qps", "rotate-period"].contains(flag));
            for (flag, _) in others {
                default_of(row, flag)?;
            }
            Ok(())
        }),
        same("no flag of upstream's help is left out here", all_known),
        same("where the log goes", |row| logged(row, &[])),
        same("--log-info-stdout=false", |row| {
            logged(row, &["--log-info-stdout=false"])
        }),
        same("--log-format=json", |row| {
            logged(row, &["--log-format=json"])
        }),
        same("--log-level=ERROR", |row| {
            logged(row, &["--log-level=ERROR"])
        }),
        same("every flag of upstream", every_flag),
        same("every variable of upstream", every_variable),
        same("literals of booleans", booleans),
        same("wrong literals of booleans", |row| {
            for text in ["yes", "no", "tRUE", "2", "", "on"] {
                reads(row, &[&format!("--update-status={text}"), "--version"], &[])?;
            }
            Ok(())
        }),
        same("a boolean takes no word after it", |row| {
            reads(row, &["--update-status", "--version"], &[])
        }),
        same("repeats: the last one wins", |row| {
            reads(
                row,
                &[
                    "--update-status=false",
                    "--update-status",
                    "--key-ttl=1h",
                    "--key-ttl=2h",
                    "--version",
                ],
                &[],
            )
        }),
        same("an unknown flag", |row| reads(row, &["--nope"], &[])),
        same("an unknown flag, before --version", |row| {
            reads(row, &["--nope", "--version"], &[])
        }),
        same("a flag without its value", |row| {
            reads(row, &["--version", "--key-ttl"], &[])
        }),
        same("a wrong duration", |row| {
            reads(row, &["--key-ttl=30d", "--version"], &[])
        }),
        same("a wrong number", |row| {
            reads(row, &["--rate-limit=two", "--version"], &[])
        }),
        same("--version=false is no version", |row| {
            reads(row, &["--version=nope"], &[])
        }),
        differs(
            "a wrong value in a variable",
            &["wrong-flag-value"],
            |row| reads(row, &["--version"], &[("SEALED_SECRETS_KEY_TTL", "30d")]),
        ),
        differs("a word without a flag", &["stray-words"], |row| {
            reads(row, &["word", "--version"], &[])
        }),
        same(
            "variables that Kubernetes sets for a Service named sealed-secrets",
            |row| {
                reads(
                    row,
                    &["--version"],
                    &[
                        ("SEALED_SECRETS_PORT", "tcp://10.0.0.1:8080"),
                        ("SEALED_SECRETS_SERVICE_HOST", "10.0.0.1"),
                        ("SEALED_SECRETS_SERVICE_PORT", "8080"),
                        ("SEALED_SECRETS_PORT_8080_TCP_PROTO", "tcp"),
                    ],
                )
            },
        ),
        same("SEALED_SECRETS_VERSION", |row| {
            reads(row, &[], &[("SEALED_SECRETS_VERSION", "1")])
        }),
    ]
}

/// Where the first line goes, which each prints before it finds that it is in no cluster, and where the trouble goes.
fn logged(row: &mut Row, arguments: &[&str]) -> anyhow::Result<()> {
    row.compare("the log", |side| {
        let mut command = command(side)?;
        command.args(arguments);
        let output = kubectl::run(command, "")?;
        let first = "Starting sealed-secrets controller";
        let json = |text: &str| text.lines().any(|line| line.starts_with('{'));
        Ok(json!({
            "info on stdout": output.stdout.contains(first),
            "info on stderr": output.stderr.contains(first),
            "JSON": json(&output.stdout) || json(&output.stderr),
            "trouble on stderr": !output.stderr.is_empty(),
            "fails": !output.status.success(),
        }))
    })
}

/// The default that `--help` shows for a flag.
fn default_of(row: &mut Row, flag: &str) -> anyhow::Result<()> {
    row.compare(&format!("the default of --{flag}"), |side| {
        let mut command = command(side)?;
        command.arg("--help");
        let output = kubectl::run(command, "")?;
        let text = format!("{}{}", output.stdout, output.stderr);
        // Flags that need no value are shown as `--flag[=VALUE]` by one, and without VALUE by the other.
        let after = [format!("      --{flag} "), format!("      --{flag}[")]
            .into_iter()
            .find_map(|start| text.split(&start).nth(1))
            .unwrap_or_default();
        let here = after.split("      --").next().unwrap_or_default();
        let shown = ["[default: ", "(default "]
            .into_iter()
            .find_map(|open| here.split(open).nth(1));
        let shown = shown.and_then(|rest| rest.split([']', ')']).next());
        Ok(json!(shown.map(plain).filter(|text| !text.is_empty())))
    })
}

/// A default as both can write it: Go shows quotes and all parts of a duration, and leaves out what is empty or false.
fn plain(text: &str) -> &str {
    let text = text.trim_matches('"');
    let text = text
        .strip_suffix("m0s")
        .map_or(text, |_| &text[..text.len() - 2]);
    let text = text
        .strip_suffix("h0m")
        .map_or(text, |_| &text[..text.len() - 2]);
    if text == "false" { "" } else { text }
}

/// The names that upstream's help shows, and those that the rows of this file are about.
fn all_known(row: &mut Row) -> anyhow::Result<()> {
    row.compare("names", |side| {
        if side.is_signet() {
            let mut known: Vec<_> = FLAGS.iter().map(|(flag, _)| *flag).collect();
            // Deprecated, so upstream's help is silent about it.
            known.retain(|flag| *flag != "rotate-period");
            known.push("version");
            known.sort_unstable();
            known.dedup();
            return Ok(json!(known));
        }
        let mut command = command(side)?;
        command.arg("--help");
        let output = kubectl::run(command, "")?;
        let text = format!("{}{}", output.stdout, output.stderr);
        let mut names: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("--"))
            .filter_map(|line| line.split([' ', '=']).next().map(str::to_owned))
            .collect();
        names.sort();
        Ok(json!(names))
    })
}

/// What upstream's flags are called, each with a value that is not its default.
const FLAGS: [(&str, &str); 32] = [
    ("accept-deprecated-v1-data", "false"),
    ("additional-namespaces", "a,b"),
    ("all-namespaces", "F"),
    ("key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("key-order-priority", "SecretCreationTimestamp"),
    ("key-prefix", "other"),
    ("key-renew-period", "720h30m"),
    ("key-size", "2048"),
    ("key-ttl", "1h"),
    ("kubeclient-burst", "20"),
    ("kubeclient-qps", "-1"),
    ("label-selector", "a=b"),
    ("listen-addr", "127.0.0.1:0"),
    ("listen-metrics-addr", ":0"),
    ("log-format", "json"),
    ("log-info-stdout", "false"),
    ("log-level", "ERROR"),
    ("max-unseal-retries", "0"),
    ("metrics-omit-secret-labels", "true"),
    ("my-cn", "me"),
    ("old-gc-behavior", "1"),
    ("privatekey-annotations", "a=b,c=d"),
    ("privatekey-labels", "a=b"),
    ("rate-limit", "5"),
    ("rate-limit-burst", "5"),
    ("read-timeout", "1m"),
    ("rotate-period", "1h"),
    ("skip-recreate", "T"),
    ("update-status", "f"),
    ("watch-for-secrets", "True"),
    ("write-timeout", "1m30s"),
    ("my-cn", ""),
];

fn command(side: &Side) -> anyhow::Result<Command> {
    let path = match side.program {
        Program::Signet => binary::path("signet-controller")?,
        Program::Upstream => side
            .plane
            .tools()
            .path(Tool::UpstreamController)?
            .to_owned(),
    };
    Ok(Command::new(path))
}

/// Exit code, and whether stdout is the version, a help text or nothing.
fn answer(side: &Side, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Value> {
    let mut command = command(side)?;
    command.args(arguments).envs(variables.iter().copied());
    let output = kubectl::run(command, "")?;
    let version = output.stdout.lines().last().unwrap_or_default();
    let said = version
        .strip_prefix("controller version: ")
        .is_some_and(|rest| rest.trim_start_matches('v').starts_with("0.40.0"));
    let shown = [&output.stdout, &output.stderr];
    let help =
        shown.iter().any(|text| text.contains("--key-renew-period")) && output.status.success();
    Ok(json!({"code": output.status.code(), "version": said, "help": help}))
}

fn reads(row: &mut Row, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    row.compare(&format!("{arguments:?} {variables:?}"), |side| {
        answer(side, arguments, variables)
    })
}

fn every_flag(row: &mut Row) -> anyhow::Result<()> {
    for (flag, value) in FLAGS {
        reads(row, &[&format!("--{flag}={value}"), "--version"], &[])?;
    }
    Ok(())
}

fn every_variable(row: &mut Row) -> anyhow::Result<()> {
    for (flag, value) in FLAGS {
        let name = format!("SEALED_SECRETS_{}", flag.replace('-', "_").to_uppercase());
        reads(row, &["--version"], &[(&name, value)])?;
    }
    Ok(())
}

fn booleans(row: &mut Row) -> anyhow::Result<()> {
    for text in [
        "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
    ] {
        reads(row, &[&format!("--skip-recreate={text}"), "--version"], &[])?;
    }
    Ok(())
}
