//! kubectl's flags, which say where the cluster is and who asks.

use super::{CONTEXTS, HOMELESS};
use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [namespaces(), access()].concat()
}

fn namespaces() -> Vec<Row> {
    let home = |name: &str, arguments: &[&str], label: &str| {
        seal(name, arguments)
            .file("config", CONTEXTS)
            .env("KUBECONFIG", "config")
            .stdin(HOMELESS)
            .gives(&format!("[seal for {label}: \"hunter2\"]"))
    };
    vec![
        home("the namespace of the current context", &[], "ctx/db"),
        home("--namespace", &["--namespace", "mine"], "mine/db"),
        home("-n", &["-n", "mine"], "mine/db"),
        home("-n in one word", &["-nmine"], "mine/db"),
        home("-n ns/NAME", &["-n", "ns/mine"], "mine/db"),
        home("-n namespace/NAME", &["-n", "namespace/mine"], "mine/db"),
        home("-n namespaces/NAME", &["-n", "namespaces/mine"], "mine/db"),
        home("-n NS/NAME", &["-n", "NS/mine"], "mine/db"),
        home("-n empty is none", &["-n", ""], "ctx/db"),
        home("--context", &["--context", "second"], "ctx2/db"),
        home(
            "--context that names no namespace",
            &["--context", "bare"],
            "default/db",
        ),
        home("--cluster", &["--cluster", "c2"], "ctx/db"),
        home("--user", &["--user", "u"], "ctx/db"),
        seal("--context unknown", &["--context", "nosuch"])
            .file("config", CONTEXTS)
            .env("KUBECONFIG", "config")
            .stdin(HOMELESS)
            .gives("exit 1\n"),
        seal("-n ns/ alone", &["-n", "ns/"])
            .stdin(HOMELESS)
            .differs_wholly(
                "slash-in-name",
                "exit 0\n",
                "error: the namespace contains a '/'\n",
            ),
        seal("-n pods/NAME", &["-n", "pods/x"])
            .stdin(HOMELESS)
            .differs_wholly(
                "slash-in-name",
                "exit 0\n",
                "error: the namespace contains a '/'\n",
            ),
    ]
}

/// `--fetch-cert` from the cluster, or how it fails.
fn access() -> Vec<Row> {
    let fetch = |name: &str, arguments: &[&str]| {
        row(name, &[&["--fetch-cert"], arguments].concat()).env("KUBECONFIG", "{kubeconfig}")
    };
    let granted = |name: &str, arguments: &[&str]| {
        fetch(name, arguments).gives("exit 0\nstdout:\n-----BEGIN CERTIFICATE-----")
    };
    let direct =
        |name: &str, arguments: &[&str]| row(name, &[&["--fetch-cert"], arguments].concat());
    vec![
        direct(
            "--server, --certificate-authority, --token",
            &["--server", "{server}", "--certificate-authority", "{ca}", "--token", "{token}"],
        )
        .gives("exit 0\nstdout:\n-----BEGIN"),
        direct(
            "--insecure-skip-tls-verify",
            &["--server", "{server}", "--insecure-skip-tls-verify", "--token", "{token}"],
        )
        .gives("exit 0\nstdout:\n-----BEGIN"),
        granted("--insecure-skip-tls-verify=false", &["--insecure-skip-tls-verify=false"]),
        granted("--tls-server-name of the certificate", &["--tls-server-name", "kubernetes.default"]),
        granted("--request-timeout", &["--request-timeout", "30s"]),
        granted("--request-timeout 0", &["--request-timeout", "0"]),
        granted("--request-timeout in seconds without a unit", &["--request-timeout", "30"]),
        granted("--disable-compression", &["--disable-compression"]),
        granted("--as", &["--as", "admin", "--as-group", "system:masters"]),
        granted("--as with --as-uid", &["--as", "admin", "--as-uid", "1234", "--as-group", "system:masters"]),
        granted("--as-group repeated", &["--as", "x", "--as-group", "a", "--as-group", "system:masters"]),
        fetch("--as somebody without rights", &["--as", "system:anonymous"])
            .gives("error: cannot get sealed secret service: services \"sealed-secrets-controller\" is forbidden: User \"system:anonymous\" cannot get resource \"services\" in API group \"\" in the namespace \"kube-system\".\nPlease, use the flag"),
        fetch("--request-timeout that makes no sense", &["--request-timeout", "soon"]).gives("exit 1\n"),
        fetch("--token that is wrong", &["--token", "wrong"]).gives("exit 1\n"),
        fetch("--tls-server-name of somebody else", &["--tls-server-name", "example.invalid"]).differs_wholly("library-texts", "x509: certificate is valid for", "invalid peer certificate: certificate not valid for name"),
        fetch("--server where nobody listens", &["--server", "http://127.0.0.1:1"]).differs("library-texts", "dial tcp 127.0.0.1:1: connect: connection refused", "connection refused"),
        fetch("--proxy-url where nobody listens", &["--proxy-url", "http://127.0.0.1:1"]).differs("library-texts", "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused", "connection refused"),
        fetch("--certificate-authority that is missing", &["--certificate-authority", "missing"]).gives("exit 1\n"),
        fetch("--client-certificate that is missing", &["--client-certificate", "missing", "--client-key", "missing"]).gives("exit 1\n"),
        fetch("--username and --password beside a token", &["--username", "u", "--password", "p"]).gives("exit"),
        fetch("--context that is unknown", &["--context", "nosuch"]).gives("error: context \"nosuch\" does not exist\n"),
        fetch("--cluster that is unknown", &["--cluster", "nosuch"]).gives("error: cluster \"nosuch\" does not exist\n"),
        fetch("--user that is unknown", &["--user", "nosuch"]).gives("error: auth info \"nosuch\" does not exist\n"),
        row("a kubeconfig that is missing", &["--fetch-cert", "--kubeconfig", "missing"])
            .gives("error: stat missing: no such file or directory\n"),
        row("a kubeconfig that is none", &["--fetch-cert", "--kubeconfig", "config"])
            .file("config", "{{{")
            .differs("library-texts", "yaml: line 1: did not find expected node content", "not a kubeconfig"),
        row("no kubeconfig at all", &["--fetch-cert"]).gives("exit 1\n"),
        row("HOME/.kube/config", &["--fetch-cert"])
            .folder(".kube")
            .file(".kube/config", CONTEXTS)
            .differs("library-texts", "dial tcp 127.0.0.1:1: connect: connection refused", "connection refused"),
        row("--fetch-cert as everybody", &["--fetch-cert"])
            .env("KUBECONFIG", "{developer}")
            .gives("exit 0\n"),
    ]
}
