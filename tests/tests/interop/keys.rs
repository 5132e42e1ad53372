//! One set of keys, whoever made them: a cluster goes from upstream's controller to Signet's and back, and loses nothing.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::kubectl;
use signet_harness::upstream::{NAMESPACE, UpstreamController};
use signet_harness::{ControlPlane, Options, binary, eventually};
use signet_tests::signet::{CAP, SignetController, await_items, await_reason, secret, secret_path};
use signet_tests::{fresh_namespace, start};

use crate::world::{Cli, KEY_LABEL, back_up_keys, cutoff_now, fetch, key_secrets};

/// Seals online and applies; the controller that runs opens it.
fn seal_and_await(
    plane: &ControlPlane,
    cli: Cli,
    namespace: &str,
    name: &str,
) -> anyhow::Result<String> {
    let clear = secret(namespace, name, &[("password", name)]).to_string();
    let sealed = cli.run(plane, &[], &clear)?.success("kubeseal")?;
    plane.kubectl()?.apply(&sealed)?;
    await_items(plane, namespace, name, &[("password", name)])?;
    Ok(sealed)
}

/// While no controller runs: what comes back afterwards was opened anew.
fn delete_secrets(plane: &ControlPlane, namespace: &str, names: &[&str]) -> anyhow::Result<()> {
    for name in names {
        plane.api().delete(&secret_path(namespace, name))?;
    }
    Ok(())
}

fn await_all(plane: &ControlPlane, namespace: &str, names: &[&str]) -> anyhow::Result<()> {
    for name in names {
        await_items(plane, namespace, name, &[("password", name)])?;
    }
    Ok(())
}

/// Brings a key of one's own, as the manual says: `kubectl create secret tls`, then the label.
fn bring_own_key(plane: &ControlPlane) -> anyhow::Result<String> {
    let dir = tempfile::tempdir()?;
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (key, certificate) = (file("own.key"), file("own.crt"));
    let mut command = Command::new(binary::path("signet")?);
    command.args(["keys", "generate", "--bits", "2048"]);
    command.args(["--out-key", &key, "--out-cert", &certificate]);
    kubectl::run(command, "")?.success("signet keys generate")?;
    let kubectl = plane.kubectl()?.in_namespace(NAMESPACE);
    let files = [format!("--cert={certificate}"), format!("--key={key}")];
    kubectl.ok(&["create", "secret", "tls", "own-key", &files[0], &files[1]])?;
    kubectl.ok(&["label", "secret", "own-key", &format!("{KEY_LABEL}=active")])?;
    Ok(std::fs::read_to_string(&certificate)?)
}

fn versions(keys: &[Value]) -> Vec<(String, String)> {
    let text = |key: &Value, field: &str| key["metadata"][field].as_str().unwrap_or("").to_owned();
    keys.iter()
        .map(|key| (text(key, "name"), text(key, "resourceVersion")))
        .collect()
}

#[test]
fn a_cluster_goes_from_upstream_to_signet_and_back_with_the_same_keys() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let namespace = fresh_namespace(&plane, "app")?;

    // Upstream makes the first key.
    let upstream = UpstreamController::start(&plane, NAMESPACE, &[])?;
    let by_upstream = fetch(&upstream.url(), "/v1/cert.pem")?;
    seal_and_await(&plane, Cli::Upstream, &namespace, "one")?;
    drop(upstream);
    delete_secrets(&plane, &namespace, &["one"])?;
    let before = versions(&key_secrets(&plane, NAMESPACE)?);

    // Signet takes over: the same certificate to the byte, no key more, the old object opens. On the key Secret it writes
    // the ID of the key, and once.
    let mut signet = SignetController::start(&plane, NAMESPACE, &[])?;
    assert_eq!(signet.certificate()?, by_upstream);
    await_all(&plane, &namespace, &["one"])?;
    await_reason(&plane, &namespace, "one", "Unsealed")?;
    let labelled = versions(&key_secrets(&plane, NAMESPACE)?);
    assert_eq!(
        (labelled.len(), &labelled[0].0),
        (before.len(), &before[0].0)
    );
    seal_and_await(&plane, Cli::Signet, &namespace, "two")?;
    signet.process.terminate(CAP)?;

    // Signet makes a second key; its owner brings a third.
    let cutoff = cutoff_now(&plane, NAMESPACE)?;
    let mut signet = SignetController::start(&plane, NAMESPACE, &[&cutoff])?;
    let by_signet = signet.certificate()?;
    ensure!(by_signet != by_upstream, "no new key was made");
    check_shape(&plane)?;
    let sealed = seal_and_await(&plane, Cli::Signet, &namespace, "three")?;
    cutoff_now(&plane, NAMESPACE).context("the next key shall be from a later second")?;
    let own = bring_own_key(&plane)?;
    eventually("the new key is handed out without a restart", CAP, || {
        signet.certificate().is_ok_and(|found| found == own)
    })?;
    seal_and_await(&plane, Cli::Upstream, &namespace, "four")?;
    signet.process.terminate(CAP)?;
    let all = ["one", "two", "three", "four"];
    delete_secrets(&plane, &namespace, &all)?;

    // Upstream comes back: it reads all three, hands out the newest, opens everything.
    let upstream = UpstreamController::start(&plane, NAMESPACE, &[])?;
    assert_eq!(fetch(&upstream.url(), "/v1/cert.pem")?, own);
    assert_eq!(key_secrets(&plane, NAMESPACE)?.len(), 3);
    await_all(&plane, &namespace, &all)?;

    // And the backup that the manual recommends opens it in both programs.
    let dir = tempfile::tempdir()?;
    let keys = back_up_keys(&plane, &dir.path().join("main.key"))?;
    for cli in Cli::BOTH {
        let arguments = ["--recovery-unseal", "--recovery-private-key", &keys];
        let secret = cli.run(&plane, &arguments, &sealed)?.success("recovery")?;
        let secret: Value = serde_json::from_str(&secret)?;
        assert_eq!(secret["data"]["password"], "dGhyZWU=", "{cli:?}");
    }
    Ok(())
}

/// A key Secret that Signet made looks like upstream's.
fn check_shape(plane: &ControlPlane) -> anyhow::Result<()> {
    let keys = key_secrets(plane, NAMESPACE)?;
    assert_eq!(keys.len(), 2);
    for key in &keys {
        assert_eq!(key["type"], "kubernetes.io/tls");
        let labels = key["metadata"]["labels"].as_object().context("labels")?;
        assert_eq!(labels[KEY_LABEL], "active");
        let names: Vec<_> = labels.keys().collect();
        assert_eq!(names, [KEY_LABEL, "signet.internal/key-id"]);
        let items: Vec<_> = key["data"].as_object().context("data")?.keys().collect();
        assert_eq!(items, ["tls.crt", "tls.key"]);
        let name = key["metadata"]["name"].as_str().context("a name")?;
        assert!(name.starts_with("sealed-secrets-key"), "{name}");
    }
    Ok(())
}
