//! How results are written: layout, escapes, files, modes.

use super::{HOMED, HOMELESS, SEALED};
use crate::row::{Row, SECRET, row, seal};

const TWO: &str = "apiVersion: v1
kind: Secret
metadata: {name: one, namespace: team}
stringData: {a: 'value-of-one'}
---
apiVersion: v1
kind: Secret
metadata: {name: two, namespace: team}
stringData: {b: 'value-of-two'}
";

pub(super) fn rows() -> Vec<Row> {
    [texts(), files()].concat()
}

fn texts() -> Vec<Row> {
    let yaml = |name: &str, secret: &str| {
        seal(name, &["-o", "yaml"])
            .stdin(secret)
            .gives("stdout:\n---\n")
    };
    let json = |name: &str, secret: &str| seal(name, &[]).stdin(secret).gives("stdout:\n{\n");
    vec![
        json("fields are in upstream's order in JSON", FULL).gives("\"immutable\": true"),
        yaml("keys are sorted in YAML", FULL).gives("immutable: true"),
        json("two Secrets in JSON", TWO).gives("}\n{\n"),
        yaml("two Secrets in YAML", TWO).gives("namespace: team\n---\napiVersion"),
        json("no namespace and cluster-wide", CLUSTER_WIDE).gives("for the cluster: "),
        yaml("no namespace and cluster-wide, in YAML", CLUSTER_WIDE).gives("for the cluster: "),
        json("text beyond ASCII in JSON", UNICODE).gives("ü"),
        yaml("text beyond ASCII in YAML", UNICODE).gives("ü"),
        yaml("texts that YAML must quote", QUOTED).differs_wholly("yaml-style", "d: ' lead'\n", "d: \" lead\"\n"),
        json("line separators are escaped in JSON", "{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\", \"annotations\": {\"x\": \"\\u2028<>&\"}}, \"stringData\": {\"k\": \"a-long-value\"}}")
            .gives("\\u2028\\u003c\\u003e\\u0026"),
        yaml("several lines in an annotation", "{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\", \"annotations\": {\"x\": \"one\\ntwo\\n\", \"y\": \"one\\ntwo\"}}, \"stringData\": {\"k\": \"a-long-value\"}}")
            .differs_wholly("yaml-style", "x: |\n          one\n          two\n", "x: \"one\\ntwo\\n\"\n"),
        yaml("a long annotation", &format!("{{\"metadata\": {{\"name\": \"a\", \"namespace\": \"b\", \"annotations\": {{\"x\": \"{}\"}}}}, \"stringData\": {{\"k\": \"a-long-value\"}}}}", "word ".repeat(60)))
            .differs_wholly("yaml-style", "x: 'word word", "x: \"word word"),
        seal("a first Secret is printed before a bad second one", &[])
            .stdin("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}, \"stringData\": {\"k\": \"a-long-value\"}}\n{\"metadata\": {\"name\": \"c\", \"namespace\": \"b\"}}")
            .differs_wholly(
                "all-or-nothing",
                "exit 1\nstdout:\n{\n",
                "exit 1\nstdout: nothing\nstderr:\nerror: document 2: secret.data is empty",
            ),
    ]
}

const FULL: &str = "apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: team
  labels: {zeta: z, alpha: a}
  annotations: {zeta: z, alpha: a}
  finalizers: [example.com/keep]
type: kubernetes.io/basic-auth
immutable: true
stringData: {zeta: 'last-value', alpha: 'first-value', 'with.dot': 'a-dotted-value'}
";

const CLUSTER_WIDE: &str = "apiVersion: v1
kind: Secret
metadata:
  name: db
  annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}
stringData: {password: hunter2}
";

const UNICODE: &str = "apiVersion: v1
kind: Secret
metadata: {name: db, namespace: team, annotations: {who: 'Jürgen ✓ 日本'}}
stringData: {password: 'grün-und-blau'}
";

const QUOTED: &str = "apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: team
  annotations: {a: 'true', b: '12', c: '', d: ' lead', e: 'null', f: '1e3', g: '#x', h: 'a: b', i: '- x', j: '0x1f', k: 'yes', l: '~', m: '*x', o: '!x', p: '%x', q: '@x', r: '2020-01-01', s: '\"', t: \"'\", u: 'a #b', v: '=', w: '<<'}
stringData: {password: hunter2}
";

fn files() -> Vec<Row> {
    const MODE: &str = "output-file-mode";
    let old = "old content\n";
    vec![
        seal(
            "-w with .yaml forces YAML",
            &["-w", "out.yaml", "-o", "json"],
        )
        .gives("\n---\napiVersion")
        .differs(MODE, "file out.yaml 0600", "file out.yaml 0644"),
        seal("-w with .yml forces YAML", &["-w", "out.yml"])
            .gives("\n---\napiVersion")
            .differs(MODE, "file out.yml 0600", "file out.yml 0644"),
        seal(
            "-w with .json forces nothing",
            &["-w", "out.json", "-o", "yaml"],
        )
        .gives("\n---\napiVersion")
        .differs(MODE, "file out.json 0600", "file out.json 0644"),
        seal("-w with .YAML forces nothing", &["-w", "out.YAML"])
            .gives("\n{\n")
            .differs(MODE, "file out.YAML 0600", "file out.YAML 0644"),
        seal("-w over a file", &["-w", "out"])
            .file("out", old)
            .gives("stdout: nothing\n")
            .differs(MODE, "file out 0600", "file out 0644"),
        seal("-w over a file of its owner's alone", &["-w", "out"])
            .file_with_mode("out", old, 0o600)
            .gives("file out 0600:\n{\n"),
        seal("-w over a file that its group may write", &["-w", "out"])
            .file_with_mode("out", old, 0o664)
            .differs(MODE, "file out 0600", "file out 0664"),
        seal("-w with a strict umask", &["-w", "out"])
            .umask("077")
            .gives("file out 0600"),
        seal("-w over a link", &["-w", "out"])
            .file("real", old)
            .link("out", "real")
            .gives("unchanged real\n")
            .differs(MODE, "file out 0600", "file out 0644"),
        seal("-w over a link to nothing", &["-w", "out"])
            .link("out", "missing")
            .differs(MODE, "file out 0600", "file out 0644"),
        seal("-w over a link to a folder", &["-w", "out"])
            .folder("sub")
            .link("out", "sub")
            .differs(MODE, "file out 0600", "file out 0644"),
        seal("-w over a link out of the folder", &["-w", "sub/out"])
            .file("real", old)
            .folder("sub")
            .link("sub/out", "../real")
            .gives("unchanged real\n")
            .differs(MODE, "file sub/out 0600", "file sub/out 0644"),
        seal("-w behind a link to a folder", &["-w", "to/out"])
            .folder("sub")
            .link("to", "sub")
            .differs(MODE, "file sub/out 0600", "file sub/out 0644"),
        seal(
            "-w behind a link to a folder that leads out",
            &["-w", "sub/to/out"],
        )
        .folder("sub")
        .folder("other")
        .link("sub/to", "../other")
        .differs_wholly(
            "link-out-of-repository",
            "file other/out 0600:\n",
            "error: open sub/to/out: a symbolic link leads out of the folder {folder}/sub\n",
        ),
        seal("-w over a script", &["-w", "out"])
            .file_with_mode("out", "#!/bin/sh\n", 0o755)
            .differs(MODE, "file out 0600", "file out 0644"),
        seal("-w over a SealedSecret that is executable", &["-w", "out"])
            .file_with_mode("out", SEALED, 0o755)
            .differs(MODE, "file out 0600", "file out 0755"),
        seal("-w below .git", &["-w", ".git/out"])
            .folder(".git")
            .differs_wholly(
                "git-folder",
                "file .git/out 0600:\n",
                "error: open .git/out: it is in a folder of git's own\n",
            ),
        seal("-w in a folder", &["-w", "sub/out"])
            .folder("sub")
            .differs(MODE, "file sub/out 0600", "file sub/out 0644"),
        seal(
            "--sealed-secret-file empty is stdout",
            &["--sealed-secret-file="],
        )
        .gives("stdout:\n{\n"),
        seal("-w that is a folder", &["-w", "sub"])
            .folder("sub")
            .differs_wholly(
                "output-error-ignored",
                "exit 0\n",
                "error: open sub: is a directory\n",
            ),
        seal("-w in a folder that is missing", &["-w", "missing/out"]).differs(
            "temporary-file",
            "open missing/.out#:",
            "open missing/out:",
        ),
        seal("-w keeps the old file when sealing fails", &["-w", "out"])
            .file("out", old)
            .stdin("{\"metadata\": {\"name\": \"x\", \"namespace\": \"y\"}}")
            .gives("unchanged out")
            .env("TMPDIR", "{folder}/tmp")
            .folder("tmp")
            .differs("temporary-file", "file tmp/.out# 0600: nothing\n", ""),
        seal("-w for a certificate", &["--fetch-cert", "-w", "out.pem"])
            .gives("-----BEGIN CERTIFICATE")
            .differs(MODE, "file out.pem 0600", "file out.pem 0644"),
        seal(
            "-w for a raw value",
            &["--raw", "--scope=cluster-wide", "-w", "out"],
        )
        .stdin("x")
        .gives("[seal for the cluster: \"x\"]")
        .differs(MODE, "file out 0600", "file out 0644"),
        seal(
            "-w and -f are the same file",
            &["-f", "same.yaml", "-w", "same.yaml"],
        )
        .file("same.yaml", SECRET)
        .gives("\n---\napiVersion")
        .differs(MODE, "file same.yaml 0600", "file same.yaml 0644"),
        row(
            "a file that is in TMPDIR's way",
            &["--cert", "{k}/seal.crt", "-w", "out"],
        )
        .env("TMPDIR", "{folder}/tmp")
        .folder("tmp")
        .stdin(HOMED)
        .differs(MODE, "file out 0600", "file out 0644"),
        seal(
            "-o yaml needs no namespace for cluster-wide",
            &["-o", "yaml", "--scope", "cluster-wide"],
        )
        .stdin(HOMELESS)
        .gives("[seal for the cluster: "),
    ]
}
