//! `--cert`: files, addresses, and what is in them.

use super::{HOMED, SEALED};
use crate::row::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    [files(), addresses(), contents()].concat()
}

const CERT: &str = include_str!("../../../../cli/tests/keys/seal.crt");
const SEALS: &str = "[seal for home/db: \"hunter2\"]";

fn with(name: &str, cert: &str) -> Row {
    row(name, &["--cert", cert]).stdin(HOMED)
}

fn files() -> Vec<Row> {
    vec![
        with("a certificate that is missing", "missing.pem")
            .gives("error: open missing.pem: no such file or directory\n"),
        with("a certificate in a folder that is missing", "no/such.pem")
            .gives("error: open no/such.pem: no such file or directory\n"),
        with("a folder as a certificate", "sub")
            .folder("sub")
            .gives("exit 1\n"),
        with("a certificate behind a file", "x/y")
            .file("x", "")
            .gives("exit 1\n"),
        with("a certificate by file:// address", "file://{k}/seal.crt").gives(SEALS),
        with(
            "a certificate that is missing by file:// address",
            "file:///nonexistent/x.pem",
        )
        .differs(
            "library-texts",
            "cannot fetch \"file:///nonexistent/x.pem\": 404 Not Found",
            "open /nonexistent/x.pem: no such file or directory",
        ),
        with("a drive letter is a file", "c:/x.pem")
            .gives("error: open c:/x.pem: no such file or directory\n"),
        with("a name with a colon is an address", "cert:1.pem")
            .file("cert:1.pem", CERT)
            .differs_wholly(
                "file-name-with-colon",
                "error: Get \"cert:1.pem\": unsupported protocol scheme \"cert\"\n",
                SEALS,
            ),
        with("a name with a bad escape", "100%.pem")
            .file("100%.pem", CERT)
            .differs_wholly(
                "file-name-with-colon",
                "error: parse \"100%.pem\": invalid URL escape",
                SEALS,
            ),
        with("an address of an unknown kind", "ftp://127.0.0.1/x").differs_wholly(
            "library-texts",
            "error: Get \"ftp://127.0.0.1/x\": unsupported protocol scheme",
            "only http, https and file are supported\n",
        ),
    ]
}

fn addresses() -> Vec<Row> {
    let plain = |name: &str, path: &str| with(name, &format!("{{url}}{path}"));
    vec![
        plain("a certificate by address", "/cert.pem").gives(SEALS),
        plain("an address that moved", "/moved").gives(SEALS),
        plain("an address that moves without end", "/loop")
            .gives("exit 1\n")
            .differs_wholly("library-texts", "stopped after 10 redirects", "error: "),
        plain("an address with nothing behind it", "/nothing").gives("/nothing\": 404 Not Found\n"),
        plain("an address that fails", "/broken").gives("/broken\": 500 Internal Server Error\n"),
        plain("an address of a web page", "/page").differs_wholly(
            "cert-url-limits",
            "error: data does not contain any valid RSA or ECDSA certificates\n",
            "error: ",
        ),
        plain("an address of too much", "/many").differs_wholly(
            "cert-url-limits",
            "error: data does not contain any valid RSA or ECDSA certificates\n",
            "error: ",
        ),
        plain("an address of nothing", "/empty")
            .gives("error: data does not contain any valid RSA or ECDSA certificates\n"),
        with("an address where nobody listens", "http://127.0.0.1:1/x").differs_wholly(
            "library-texts",
            "dial tcp 127.0.0.1:1: connect: connection refused\n",
            "connection refused\n",
        ),
        row(
            "an address with a user",
            &["--fetch-cert", "--cert", "http://user:pass@127.0.0.1:1/x"],
        )
        .differs_wholly("cert-url-user", "connection refused\n", "error: "),
        row(
            "--fetch-cert from an address",
            &["--fetch-cert", "--cert", "{url}/cert.pem"],
        )
        .gives("exit 0\nstdout:\n-----BEGIN"),
    ]
}

fn contents() -> Vec<Row> {
    let fetch = |name: &str, cert: &str| row(name, &["--fetch-cert", "--cert", cert]);
    vec![
        with("an expired certificate", "{k}/expired.crt")
            .gives("error: failed to encrypt using an expired certificate on February 3, 2021\n"),
        with("a certificate that is valid later", "{k}/newest.crt").gives(SEALS),
        with("an elliptic curve certificate", "{k}/ec.crt").differs_wholly(
            "library-texts",
            "error: expected RSA public key but found &{",
            "error: expected RSA public key but found ",
        ),
        with("a certificate of 1024 bits", "{k}/rsa1024.crt").differs_wholly(
            "short-rsa-certificate",
            "exit 0\n",
            "exit 1\n",
        ),
        with("several certificates: the first is used", "{k}/two.crt").gives(SEALS),
        with("no certificate", "{k}/not-a-certificate.txt")
            .gives("error: data does not contain any valid RSA or ECDSA certificates\n"),
        with("an empty file", "empty")
            .file("empty", "")
            .gives("error: data does not contain any valid RSA or ECDSA certificates\n"),
        with("a private key", "{k}/seal.key")
            .gives("error: ")
            .differs_wholly(
                "private-key-in-cert",
                "error: data does not contain any valid RSA or ECDSA certificates\n",
                "error: ",
            ),
        with(
            "a certificate and its private key",
            "{k}/with-private-key.pem",
        )
        .differs_wholly("private-key-in-cert", "exit 0\n", "exit 1\n"),
        with("text before the certificate", "bundle")
            .file("bundle", garbage_before())
            .gives(SEALS),
        with("a certificate that is cut short", "cut")
            .file(
                "cut",
                "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n",
            )
            .differs(
                "library-texts",
                "x509: malformed certificate",
                "the certificate cannot be read",
            ),
        fetch("--fetch-cert prints all of a file", "{k}/two.crt")
            .gives("-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----"),
        fetch("--fetch-cert of an expired certificate", "{k}/expired.crt")
            .gives("exit 0\nstdout:\n-----BEGIN"),
        fetch(
            "--fetch-cert of no certificate",
            "{k}/not-a-certificate.txt",
        )
        .differs_wholly("fetch-cert-checked", "exit 0\n", "exit 1\n"),
        fetch("--fetch-cert of a missing file", "missing")
            .gives("error: open missing: no such file or directory\n"),
        row(
            "sealing needs no cluster with --cert",
            &["--cert", "{k}/seal.crt", "--kubeconfig", "missing"],
        )
        .stdin(HOMED)
        .gives(SEALS),
        row(
            "--validate of what was sealed with a key of no cluster",
            &["--validate"],
        )
        .env("KUBECONFIG", "{kubeconfig}")
        .stdin(SEALED.replace("{o:team/db:hunter2}", "{v:other/db:hunter2}"))
        .gives("error: unable to decrypt sealed secret: db\n"),
    ]
}

fn garbage_before() -> String {
    format!("Bag Attributes\n    friendlyName: x\nsubject=CN = x\n{CERT}trailing words\n")
}
