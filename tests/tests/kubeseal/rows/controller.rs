//! `--validate`, `--re-encrypt`, and the way to the controller.

use super::{HOMED, SEALED};
use crate::row::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    [validate(), re_encrypt(), ways()].concat()
}

fn ask(name: &str, arguments: &[&str]) -> Row {
    row(name, arguments).env("KUBECONFIG", "{kubeconfig}")
}

/// Sealed for somebody else.
fn foreign() -> String {
    SEALED.replace("{o:team/db:", "{o:team/another:")
}

fn json() -> String {
    "{\"kind\": \"SealedSecret\", \"apiVersion\": \"bitnami.com/v1alpha1\", \"metadata\": {\"name\": \"db\", \"namespace\": \"team\"}, \"spec\": {\"encryptedData\": {\"password\": \"{o:team/db:hunter2}\"}}}".to_owned()
}

fn second() -> String {
    SEALED
        .replace("name: db", "name: two")
        .replace("team/db", "team/two")
}

fn validate() -> Vec<Row> {
    let check = |name: &str, input: &str| ask(name, &["--validate"]).stdin(input);
    vec![
        check("--validate of JSON", &json()).gives("exit 0\nstdout: nothing\nstderr: nothing\n"),
        check("--validate of what does not open", &foreign()).gives("exit 1\nstdout: nothing\nstderr:\nerror: unable to decrypt sealed secret: db\n"),
        check("--validate of two", &format!("{SEALED}---\n{}", second())).gives("exit 0\n"),
        check("--validate stops at the first that does not open", &format!("{SEALED}---\n{}", foreign().replace("name: db", "name: bad"))).gives("error: unable to decrypt sealed secret: bad\n"),
        check("--validate of a Secret", HOMED).differs_wholly("not-a-secret", "exit", "error: expected a SealedSecret of bitnami.com/v1alpha1, found Secret\n"),
                check("--validate of a field of the wrong shape", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: [a]\n")
.differs_wholly("library-texts", "error: unable to decrypt sealed secret\n", "exit 1\n"),
        check("--validate of words", "words\n").differs_wholly("broken-document", "exit", "exit 1\n"),
        check("--validate of something without items", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: team}\nspec: {encryptedData: {}}\n").gives("exit 0\n"),
        check("--validate of a template in a dry pass", &format!("{SEALED}    data: {{x: '{{{{ .password }}}}'}}\n")).gives("exit 0\n"),
        ask("--validate -f", &["--validate", "-f", "in"]).file("in", SEALED).gives("exit 0\nstdout: nothing\nstderr: nothing\nunchanged in\n"),
        ask("--validate -f that is missing", &["--validate", "-f", "missing"]).differs(
            "cause-of-unreadable-input",
            "error: Could not read file specified with --secret-file\n",
            "error: Could not read file specified with --secret-file: open missing: no such file or directory\n",
        ),
        ask("--validate as everybody", &["--validate"]).env("KUBECONFIG", "{developer}").stdin(SEALED).gives("exit 0\n"),
        ask("--validate without a controller of this name", &["--validate", "--controller-name", "nosuch"]).stdin(SEALED)
            .gives("error: cannot get sealed secret service: services \"nosuch\" not found.\nPlease, use the flag"),
        check("--validate of an item that is no base64", &SEALED.replace("{o:team/db:hunter2}", "'%%%'")).gives("exit 1\n"),
    ]
}

fn re_encrypt() -> Vec<Row> {
    let ask_for = |name: &str, arguments: &[&str], input: &str| {
        ask(name, &[&["--re-encrypt"], arguments].concat()).stdin(input)
    };
    vec![
        ask_for("--re-encrypt of JSON", &[], &json()).differs("re-encrypt-keeps-fields", "    \"template\": {\n      \"metadata\": {\n        \"name\": \"db\",\n        \"namespace\": \"team\"\n      }\n    },\n", ""),
        ask_for("--re-encrypt -o yaml", &["-o", "yaml"], SEALED).gives("stdout:\n---\napiVersion"),
        ask_for("--re-encrypt of YAML gives JSON", &[], SEALED).gives("stdout:\n{\n"),
        ask_for("--re-encrypt of two", &[], &format!("{SEALED}---\n{}", second())).gives("[seal for team/two: \"hunter2\"]"),
        ask_for("--re-encrypt of what does not open", &[], &foreign()).differs("library-texts", "an error on the server (\"\") has prevented the request from succeeding (post services http:sealed-secrets-controller:)", "500 Internal Server Error"),
        ask_for("--re-encrypt of a Secret", &[], HOMED).differs_wholly("not-a-secret", "exit", "error: expected a SealedSecret of bitnami.com/v1alpha1, found Secret\n"),
        ask("--re-encrypt -f changes the file", &["--re-encrypt", "-f", "in.yaml"]).file("in.yaml", SEALED)
            .differs_wholly("re-encrypt-in-place", "file in.yaml 0600:\n---\napiVersion", "file in.yaml 0644:\napiVersion"),
        ask("--re-encrypt -f with a comment", &["--re-encrypt", "-f", "in.yaml"]).file("in.yaml", format!("# mine\n{SEALED}"))
            .differs_wholly("re-encrypt-in-place", "file in.yaml 0600:\n---\napiVersion", "file in.yaml 0644:\n# mine\n"),
        ask("--re-encrypt -f of JSON", &["--re-encrypt", "-f", "in.json"]).file("in.json", json())
            .differs_wholly("re-encrypt-in-place", "file in.json 0600:\n{\n", "file in.json 0644:\n"),
        ask("--re-encrypt -f -w", &["--re-encrypt", "-f", "in.yaml", "-w", "out.yaml"]).file("in.yaml", SEALED)
            .gives("unchanged in.yaml\n")
            .differs("output-file-mode", "file out.yaml 0600", "file out.yaml 0644"),
        ask_for("--re-encrypt of what has template data", &["-o", "yaml"], &format!("{SEALED}    data: {{x: plain}}\n"))
            .differs_wholly("re-encrypt-keeps-fields", "exit 0\n", "x: plain\n"),
        ask_for("--re-encrypt keeps annotations of the object", &["-o", "yaml"], &SEALED.replace("  namespace: team\nspec", "  namespace: team\n  annotations: {a: b}\nspec")).differs_wholly("re-encrypt-keeps-fields", "  template:\n    metadata:\n      annotations:\n        a: b\n", "metadata:\n  annotations:\n    a: b\n"),
        ask_for("--re-encrypt for the namespace", &["-o", "yaml"], &SEALED.replace("{o:team/db:", "{o:team:").replace("  namespace: team\nspec", "  namespace: team\n  annotations: {sealedsecrets.bitnami.com/namespace-wide: 'true'}\nspec")).differs("re-encrypt-keeps-fields", "      annotations:\n        sealedsecrets.bitnami.com/namespace-wide: \"true\"\n      name", "      name"),
        ask_for("--re-encrypt without a controller of this name", &["--controller-name", "nosuch"], SEALED).gives("services \"nosuch\" not found.\nPlease"),
        ask_for("--re-encrypt -o unknown", &["-o", "toml"], SEALED).gives("error: unsupported output format: toml\n"),
        ask_for("--re-encrypt clears what the server wrote", &["-o", "yaml"], &SEALED.replace("  namespace: team\nspec", "  namespace: team\n  creationTimestamp: '2020-01-01T00:00:00Z'\n  generation: 4\nspec")).differs("re-encrypt-keeps-fields", "      creationTimestamp: \"2020-01-01T00:00:00Z\"\n      generation: 4\n", ""),
    ]
}

fn ways() -> Vec<Row> {
    vec![
        ask(
            "a Service without ports",
            &[
                "--fetch-cert",
                "--controller-name",
                "portless",
                "--controller-namespace",
                "ways",
            ],
        )
        .differs_wholly("service-without-ports", "exit 2\nstdout: nothing\nstderr:\npanic: ", "error: cannot get sealed secret service: service \"portless\" has no port that can be used.\n"),
        ask(
            "a Service without a controller behind it",
            &[
                "--fetch-cert",
                "--controller-name",
                "dead",
                "--controller-namespace",
                "ways",
            ],
        )
        .gives("error: cannot fetch certificate: "),
        ask(
            "a Service with a named port",
            &[
                "--fetch-cert",
                "--controller-name",
                "named",
                "--controller-namespace",
                "ways",
            ],
        )
        .gives("exit 0\nstdout:\n-----BEGIN CERTIFICATE"),
        ask(
            "sealing through a Service with a named port",
            &[
                "--controller-name",
                "named",
                "--controller-namespace",
                "ways",
            ],
        )
        .stdin(HOMED)
        .gives("[seal for home/db: "),
        ask(
            "--validate through a Service with a named port",
            &[
                "--validate",
                "--controller-name",
                "named",
                "--controller-namespace",
                "ways",
            ],
        )
        .stdin(SEALED)
        .gives("exit 0\n"),
        ask(
            "--re-encrypt through a Service with a named port",
            &[
                "--re-encrypt",
                "--controller-name",
                "named",
                "--controller-namespace",
                "ways",
            ],
        )
        .stdin(SEALED)
        .gives("[seal for team/db: "),
        ask(
            "--validate without a controller behind the Service",
            &[
                "--validate",
                "--controller-name",
                "dead",
                "--controller-namespace",
                "ways",
            ],
        )
        .stdin(SEALED)
        .gives("error: cannot validate sealed secret: "),
        ask(
            "--re-encrypt without a controller behind the Service",
            &[
                "--re-encrypt",
                "--controller-name",
                "dead",
                "--controller-namespace",
                "ways",
            ],
        )
        .stdin(SEALED)
        .gives("error: cannot re-encrypt secret: "),
    ]
}
