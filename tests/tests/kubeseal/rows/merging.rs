//! `--merge-into`.

use super::SEALED;
use crate::row::{Row, seal};

/// A target as upstream itself writes it, so that formats do not matter.
const TARGET: &str = r#"{
  "kind": "SealedSecret",
  "apiVersion": "bitnami.com/v1alpha1",
  "metadata": {
    "name": "db",
    "namespace": "team"
  },
  "spec": {
    "template": {
      "metadata": {
        "name": "db",
        "namespace": "team",
        "labels": {
          "app": "db"
        },
        "annotations": {
          "note": "one"
        }
      },
      "type": "Opaque"
    },
    "encryptedData": {
      "password": "{o:team/db:hunter2}"
    }
  }
}
"#;

const ADDED: &str = "{\"stringData\": {\"user\": \"alice\"}}";

pub(super) fn rows() -> Vec<Row> {
    let merge = |name: &str, target: &str, input: &str| {
        seal(name, &["--merge-into", "target"])
            .file("target", target)
            .stdin(input)
    };
    let cluster = TARGET.replace(
        "\"name\": \"db\",\n    \"namespace\": \"team\"\n  },",
        "\"name\": \"db\",\n    \"namespace\": \"team\",\n    \"annotations\": {\n      \"sealedsecrets.bitnami.com/cluster-wide\": \"true\"\n    }\n  },",
    );
    let named = |name: &str, spelling: &str, input: &str| {
        seal(name, &["--merge-into", "target", "-o", "yaml"])
            .file(
                "target",
                SEALED.replace("password:", &format!("{spelling}:")),
            )
            .stdin(format!("{{\"stringData\": {{\"{input}\": \"newer\"}}}}"))
    };
    const NAMES: &str = "merge-item-names";
    vec![
        named("merging over an item 8080", "8080", "8080")
            .differs_wholly(NAMES, "    \"8080\": [seal for team/db: \"newer\"]\n", "    8080: [seal for team/db: \"newer\"]\n"),
        named("merging over an item on", "on", "true")
            .differs_wholly(NAMES, "    \"true\": [seal for team/db: \"newer\"]\n", "    on: [seal for team/db: \"newer\"]\n"),
        named("merging over an item y", "y", "true")
            .differs_wholly(NAMES, "    \"true\": [seal for team/db: \"newer\"]\n", "    y: [seal for team/db: \"newer\"]\n"),
        named("merging over an item 1.0", "1.0", "1")
            .differs_wholly(NAMES, "    \"1\": [seal for team/db: \"newer\"]\n", "    1.0: [seal for team/db: \"newer\"]\n"),
        named("merging on beside an item that is true", "on", "on")
            .differs_wholly(NAMES, "    \"on\": [seal for team/db: \"newer\"]\n    \"true\": [as given", "    on: [as given, other for team/db: \"hunter2\"]\n    \"on\": [seal for team/db: \"newer\"]\n"),
        named("merging over one of two items 8080", "8080: x\n    \"8080\"", "8080")
            .differs_wholly(NAMES, "    \"8080\": [seal for team/db: \"newer\"]\n", "exit 1\n"),
        named("merging into a file with an item null", "null", "other")
            .differs_wholly("library-texts", "exit 1\n", "exit 1\n"),
        merge("merging adds an item", TARGET, ADDED).gives("\"user\": \"[seal for team/db: \"alice\"]\""),
        merge("merging replaces an item", TARGET, "{\"stringData\": {\"password\": \"newer\"}}")
            .gives("\"password\": \"[seal for team/db: \"newer\"]\""),
        merge("merging keeps other items", TARGET, ADDED).gives("[as given, other for team/db: \"hunter2\"]"),
        merge("merging several items", TARGET, "{\"stringData\": {\"b\": \"bee-bee\", \"a\": \"ay-ay-ay\"}}").differs_wholly("merge-format", "\"a\": \"[seal for team/db: \"ay-ay-ay\"]\",\n      \"b\"", "\"b\": \"[seal for team/db: \"bee-bee\"]\"\n    }"),
        merge("merging forces name and namespace", TARGET, "{\"metadata\": {\"name\": \"x\", \"namespace\": \"y\"}, \"stringData\": {\"user\": \"alice\"}}")
            .gives("[seal for team/db: \"alice\"]"),
        merge("merging adds labels", TARGET, "{\"metadata\": {\"labels\": {\"b\": \"c\"}}, \"stringData\": {\"user\": \"alice\"}}").gives("\"b\": \"c\""),
        merge("merging replaces a label", TARGET, "{\"metadata\": {\"labels\": {\"app\": \"new\"}}, \"stringData\": {\"user\": \"alice\"}}").gives("\"app\": \"new\""),
        merge("merging adds annotations", TARGET, "{\"metadata\": {\"annotations\": {\"b\": \"c\"}}, \"stringData\": {\"user\": \"alice\"}}").differs_wholly("merge-format", "\"b\": \"c\",\n          \"note\"", "\"note\": \"one\",\n          \"b\": \"c\""),
        merge("merging does not merge the type", TARGET, "{\"type\": \"a/b\", \"stringData\": {\"user\": \"alice\"}}").gives("\"type\": \"Opaque\""),
        merge("merging does not merge immutable", TARGET, "{\"immutable\": true, \"stringData\": {\"user\": \"alice\"}}").gives("exit 0\n"),
        merge("merging nothing", TARGET, "").gives("error: no secrets found"),
        merge("merging a Secret without items", TARGET, "{\"metadata\": {\"labels\": {\"b\": \"c\"}}}").gives("error: secret.data is empty"),
        seal("merging a Secret without items that is allowed", &["--merge-into", "target", "--allow-empty-data"])
            .file("target", TARGET)
            .stdin("{\"metadata\": {\"labels\": {\"b\": \"c\"}}}")
            .gives("\"b\": \"c\""),
        merge("merging keeps the file's mode", TARGET, ADDED).gives("file target 0644"),
        seal("merging keeps the file's private mode", &["--merge-into", "target"])
            .file_with_mode("target", TARGET, 0o600)
            .stdin(ADDED)
            .gives("file target 0600"),
        seal("merging follows a link", &["--merge-into", "link"])
            .file("target", TARGET)
            .link("link", "target")
            .stdin(ADDED)
            .gives("unchanged link\n"),
        seal("merging into a file that is missing", &["--merge-into", "missing"])
            .stdin(ADDED)
            .gives("error: open missing: no such file or directory\n"),
        seal("merging into a folder", &["--merge-into", "sub"])
            .folder("sub")
            .stdin(ADDED)
            .gives("error: open sub: is a directory\n"),
        seal("merging from a file", &["--merge-into", "target", "-f", "in"])
            .file("target", TARGET)
            .file("in", ADDED)
            .gives("[seal for team/db: \"alice\"]"),
        merge("merging into something else", "{\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"a\"}}", ADDED).differs_wholly("library-texts", "error: converting (v1.Secret) to (v1alpha1.SealedSecret): unknown conversion\n", "expected a SealedSecret of bitnami.com/v1alpha1, found Secret\n"),
        merge("merging into a target without a kind", &TARGET.replace("  \"kind\": \"SealedSecret\",\n  \"apiVersion\": \"bitnami.com/v1alpha1\",\n", ""), ADDED).differs_wholly("merge-format", "\"kind\": \"SealedSecret\"", "exit 0\n"),
        merge("merging into a target with a field that nobody knows", &TARGET.replace("  \"spec\": {", "  \"extra\": {\"a\": 1},\n  \"spec\": {"), ADDED).differs_wholly("merge-format", "exit 0\n", "  \"extra\": {\n    \"a\": 1\n  },\n"),
        merge("merging a ConfigMap", TARGET, "kind: ConfigMap\napiVersion: v1\ndata: {user: YWxpY2U=}\n").differs_wholly("not-a-secret", "exit 0\n", "error: expected a Secret, found ConfigMap\nunchanged target\n"),
        merge("merging a broken document", TARGET, "a: [\n").differs_wholly("broken-document", "error: no secrets found", "error: document 1: not valid YAML"),
        merge("merging into words", "words", ADDED).differs_wholly("library-texts", "error: couldn't get version/kind", "the document is not an object\n"),
        merge("merging into an empty file", "", ADDED).differs_wholly("library-texts", "error: missing metadata.name in input Secret\n", "no sealed secrets found"),
        merge("merging with -n", TARGET, "{\"metadata\": {\"namespace\": \"other\"}, \"stringData\": {\"user\": \"alice\"}}").gives("exit 0\n"),
        seal("merging with -n that differs", &["--merge-into", "target", "-n", "other"])
            .file("target", TARGET)
            .stdin(ADDED)
            .gives("error: namespace mismatch: input secret is in namespace \"team\" but \"other\" was specified\n"),
        merge("merging into YAML", SEALED, ADDED).differs_wholly("merge-format", "file target 0644:\n{\n", "file target 0644:\napiVersion: bitnami.com/v1alpha1\n"),
        seal("merging into YAML with -o yaml", &["--merge-into", "target", "-o", "yaml"])
            .file("target", SEALED)
            .stdin(ADDED)
            .differs("merge-format", "file target 0644:\n---\n", "file target 0644:\n"),
        seal("merging into YAML with a comment", &["--merge-into", "target", "-o", "yaml"])
            .file("target", format!("# mine\n{SEALED}"))
            .stdin(ADDED)
            .differs("merge-format", "file target 0644:\n---\n", "file target 0644:\n# mine\n"),
        merge("merging into a target for the whole cluster", &cluster, ADDED).differs_wholly("merge-scope", "[seal for team/db: \"alice\"]", "exit 1\nstdout: nothing\nstderr:\nerror: the file's scope is cluster-wide, but neither --scope nor the annotations of the input ask for it\nunchanged target\n"),
        seal("merging into a target for the whole cluster with --scope", &["--merge-into", "target", "--scope", "cluster-wide"])
            .file("target", &cluster)
            .stdin(ADDED)
            .differs_wholly("merge-scope", "[seal for the cluster: \"alice\"]", "[seal for the cluster: \"alice\"]"),
        merge("merging into a target for the whole cluster what is annotated so", &cluster, "{\"metadata\": {\"annotations\": {\"sealedsecrets.bitnami.com/cluster-wide\": \"true\"}}, \"stringData\": {\"user\": \"alice\"}}")
            .differs_wholly("merge-scope", "[seal for the cluster: \"alice\"]", "[seal for the cluster: \"alice\"]"),
        seal("merging with another scope", &["--merge-into", "target", "--scope", "cluster-wide"])
            .file("target", TARGET)
            .stdin(ADDED)
            .differs_wholly("merge-scope", "[seal for the cluster: \"alice\"]", "exit 1\n"),
        merge("merging into a target without labels", SEALED, "{\"metadata\": {\"labels\": {\"b\": \"c\"}}, \"stringData\": {\"user\": \"alice\"}}")
            .differs_wholly("merge-into-bare-target", "exit 2\nstdout: nothing\nstderr:\npanic: assignment to entry in nil map\n", "exit 0\n"),
        merge("merging into a target without items", "{\"kind\": \"SealedSecret\", \"apiVersion\": \"bitnami.com/v1alpha1\", \"metadata\": {\"name\": \"db\", \"namespace\": \"team\"}, \"spec\": {\"template\": {}}}", ADDED)
            .differs_wholly("merge-into-bare-target", "exit 2\nstdout: nothing\nstderr:\npanic: assignment to entry in nil map\n", "exit"),
        merge("merging into several documents", &format!("{SEALED}---\n{SEALED}"), ADDED).differs_wholly("merge-several-documents", "exit 0\n", "exit 1\n"),
        merge("merging over a placeholder without a value", &TARGET.replace("\"password\": ", "\"user\": null,\n      \"password\": "), ADDED)
            .differs_wholly("merge-format", "\"password\": \"[as given, other for team/db: \"hunter2\"]\",\n      \"user\": \"[seal for team/db: \"alice\"]\"\n", "\"user\": \"[seal for team/db: \"alice\"]\",\n      \"password\": \"[as given, other for team/db: \"hunter2\"]\"\n"),
        merge("merging beside a placeholder without a value", &TARGET.replace("\"password\": ", "\"later\": null,\n      \"password\": "), ADDED)
            .differs_wholly("merge-format", "\"later\": \"\",\n", "\"later\": null,\n"),
        merge("merging where encryptedData is null", &TARGET.replace("{\n      \"password\": \"{o:team/db:hunter2}\"\n    }", "null"), ADDED)
            .differs_wholly("merge-into-bare-target", "exit 2\nstdout: nothing\nstderr:\npanic: assignment to entry in nil map\n", "\"user\": \"[seal for team/db: \"alice\"]\"\n"),
        merge("merging into fields that upstream wrote without a value", &TARGET.replace("\"type\": \"Opaque\"", "\"type\": \"Opaque\",\n      \"data\": null").replace("  \"spec\": {", "  \"status\": {},\n  \"spec\": {"), ADDED)
            .differs_wholly("merge-format", "\"user\": \"[seal for team/db: \"alice\"]\"\n", "\"user\": \"[seal for team/db: \"alice\"]\"\n"),
        merge("merging into JSON behind a mark", &format!("\u{feff}{TARGET}"), ADDED)
            .differs_wholly("merge-format", "file target 0644:\n{\n", "file target 0644:\n\u{feff}{\n"),
        merge("merging into JSON without a line end", TARGET.trim_end(), ADDED).gives("\"user\": \"[seal for team/db: \"alice\"]\""),
        seal("merging into JSON in a file called .yaml", &["--merge-into", "target.yaml"])
            .file("target.yaml", TARGET)
            .stdin(ADDED)
            .gives("file target.yaml 0644:\n{\n"),
        seal("merging into YAML without a line end", &["--merge-into", "target", "-o", "yaml"])
            .file("target", SEALED.trim_end())
            .stdin(ADDED)
            .differs_wholly("merge-format", "[seal for team/db: \"alice\"]\n", "[seal for team/db: \"alice\"]\n"),
        seal("merging through a link to something without a kind", &["--merge-into", "link"])
            .file("target", TARGET.replace("  \"kind\": \"SealedSecret\",\n  \"apiVersion\": \"bitnami.com/v1alpha1\",\n", ""))
            .link("link", "target")
            .stdin(ADDED)
            .differs_wholly("link-to-something-else", "exit 0\n", "error: open link: a symbolic link leads to a file that is no SealedSecret\n"),
        merge("merging several Secrets", TARGET, &format!("{ADDED}\n{}", ADDED.replace("user", "other"))).differs_wholly("merge-several-documents", "exit 1\n", "error: only one Secret can be merged into a file at a time\n"),
    ]
}
