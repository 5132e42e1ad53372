//! Who asks the cluster, and on which way: by variable, through proxies, with TLS; and what does not fit together.

use super::HOMED;
use crate::row::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    [variables(), contradictions(), ways()].concat()
}

fn fetch(name: &str, arguments: &[&str]) -> Row {
    row(name, &[&["--fetch-cert"], arguments].concat()).env("KUBECONFIG", "{kubeconfig}")
}

const FETCHED: &str = "exit 0\nstdout:\n-----BEGIN CERTIFICATE-----";

fn variables() -> Vec<Row> {
    let variable = |name: &str, value: &str| {
        let name = format!("SEALED_SECRETS_{name}");
        fetch(&name, &[]).env(&name, value)
    };
    vec![
        variable("CLUSTER", "nosuch").gives("error: cluster \"nosuch\" does not exist\n"),
        variable("USER", "nosuch").gives("error: auth info \"nosuch\" does not exist\n"),
        variable("REQUEST_TIMEOUT", "soon").gives("error: Invalid timeout value."),
        variable("INSECURE_SKIP_TLS_VERIFY", "false").gives(FETCHED),
        variable("INSECURE_SKIP_TLS_VERIFY", "wrong")
            .gives(FETCHED)
            .named("SEALED_SECRETS_INSECURE_SKIP_TLS_VERIFY that is wrong"),
        variable("TLS_SERVER_NAME", "kubernetes.default").gives(FETCHED),
        variable("PROXY_URL", "http://127.0.0.1:1").differs(
            "library-texts",
            "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused",
            "connection refused",
        ),
        variable("DISABLE_COMPRESSION", "true").gives(FETCHED),
        variable("CLIENT_CERTIFICATE", "missing")
            .env("SEALED_SECRETS_CLIENT_KEY", "missing")
            .gives("exit 1\n"),
        variable("AS_UID", "1234")
            .env("SEALED_SECRETS_AS", "x")
            .env("SEALED_SECRETS_AS_GROUP", "a,system:masters")
            .gives(FETCHED),
        variable("USERNAME", "u")
            .env("SEALED_SECRETS_PASSWORD", "p")
            .gives("exit 1\n"),
    ]
}

fn contradictions() -> Vec<Row> {
    vec![
        fetch(
            "--client-certificate without its key",
            &["--client-certificate", "{k}/seal.crt"],
        )
        .gives("exit 1\n"),
        fetch("--as-uid without --as", &["--as-uid", "1"]).gives("exit 1\n"),
        fetch("--as-group without --as", &["--as-group", "a"]).gives("exit 1\n"),
        fetch("--password beside a token", &["--password", "p"]).gives("exit 1\n"),
        fetch(
            "--request-timeout with a unit that nobody knows",
            &["--request-timeout", "3d"],
        )
        .gives("exit 1\n"),
        fetch(
            "--request-timeout below zero",
            &["--request-timeout", "-1s"],
        )
        .gives("exit"),
        fetch("--request-timeout empty", &["--request-timeout", ""]).gives("exit"),
        fetch(
            "--controller-name with a slash",
            &["--controller-name", "a/b"],
        )
        .gives("exit 1\n"),
        fetch(
            "--controller-namespace empty",
            &["--controller-namespace", ""],
        )
        .gives("exit"),
    ]
}

fn ways() -> Vec<Row> {
    let with = |name: &str, cert: &str| row(name, &["--cert", cert]).stdin(HOMED);
    vec![
        with(
            "a certificate through HTTP_PROXY",
            "http://cert.example.invalid/cert.pem",
        )
        .env("HTTP_PROXY", "{url}")
        .gives("[seal for home/db: \"hunter2\"]"),
        with(
            "a certificate through a proxy where nobody listens",
            "http://cert.example.invalid/cert.pem",
        )
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .differs_wholly(
            "library-texts",
            "connection refused\n",
            "connection refused\n",
        ),
        with(
            "an address of a server that nobody vouches for",
            "{server}/cert.pem",
        )
        .differs_wholly(
            "library-texts",
            "x509: certificate signed by unknown authority",
            "exit 1\n",
        ),
        with("an address with https that refuses", "{server}/cert.pem")
            .env("SSL_CERT_FILE", "{ca}")
            .gives("/cert.pem\": 403 Forbidden\n"),
        with(
            "an address with https where plain http is spoken",
            "https://127.0.0.1:1/cert.pem",
        )
        .differs_wholly(
            "library-texts",
            "dial tcp 127.0.0.1:1: connect: connection refused",
            "/cert.pem\": connection refused\n",
        ),
    ]
}
