//! `SEALED_SECRETS_*`: both `kubeseal`s, given the same variables, flags and input, print the same object but for its
//! ciphertext, or fail with the same exit code.

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::kubectl::{self, Output};

use crate::world::{self, Cli};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn run(
    cli: Cli,
    variables: Variables<'_>,
    arguments: &[&str],
    stdin: &str,
) -> anyhow::Result<Output> {
    let plane = &world::signet()?.plane;
    let mut command = cli.command(plane)?;
    command
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .envs(variables.iter().copied())
        .args(arguments);
    kubectl::run(command, stdin)
}

/// Exit code and, if it is an object, the object with the lengths of its ciphertexts in place of them.
fn outcome(output: &Output) -> (Option<i32>, Value) {
    if output.status.code() == Some(2) {
        // Upstream prints its usage on stdout, where the next program of a pipe would read it; Signet does not.
        return (Some(2), Value::Null);
    }
    let mut object: Value = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|_| Value::String(without_ciphertext(&output.stdout)));
    if let Some(Value::Object(items)) = object.pointer_mut("/spec/encryptedData") {
        for value in items.values_mut() {
            *value = value.as_str().map(str::len).into();
        }
    }
    (output.status.code(), object)
}

/// YAML: ciphertexts are the only texts that begin so.
fn without_ciphertext(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(": Ag") {
        Some((item, _)) => format!("{item}: CIPHERTEXT"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn variables_and_flags_shape_the_object_as_upstreams_do() -> anyhow::Result<()> {
    let world = world::signet()?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("cert.pem");
    std::fs::write(&file, &world.old_certificate)?;
    let cert = file.to_str().context("a path in UTF-8")?;
    let table: &[(Variables<'_>, &[&str])] = &[
        (&[], &[]),
        (&[], &["-n", "team"]),
        (&[("SEALED_SECRETS_NAMESPACE", "team")], &[]),
        (&[("SEALED_SECRETS_NAMESPACE", "team")], &["-n", "other"]),
        (&[("SEALED_SECRETS_NAME", "renamed")], &[]),
        (&[("SEALED_SECRETS_NAME", "renamed")], &["--name", "again"]),
        (&[("SEALED_SECRETS_FORMAT", "yaml")], &[]),
        (&[("SEALED_SECRETS_FORMAT", "yaml")], &["-o", "json"]),
        (&[("SEALED_SECRETS_FORMAT", "toml")], &[]),
        (&[("SEALED_SECRETS_SCOPE", "cluster-wide")], &[]),
        (
            &[("SEALED_SECRETS_SCOPE", "cluster-wide")],
            &["--scope", "namespace-wide"],
        ),
        (&[("SEALED_SECRETS_SCOPE", "typo")], &[]),
        (&[("SEALED_SECRETS_SCOPE", "")], &[]),
        (&[], &["--scope", "typo"]),
        (&[("SEALED_SECRETS_CERT", cert)], &[]),
        (&[("SEALED_SECRETS_CERT", "/nonexistent")], &[]),
        (
            &[("SEALED_SECRETS_CERT", "/nonexistent")],
            &["--cert", cert],
        ),
        (&[("SEALED_SECRETS_CONTROLLER_NAME", "nosuch")], &[]),
        (
            &[("SEALED_SECRETS_CONTROLLER_NAME", "nosuch")],
            &["--controller-name", "sealed-secrets-controller"],
        ),
        (&[("SEALED_SECRETS_CONTROLLER_NAMESPACE", "nosuch")], &[]),
        (
            &[
                ("SEALED_SECRETS_PORT", "tcp://10.0.0.1:8080"),
                ("SEALED_SECRETS_SERVICE_HOST", "10.0.0.1"),
            ],
            &[],
        ),
        (&[("SEALED_SECRETS_VERSION", "v0.36.0")], &[]),
        (&[("SEALED_SECRETS_FETCH_CERT", "true")], &[]),
        (
            &[
                ("SEALED_SECRETS_FETCH_CERT", "true"),
                ("SEALED_SECRETS_CERT", cert),
            ],
            &[],
        ),
        (
            &[("SEALED_SECRETS_FETCH_CERT", "true")],
            &["--fetch-cert=false"],
        ),
        (&[("SEALED_SECRETS_VALIDATE", "maybe")], &[]),
        (
            &[
                ("SEALED_SECRETS_RAW", "T"),
                ("SEALED_SECRETS_SCOPE", "cluster-wide"),
            ],
            &["--raw=false"],
        ),
    ];
    let clear = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "labels": {"app": "db"}, "annotations": {"note": "<b>&amp;</b>"}},
        "type": "Opaque",
        "data": {"password": "cHc=", "empty": ""},
        "stringData": {"user": "alice", "password": "wins"},
    })
    .to_string();
    for (variables, arguments) in table {
        let theirs = run(Cli::Upstream, variables, arguments, &clear)?;
        let ours = run(Cli::Signet, variables, arguments, &clear)?;
        let what = format!(
            "{variables:?} {arguments:?}\n{}\n{}",
            theirs.stderr, ours.stderr
        );
        assert_eq!(outcome(&ours), outcome(&theirs), "{what}");
    }
    Ok(())
}

#[test]
fn an_empty_secret_needs_the_flag_or_its_variable_in_both() -> anyhow::Result<()> {
    let clear = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "team"}});
    let table: &[(Variables<'_>, i32)] = &[
        (&[], 1),
        (&[("SEALED_SECRETS_ALLOW_EMPTY_DATA", "true")], 0),
        (&[("SEALED_SECRETS_ALLOW_EMPTY_DATA", "false")], 1),
    ];
    for (variables, code) in table {
        let theirs = run(Cli::Upstream, variables, &[], &clear.to_string())?;
        let ours = run(Cli::Signet, variables, &[], &clear.to_string())?;
        assert_eq!(theirs.status.code(), Some(*code), "{}", theirs.stderr);
        assert_eq!(outcome(&ours), outcome(&theirs), "{}", ours.stderr);
    }
    Ok(())
}

#[test]
fn the_version_variable_prints_a_version_in_both() -> anyhow::Result<()> {
    for cli in Cli::BOTH {
        let output = run(cli, &[("SEALED_SECRETS_VERSION", "1")], &[], "")?.success("version")?;
        assert!(
            output.starts_with("kubeseal version: "),
            "{cli:?}: {output}"
        );
    }
    Ok(())
}
