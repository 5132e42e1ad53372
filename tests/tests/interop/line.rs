//! The line that every user types: `kubectl create secret … | kubeseal | kubectl apply -f -`, through a real shell.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use signet_harness::kubectl::{self, Output};
use signet_harness::{ControlPlane, Tool, binary, eventually};
use signet_tests::fresh_namespace;
use signet_tests::signet::{CAP, await_items, ensure_contains, secret_path};

use crate::world::{self, Cli, DEVELOPER};

const LINE: &str = "kubectl create secret generic db --from-literal=password=\"$VALUE\" --dry-run=client -o yaml \
                    | kubeseal | kubectl apply -f -";

/// Runs a line in a shell that finds `kubectl`, `kubeseal` and `signet` in its PATH; the namespace is the kubeconfig's.
fn type_line(
    plane: &ControlPlane,
    kubeseal: &Path,
    kubeconfig: &Path,
    line: &str,
    value: &str,
) -> anyhow::Result<Output> {
    let dir = tempfile::tempdir()?;
    let bin = dir.path();
    symlink(plane.tools().path(Tool::Kubectl)?, bin.join("kubectl"))?;
    symlink(kubeseal, bin.join("kubeseal"))?;
    symlink(binary::path("signet")?, bin.join("signet"))?;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-eu", "-c", line])
        .current_dir(bin)
        .env("PATH", bin)
        .env("HOME", bin)
        .env("KUBECONFIG", kubeconfig)
        .env("VALUE", value);
    kubectl::run(command, "")
}

/// A kubeconfig of a user whose current namespace is this.
fn kubeconfig(
    plane: &ControlPlane,
    user: &str,
    namespace: &str,
) -> anyhow::Result<std::path::PathBuf> {
    let token = format!("token-of-{user}");
    plane.kubeconfig(&format!("{user}-{namespace}"), &token, namespace)
}

fn create_and_await(plane: &ControlPlane, cli: Cli, value: &str) -> anyhow::Result<Value> {
    let namespace = fresh_namespace(plane, "line")?;
    let kubeconfig = kubeconfig(plane, "admin", &namespace)?;
    let output = type_line(plane, &cli.path(plane)?, &kubeconfig, LINE, value)?;
    assert_eq!(output.stderr, "");
    assert_eq!(
        output.success("the line")?,
        "sealedsecret.bitnami.com/db created\n"
    );
    await_items(plane, &namespace, "db", &[("password", value)])
}

#[test]
fn the_line_works_with_signets_kubeseal_and_signets_controller() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let secret = create_and_await(plane, Cli::Signet, "correct horse")?;
    assert_eq!(
        secret["metadata"]["ownerReferences"][0]["kind"],
        "SealedSecret"
    );
    Ok(())
}

#[test]
fn the_line_works_with_the_real_kubeseal_and_signets_controller() -> anyhow::Result<()> {
    create_and_await(&world::signet()?.plane, Cli::Upstream, "battery staple").map(drop)
}

#[test]
fn the_line_works_with_signets_kubeseal_and_the_real_controller() -> anyhow::Result<()> {
    create_and_await(&world::upstream()?.plane, Cli::Signet, "Trombone §1").map(drop)
}

#[test]
fn the_line_works_with_signet_seal_too_and_says_which_key_it_used() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "line")?;
    let line = LINE.replace("kubeseal", "signet seal");
    let output = type_line(
        plane,
        &Cli::Signet.path(plane)?,
        &kubeconfig(plane, "admin", &namespace)?,
        &line,
        "by signet",
    )?;
    ensure_contains(&output.stderr, "certificate from ")?;
    output.success("the line")?;
    await_items(plane, &namespace, "db", &[("password", "by signet")]).map(drop)
}

/// Applying the line a second time with another value rolls the value out.
#[test]
fn the_line_typed_again_with_another_value_changes_the_secret() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "line")?;
    let kubeconfig = kubeconfig(plane, "admin", &namespace)?;
    let kubeseal = Cli::Signet.path(plane)?;
    for (value, verb) in [("first value", "created"), ("second value", "configured")] {
        let output = type_line(plane, &kubeseal, &kubeconfig, LINE, value)?.success("the line")?;
        assert_eq!(output, format!("sealedsecret.bitnami.com/db {verb}\n"));
        await_items(plane, &namespace, "db", &[("password", value)])?;
    }
    Ok(())
}

#[test]
fn a_developer_who_may_not_read_secrets_types_the_line() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "line")?;
    let metadata = json!({"name": "sealer", "namespace": namespace});
    plane.api().apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [{"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "create", "patch"]}],
    }))?;
    plane.api().apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sealer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": DEVELOPER}],
    }))?;
    let before = plane.audit().mark()?;
    let kubeconfig = kubeconfig(plane, DEVELOPER, &namespace)?;
    let kubeseal = Cli::Signet.path(plane)?;
    eventually("the role is in force", CAP, || {
        type_line(plane, &kubeseal, &kubeconfig, LINE, "not for dev's eyes")
            .and_then(|output| output.success("the line"))
    })?;
    await_items(
        plane,
        &namespace,
        "db",
        &[("password", "not for dev's eyes")],
    )?;
    let refused = plane
        .api()
        .with_token(&format!("token-of-{DEVELOPER}"))
        .request("GET", &secret_path(&namespace, "db"), "", "")?;
    assert_eq!(refused.status, 403);

    let mut asked: Vec<_> = plane
        .audit()
        .since(before)?
        .into_iter()
        .filter(|record| record.user == DEVELOPER)
        .filter(|record| !record.user_agent.starts_with("kubectl/"))
        .filter(|record| record.user_agent != "signet-harness")
        .map(|record| {
            (
                record.verb,
                record.resource,
                record.subresource,
                record.code,
            )
        })
        .collect();
    asked.sort();
    asked.dedup();
    let expected = [("get", "services", ""), ("get", "services", "proxy")];
    let expected = expected
        .map(|(verb, resource, sub)| (verb.to_owned(), resource.to_owned(), sub.to_owned(), 200));
    assert_eq!(asked, expected, "all that kubeseal asks for");
    Ok(())
}
