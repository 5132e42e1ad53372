//! Which of several things that are asked for, or wrong, comes first; and modes that exclude each other.

use super::{HOMED, HOMELESS, SEALED};
use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    [precedence(), modes(), terminals()].concat()
}

fn precedence() -> Vec<Row> {
    vec![
        row("--from-file without --raw, before anything is read", &["--from-file", "a", "-f", "missing", "--cert", "missing"])
            .gives("exit 1\nstdout: nothing\nstderr:\nerror: --from-file requires --raw\n"),
        row("--help before --from-file", &["--help", "--from-file", "a"]).differs_wholly(
            "help-text",
            "exit 0\n",
            "exit 0\n",
        ),
        row("the input file before the certificate", &["-f", "missing", "--cert", "nosuch"])
            .gives("error: Could not read file specified with --secret-file")
            .differs(
                "cause-of-unreadable-input",
                "error: Could not read file specified with --secret-file\n",
                "error: Could not read file specified with --secret-file: open missing: no such file or directory\n",
            ),
        row("the output file before the certificate", &["--cert", "nosuch", "-w", "missing/out"])
            .stdin(HOMED)
            .differs("temporary-file", "open missing/.out#:", "open missing/out:"),
        row("the input file before the output file", &["-f", "missing", "-w", "missing/out"])
            .differs(
                "cause-of-unreadable-input",
                "error: Could not read file specified with --secret-file\n",
                "error: Could not read file specified with --secret-file: open missing: no such file or directory\n",
            ),
        row("the certificate before the input", &["--cert", "nosuch"])
            .stdin("not a manifest")
            .gives("error: open nosuch: no such file or directory\n"),
        row("the certificate before an input of nothing", &["--cert", "nosuch"])
            .stdin("")
            .gives("error: open nosuch: no such file or directory\n"),
        row("the cluster before the input", &["--validate", "--kubeconfig", "missing"])
            .stdin(HOMED)
            .gives("error: stat missing: no such file or directory\n"),
        row("the certificate before the merge target", &["--cert", "nosuch", "--merge-into", "missing"])
            .stdin(HOMED)
            .gives("error: open nosuch: no such file or directory\n"),
        row("--cert is not looked at with --recovery-unseal", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "--cert", "missing", "-o", "yaml"])
            .stdin(SEALED)
            .gives("password: aHVudGVyMg==")
            .differs("recovery-output", OWNER_YAML, ""),
        row("--kubeconfig is not looked at with --recovery-unseal", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "--kubeconfig", "missing", "-o", "yaml"])
            .stdin(SEALED)
            .gives("password: aHVudGVyMg==")
            .differs("recovery-output", OWNER_YAML, ""),
        row("--cert is not looked at with --validate", &["--validate", "--cert", "missing"])
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(SEALED)
            .gives("exit 0\n"),
        row("--cert is not looked at with --re-encrypt", &["--re-encrypt", "--cert", "missing"])
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(SEALED)
            .gives("exit 0\n"),
        row("the format after all the work", &["--cert", "{k}/expired.crt", "-o", "toml"])
            .stdin(HOMED)
            .gives("error: failed to encrypt using an expired certificate"),
        row("the format is not looked at with --raw", &["--cert", "{k}/seal.crt", "--raw", "--scope=cluster-wide", "-o", "toml"])
            .stdin("x")
            .gives("[seal for the cluster: \"x\"]"),
        row("the format is not looked at with --fetch-cert", &["--cert", "{k}/seal.crt", "--fetch-cert", "-o", "toml"])
            .gives("-----BEGIN CERTIFICATE"),
        row("the format is not looked at with --validate", &["--validate", "-o", "toml"])
            .env("KUBECONFIG", "{kubeconfig}")
            .stdin(SEALED)
            .gives("exit 0\n"),
        seal("-w x.yaml wins over an unknown format", &["-o", "toml", "-w", "x.yaml"])
            .differs("output-file-mode", "file x.yaml 0600", "file x.yaml 0644"),
    ]
}

/// What upstream writes into an opened Secret.
pub(super) const OWNER_YAML: &str = "  ownerReferences:
  - apiVersion: bitnami.com/v1alpha1
    controller: true
    kind: SealedSecret
    name: db
    uid: \"\"
";

fn modes() -> Vec<Row> {
    let both = |name: &str, arguments: &[&str]| {
        row(name, &[&["--cert", "{k}/seal.crt"], arguments].concat())
            .env("KUBECONFIG", "{kubeconfig}")
            .file("in.yaml", SEALED)
            .file("target.yaml", SEALED)
    };
    vec![
        both("--validate --re-encrypt -f FILE empties the file", &["--validate", "--re-encrypt", "-f", "in.yaml"]).differs_wholly(
            "one-mode",
            "exit 0\nstdout: nothing\nstderr: nothing\nfile in.yaml 0600: nothing\n",
            "exit 1\nstdout: nothing\nstderr:\nerror: --validate and --re-encrypt cannot be used together\nunchanged in.yaml\n",
        ),
        both("--recovery-unseal --re-encrypt -f FILE writes plain values", &["--recovery-unseal", "--re-encrypt", "-f", "in.yaml", "--recovery-private-key", "{k}/other.key"]).differs_wholly(
            "one-mode",
            "file in.yaml 0600:\n---\napiVersion: v1\ndata:\n  password: aHVudGVyMg==\n",
            "error: --re-encrypt and --recovery-unseal cannot be used together\nunchanged in.yaml\n",
        ),
        both("--merge-into and --raw", &["--merge-into", "target.yaml", "--raw"]).stdin(HOMELESS).differs_wholly(
            "one-mode",
            "exit 0\n",
            "error: --raw and --merge-into cannot be used together\nunchanged in.yaml\nunchanged target.yaml\n",
        ),
        both("--fetch-cert and --validate", &["--fetch-cert", "--validate"]).stdin(SEALED).differs_wholly(
            "one-mode",
            "exit 0\nstdout: nothing\n",
            "error: --fetch-cert and --validate cannot be used together\n",
        ),
        both("--fetch-cert and --raw", &["--fetch-cert", "--raw"]).differs_wholly(
            "one-mode",
            "exit 0\nstdout:\n-----BEGIN CERTIFICATE",
            "cannot be used together\n",
        ),
        both("--validate twice is one mode", &["--validate", "--validate"]).stdin(SEALED).gives("exit 0\n"),
        both("--rotate and --re-encrypt are one mode", &["--rotate", "--re-encrypt"]).stdin(SEALED).differs(
            "rotate-notice",
            "stdout:\nFlag --rotate has been deprecated, please use --re-encrypt instead\n{",
            "stdout:\n{",
        ),
        both("--validate -w FILE empties the file", &["--validate", "-f", "in.yaml", "-w", "target.yaml"]).differs_wholly(
            "output-file-without-output",
            "file target.yaml 0600: nothing\n",
            "error: --validate prints nothing, so there is nothing for --sealed-secret-file\nunchanged in.yaml\nunchanged target.yaml\n",
        ),
        both("--merge-into A -w B empties B", &["--merge-into", "target.yaml", "-w", "in.yaml"]).stdin("{\"stringData\": {\"user\": \"alice\"}}").differs_wholly(
            "output-file-without-output",
            "file in.yaml 0600: nothing\n",
            "error: --merge-into writes its own file, so there is nothing for --sealed-secret-file\nunchanged in.yaml\nunchanged target.yaml\n",
        ),
        both("--raw -f FILE does not read the file", &["--raw", "--scope=cluster-wide", "-f", "in.yaml"]).stdin("x").differs_wholly(
            "raw-secret-file",
            "[seal for the cluster: \"x\"]",
            "error: --raw does not read --secret-file\n",
        ),
        both("--recovery-private-key without its mode", &["--recovery-private-key", "missing"])
            .stdin(HOMED)
            .gives("[seal for home/db: "),
        both("--name is ignored with --merge-into", &["--merge-into", "target.yaml", "--name", "other", "-o", "yaml"])
            .stdin("{\"stringData\": {\"user\": \"alice\"}}")
            .differs("merge-format", "file target.yaml 0644:\n---\n", "file target.yaml 0644:\n").gives("[seal for team/db: \"alice\"]"),
        both("--name is ignored with --validate", &["--validate", "--name", "other"])
            .stdin(SEALED)
            .gives("exit 0\n"),
        both("--allow-empty-data is ignored with --raw", &["--allow-empty-data", "--raw", "--scope=cluster-wide"])
            .stdin("x")
            .gives("[seal for the cluster: \"x\"]"),
        both("--merge-into empty is none", &["--merge-into="]).stdin(HOMED).gives("[seal for home/db: "),
    ]
}

fn terminals() -> Vec<Row> {
    const NOTICE: &str = "stderr:\n(tty detected: expecting json/yaml k8s resource in stdin)\n";
    vec![
        seal("a notice to whoever types a Secret", &[]).typed(HOMED).gives(NOTICE),
        seal("a notice to whoever types a value", &["--raw", "--scope=cluster-wide"])
            .typed("x\n")
            .gives("(tty detected: expecting a secret to encrypt in stdin)\n"),
        row("a notice to whoever types for --recovery-unseal", &["--recovery-unseal"])
            .typed(SEALED)
            .gives(NOTICE),
        seal("no notice with -f", &["-f", "in.yaml"])
            .file("in.yaml", HOMED)
            .typed("")
            .gives("stderr: nothing\n"),
        seal("no notice with --fetch-cert", &["--fetch-cert"]).typed("").gives("stderr: nothing\n"),
        seal("no notice with --from-file", &["--raw", "--scope=cluster-wide", "--from-file=in.yaml"])
            .file("in.yaml", HOMED)
            .typed("")
            .gives("stderr: nothing\n"),
        seal("a warning about --recovery-private-key on a terminal", &["--fetch-cert", "--recovery-private-key", "missing"])
            .terminal()
            .gives("warning: ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal\n"),
    ]
}
