//! `--raw`.

use super::CONTEXTS;
use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [scopes(), inputs()].concat()
}

/// The fourteen combinations of upstream's own test: namespace and name given or not, for each way to say the scope.
fn scopes() -> Vec<Row> {
    let mut rows = Vec::new();
    let ways: &[(&[&str], &str)] = &[
        (&[], "strict"),
        (&["--scope=strict"], "strict"),
        (&["--scope=namespace-wide"], "namespace-wide"),
        (&["--scope=cluster-wide"], "cluster-wide"),
    ];
    let given: &[&[&str]] = &[
        &["-n", "team", "--name", "db"],
        &["-n", "team"],
        &["--name", "db"],
        &[],
    ];
    for (way, scope) in ways {
        for names in given {
            let arguments = [&["--raw"], *way, *names].concat();
            let namespace = if names.contains(&"team") {
                "team"
            } else {
                "ctx"
            };
            let gives = match *scope {
                "strict" if !names.contains(&"db") => {
                    "error: must provide the --name flag with --raw and --scope strict\n".to_owned()
                }
                "strict" => format!("[seal for {namespace}/db: \"hunter2\"]"),
                "namespace-wide" => format!("[seal for {namespace}: \"hunter2\"]"),
                _ => "[seal for the cluster: \"hunter2\"]".to_owned(),
            };
            rows.push(
                seal(&format!("only {}", arguments.join(" ")), &arguments)
                    .file("config", CONTEXTS)
                    .env("KUBECONFIG", "config")
                    .stdin("hunter2")
                    .label("team/db")
                    .label("ctx/db")
                    .label("team")
                    .label("ctx")
                    .gives(&gives),
            );
        }
    }
    rows
}

fn inputs() -> Vec<Row> {
    let raw = |name: &str, arguments: &[&str]| {
        seal(
            name,
            &[&["--raw", "--scope=cluster-wide"], arguments].concat(),
        )
    };
    vec![
        raw("--raw keeps a line end", &[])
            .stdin("a\n")
            .gives("\"a\\n\"][no line end]"),
        raw("--raw of nothing", &[])
            .stdin("")
            .gives("[seal for the cluster: \"\"]"),
        Row { stdin: crate::row::Stdin::Null, ..raw("--raw of /dev/null", &[]) }.gives("[seal for the cluster: \"\"]"),
        raw("--raw of bytes", &[])
            .stdin(b"\x00\xff\x80")
            .gives("exit 0\n"),
        raw("--from-file=/dev/stdin", &["--from-file=/dev/stdin"])
            .stdin("x")
            .gives("cluster: \"x\"]"),
        raw("--from-file that is missing", &["--from-file=missing"])
            .gives("error: open missing: no such file or directory\n"),
        raw(
            "--from-file that is missing, with the item's name",
            &["--from-file=a=missing"],
        )
        .gives("error: open missing: no such file or directory\n"),
        raw("--from-file that is a folder", &["--from-file=sub"])
            .folder("sub")
            .gives("error: read sub: is a directory\n"),
        raw("--from-file with two equals signs", &["--from-file=a=b=c"])
            .file("b=c", "x")
            .gives("cluster: \"x\"]"),
        raw("--from-file with a hyphen", &["--from-file=-"])
            .gives("error: open -: no such file or directory\n"),
        raw("-o is ignored with --raw", &["-o", "yaml"])
            .stdin("x")
            .gives("exit 0\n"),
        row(
            "--raw with the cluster's certificate",
            &["--raw", "--name", "db", "-n", "team"],
        )
        .env("KUBECONFIG", "{kubeconfig}")
        .stdin("x")
        .label("team/db")
        .gives("[seal for team/db: \"x\"]"),
        row(
            "--raw, strict, without any kubeconfig",
            &["--raw", "--cert", "{k}/seal.crt", "--name", "db"],
        )
        .stdin("x")
        .gives("exit 1\n"),
        row(
            "--raw with a wide scope and without any kubeconfig",
            &["--raw", "--cert", "{k}/seal.crt", "--scope=cluster-wide"],
        )
        .stdin("x")
        .gives("exit 0\n"),
        row(
            "--raw with -n and without any kubeconfig",
            &[
                "--raw",
                "--cert",
                "{k}/seal.crt",
                "-n",
                "team",
                "--name",
                "db",
            ],
        )
        .stdin("x")
        .label("team/db")
        .gives("[seal for team/db: \"x\"]"),
        row(
            "--raw with a kubeconfig that is missing",
            &[
                "--raw",
                "--cert",
                "{k}/seal.crt",
                "--name",
                "db",
                "--kubeconfig",
                "missing",
            ],
        )
        .stdin("x")
        .gives("error: stat missing: no such file or directory\n"),
        row(
            "--raw with a context that is missing",
            &[
                "--raw",
                "--cert",
                "{k}/seal.crt",
                "--name",
                "db",
                "--context",
                "nosuch",
            ],
        )
        .file("config", CONTEXTS)
        .env("KUBECONFIG", "config")
        .stdin("x")
        .gives("error: invalid configuration: [context was not found for specified context: nosuch, cluster has no server defined]\n"),
        row(
            "--raw with a name that no object can have",
            &[
                "--raw",
                "--cert",
                "{k}/seal.crt",
                "--name",
                "A_b",
                "-n",
                "team",
            ],
        )
        .stdin("x")
        .label("team/A_b")
        .gives("[seal for team/A_b: \"x\"]"),
        row(
            "--raw with a slash in the name",
            &[
                "--raw",
                "--cert",
                "{k}/seal.crt",
                "--name",
                "a/b",
                "-n",
                "team",
            ],
        )
        .stdin("x")
        .differs_wholly(
            "slash-in-name",
            "exit 0\n",
            "error: the name contains a '/'\n",
        ),
    ]
}
