//! kubectl's flags: which server is asked, and as whom.

use std::collections::BTreeMap;

use crate::plugins::{CREDENTIAL, with_plugin};
use crate::server::{Answer, Server, answer};
use crate::support::{Place, Program, Ran, key, words};

/// An API server that hands out the test certificate, and shows it too.
pub(crate) fn api_server() -> Server {
    Server::start_tls(respond)
}

fn respond(request: &str, _body: &str) -> Option<Answer> {
    if request.ends_with("/services/sealed-secrets-controller") {
        return Some(answer("200 OK", r#"{"spec":{"ports":[{"port":8080}]}}"#));
    }
    let certificate = std::fs::read(key("seal.crt")).expect("a test key");
    request
        .ends_with("/http:sealed-secrets-controller:/proxy/v1/cert.pem")
        .then(|| answer("200 OK", certificate))
}

pub(crate) fn fetch(place: &Place, arguments: &[&str]) -> Ran {
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
    let server_flags = ["--server", &server.address, "--insecure-skip-tls-verify"];
    let arguments = [&server_flags[..], &identity].concat();
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

/// Public test certificates for 127.0.0.1.
fn own(name: &str) -> String {
    format!("{}/../tls/tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn an_api_server_whose_certificate_is_its_own_ca_is_trusted_if_it_is_configured() {
    for name in ["own", "leaf"] {
        let server = Server::start_tls_as(&own(name), respond);
        for (authority, trusted) in [(name, true), ("another", false)] {
            let place = Place::new();
            let authority = own(&format!("{authority}.crt"));
            let flags = ["--server", &server.address, "--token", "t0ken"];
            let flags = [&flags[..], &["--certificate-authority", &authority]].concat();
            let ran = fetch(&place, &flags);
            assert_eq!(ran.code == Some(0), trusted, "{name} {}", ran.said());
            let config = format!(
                "current-context: c\nclusters: [{{name: c, cluster: {{server: '{}', certificate-authority: '{authority}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n",
                server.address
            );
            place.write("config", config);
            let arguments = words(&["cert", "fetch", "--kubeconfig", "config"]);
            let ran = place.run(Program::Signet, &arguments, b"");
            assert_eq!(ran.code == Some(0), trusted, "{name} {}", ran.said());
            if !trusted {
                ran.assert_says(
                    "the certificate-authority of the kubeconfig is not that of this server",
                );
            }
        }
        let flags = ["--server", &server.address, "--token", "t0ken"];
        let ran = fetch(&Place::new(), &flags);
        assert_eq!(
            ran.code,
            Some(1),
            "the system does not know it: {}",
            ran.said()
        );
        // Who may answer for an address of a certificate is the system's business alone.
        let url = format!("{}/cert.pem", server.address);
        let ran = fetch(&Place::new(), &["--cert", &url]);
        assert_eq!(ran.code, Some(1), "{}", ran.said());
    }
}

#[test]
fn a_user_name_and_password_are_sent() {
    let server = api_server();
    let arguments = [
        "--server",
        &server.address,
        "--insecure-skip-tls-verify",
        "--username",
        "jane",
        "--password",
        "pw",
    ];
    fetch(&Place::new(), &arguments).assert_done();
    assert_sent(&server, "authorization: Basic amFuZTpwdw==");
}

#[test]
fn a_token_that_no_header_can_hold_is_told_and_not_shown() {
    let server = api_server();
    let to_server = ["--server", &server.address, "--insecure-skip-tls-verify"];
    let ran = fetch(
        &Place::new(),
        &[&to_server[..], &["--token", "t0\nken"]].concat(),
    );
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("the token holds a line break");
    assert!(!ran.said().contains("ken\n"), "{}", ran.said());
}

#[test]
fn nothing_that_proves_who_somebody_is_goes_over_plain_http() {
    let identities: [&[&str]; 3] = [
        &["--token", "t0ken"],
        &["--username", "jane", "--password", "pw"],
        &["--kubeconfig", "config"],
    ];
    for identity in identities {
        let server = Server::start_with(respond);
        let place = with_plugin(&server, "Never", &format!("echo '{CREDENTIAL}'"));
        let to_server = ["--server", &server.address, "--as", "jane"];
        fetch(&place, &[&to_server[..], identity].concat()).assert_done();
        assert_sent(&server, "impersonate-user: jane");
        let headers = server.headers();
        assert!(
            !headers
                .iter()
                .any(|line| line.starts_with("authorization:")),
            "{headers:?}"
        );
        assert!(!place.path("ran").exists());
    }
}

#[test]
fn a_server_may_be_named_without_a_scheme() {
    let (plain, tls) = (Server::start_with(respond), api_server());
    let host = |server: &Server| {
        server
            .address
            .split_once("://")
            .expect("a scheme")
            .1
            .to_owned()
    };
    fetch(&Place::new(), &["--server", &host(&plain)]).assert_done();
    let arguments = ["--server", &host(&tls), "--insecure-skip-tls-verify"];
    fetch(&Place::new(), &arguments).assert_done();
}

/// A kubeconfig with two clusters, two users and two contexts; the first ones are current.
fn kubeconfigs(first: &Server, second: &Server) -> Place {
    let place = Place::new();
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: a
clusters:
- {{name: c1, cluster: {{server: '{}', insecure-skip-tls-verify: true}}}}
- {{name: c2, cluster: {{server: '{}', insecure-skip-tls-verify: true}}}}
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
    ran.assert_says("no answer within 1 second");
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
