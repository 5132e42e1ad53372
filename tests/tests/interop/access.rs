//! Finding the controller: Services, kubeconfigs and their overrides. Both `kubeseal`s must agree on what works.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::kubectl::{self, Output};
use signet_harness::service_proxy::{self, Backend};
use signet_harness::upstream::NAMESPACE;
use signet_harness::{ControlPlane, eventually, port};
use signet_tests::fresh_namespace;
use signet_tests::signet::{CAP, cli, ensure_contains};

use crate::world::{self, Cli, DEVELOPER};

const PLEASE: &str = "Please, use the flag --controller-name and --controller-namespace to set up the name and namespace \
                      of the sealed secrets controller";

#[test]
fn an_unknown_service_is_an_error_that_says_which_flags_to_use() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let table = [
        (
            ["--controller-name", "nosuch"],
            "services \"nosuch\" not found",
        ),
        (
            ["--controller-namespace", "nosuch"],
            "services \"sealed-secrets-controller\" not found",
        ),
    ];
    let clear = signet_tests::signet::secret("nowhere", "db", &[("k", "v")]).to_string();
    for (flags, cause) in table {
        let expected = format!("error: cannot get sealed secret service: {cause}.\n{PLEASE}\n");
        for mode in [&["--fetch-cert"][..], &[]] {
            let arguments = [&flags[..], mode].concat();
            let theirs = Cli::Upstream.run(plane, &arguments, &clear)?;
            assert_eq!(
                (theirs.status.code(), theirs.stderr.as_str()),
                (Some(1), expected.as_str())
            );
            let ours = Cli::Signet.run(plane, &arguments, &clear)?;
            assert_eq!((ours.status.code(), ours.stdout.as_str()), (Some(1), ""));
            let hint = ours
                .stderr
                .strip_prefix(&expected)
                .context(ours.stderr.clone())?;
            assert!(hint.starts_with("hint: "), "{hint}");
        }
        for verb in [&["seal"][..], &["cert", "fetch"]] {
            let ours = cli(plane, "signet", &[verb, &flags].concat(), &clear)?;
            assert_eq!((ours.status.code(), ours.stdout.as_str()), (Some(2), ""));
            ensure_contains(&ours.stderr, &format!("signet: {expected}signet: hint: "))?;
        }
    }
    Ok(())
}

/// The cause is told, and at once: neither program tries again what only an operator can mend.
#[test]
fn a_service_without_a_controller_behind_it_is_an_error() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "dead")?;
    let backend = Backend {
        namespace: &namespace,
        service: "dead",
        port_name: None,
        service_port: 8080,
        target_port: port::free()?,
    };
    service_proxy::publish(plane.api(), &backend)?;
    let endpoints = format!("/api/v1/namespaces/{namespace}/endpoints/dead");
    let table = [
        ("connect: connection refused", false),
        ("no endpoints available for service \"dead\"", true),
    ];
    for (cause, without_endpoints) in table {
        if without_endpoints {
            let nobody = json!({"subsets": null});
            plane.api().merge_patch(&endpoints, &nobody)?;
        }
        let told: Vec<String> = Cli::BOTH
            .into_iter()
            .map(|cli| {
                let output = cli.run(plane, &arguments(&namespace), "")?;
                assert_eq!(
                    (output.status.code(), output.stdout.as_str()),
                    (Some(1), ""),
                    "{cli:?}"
                );
                Ok(output.stderr)
            })
            .collect::<anyhow::Result<_>>()?;
        let [ours, theirs] = &told[..] else {
            unreachable!("two programs")
        };
        assert!(theirs.contains(cause), "{theirs}");
        assert_eq!(ours.lines().next(), theirs.lines().next());
    }
    Ok(())
}

fn arguments(namespace: &str) -> [&str; 5] {
    [
        "--controller-namespace",
        namespace,
        "--controller-name",
        "dead",
        "--fetch-cert",
    ]
}

#[test]
fn fetch_cert_prints_the_certificate_byte_for_byte() -> anyhow::Result<()> {
    let worlds = [
        (&world::signet()?.plane, &world::signet()?.certificate),
        (&world::upstream()?.plane, &world::upstream()?.certificate),
    ];
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("cert.pem");
    let file = file.to_str().context("a path in UTF-8")?;
    for (plane, certificate) in worlds {
        for cli in Cli::BOTH {
            let printed = cli.run(plane, &["--fetch-cert"], "")?.success("fetch")?;
            assert_eq!(&printed, certificate, "{cli:?}");
        }
        cli(plane, "signet", &["cert", "fetch", "-w", file], "")?.success("signet cert fetch")?;
        assert_eq!(&std::fs::read_to_string(file)?, certificate);
    }
    Ok(())
}

/// Upstream's chart calls the Service after the release, and names its port.
#[test]
fn a_service_of_another_name_with_a_named_port_is_found() -> anyhow::Result<()> {
    let world = world::signet()?;
    let backend = Backend {
        namespace: NAMESPACE,
        service: "my-release",
        port_name: Some("http"),
        service_port: 80,
        target_port: world.controller.port,
    };
    service_proxy::publish(world.plane.api(), &backend)?;
    for cli in Cli::BOTH {
        let arguments = ["--controller-name", "my-release", "--fetch-cert"];
        eventually("the Service works", CAP, || {
            cli.run(&world.plane, &arguments, "")?.success("fetch")
        })
        .map(|printed| assert_eq!(printed, world.certificate, "{cli:?}"))?;
    }
    Ok(())
}

/// A kubeconfig whose current context leads nowhere; `alive` and `stranger` lead to the cluster.
fn write_kubeconfig(plane: &ControlPlane, file: &Path) -> anyhow::Result<()> {
    let context = |cluster: &str, user: &str| json!({"cluster": cluster, "user": user});
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dead",
        "clusters": [
            {"name": "dead", "cluster": {"server": "https://127.0.0.1:1"}},
            {"name": "alive", "cluster": {"server": plane.url(), "certificate-authority": plane.ca_file()}},
        ],
        "users": [
            {"name": "admin", "user": {"token": "token-of-admin"}},
            {"name": "stranger", "user": {"token": "unknown"}},
        ],
        "contexts": [
            {"name": "dead", "context": context("dead", "admin")},
            {"name": "alive", "context": context("alive", "admin")},
            {"name": "stranger", "context": context("alive", "stranger")},
        ],
    });
    std::fs::write(file, config.to_string()).context("write a kubeconfig")
}

fn fetch_with(
    plane: &ControlPlane,
    cli: Cli,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> anyhow::Result<Output> {
    let mut command = cli.command(plane)?;
    command
        .env("HOME", "/nonexistent")
        .envs(variables.iter().copied());
    command.arg("--fetch-cert").args(arguments);
    kubectl::run(command, "")
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path in UTF-8")
}

#[test]
fn kubeconfigs_and_their_overrides_lead_both_programs_to_the_same_cluster() -> anyhow::Result<()> {
    let world = world::signet()?;
    let plane = &world.plane;
    let dir = tempfile::tempdir()?;
    let (file, home) = (dir.path().join("config"), dir.path().join("home"));
    write_kubeconfig(plane, &file)?;
    std::fs::create_dir_all(home.join(".kube"))?;
    std::fs::copy(plane.admin_kubeconfig(), home.join(".kube/config"))?;
    let (admin, ca): (PathBuf, PathBuf) = (plane.admin_kubeconfig(), plane.ca_file());
    let (file, home, admin, ca) = (text(&file)?, text(&home)?, text(&admin)?, text(&ca)?);
    let (url, list, with_gap) = (
        plane.url(),
        format!("{file}:{admin}"),
        format!("/nonexistent:{admin}"),
    );
    let config: (&str, &str) = ("KUBECONFIG", file);

    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], bool);
    let table: &[Row<'_>] = &[
        (&[config], &[], false),
        (&[config], &["--context", "alive"], true),
        (&[config], &["--context", "nosuch"], false),
        (&[config], &["--context", "stranger"], false),
        (
            &[config],
            &["--context", "stranger", "--user", "admin"],
            true,
        ),
        (
            &[config],
            &["--context", "stranger", "--token", "token-of-admin"],
            true,
        ),
        (
            &[config],
            &["--context", "alive", "--token", "wrong"],
            false,
        ),
        (&[config], &["--cluster", "alive"], true),
        (&[config], &["--server", &url], false),
        (
            &[config],
            &["--server", &url, "--certificate-authority", ca],
            true,
        ),
        (
            &[config],
            &["--server", &url, "--insecure-skip-tls-verify"],
            true,
        ),
        (
            &[config],
            &["--context", "alive", "--tls-server-name", "example.invalid"],
            false,
        ),
        (&[config], &["--context", "alive", "--as", DEVELOPER], true),
        (
            &[config],
            &["--context", "alive", "--as", "system:anonymous"],
            false,
        ),
        (
            &[config],
            &["--context", "alive", "--request-timeout", "30s"],
            true,
        ),
        (&[config], &["--kubeconfig", admin], true),
        (&[("KUBECONFIG", &list)], &[], false),
        (&[("KUBECONFIG", &list)], &["--context", "default"], true),
        (&[("KUBECONFIG", &with_gap)], &[], true),
        (&[("HOME", home)], &[], true),
        (&[], &[], false),
        (&[config, ("SEALED_SECRETS_CONTEXT", "alive")], &[], true),
        (
            &[config, ("SEALED_SECRETS_CONTEXT", "alive")],
            &["--context", "dead"],
            false,
        ),
        (&[("SEALED_SECRETS_KUBECONFIG", admin)], &[], true),
    ];
    for (variables, arguments, works) in table {
        for cli in Cli::BOTH {
            let output = fetch_with(plane, cli, variables, arguments)?;
            let what = format!("{cli:?} {variables:?} {arguments:?}: {}", output.stderr);
            assert_eq!(output.status.code(), Some(i32::from(!works)), "{what}");
            let expected = if *works {
                world.certificate.as_str()
            } else {
                ""
            };
            assert_eq!(output.stdout, expected, "{what}");
            assert_eq!(output.stderr.starts_with("error: "), !works, "{what}");
        }
    }
    Ok(())
}

/// A Secret without a namespace takes the kubeconfig's.
#[test]
fn both_programs_take_the_namespace_of_the_context() -> anyhow::Result<()> {
    let plane = &world::signet()?.plane;
    let namespace = fresh_namespace(plane, "context")?;
    let kubeconfig = plane.kubeconfig(&namespace, "token-of-admin", &namespace)?;
    let clear = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"k": "v"}});
    for cli in Cli::BOTH {
        let mut command = cli.command(plane)?;
        command.env("KUBECONFIG", &kubeconfig);
        let sealed = kubectl::run(command, &clear.to_string())?.success("kubeseal")?;
        let sealed: Value = serde_json::from_str(&sealed)?;
        assert_eq!(
            sealed["metadata"]["namespace"],
            namespace.as_str(),
            "{cli:?}"
        );
        plane.api().apply(&sealed)?;
        signet_tests::signet::await_items(plane, &namespace, "db", &[("k", "v")])?;
    }
    Ok(())
}
