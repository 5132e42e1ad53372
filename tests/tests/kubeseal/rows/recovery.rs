//! `--recovery-unseal`, with keys in every form that people keep them in.

use super::order::OWNER_YAML;
use super::{HOMED, SEALED};
use crate::row::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    [keys(), inputs()].concat()
}

fn open(name: &str, keys: &[&str]) -> Row {
    let mut arguments = vec!["--recovery-unseal", "-o", "yaml"];
    for key in keys {
        arguments.extend(["--recovery-private-key", key]);
    }
    row(name, &arguments).stdin(SEALED)
}

fn opens(name: &str, keys: &[&str]) -> Row {
    open(name, keys)
        .gives("password: aHVudGVyMg==")
        .differs("recovery-output", OWNER_YAML, "")
}

const NO_KEY: &str = "error: no key could decrypt secret (password)\n";

fn key_secret(name: &str) -> String {
    let key = match name {
        "seal" => include_str!("../../../../cli/tests/keys/seal.key"),
        _ => include_str!("../../../../cli/tests/keys/other.key"),
    };
    let indented: String = key.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData:\n  tls.key: |\n{indented}"
    )
}

/// The same with the key in base64, as a backup has it.
fn backup(name: &str) -> String {
    use base64::Engine as _;
    let key = match name {
        "seal" => include_str!("../../../../cli/tests/keys/seal.key"),
        _ => include_str!("../../../../cli/tests/keys/other.key"),
    };
    let encoded = base64::engine::general_purpose::STANDARD.encode(key);
    format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"{name}\"}}, \"data\": {{\"tls.key\": \"{encoded}\"}}}}"
    )
}

fn keys() -> Vec<Row> {
    let list =
        |items: &[String], head: &str| format!("{{{head}\"items\": [{}]}}", items.join(", "));
    let typed = "\"apiVersion\": \"v1\", \"kind\": \"List\", ";
    let both = [backup("seal"), backup("other")];
    let file = |name: &str, content: String| opens(name, &["keys"]).file("keys", content);
    let pem = include_str!("../../../../cli/tests/keys/other.key");
    let wrong = include_str!("../../../../cli/tests/keys/seal.key");
    vec![
        opens("a key in PEM", &["{k}/other.key"]),
        opens("keys by repetition", &["{k}/seal.key", "{k}/other.key"]),
        opens("keys with a comma", &["{k}/seal.key,{k}/other.key"]),
        file("a backup that is a List", list(&both, typed)),
        file("a backup that is a List without a kind", list(&both, "")),
        file("a backup that is one Secret", backup("other")),
        file("a backup of several documents", format!("---\n{}\n---\n{}\n", backup("seal"), backup("other"))),
        file("a backup of concatenated JSON", format!("{}\n{}", backup("seal"), backup("other"))),
        file("a key with words around it", format!("some words\n{pem}more words\n")),
        open("keys in a SecretList", &["keys"])
            .file("keys", list(&both, "\"apiVersion\": \"v1\", \"kind\": \"SecretList\", "))
            .differs_wholly("recovery-keys-in-file", "error: secret must contain a 'tls.data' key\n", "password: aHVudGVyMg=="),
        open("several keys in a PEM", &["keys"])
            .file("keys", format!("{wrong}{pem}"))
            .differs_wholly("recovery-keys-in-file", NO_KEY, "password: aHVudGVyMg=="),
        open("a List and a lone Secret behind it", &["keys"])
            .file("keys", format!("{}\n---\n{}\n", list(&[backup("seal")], typed), backup("other")))
            .differs_wholly("recovery-keys-in-file", "error: secret must contain a 'tls.data' key\n", "password: aHVudGVyMg=="),
        open("no key at all", &[]).gives(NO_KEY),
        opens("a key in PKCS#8", &["{k}/other-pkcs8.key"]),
        open("a Secret without a kind", &["keys"])
            .file("keys", backup("other").replace("\"kind\": \"Secret\", ", ""))
            .differs_wholly("recovery-useless-file", NO_KEY, "exit"),
        open("an elliptic curve key in PKCS#8", &["keys"]).file("keys", EC_PKCS8).differs_wholly("recovery-useless-file", NO_KEY, "exit 1\n"),
        open("a key with a passphrase", &["keys"])
            .file("keys", "-----BEGIN ENCRYPTED PRIVATE KEY-----\neA==\n-----END ENCRYPTED PRIVATE KEY-----\n")
            .differs_wholly("recovery-useless-file", NO_KEY, "exit 1\n"),
        open("a good key and a file that is missing", &["{k}/other.key", "missing"]).gives("error: open missing: no such file or directory\n"),
        open("the wrong key", &["{k}/seal.key"]).gives(NO_KEY),
        open("a key file that is missing", &["missing"]).gives("error: open missing: no such file or directory\n"),
        open("a key file of words", &["keys"]).file("keys", "words\n").differs_wholly("recovery-useless-file", NO_KEY, "exit 1\n"),
        open("an empty key file", &["keys"]).file("keys", "").differs_wholly("recovery-useless-file", "exit 1\n", "exit 1\n"),
        open("a certificate instead of a key", &["{k}/seal.crt"]).differs_wholly("recovery-useless-file", NO_KEY, "exit 1\n"),
        open("an elliptic curve key", &["keys"]).file("keys", EC_KEY).differs_wholly("recovery-useless-file", "exit 1\n", "exit 1\n"),
        open("a Secret without a key", &["keys"])
            .file("keys", "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"x\"}, \"data\": {\"a\": \"Yg==\"}}")
            .gives("error: secret must contain a 'tls.data' key\n"),
        open("a Secret with its key in stringData", &["keys"]).file("keys", key_secret("other")).differs_wholly("recovery-keys-in-file", "error: secret must contain a 'tls.data' key\n", "password: aHVudGVyMg=="),
        open("a folder as a key file", &["sub"]).folder("sub").gives("error: read sub: is a directory\n"),
    ]
}

const EC_PKCS8: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgj5K1omDYH9OdpdYj
wlUYawtT2ph3rbUerr36hQ0A/LahRANCAAQ2hETjQV3ptiM5yr53vpLAcP/qnJgF
GXNBE8nzpIdeEehILNQsSw9QzrGkO2Chw3CLeB+bMjp0lM0oR+efIL8c
-----END PRIVATE KEY-----
";

const EC_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49
AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q
EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==
-----END EC PRIVATE KEY-----
";

fn inputs() -> Vec<Row> {
    let input = |name: &str, input: &str| open(name, &["{k}/other.key"]).stdin(input);
    let plain =
        |name: &str, text: &str| input(name, text).differs("recovery-output", OWNER_YAML, "");
    let json = "{\"kind\": \"SealedSecret\", \"apiVersion\": \"bitnami.com/v1alpha1\", \"metadata\": {\"name\": \"db\", \"namespace\": \"team\"}, \"spec\": {\"encryptedData\": {\"password\": \"{o:team/db:hunter2}\"}}}";
    vec![
        plain("opening JSON", json).gives("password: aHVudGVyMg=="),
        plain("opening keeps labels, annotations and type", &format!("{SEALED}      labels: {{a: b}}\n      annotations: {{c: d}}\n    type: a/b\n    immutable: true\n")).gives("type: a/b"),
        plain("opening for the namespace", &SEALED.replace("{o:team/db:", "{o:team:").replace("  namespace: team\nspec", "  namespace: team\n  annotations: {sealedsecrets.bitnami.com/namespace-wide: 'true'}\nspec")).gives("aHVudGVyMg=="),
        plain("opening for the cluster", &SEALED.replace("{o:team/db:", "{o::").replace("  namespace: team\nspec", "  namespace: team\n  annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}\nspec")).gives("aHVudGVyMg=="),
        plain("opening plain data of the template", &format!("{SEALED}    data: {{x: plain}}\n")).gives("x: cGxhaW4="),
        plain("opening a template", &format!("{SEALED}    data: {{x: '{{{{ .password }}}}!'}}\n")).gives("x: aHVudGVyMiE="),
        plain("an item wins over plain data of the same name", &format!("{SEALED}    data: {{password: plain}}\n")).gives("password: aHVudGVyMg=="),
        plain("plain data sees other plain data", &format!("{SEALED}    data: {{a: one, b: '{{{{ .a }}}}-two'}}\n")).gives("b: b25lLXR3bw=="),
        plain("plain data that is null is left out", &format!("{SEALED}    data: {{a: null, b: two}}\n")).gives("b: dHdv"),
        input("opening a template that fails", &format!("{SEALED}    data: {{x: '{{{{ .password.a }}}}'}}\n")).differs_wholly("library-texts", "can't evaluate field a in type string (x)\n", "error: template.data.x: line 1, column 4: can't evaluate a field of this type\n"),
        input("opening a template with a function that nobody knows", &format!("{SEALED}    data: {{x: '{{{{ nosuch }}}}'}}\n")).differs_wholly("library-texts", "function \"nosuch\" not defined (x)\n", "error: template.data.x: line 1, column 4: function \"nosuch\": it does not exist\n"),
        input("opening what says both formats", &SEALED.replace("spec:\n", "spec:\n  data: AAAA\n")).gives("error: using deprecated 'data' field"),
        input("opening two documents", &format!("{SEALED}---\n{}", SEALED.replace("name: db", "name: two").replace("team/db", "team/two")))
            .differs_wholly("recovery-documents", "exit 0\n", "name: two"),
        input("opening two items that do not open", &SEALED.replace("    password: {o:team/db:hunter2}\n", "    a: {v:team/db:x}\n    b: {v:team/db:y}\n")).gives("error: no key could decrypt secret (a, b)\n"),
        input("opening a Secret", HOMED).differs_wholly("library-texts", "error: converting (v1.Secret) to (v1alpha1.SealedSecret): unknown conversion\n", "error: expected a SealedSecret of bitnami.com/v1alpha1, found Secret\n"),
        input("opening words", "words\n").differs_wholly("library-texts", "error: couldn't get version/kind", "error: the document is not an object\n"),
        input("opening nothing", "").differs_wholly("no-document", "exit 0\nstdout:\n---\napiVersion: v1\nkind: Secret\n", "exit 1\n"),
        input("opening an item that is no base64", &SEALED.replace("{o:team/db:hunter2}", "'%%%'")).differs("library-texts", "illegal base64 data at input byte 0 (password)", "password: the value is not valid base64"),
        input("opening the old format", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: team}\nspec: {data: AAAA}\n").gives("error: using deprecated 'data' field, use 'encryptedData' or flip the feature flag\n"),
        row("opening in JSON", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key"])
            .stdin(SEALED)
            .gives("\"password\": \"aHVudGVyMg==\"")
            .differs("recovery-output", super::OWNER_JSON, "\n  },\n  \"data\""),
        row("opening a file", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "-f", "in.yaml"])
            .file("in.yaml", SEALED)
            .gives("\"password\": \"aHVudGVyMg==\"")
            .differs("recovery-output", super::OWNER_JSON, "\n  },\n  \"data\""),
        row("opening into a file", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "-w", "out.yaml"])
            .stdin(SEALED)
            .gives("file out.yaml 0600:\n---\napiVersion: v1\n")
            .differs("recovery-output", OWNER_YAML, ""),
        row("opening over the sealed file", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "-f", "in.yaml", "-w", "in.yaml"])
            .file("in.yaml", SEALED)
            .differs_wholly("recovery-output", "exit 0\n", "unchanged in.yaml\n"),
        row("opening with an unknown format", &["--recovery-unseal", "--recovery-private-key", "{k}/other.key", "-o", "toml"])
            .stdin(SEALED)
            .gives("error: unsupported output format: toml\n"),
    ]
}
