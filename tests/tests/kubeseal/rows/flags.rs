//! Upstream's own flags: what each does, its short form, its default, and how flags are written.

use super::{CONTEXTS, EMPTY, HOMED, HOMELESS, SEALED};
use crate::row::{Row, SECRET, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [meaning(), writing()].concat()
}

fn meaning() -> Vec<Row> {
    vec![
        seal("--cert FILE", &[]).gives("[seal for team/db: \"hunter2-long\"]"),
        row("--cert is the cluster's by default", &[])
            .stdin(HOMELESS)
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("[seal for default/db: \"hunter2\"]"),
        row("--controller-name", &["--controller-name", "nosuch"])
            .stdin(HOMELESS)
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("error: cannot get sealed secret service: services \"nosuch\" not found.\n"),
        row("--controller-namespace", &["--controller-namespace", "default"])
            .stdin(HOMELESS)
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("services \"sealed-secrets-controller\" not found.\nPlease, use the flag"),
        seal("--format json", &["--format", "json"]).gives("stdout:\n{\n  \"kind\""),
        seal("--format yaml", &["--format", "yaml"]).gives("stdout:\n---\napiVersion:"),
        seal("-o yaml", &["-o", "yaml"]).gives("stdout:\n---\napiVersion:"),
        seal("--format in upper case", &["--format", "YaML"]).gives("stdout:\n---\n"),
        seal("--format JSON in upper case", &["--format", "JSON"]).gives("stdout:\n{\n"),
        seal("--format empty is json", &["--format="]).gives("stdout:\n{\n"),
        seal("--format unknown", &["--format", "toml"])
            .gives("error: unsupported output format: toml\n"),
        seal("--sealed-secret-file", &["--sealed-secret-file", "out"])
            .gives("stdout: nothing\n")
            .differs("output-file-mode", "file out 0600", "file out 0644"),
        seal("-w", &["-w", "out.json"])
            .gives("\n{\n  \"kind\"")
            .differs("output-file-mode", "file out.json 0600", "file out.json 0644"),
        row("-f - is stdin", &["--cert", "{k}/seal.crt", "-f", "-"])
            .stdin(SECRET)
            .differs_wholly(
                "dash-input",
                "error: Could not read file specified with --secret-file\n",
                "exit 0\nstdout:\n{\n",
            ),
        row("-f - is a file that is called so", &["--cert", "{k}/seal.crt", "-f", "-"])
            .file("-", SECRET)
            .gives("exit 0\n"),
        row("--secret-file", &["--cert", "{k}/seal.crt", "--secret-file", "in.yaml"])
            .file("in.yaml", HOMED)
            .gives("[seal for home/db: \"hunter2\"]"),
        row("-f", &["--cert", "{k}/seal.crt", "-f", "in.yaml"])
            .file("in.yaml", HOMED)
            .stdin("what stdin holds is not read")
            .gives("[seal for home/db: \"hunter2\"]"),
        row("--fetch-cert", &["--fetch-cert"])
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("stdout:\n-----BEGIN CERTIFICATE-----"),
        row("--fetch-cert with --cert", &["--fetch-cert", "--cert", "{k}/two.crt"])
            .gives("-----BEGIN CERTIFICATE-----"),
        seal("--allow-empty-data is off by default", &[])
            .stdin(EMPTY)
            .gives("error: secret.data is empty in input Secret, assuming this is an error"),
        seal("--allow-empty-data", &["--allow-empty-data"])
            .stdin(EMPTY)
            .gives("\"encryptedData\": {}"),
        row("--validate", &["--validate"])
            .stdin(SEALED)
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("exit 0\nstdout: nothing\nstderr: nothing\n"),
        row("--re-encrypt", &["--re-encrypt"])
            .stdin(SEALED)
            .env("KUBECONFIG", "{kubeconfig}")
            .gives("[seal for team/db: \"hunter2\"]"),
        row("--rotate is --re-encrypt with a notice", &["--rotate"])
            .stdin(SEALED)
            .env("KUBECONFIG", "{kubeconfig}")
            .differs(
                "rotate-notice",
                "stdout:\nFlag --rotate has been deprecated, please use --re-encrypt instead\n{",
                "stdout:\n{",
            ),
        row("--recovery-unseal", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key"])
            .stdin(SEALED)
            .gives("\"password\": \"aHVudGVyMg==\"").differs("recovery-output", super::OWNER_JSON, "\n  },\n  \"data\""),
        seal("--merge-into", &["--merge-into", "sealed", "-o", "yaml"]).file("sealed", SEALED).stdin("{\"stringData\": {\"user\": \"alice\"}}").gives("stdout: nothing").differs("merge-format", "file sealed 0644:\n---\n", "file sealed 0644:\n"),
        seal("--raw", &["--raw", "--name", "db", "-n", "team"])
            .stdin("hunter2\n")
            .label("team/db")
            .gives("[seal for team/db: \"hunter2\\n\"][no line end]"),
        seal("--name replaces the Secret's own", &["--name", "other"])
            .gives("[seal for team/other: "),
        seal("--name empty keeps the Secret's own", &["--name="]).gives("[seal for team/db: "),
        seal("--from-file", &["--raw", "--scope", "cluster-wide", "--from-file", "value"])
            .file("value", "hunter2")
            .gives("[seal for the cluster: \"hunter2\"]"),
        seal("--from-file with the item's name", &["--raw", "--scope", "cluster-wide", "--from-file=a=value"])
            .file("value", "hunter2")
            .gives("[seal for the cluster: \"hunter2\"]"),
        seal("--kubeconfig", &["--kubeconfig", "config"])
            .file("config", CONTEXTS)
            .stdin(HOMELESS)
            .gives("[seal for ctx/db: "),
        seal("--scope strict", &["--scope", "strict"]).gives("[seal for team/db: "),
        seal("--scope namespace-wide", &["--scope", "namespace-wide"]).gives("[seal for team: "),
        seal("--scope cluster-wide", &["--scope", "cluster-wide"]).gives("[seal for the cluster: "),
        seal("--scope empty is strict", &["--scope="]).gives("[seal for team/db: "),
        seal("--scope unknown", &["--scope", "galaxy"]).differs_wholly(
            "parse-errors-on-stderr",
            "exit 2\nstdout:\n[flags]\ninvalid argument \"galaxy\" for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: invalid argument \"galaxy\" for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide\n",
        ),
        row("--version", &["--version"]).gives("exit 0\nstdout:\nkubeseal version: 0.40.0\n"),
        row("--version wins over --help", &["--help", "--version"])
            .gives("exit 0\nstdout:\nkubeseal version: 0.40.0\n"),
        row("--version wins over all modes", &["--raw", "--validate", "--from-file=a", "--version"])
            .gives("exit 0\nstdout:\nkubeseal version: 0.40.0\n"),
        row("--help", &["--help"]).differs_wholly(
            "help-text",
            "[flags]\n",
            "exit 0\nstdout:\nSeal Kubernetes Secrets",
        ),
        row("-h", &["-h"]).differs_wholly(
            "help-text",
            "[flags]\n",
            "exit 0\nstdout:\nSeal Kubernetes Secrets",
        ),
        row("--help=false goes on", &["--help=false", "--cert", "{k}/seal.crt"])
            .stdin(HOMED)
            .gives("[seal for home/db: "),
    ]
}

fn writing() -> Vec<Row> {
    let usage = |name: &str, arguments: &[&str], theirs: &'static str, ours: &'static str| {
        row(name, arguments).differs_wholly("parse-errors-on-stderr", theirs, ours)
    };
    vec![
        seal("--flag=value", &["--format=yaml", "--name=x"]).gives("[seal for team/x: "),
        seal("-oyaml in one word", &["-oyaml"]).gives("stdout:\n---\n"),
        seal("-o=yaml", &["-o=yaml"]).gives("stdout:\n---\n"),
        seal("a repeated flag's last value wins", &["-o", "yaml", "--format", "json", "--name", "a", "--name", "b"])
            .gives("[seal for team/b: "),
        row("a repeated --cert", &["--cert", "missing", "--cert", "{k}/seal.crt"])
            .stdin(HOMED)
            .gives("[seal for home/db: "),
        seal("a repeated boolean's last value wins", &["--allow-empty-data", "--allow-empty-data", "--allow-empty-data=false"])
            .stdin(EMPTY)
            .gives("error: secret.data is empty"),
        seal("a repeated -n", &["-n", "stale", "-n", "team"]).gives("[seal for team/db: "),
        seal("a repeated --kubeconfig", &["--kubeconfig", "nosuch", "--kubeconfig", "config"])
            .file("config", CONTEXTS)
            .stdin(HOMELESS)
            .gives("[seal for ctx/db: "),
        seal("a repeated --scope", &["--scope", "cluster-wide", "--scope", "namespace-wide"])
            .gives("[seal for team: "),
        seal("a value that begins with a hyphen", &["--name", "-x"]).gives("[seal for team/-x: "),
        seal("a value that looks like a flag", &["--name", "--raw"]).gives("[seal for team/--raw: "),
        seal("a short flag's value that begins with a hyphen", &["-n", "-x"])
            .stdin(HOMELESS)
            .gives("[seal for -x/db: "),
        seal("a value that is -1", &["--name", "-1"]).gives("[seal for team/-1: "),
        seal("--from-file twice", &["--raw", "--scope=cluster-wide", "--from-file=a", "--from-file=b"])
            .gives("error: must provide only one --from-file when encrypting a single item with --raw\n"),
        seal("--from-file splits at commas", &["--raw", "--scope=cluster-wide", "--from-file=a,b"])
            .gives("error: must provide only one --from-file"),
        usage(
            "an unknown flag",
            &["--frobnicate"],
            "exit 2\nstdout:\n[flags]\nunknown flag: --frobnicate\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: unknown flag: --frobnicate\n",
        ),
        usage(
            "an unknown short flag",
            &["-z"],
            "exit 2\nstdout:\n[flags]\nunknown shorthand flag: 'z' in -z\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: unknown shorthand flag: 'z' in -z\n",
        ),
        usage(
            "a flag without its value",
            &["--cert"],
            "exit 2\nstdout:\n[flags]\nflag needs an argument: --cert\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: flag needs an argument: --cert\n",
        ),
        usage(
            "a short flag without its value",
            &["-w"],
            "exit 2\nstdout:\n[flags]\nflag needs an argument: 'w' in -w\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: flag needs an argument: 'w' in -w\n",
        ),
        usage(
            "a flag is not abbreviated",
            &["--cer", "x"],
            "exit 2\nstdout:\n[flags]\nunknown flag: --cer\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: unknown flag: --cer\n",
        ),
        seal("a word without a flag", &["secret.yaml"])
            .file("secret.yaml", HOMELESS)
            .differs_wholly(
                "stray-word",
                "exit 0\n",
                "exit 2\nstdout: nothing\nstderr:\nerror: kubeseal does not take the argument 'secret.yaml'\n",
            ),
        seal("a word after --", &["--", "secret.yaml"]).differs_wholly(
            "stray-word",
            "exit 0\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: kubeseal does not take the argument 'secret.yaml'\n",
        ),
        seal("a lone hyphen", &["-"]).differs_wholly("stray-word", "exit 0\n", "exit 2\n"),
        seal("-- alone", &["--"]).gives("[seal for team/db: "),
        seal("a boolean and a word", &["--allow-empty-data", "false"]).differs_wholly(
            "stray-word",
            "exit 0\n",
            "exit 2\nstdout: nothing\nstderr:\nerror: kubeseal does not take the argument 'false'\n",
        ),
    ]
}
