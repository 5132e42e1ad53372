//! The forms in which programs and people hand over manifests, in every mode: Lists, UTF-16, byte order marks, dates that are null.

use super::order::OWNER_YAML;
use super::{HOMED, SEALED};
use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [lists(), encodings(), dates(), separators()].concat()
}

/// As PowerShell's `>` writes it, or as a program for the other byte order does.
pub(super) fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(order).collect()
}

fn validate(name: &str) -> Row {
    row(name, &["--validate"]).env("KUBECONFIG", "{kubeconfig}")
}

fn re_encrypt(name: &str) -> Row {
    row(name, &["--re-encrypt", "-o", "yaml"]).env("KUBECONFIG", "{kubeconfig}")
}

fn open(name: &str) -> Row {
    let key = ["--recovery-private-key", "{k}/other.key"];
    row(
        name,
        &[&["--recovery-unseal", "-o", "yaml"], &key[..]].concat(),
    )
}

fn merge(name: &str, target: impl AsRef<[u8]>) -> Row {
    seal(name, &["--merge-into", "target", "-o", "yaml"])
        .file("target", target)
        .stdin("{\"stringData\": {\"user\": \"alice\"}}")
}

/// `kubectl get -o yaml` prints such a thing.
fn list(of: &str) -> String {
    let item: String = of.lines().map(|line| format!("  {line}\n")).collect();
    let item = item.replacen("  ", "- ", 1);
    format!("apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: ''}}\nitems:\n{item}")
}

const CERTIFICATE: &str = include_str!("../../../../cli/tests/keys/seal.crt");
const KEY: &str = include_str!("../../../../cli/tests/keys/other.key");
const NONE: &str = "error: no secrets found";
const BROKEN: &str = "error: document 1: not valid YAML";
const OPENED: &str = "password: aHVudGVyMg==";

fn lists() -> Vec<Row> {
    let empty = "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": []}";
    vec![
        seal("a List that kubectl printed", &[])
            .stdin(list(HOMED))
            .differs_wholly(
                "list-input",
                "error: secret.data is empty",
                "[seal for home/db: \"hunter2\"]",
            ),
        seal("a List with --allow-empty-data", &["--allow-empty-data"])
            .stdin(list(HOMED))
            .differs_wholly(
                "list-input",
                "error: missing metadata.name in input Secret\n",
                "[seal for home/db: \"hunter2\"]",
            ),
        seal("a List from a file", &["-f", "in.yaml"])
            .file("in.yaml", list(HOMED))
            .differs_wholly(
                "list-input",
                "error: secret.data is empty",
                "[seal for home/db: \"hunter2\"]",
            ),
        seal("a List of nothing", &[]).stdin(empty).differs_wholly(
            "list-input",
            "error: secret.data is empty",
            "error: no secrets found",
        ),
        seal("a List and a Secret behind it", &[])
            .stdin(format!("{}---\n{HOMED}", list(HOMED)))
            .differs_wholly("list-input", "error: secret.data is empty", "exit 0\n"),
        validate("--validate of a List")
            .stdin(list(SEALED))
            .differs_wholly("list-input", "exit 1\n", "exit 0\n"),
        open("opening a List")
            .stdin(list(SEALED))
            .differs_wholly("list-input", "exit 1\n", OPENED),
    ]
}

fn encodings() -> Vec<Row> {
    let narrow = |text: &str| format!("\u{feff}{text}");
    let wide = |text: &str| utf16(text, u16::to_le_bytes);
    let json = "{\"metadata\": {\"name\": \"db\", \"namespace\": \"home\"}, \"stringData\": {\"password\": \"hunter2\"}}";
    let seals = "[seal for home/db: \"hunter2\"]";
    vec![
        seal("UTF-16 that is JSON", &[])
            .stdin(wide(json))
            .differs_wholly("utf-16-input", "error: no secrets found", seals),
        seal("UTF-16 from a file", &["-f", "in.yaml"])
            .file("in.yaml", wide(HOMED))
            .differs_wholly("utf-16-input", "error: no secrets found", seals),
        seal("UTF-16 with CRLF", &[])
            .stdin(wide(&HOMED.replace('\n', "\r\n")))
            .differs_wholly("utf-16-input", "error: no secrets found", seals),
        seal("UTF-16 that is cut in the middle of a character", &[])
            .stdin({
                let mut bytes = wide(HOMED);
                bytes.pop();
                bytes
            })
            .differs_wholly("broken-document", "error: no secrets found", "exit 1\n"),
        seal("UTF-16 without a byte order mark", &[])
            .stdin(wide(HOMED).split_off(2))
            .differs_wholly("broken-document", NONE, BROKEN),
        seal("a byte order mark in a file", &["-f", "in.yaml"])
            .file("in.yaml", narrow(HOMED))
            .gives(seals),
        seal("a byte order mark before each document", &[])
            .stdin(format!("{}---\n{}", narrow(HOMED), narrow(HOMED)))
            .gives(seals),
        seal(
            "a byte order mark is kept in a raw value",
            &["--raw", "--scope=cluster-wide"],
        )
        .stdin(narrow("x"))
        .gives("[seal for the cluster: \"\\u{feff}x\"]"),
        seal(
            "UTF-16 is kept in a raw value",
            &["--raw", "--scope=cluster-wide"],
        )
        .stdin(wide("x"))
        .gives("exit 0\n"),
        validate("--validate with a byte order mark")
            .stdin(narrow(SEALED))
            .gives("exit 0\n"),
        re_encrypt("--re-encrypt with a byte order mark")
            .stdin(narrow(SEALED))
            .gives("[seal for team/db: \"hunter2\"]"),
        open("opening with a byte order mark")
            .stdin(narrow(SEALED))
            .gives(OPENED)
            .differs("recovery-output", OWNER_YAML, ""),
        seal("a certificate in UTF-16", &["--cert", "cert.pem"])
            .file("cert.pem", wide(CERTIFICATE))
            .stdin(HOMED)
            .differs_wholly("utf-16-input", "error: ", seals),
        seal(
            "a certificate behind a byte order mark",
            &["--cert", "cert.pem"],
        )
        .file("cert.pem", narrow(CERTIFICATE))
        .stdin(HOMED)
        .differs_wholly("utf-16-input", "error: ", seals),
        row(
            "opening with a key in UTF-16",
            &[
                "--recovery-unseal",
                "--recovery-private-key",
                "key.pem",
                "-o",
                "yaml",
            ],
        )
        .file("key.pem", wide(KEY))
        .stdin(SEALED)
        .differs_wholly("utf-16-input", "exit 1\n", OPENED),
        row(
            "opening with a key behind a byte order mark",
            &[
                "--recovery-unseal",
                "--recovery-private-key",
                "key.pem",
                "-o",
                "yaml",
            ],
        )
        .file("key.pem", narrow(KEY))
        .stdin(SEALED)
        .differs_wholly("utf-16-input", "exit 1\n", OPENED),
        merge("merging into a file with a byte order mark", narrow(SEALED)).differs(
            "merge-format",
            "file target 0644:\n---\n",
            "file target 0644:\n\u{feff}",
        ),
    ]
}

/// What older versions of kubeseal wrote.
fn dates() -> Vec<Row> {
    let secret = HOMED.replace("name: db,", "name: db, creationTimestamp: null,");
    let both = SEALED
        .replace(
            "\n  name: db\n",
            "\n  name: db\n  creationTimestamp: null\n",
        )
        .replace(
            "\n      name: db\n",
            "\n      name: db\n      creationTimestamp: null\n",
        );
    vec![
        seal("a Secret with creationTimestamp: null", &["-o", "yaml"])
            .stdin(secret)
            .gives("exit 0\n"),
        validate("--validate with creationTimestamp: null")
            .stdin(&both)
            .gives("exit 0\n"),
        re_encrypt("--re-encrypt with creationTimestamp: null")
            .stdin(&both)
            .gives("exit 0\n"),
        open("opening with creationTimestamp: null")
            .stdin(&both)
            .gives(OPENED)
            .differs("recovery-output", OWNER_YAML, ""),
        merge("merging into a file with creationTimestamp: null", &both).differs_wholly(
            "merge-format",
            "file target 0644:\n---\n",
            "  name: db\n  creationTimestamp: null\n",
        ),
    ]
}

fn separators() -> Vec<Row> {
    let two = |name: &str, separator: &str| {
        seal(name, &["-o", "yaml"])
            .stdin(format!("{HOMED}{separator}{}", HOMED.replace("db", "two")))
    };
    vec![
        two("a separator that is indented", " ---\n").differs_wholly("broken-document", NONE, BROKEN),
        two("a separator behind a tab", "\t---\n").differs_wholly("broken-document", NONE, BROKEN),
        two("a separator that text follows", "--- text\n").differs_wholly("broken-document", "exit 0\n", "error: document 2: not valid YAML"),
        two("a document end and no separator", "...\n").differs_wholly("document-end", "exit 0\n", "[seal for home/two: "),
        two("a document end, then a separator", "...\n---\n").gives("exit"),
        two("a separator with blanks and CRLF", "--- \r\n").gives("exit"),
        seal("JSON, then YAML", &["-o", "yaml"])
            .stdin(format!("{{\"metadata\": {{\"name\": \"a\", \"namespace\": \"b\"}}, \"stringData\": {{\"k\": \"a-value\"}}}}\n---\n{HOMED}"))
            .gives("exit"),
        seal("JSON with commas between", &[])
            .stdin("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}, \"stringData\": {\"k\": \"a-value\"}},\n{\"metadata\": {\"name\": \"c\", \"namespace\": \"b\"}, \"stringData\": {\"k\": \"a-value\"}}\n")
            .differs_wholly("broken-document", "exit 0\n", "error: document 2: not valid JSON"),
        seal("a JSON array", &[])
            .stdin("[{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}, \"stringData\": {\"k\": \"a-value\"}}]")
            .differs_wholly("broken-document", NONE, "error: the document is not an object\n"),
        seal("a key that is there twice", &[])
            .stdin("metadata: {name: a, namespace: b}\nstringData: {k: one-value, k: two-value}\n")
            .differs_wholly("key-twice", "[seal for b/a: \"two-value\"]", "error: document 1: a key stands twice in one mapping, the second time at line 2\n"),
        seal("a key that is there twice in JSON", &[])
            .stdin("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}, \"stringData\": {\"k\": \"one-value\", \"k\": \"two-value\"}}")
            .differs_wholly("key-twice", "[seal for b/a: \"two-value\"]", "error: document 1: a key stands twice in one mapping, the second time at line 1\n"),
        seal("a tab as indentation", &[])
            .stdin("metadata:\n\tname: a\n")
            .differs_wholly("broken-document", NONE, BROKEN),
    ]
}
