//! `SEALED_SECRETS_*` and the other variables.

use super::{CONTEXTS, EMPTY, HOMED, HOMELESS};
use crate::row::{Row, row, seal};

const YAML: &str = "stdout:\n---\n";

/// A list in `KUBECONFIG` whose first file is this.
fn merged(name: &str, first: &str, rest: &str) -> Row {
    seal(&format!("KUBECONFIG: {name}"), &[])
        .file("first", first)
        .file("config", CONTEXTS)
        .env("KUBECONFIG", &format!("first:{rest}"))
        .stdin(HOMELESS)
}

pub(super) fn rows() -> Vec<Row> {
    let strict = "[seal for team/db: ";
    vec![
        row("SEALED_SECRETS_CERT", &[])
            .stdin(HOMED)
            .env("SEALED_SECRETS_CERT", "{k}/seal.crt")
            .gives("[seal for home/db: "),
        seal("--cert wins over its variable", &[])
            .env("SEALED_SECRETS_CERT", "/nonexistent")
            .gives(strict),
        row("--cert empty wins over its variable", &["--cert="])
            .stdin(HOMELESS)
            .env("SEALED_SECRETS_CERT", "{k}/seal.crt")
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("[seal for default/db: "),
        row("SEALED_SECRETS_CONTROLLER_NAME", &["--fetch-cert"])
            .env("KUBECONFIG", "{kubeconfig}")
            .env("SEALED_SECRETS_CONTROLLER_NAME", "nosuch")
            .gives("services \"nosuch\" not found"),
        row("SEALED_SECRETS_CONTROLLER_NAME empty counts as set", &["--fetch-cert"])
            .env("KUBECONFIG", "{kubeconfig}")
            .env("SEALED_SECRETS_CONTROLLER_NAME", "")
            .gives("exit 1\n"),
        row("SEALED_SECRETS_CONTROLLER_NAMESPACE", &["--fetch-cert"])
            .env("KUBECONFIG", "{kubeconfig}")
            .env("SEALED_SECRETS_CONTROLLER_NAMESPACE", "default")
            .gives("services \"sealed-secrets-controller\" not found"),
        row("--controller-namespace wins over its variable", &["--fetch-cert", "--controller-namespace", "kube-system"])
            .env("KUBECONFIG", "{kubeconfig}")
            .env("SEALED_SECRETS_CONTROLLER_NAMESPACE", "default")
            .gives("exit 0\n"),
        seal("SEALED_SECRETS_FORMAT", &[]).env("SEALED_SECRETS_FORMAT", "yaml").gives(YAML),
        seal("SEALED_SECRETS_FORMAT empty is json", &[])
            .env("SEALED_SECRETS_FORMAT", "")
            .gives("stdout:\n{\n"),
        seal("SEALED_SECRETS_SEALED_SECRET_FILE", &[])
            .env("SEALED_SECRETS_SEALED_SECRET_FILE", "out.yml")
            .gives("\n---\n")
            .differs("output-file-mode", "file out.yml 0600", "file out.yml 0644"),
        row("SEALED_SECRETS_SECRET_FILE", &["--cert", "{k}/seal.crt"])
            .file("in", HOMED)
            .env("SEALED_SECRETS_SECRET_FILE", "in")
            .gives("[seal for home/db: "),
        row("SEALED_SECRETS_FETCH_CERT", &[])
            .env("SEALED_SECRETS_FETCH_CERT", "true")
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("stdout:\n-----BEGIN CERTIFICATE"),
        row("SEALED_SECRETS_FETCH_CERT prints that of SEALED_SECRETS_CERT", &[])
            .env("SEALED_SECRETS_FETCH_CERT", "true")
            .env("SEALED_SECRETS_CERT", "{k}/other.crt")
            .gives("stdout:\n-----BEGIN CERTIFICATE"),
        seal("SEALED_SECRETS_ALLOW_EMPTY_DATA", &[])
            .stdin(EMPTY)
            .env("SEALED_SECRETS_ALLOW_EMPTY_DATA", "t")
            .gives("exit 0\n"),
        seal("a flag's =false wins over its variable", &["--allow-empty-data=false"])
            .stdin(EMPTY)
            .env("SEALED_SECRETS_ALLOW_EMPTY_DATA", "true")
            .gives("error: secret.data is empty"),
        seal("a variable with a wrong boolean is ignored", &[])
            .stdin(EMPTY)
            .env("SEALED_SECRETS_ALLOW_EMPTY_DATA", "yes")
            .gives("error: secret.data is empty"),
        row("SEALED_SECRETS_VALIDATE", &[])
            .env("SEALED_SECRETS_VALIDATE", "true")
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(super::SEALED)
            .gives("exit 0\nstdout: nothing\n"),
        seal("SEALED_SECRETS_RAW, SEALED_SECRETS_NAME, SEALED_SECRETS_NAMESPACE", &[])
            .env("SEALED_SECRETS_RAW", "1")
            .env("SEALED_SECRETS_NAME", "db")
            .env("SEALED_SECRETS_NAMESPACE", "team")
            .stdin("value")
            .label("team/db")
            .gives("[seal for team/db: \"value\"]"),
        seal("SEALED_SECRETS_FROM_FILE", &["--raw", "--scope=cluster-wide"])
            .file("value", "hunter2")
            .env("SEALED_SECRETS_FROM_FILE", "value")
            .gives("[seal for the cluster: \"hunter2\"]"),
        seal("SEALED_SECRETS_FROM_FILE and --from-file are two", &["--raw", "--scope=cluster-wide", "--from-file=value"])
            .file("value", "hunter2")
            .env("SEALED_SECRETS_FROM_FILE", "value")
            .gives("error: must provide only one --from-file"),
        row("SEALED_SECRETS_RECOVERY_UNSEAL and _RECOVERY_PRIVATE_KEY", &[])
            .env("SEALED_SECRETS_RECOVERY_UNSEAL", "true")
            .env("SEALED_SECRETS_RECOVERY_PRIVATE_KEY", "{k}/seal.key,{k}/other.key")
            .stdin(super::SEALED)
            .gives("\"password\": \"aHVudGVyMg==\"").differs("recovery-output", super::OWNER_JSON, "\n  },\n  \"data\""),
        seal("SEALED_SECRETS_MERGE_INTO", &[])
            .file("sealed.json", super::SEALED)
            .env("SEALED_SECRETS_MERGE_INTO", "nosuch")
            .stdin("{\"stringData\": {\"user\": \"alice\"}}")
            .gives("error: open nosuch: no such file or directory\n"),
        row("SEALED_SECRETS_RE_ENCRYPT", &[])
            .env("SEALED_SECRETS_RE_ENCRYPT", "true")
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(super::SEALED)
            .gives("[seal for team/db: \"hunter2\"]"),
        row("SEALED_SECRETS_ROTATE gives no notice", &[])
            .env("SEALED_SECRETS_ROTATE", "true")
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(super::SEALED)
            .gives("exit 0\n"),
        seal("SEALED_SECRETS_SCOPE", &[])
            .env("SEALED_SECRETS_SCOPE", "cluster-wide")
            .gives("[seal for the cluster: "),
        seal("SEALED_SECRETS_SCOPE that is wrong is ignored", &[])
            .env("SEALED_SECRETS_SCOPE", "typo")
            .gives(strict),
        seal("SEALED_SECRETS_SCOPE empty is strict", &[])
            .env("SEALED_SECRETS_SCOPE", "")
            .gives(strict),
        seal("SEALED_SECRETS_NAME empty keeps the Secret's own", &[])
            .env("SEALED_SECRETS_NAME", "")
            .gives(strict),
        seal("SEALED_SECRETS_NAMESPACE that differs", &[])
            .env("SEALED_SECRETS_NAMESPACE", "other")
            .gives("error: namespace mismatch: input secret is in namespace \"team\" but \"other\" was specified\n"),
        seal("SEALED_SECRETS_NAMESPACE with its kind", &[])
            .env("SEALED_SECRETS_NAMESPACE", "ns/team")
            .gives(strict),
        seal("SEALED_SECRETS_KUBECONFIG", &[])
            .file("config", CONTEXTS)
            .env("SEALED_SECRETS_KUBECONFIG", "config")
            .stdin(HOMELESS)
            .gives("[seal for ctx/db: "),
        seal("SEALED_SECRETS_CONTEXT", &[])
            .file("config", CONTEXTS)
            .env("KUBECONFIG", "config")
            .env("SEALED_SECRETS_CONTEXT", "second")
            .stdin(HOMELESS)
            .gives("[seal for ctx2/db: "),
        row("SEALED_SECRETS_SERVER, _CERTIFICATE_AUTHORITY and _TOKEN", &["--fetch-cert"])
            .env("SEALED_SECRETS_SERVER", "{server}")
            .env("SEALED_SECRETS_CERTIFICATE_AUTHORITY", "{ca}")
            .env("SEALED_SECRETS_TOKEN", "{token}")
            .gives("exit 0\n"),
        row("SEALED_SECRETS_AS and _AS_GROUP", &["--fetch-cert"])
            .env("KUBECONFIG", "{kubeconfig}")
            .env("SEALED_SECRETS_AS", "somebody")
            .env("SEALED_SECRETS_AS_GROUP", "system:masters")
            .gives("exit 0\n"),
        row("SEALED_SECRETS_VERSION", &[])
            .env("SEALED_SECRETS_VERSION", "1")
            .gives("stdout:\nkubeseal version: 0.40.0\n"),
        seal("SEALED_SECRETS_VERSION with a version is ignored", &[])
            .env("SEALED_SECRETS_VERSION", "v0.36.0")
            .gives(strict),
        row("SEALED_SECRETS_HELP", &[]).env("SEALED_SECRETS_HELP", "true").differs_wholly(
            "help-text",
            "[flags]\n",
            "exit 0\nstdout:\nSeal Kubernetes Secrets",
        ),
        seal("the variables of a Service named sealed-secrets", &[])
            .env("SEALED_SECRETS_PORT", "tcp://10.0.0.1:8080")
            .env("SEALED_SECRETS_SERVICE_HOST", "10.0.0.1")
            .env("SEALED_SECRETS_SERVICE_PORT", "8080")
            .env("SEALED_SECRETS_PORT_8080_TCP", "tcp://10.0.0.1:8080")
            .env("SEALED_SECRETS_PORT_8080_TCP_PROTO", "tcp")
            .env("SEALED_SECRETS_PORT_8080_TCP_ADDR", "10.0.0.1")
            .gives(strict),
        seal("flags for logging have no variable", &[])
            .env("SEALED_SECRETS_V", "x")
            .env("SEALED_SECRETS_LOGTOSTDERR", "x")
            .gives(strict),
        seal("KUBECONFIG with several files", &[])
            .file("config", CONTEXTS)
            .env("KUBECONFIG", "missing:config")
            .stdin(HOMELESS)
            .gives("[seal for ctx/db: "),
        merged("a current-context that is empty", "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\ncurrent-context: \"\"\n", "config")
            .gives("[seal for ctx/db: "),
        merged("a file with nothing but a head", "apiVersion: v1\nkind: Config\npreferences: {}\n", "config")
            .gives("[seal for ctx/db: "),
        merged("a file of nothing", "", "config").gives("[seal for ctx/db: "),
        merged("a kind that is empty", "apiVersion: v1\nkind: \"\"\ncurrent-context: \"\"\n", "config")
            .gives("[seal for ctx/db: "),
        merged("a version that is empty", "apiVersion: \"\"\nkind: Config\n", "config")
            .gives("[seal for ctx/db: "),
        merged("fields that are null", "clusters:\ncontexts:\nusers:\ncurrent-context:\n", "config")
            .gives("[seal for ctx/db: "),
        merged("the first current-context counts", "current-context: second\n", "config")
            .gives("[seal for ctx2/db: "),
        merged("the first context of a name counts", "contexts: [{name: first, context: {cluster: c, namespace: mine}}]\n", "config")
            .gives("[seal for mine/db: "),
        merged("a context without a namespace counts too", "contexts: [{name: first, context: {cluster: c}}]\n", "config")
            .gives("[seal for default/db: "),
        merged("a file of another kind", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", "config")
            .gives("exit 1\n"),
        merged("a file of another kind after it", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", "")
            .env("KUBECONFIG", "config:first")
            .gives("exit 1\n"),
        merged("a file of another version", "apiVersion: v2\nkind: Config\n", "config")
            .gives("exit 1\n"),
        merged("a folder among them", "", "")
            .folder("sub")
            .env("KUBECONFIG", "sub:config")
            .gives("exit 1\n"),
        merged("below a file", "", "")
            .env("KUBECONFIG", "first/x:config")
            .gives("exit 1\n"),
        row("--kubeconfig that is a folder", &["--fetch-cert", "--kubeconfig", "sub"])
            .folder("sub")
            .gives("error: error loading config file \"sub\": read sub: is a directory\n"),
        row("--kubeconfig below a file", &["--fetch-cert", "--kubeconfig", "x/y"])
            .file("x", "")
            .gives("error: error loading config file \"x/y\": open x/y: not a directory\n"),
        row("KUBECONFIG that names a folder", &["--fetch-cert"])
            .folder("sub")
            .env("KUBECONFIG", "sub")
            .gives("error: error loading config file \"sub\": read sub: is a directory\n"),
        seal("--kubeconfig wins over KUBECONFIG", &["--kubeconfig", "config"])
            .file("config", CONTEXTS)
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(HOMELESS)
            .gives("[seal for ctx/db: "),
        row("NO_PROXY", &["--cert", "{url}/cert.pem"])
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(HOMED)
            .gives("exit 0\n"),
        seal("POD_NAMESPACE outside a Pod", &[])
            .env("POD_NAMESPACE", "pod")
            .stdin(HOMELESS)
            .gives("error: secret must declare a namespace\n"),
    ]
}
