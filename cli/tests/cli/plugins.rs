//! Credential plugins of the kubeconfig: run when they are needed, and only then.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use crate::access::{api_server, fetch};
use crate::server::Server;
use crate::support::{CANARY, Place, Program, item, key, secret, unseal, words};

/// A kubeconfig whose user is a plugin: a script with this text. Its file `ran` tells that it ran.
pub(crate) fn with_plugin(server: &Server, mode: &str, script: &str) -> Place {
    let place = Place::new();
    let ran = place.path("ran");
    let script = format!("#!/bin/sh\ntouch '{}'\n{script}\n", ran.display());
    let plugin = place.write("plugin", script);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&plugin, executable).expect("chmod");
    place.write(
        "config",
        format!(
            "current-context: c
clusters: [{{name: c, cluster: {{server: '{}', insecure-skip-tls-verify: true}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u, namespace: mine}}}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: {plugin}
      interactiveMode: {mode}
      env: [{{name: PASSWORD, value: {CANARY}}}]
",
            server.address
        ),
    );
    place
}

pub(crate) const CREDENTIAL: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t0ken"}}"#;

#[test]
fn a_plugin_is_run_and_does_not_get_the_input() {
    let server = api_server();
    for mode in ["Never", "IfAvailable"] {
        let script = format!("cat >/dev/null; echo '{CREDENTIAL}'");
        let place = with_plugin(&server, mode, &script);
        let sealing = words(&["--kubeconfig", "config"]);
        let ran = place.run(Program::Kubeseal, &sealing, secret().as_bytes());
        let opened = unseal(&place, &ran.assert_done().stdout);
        assert_eq!(item(&opened, "password"), CANARY.as_bytes(), "{mode}");
        assert!(place.path("ran").exists());
    }
    assert!(
        server
            .headers()
            .contains(&"authorization: Bearer t0ken".to_owned())
    );
}

#[test]
fn a_plugin_that_fails_is_named_and_what_it_printed_is_not_repeated() {
    let server = api_server();
    let table = [
        ("echo $PASSWORD; exit 3", "failed with exit status: 3"),
        (
            "echo $PASSWORD; echo 'log in first' >&2; exit 1",
            "failed with exit status: 1: log in first",
        ),
        (
            "echo \"status: {token: $PASSWORD\"",
            "printed no ExecCredential",
        ),
        (
            "echo \"{}\"",
            "exec-plugin response did not contain a status",
        ),
    ];
    for (script, expected) in table {
        let place = with_plugin(&server, "Never", script);
        let ran = fetch(&place, &["--kubeconfig", "config"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{script}");
        ran.assert_says("error: cannot get sealed secret service: getting credentials: ")
            .assert_says(expected)
            .assert_no_canary();
    }
    let place = with_plugin(&server, "Never", "");
    std::fs::remove_file(place.path("plugin")).expect("remove");
    let ran = fetch(&place, &["--kubeconfig", "config"]);
    ran.assert_says("cannot be run: no such file or directory")
        .assert_no_canary();
}

#[test]
fn no_plugin_is_run_and_no_server_asked_without_need() {
    let server = api_server();
    let script = format!("echo '{CREDENTIAL}'");
    let sealed = {
        let place = Place::new();
        let sealing = Program::Kubeseal.sealing();
        let ran = place.run(Program::Kubeseal, &sealing, secret().as_bytes());
        ran.assert_done();
        ran.stdout
    };
    let (certificate, private) = (key("seal.crt"), key("seal.key"));
    let without_namespace = secret().replace(", namespace: pay", "");
    let offline: [(Program, &[&str], &str); 6] = [
        (
            Program::Kubeseal,
            &["--cert", &certificate],
            &without_namespace,
        ),
        (
            Program::Kubeseal,
            &["--cert", &certificate, "--fetch-cert"],
            "",
        ),
        (
            Program::Kubeseal,
            &["--cert", &certificate, "--raw", "--name", "x"],
            "v",
        ),
        (
            Program::Kubeseal,
            &["--recovery-unseal", "--recovery-private-key", &private],
            &sealed,
        ),
        (
            Program::Signet,
            &["seal", "--cert", &certificate],
            &without_namespace,
        ),
        (Program::Signet, &["unseal", "-k", &private], &sealed),
    ];
    for (program, arguments, input) in offline {
        let place = with_plugin(&server, "IfAvailable", &script);
        let variables = BTreeMap::from([("KUBECONFIG", "config".to_owned())]);
        let ran = place.run_with(program, &words(arguments), input.as_bytes(), &variables);
        ran.assert_done();
        assert!(!place.path("ran").exists(), "{arguments:?}");
        if input == without_namespace {
            assert!(
                ran.stdout.contains("mine"),
                "the context's namespace: {}",
                ran.stdout
            );
        }
    }
    assert_eq!(server.requests(), []);
}
