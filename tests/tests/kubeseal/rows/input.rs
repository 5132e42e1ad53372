//! What is read as input, and what is not.

use super::forms::utf16;
use super::{CONTEXTS, HOMED, SEALED};
use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [documents(), separators(), values(), odd(), endless()].concat()
}

fn secret(name: &str) -> String {
    format!(
        "{{\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"metadata\": {{\"name\": \"{name}\", \"namespace\": \"team\"}}, \"stringData\": {{\"k\": \"value-of-{name}\"}}}}"
    )
}

fn yaml(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: team\nstringData:\n  k: value-of-{name}\n"
    )
}

fn documents() -> Vec<Row> {
    let read = |name: &str, input: String, gives: &str| seal(name, &[]).stdin(input).gives(gives);
    let b = "[seal for team/b: \"value-of-b\"]";
    vec![
        read("concatenated JSON", format!("{}{}", secret("a"), secret("b")), b),
        read("JSON objects on lines of their own", format!("{}\n{}\n", secret("a"), secret("b")), b),
        read("JSON objects with blank lines between", format!("{}\n\n\n{}\n\n", secret("a"), secret("b")), b),
        read("JSON behind blanks", format!("\n  \t{}", secret("b")), b),
        read("several YAML documents", format!("{}---\n{}", yaml("a"), yaml("b")), b),
        read("JSON in YAML documents", format!("---\n{}\n---\n{}\n", secret("a"), secret("b")), b),
        read("a YAML document, then JSON", format!("{}---\n{}", yaml("a"), secret("b")), b),
        read("a byte order mark", format!("\u{feff}{}", yaml("b")), "exit"),
        read("a byte order mark before JSON", format!("\u{feff}{}", secret("b")), "exit"),
        read("CRLF line ends", yaml("b").replace('\n', "\r\n"), b),
        read("no line end at the end", yaml("b").trim_end().to_owned(), b),
        read("a comment only is no document", format!("# hello\n---\n{}", yaml("b")), b),
        read("a document end marker", format!("{}...\n", yaml("b")), b),
        read("a YAML directive", format!("%YAML 1.2\n---\n{}", yaml("b")), "exit"),
        read("anchors", "apiVersion: v1\nkind: Secret\nmetadata: &m {name: b, namespace: team}\nstringData: {k: &v some-value, l: *v}\n".to_owned(), "[seal for team/b: \"some-value\"]"),
        read("merge keys", "apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team}\nstringData:\n  <<: {k: value-of-b}\n  l: another-value\n".to_owned(), b),
        read("kind and apiVersion may be missing", "metadata: {name: b, namespace: team}\nstringData: {k: value-of-b}\n".to_owned(), b),
        read("fields that nobody knows are dropped", yaml("b") + "frobnicate: {a: 1}\nstatus: {}\n", b),
        seal("several documents from a file", &["-f", "in.yaml", "-o", "yaml"])
            .file("in.yaml", format!("{}---\n{}", yaml("a"), yaml("b")))
            .gives(b),
        seal("a pipe as a file", &["-f", "/dev/stdin"]).stdin(yaml("b")).gives(b),
        seal("no input", &[]).stdin("").gives(NONE),
        seal("blank input", &[]).stdin("\n \n").gives(NONE),
        seal("separators only", &[]).stdin("---\n---\n").gives(NONE),
        seal("a comment only", &[]).stdin("# nothing\n").gives(NONE),
        seal("null", &[]).stdin("null\n").gives("exit 1\n"),
        seal("an empty object", &[]).stdin("{}").gives("exit 1\n"),
        seal("UTF-16 as PowerShell writes it", &[])
            .stdin(utf16(&yaml("b"), u16::to_le_bytes))
            .differs_wholly("utf-16-input", NONE, b),
        seal("UTF-16 with the other byte order", &[])
            .stdin(utf16(&yaml("b"), u16::to_be_bytes))
            .gives(b),
        seal("a List of Secrets", &[])
            .stdin(format!("{{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [{}, {}]}}", secret("a"), secret("b")))
            .differs_wholly("list-input", "error: secret.data is empty", b),
        seal("a SecretList", &[])
            .stdin(format!("{{\"kind\": \"SecretList\", \"apiVersion\": \"v1\", \"items\": [{}]}}", secret("b")))
            .differs_wholly("list-input", "error: secret.data is empty", b),
        seal("a ConfigMap", &[])
            .stdin("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {k: dmFsdWU=}\n")
            .differs_wholly("not-a-secret", "exit 0\n", "error: expected a Secret, found ConfigMap\n"),
        seal("a SealedSecret", &[])
            .stdin(SEALED)
            .differs_wholly("not-a-secret", "error: secret.data is empty", "error: expected a Secret, found SealedSecret\n"),
        seal("a Secret of another version", &[])
            .stdin("apiVersion: v2\nkind: Secret\nmetadata: {name: c, namespace: team}\ndata: {k: dmFsdWU=}\n")
            .differs_wholly("not-a-secret", "exit 0\n", "error: expected a Secret, found a Secret of v2\n"),
    ]
}

const NONE: &str = "error: no secrets found. Ensure the input is valid and UTF-8 encoded\n";

/// The cases of upstream's own tests of its splitter, and more.
fn separators() -> Vec<Row> {
    let two = |name: &str, separator: &str| {
        seal(name, &["-o", "yaml"])
            .stdin(format!("{}{separator}{}", yaml("a"), yaml("b")))
            .gives("[seal for team/a: \"value-of-a\"]")
    };
    vec![
        two("a separator", "---\n"),
        two("a separator with a blank behind it", "--- \n"),
        two("a separator with a comment", "--- # next\n"),
        two("two separators", "---\n---\n"),
        two("a separator and blank lines", "\n---\n\n"),
        two("a separator with CRLF", "---\r\n"),
        seal("a file that begins with a separator", &[]).stdin(format!("---\n{}", yaml("b"))).gives("exit 0\n"),
        seal("a file that begins with a separator and a blank", &[])
            .stdin(format!("--- \n{}", yaml("b")))
            .gives("exit 0\n"),
        seal("a file that ends with a separator", &[]).stdin(format!("{}---\n", yaml("b"))).gives("exit 0\n"),
        seal("an indented separator is text", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team}\nstringData:\n  k: |\n    one\n    ---\n    two\n")
            .gives("[seal for team/b: \"one\\n---\\ntwo\\n\"]"),
        seal("a separator inside a word is text", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team}\nstringData:\n  k: a---b\n")
            .gives("\"a---b\""),
        seal("four hyphens are no separator", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team}\nstringData:\n  k: |\n    x\n  l: ----\n")
            .gives("\"----\""),
    ]
}

fn values() -> Vec<Row> {
    let data = |name: &str, data: &str, gives: &str| {
        seal(name, &[])
            .stdin(format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: b, namespace: team}}\n{data}\n"
            ))
            .gives(gives)
    };
    vec![
        data("base64 with line breaks", "data:\n  k: |\n    aGVs\n    bG8=\n", "\"hello\""),
        data("base64 with bits left over", "data: {k: aGVsbG9=}", "[seal for team/b: \"hello\"]"),
        data("base64 with a space", "data:\n  k: >-\n    aGVs\n    bG8=\n", "error: ").differs_wholly("library-texts", "error: ", "error: the value of data.k is not valid base64: it contains a space\n"),
        data("base64 that is binary", "data: {k: //79}", "exit 0\n"),
        data("base64 that is wrong", "data: {k: '%%%'}", "error: ").differs_wholly("library-texts", "error: ", "error: the value of data.k is not valid base64\n"),
        data("base64 without its padding", "data: {k: aGVsbG8}", "error: ").differs_wholly("library-texts", "error: ", "error: the value of data.k is not valid base64\n"),
        data("an empty value", "data: {k: ''}", "[seal for team/b: \"\"]"),
        data("a null value", "data: {k: null}", "[seal for team/b: \"\"]"),
        data("a null value in stringData", "stringData: {k: null}", "[seal for team/b: \"\"]"),
        data("data is null", "data: null\nstringData: {k: a-value}", "\"a-value\""),
        data("stringData wins over data", "data: {k: b2xk}\nstringData: {k: newer}", "\"newer\""),
        data("a value without quotes that Go keeps", "stringData: {port: 5432, debug: true, commit: 62e1234, half: 1.5}", "[seal for team/b: \"62e1234\"]"),
        seal("values without quotes in JSON", &[])
            .stdin("{\"metadata\": {\"name\": \"b\", \"namespace\": \"team\"}, \"stringData\": {\"port\": 5432, \"on\": true}}")
            .gives("[seal for team/b: \"5432\"]"),
        data("a number under data", "data: {k: 1234}", "error: ")
            .differs_wholly("library-texts", "error: ", "error: the field data.k has the wrong type\n"),
        data("a value without quotes that is a number", "stringData: {k: 0123}", "exit")
            .differs_wholly("unquoted-scalar", "[seal for team/b: \"83\"]", "error: document 1: YAML would change the text of stringData.k at line 4\n"),
        data("a value without quotes that is a boolean", "stringData: {k: yes}", "exit")
            .differs_wholly("unquoted-scalar", "[seal for team/b: \"true\"]", "error: document 1: YAML would change the text of stringData.k at line 4\n"),
        data("an item's name without quotes that Go keeps", "stringData: {8080: some-value}", "\"8080\": "),
        data("an item's name without quotes that is a boolean", "stringData: {on: some-value}", "exit")
            .differs_wholly("unquoted-scalar", "\"true\": ", "error: document 1: YAML would change the text of stringData.on at line 4\n"),
        seal("labels and annotations without quotes", &["-o", "yaml"])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata:\n  name: b\n  namespace: team\n  labels: {pin: 017, on: yes}\n  annotations: {argocd.argoproj.io/sync-wave: -1, port: 9090, empty: ~}\nstringData: {k: a-value}\n")
            .gives("argocd.argoproj.io/sync-wave: \"-1\"\n"),
        data("a field with another capital letter", "StringData: {k: a-value}", "[seal for team/b: \"a-value\"]")
            .differs_wholly("field-case", "exit 0\n", "error: there is no field StringData: it is called stringData\n"),
        data("a line separator in a comment", "# a\u{2028}  hidden: b\nstringData: {k: a-value}", "exit")
            .differs_wholly("hidden-line-break", "exit", "error: line 4 holds U+2028, which some readers of YAML take for the end of the line\n"),
        data("an item's name with dots and dashes", "stringData: {a.b-c_d: some-value}", "\"some-value\""),
        data("an item's name that no Secret can have", "stringData: {'a b': some-value}", "exit 0\n"),
        data("a type and immutable", "type: a/b\nimmutable: false\nstringData: {k: some-value}", "\"type\": \"a/b\""),
        seal("creationTimestamp: null", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: team, creationTimestamp: null}\nstringData: {k: a-value}\n")
            .gives("exit 0\n"),
        seal("a name in upper case", &[])
            .stdin("{\"metadata\": {\"name\": \"testSecret\", \"namespace\": \"team\"}, \"stringData\": {\"k\": \"a-value\"}}")
            .gives("[seal for team/testSecret: "),
        seal("no name", &[])
            .stdin("{\"metadata\": {\"namespace\": \"team\"}, \"stringData\": {\"k\": \"a-value\"}}")
            .gives("error: missing metadata.name in input Secret\n"),
        seal("an empty name", &[])
            .stdin("{\"metadata\": {\"name\": \"\", \"namespace\": \"team\"}, \"stringData\": {\"k\": \"a-value\"}}")
            .gives("error: missing metadata.name in input Secret\n"),
        seal("an empty namespace is none", &["--kubeconfig", "config"])
            .file("config", CONTEXTS)
            .stdin("{\"metadata\": {\"name\": \"b\", \"namespace\": \"\"}, \"stringData\": {\"k\": \"a-value\"}}")
            .gives("[seal for ctx/b: "),
        seal("a slash in the name", &[])
            .stdin("{\"metadata\": {\"name\": \"a/b\", \"namespace\": \"team\"}, \"stringData\": {\"k\": \"a-value\"}}")
            .differs_wholly("slash-in-name", "exit 0\n", "error: the name contains a '/'\n"),
        seal("--name with several Secrets", &["--name", "same"])
            .stdin(format!("{}\n{}", secret("a"), secret("b")))
            .differs_wholly("same-name", "exit 0\n", "error: --name would give several Secrets of the input the same name\n"),
    ]
}

fn odd() -> Vec<Row> {
    let broken = "apiVersion: v1\nkind: [Secret\n";
    let many: String = (0..2_000)
        .map(|number| format!("- {{apiVersion: v1, kind: Secret, metadata: {{name: n-{number}, namespace: team, labels: *l}}, stringData: {{}}}}\n"))
        .collect();
    let aliases: String = (0..121)
        .map(|number| format!("  k{number}: *v\n"))
        .collect();
    vec![
        seal("a hundred and more aliases of one anchor", &[])
            .stdin(format!("metadata: {{name: b, namespace: team}}\nstringData:\n  v: &v some-value\n{aliases}"))
            .gives("exit 0\n"),
        seal("a List of thousands", &["--allow-empty-data"])
            .stdin(format!("kind: List\nitems:\n- {{kind: Secret, metadata: {{name: first, namespace: team, labels: &l {{a: b}}}}}}\n{many}"))
            .differs_wholly("list-input", "exit 1\n", "exit 0\n"),
        seal("the source of a template", &[])
            .stdin("{{- if .Values.x }}\nkind: Secret\n{{- end }}\n")
            .differs_wholly("broken-document", "exit 1\n", ": this looks like a template\n"),
        seal("a broken document among good ones", &[])
            .stdin(format!("{}---\n{broken}---\n{}", yaml("a"), yaml("b")))
            .differs_wholly("broken-document", "exit 0\n", "error: document 2: not valid YAML"),
        seal("a broken document alone", &[])
            .stdin(broken)
            .differs_wholly("broken-document", NONE, "error: document 1: not valid YAML"),
        seal("words instead of a manifest", &[])
            .stdin("just words\n")
            .differs_wholly("broken-document", NONE, "error: the document is not an object\n"),
        seal("a sequence instead of a manifest", &[])
            .stdin("- a\n- b\n")
            .differs_wholly("broken-document", NONE, "error: the document is not an object\n"),
        seal("bytes that are no UTF-8", &[])
            .stdin(b"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {k: \xff\xfe}\n")
            .differs_wholly("broken-document", NONE, "error: the input is not UTF-8 text\n"),
        seal("a field of the wrong shape", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: [a]\nstringData: {k: a-value}\n")
            .differs_wholly("library-texts", "error: error unmarshaling JSON: ", "error: the field metadata has the wrong type\n"),
        row("no document with --validate", &["--validate"])
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin("")
            .differs_wholly("no-document", "exit 0\n", "exit 1\n"),
        row("no document with --re-encrypt", &["--re-encrypt"])
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin("---\n")
            .differs_wholly("no-document", "exit 0\nstdout: nothing\n", "exit 1\n"),
        seal("levels without end", &[])
            .stdin(format!("{{\"metadata\": {{\"name\": \"a\", \"namespace\": \"b\"}}, \"stringData\": {{\"k\": \"a-value\"}}, \"x\": {}1{}}}", "[".repeat(200), "]".repeat(200)))
            .differs_wholly("input-limits", "exit 0\n", "exit 1\n"),
        seal("a value of a megabyte", &[])
            .stdin(format!("{{\"metadata\": {{\"name\": \"a\", \"namespace\": \"b\"}}, \"stringData\": {{\"k\": \"{}\"}}}}", "x".repeat(1_000_000)))
            .gives("exit 0\n"),
        seal("a namespace in a manifest that is followed by nothing", &[])
            .stdin(HOMED.trim_end())
            .gives("exit 0\n"),
    ]
}

fn endless() -> Vec<Row> {
    let end = |name: &str, row: Row| row.endless().named(name);
    vec![
        end("-f with a folder", seal("", &["-f", "sub"]).folder("sub")).differs_wholly(
            "endless-input",
            "does not end\n",
            "exit 1\n",
        ),
        end(
            "JSON, JSON, then a syntax error",
            seal("", &[]).stdin(format!("{}\n{}\n{{\"a\": ,}}", secret("a"), secret("b"))),
        )
        .differs_wholly("endless-input", "does not end\n", "exit 1\n"),
        end(
            "a stray brace behind JSON",
            seal("", &[]).stdin(format!("{}}}\n", secret("a"))),
        )
        .differs_wholly("endless-input", "does not end\n", "exit 1\n"),
        end("a brace alone", seal("", &[]).stdin("{")).differs_wholly(
            "endless-input",
            "does not end\n",
            "exit 1\n",
        ),
    ]
}
