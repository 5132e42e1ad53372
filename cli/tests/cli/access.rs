//! kubectl's flags: which server is asked, and as whom.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use crate::server::{Server, answer};
use crate::support::{CANARY, Place, Program, Ran, item, key, secret, unseal, words};

/// An API server that hands out the test certificate.
fn api_server() -> Server {
    Server::start_with(|request, _| {
        if request.ends_with("/services/sealed-secrets-controller") {
            return Some(answer("200 OK", r#"{"spec":{"ports":[{"port":8080}]}}"#));
        }
        let certificate = std::fs::read(key("seal.crt")).expect("a test key");
        request
            .ends_with("/http:sealed-secrets-controller:/proxy/v1/cert.pem")
            .then(|| answer("200 OK", certificate))
    })
}

fn fetch(place: &Place, arguments: &[&str]) -> Ran {
    let arguments = [words(&["--fetch-cert"]), words(arguments)].concat();
    place.run(Program::Kubeseal, &arguments, b"")
}

#[track_caller]
fn assert_sent(server: &Server, header: &str) {
    let headers = server.headers();
    let times = headers.iter().filter(|line| *line == header).count();
    assert_eq!(times, 2, "{header:?} with both requests: {headers:#?}");
}

#[test]
fn flags_alone_are_enough_to_reach_a_cluster() {
    let server = api_server();
    let identity = [
        "--token",
        "t0ken",
        "--as",
        "jane",
        "--as-uid",
        "7",
        "--as-group",
        "a",
        "--as-group",
        "b",
    ];
    let arguments = [&["--server", &server.address][..], &identity].concat();
    fetch(&Place::new(), &arguments).assert_done();
    for header in [
        "authorization: Bearer t0ken",
        "impersonate-user: jane",
        "impersonate-uid: 7",
        "impersonate-group: a",
        "impersonate-group: b",
    ] {
        assert_sent(&server, header);
    }
}

#[test]
fn a_user_name_and_password_replace_the_token_of_the_kubeconfig() {
    let server = api_server();
    let place = kubeconfigs(&server, &api_server());
    let arguments = [
        "--kubeconfig",
        "config",
        "--username",
        "jane",
        "--password",
        "pw",
    ];
    fetch(&place, &arguments).assert_done();
    assert_sent(&server, "authorization: Basic amFuZTpwdw==");
}

/// A kubeconfig with two clusters, two users and two contexts; the first ones are current.
fn kubeconfigs(first: &Server, second: &Server) -> Place {
    let place = Place::new();
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: a
clusters:
- {{name: c1, cluster: {{server: '{}'}}}}
- {{name: c2, cluster: {{server: '{}'}}}}
users:
- {{name: u1, user: {{token: t1}}}}
- {{name: u2, user: {{token: t2}}}}
contexts:
- {{name: a, context: {{cluster: c1, user: u1}}}}
- {{name: b, context: {{cluster: c2, user: u2}}}}
",
        first.address, second.address
    );
    place.write("config", text);
    place
}

#[test]
fn context_cluster_and_user_choose_from_the_kubeconfig() {
    let table: [(&[&str], usize, &str); 4] = [
        (&[], 0, "t1"),
        (&["--context", "b"], 1, "t2"),
        (&["--cluster", "c2"], 1, "t1"),
        (&["--context", "b", "--user", "u1"], 1, "t1"),
    ];
    for (extra, asked, token) in table {
        let servers = [api_server(), api_server()];
        let place = kubeconfigs(&servers[0], &servers[1]);
        let arguments = [&["--kubeconfig", "config"], extra].concat();
        fetch(&place, &arguments).assert_done();
        assert_sent(&servers[asked], &format!("authorization: Bearer {token}"));
        assert_eq!(servers[1 - asked].requests(), [], "{extra:?}");
    }
}

#[test]
fn kubeconfig_files_of_a_list_are_merged_and_missing_ones_are_left_out() {
    let server = api_server();
    let place = kubeconfigs(&server, &server);
    place.write(
        "first",
        "apiVersion: v1\nkind: Config\ncurrent-context: b\n",
    );
    let list = BTreeMap::from([("KUBECONFIG", "first:missing:config".to_owned())]);
    let ran = place.run_with(Program::Kubeseal, &words(&["--fetch-cert"]), b"", &list);
    ran.assert_done();
    assert_sent(&server, "authorization: Bearer t2");
}

#[test]
fn an_explicit_kubeconfig_must_exist() {
    let ran = fetch(&Place::new(), &["--kubeconfig", "missing"]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("error: stat missing: no such file or directory");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_the_request_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let ran = fetch(
        &Place::new(),
        &["--server", &address, "--request-timeout", "1s"],
    );
    assert_eq!(ran.code, Some(1));
    ran.assert_says("no answer within 1 seconds");
}

/// A kubeconfig whose user is a plugin: a script with this text. Its file `ran` tells that it ran.
fn with_plugin(server: &Server, mode: &str, script: &str) -> Place {
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
clusters: [{{name: c, cluster: {{server: '{}'}}}}]
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

const CREDENTIAL: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t0ken"}}"#;

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

#[test]
fn every_flag_of_upstreams_is_in_the_help_and_a_misspelt_one_is_refused() {
    let help = Place::new().run(Program::Kubeseal, &words(&["--help"]), b"");
    assert_eq!(help.assert_done().stderr, "");
    let upstreams = [
        "cert",
        "controller-namespace",
        "controller-name",
        "format",
        "sealed-secret-file",
        "secret-file",
        "fetch-cert",
        "allow-empty-data",
        "validate",
        "merge-into",
        "raw",
        "name",
        "from-file",
        "kubeconfig",
        "scope",
        "re-encrypt",
        "rotate",
        "recovery-unseal",
        "recovery-private-key",
        "help",
        "version",
        "cluster",
        "user",
        "namespace",
        "context",
        "request-timeout",
        "server",
        "certificate-authority",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "proxy-url",
        "disable-compression",
        "client-certificate",
        "client-key",
        "token",
        "as",
        "as-uid",
        "as-group",
        "username",
        "password",
        "v",
        "vmodule",
        "logtostderr",
        "alsologtostderr",
        "stderrthreshold",
        "alsologtostderrthreshold",
        "legacy_stderr_threshold_behavior",
        "log_dir",
        "log_file",
        "log_file_max_size",
        "add_dir_header",
        "skip_headers",
        "skip_log_headers",
        "one_output",
        "log_backtrace_at",
    ];
    for flag in upstreams {
        let listed = help.stdout.split_whitespace().any(|word| {
            word.strip_prefix("--")
                .is_some_and(|word| word.split(['=', '[']).next() == Some(flag))
        });
        assert!(listed, "--{flag} in\n{}", help.stdout);
        let unknown = Place::new().run(Program::Kubeseal, &words(&[&format!("--{flag}x")]), b"");
        assert_eq!(
            (unknown.code, unknown.stdout.as_str()),
            (Some(2), ""),
            "--{flag}x"
        );
    }
}
