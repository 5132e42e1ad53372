//! `kubeseal --merge-into`: the file's names and scope, its comments, and everything that is not merged.

use crate::support::{CANARY, Place, Program, Ran, assert_hidden, item, key, unseal, words};

fn merge(place: &Place, target: &str, input: &str, extra: &[&str]) -> Ran {
    let mut arguments = words(&["--cert", &key("seal.crt"), "--merge-into", target]);
    arguments.extend(words(extra));
    place.run(Program::Kubeseal, &arguments, input.as_bytes())
}

/// A sealed file with a comment, of the given scope.
fn sealed(place: &Place, scope: &str, format: &str) -> String {
    let mut arguments = Program::Signet.sealing();
    arguments.extend(words(&["--scope", scope, "-o", format]));
    let input = "kind: Secret\nmetadata: {name: db, namespace: pay, labels: {a: b}}\nstringData: {kept: kept-value, changed: old-value}\n";
    let ran = place.run(Program::Signet, &arguments, input.as_bytes());
    ran.assert_done();
    ran.stdout
}

fn input() -> String {
    format!(
        "kind: Secret\nmetadata: {{name: other, namespace: elsewhere, labels: {{new: \"true\"}}, annotations: {{note: 'a: b'}}}}\nstringData: {{changed: {CANARY}, added: added-value}}\n"
    )
}

#[test]
fn items_are_sealed_for_the_files_own_name_namespace_and_scope() {
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let place = Place::new();
        place.write("t.yaml", sealed(&place, scope, "yaml"));
        let ran = merge(&place, "t.yaml", &input(), &["--scope", scope]);
        ran.assert_done().assert_no_canary();
        assert_eq!(ran.stdout, "");
        let after = place.read("t.yaml");
        assert_hidden(&after);
        let opened = unseal(&place, &after);
        assert_eq!(item(&opened, "kept"), b"kept-value", "{scope}");
        assert_eq!(item(&opened, "changed"), CANARY.as_bytes(), "{scope}");
        assert_eq!(item(&opened, "added"), b"added-value", "{scope}");
        let opened: serde_json::Value = serde_json::from_str(&opened).expect("JSON");
        assert_eq!(
            opened["metadata"]["labels"],
            serde_json::json!({"a": "b", "new": "true"})
        );
        assert_eq!(opened["metadata"]["annotations"]["note"], "a: b");
    }
}

#[test]
fn a_scope_that_only_the_file_chooses_is_refused_unless_it_is_strict() {
    for scope in ["namespace-wide", "cluster-wide"] {
        let place = Place::new();
        let before = sealed(&place, scope, "yaml");
        place.write("t.yaml", &before);
        let ran = merge(&place, "t.yaml", &input(), &[]);
        assert_eq!(ran.code, Some(1), "{}", ran.said());
        ran.assert_says(&format!("the file's scope is {scope}, but neither"))
            .assert_says(&format!("give --scope {scope}"))
            .assert_no_canary();
        assert_eq!(place.read("t.yaml"), before);
        // The input may ask for it as well.
        let asks = format!("annotations: {{sealedsecrets.bitnami.com/{scope}: 'true', ");
        let asking = input().replace("annotations: {", &asks);
        merge(&place, "t.yaml", &asking, &[]).assert_done();
        let opened = unseal(&place, &place.read("t.yaml"));
        assert_eq!(item(&opened, "changed"), CANARY.as_bytes());
    }
}

#[test]
fn placeholders_and_fields_without_a_value_are_merged_into() {
    let targets = [
        "spec:\n  encryptedData:\n    # to be sealed\n    changed:\n    added: ~\n  template: {}\n",
        "spec:\n  encryptedData:\n  # nothing yet\n  template:\n",
        "spec:\n  encryptedData: null # yet\n  template:\n    data: null\n    metadata:\n      creationTimestamp: null\nstatus: {}\n",
        "spec:\n  encryptedData: {added: , changed: null}\nstatus: null # none\n",
    ];
    for target in targets {
        let place = Place::new();
        let head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  creationTimestamp: null\n  name: db\n  namespace: pay\n";
        place.write("t.yaml", format!("{head}{target}"));
        let ran = merge(&place, "t.yaml", &input(), &[]);
        assert_eq!(ran.assert_done().stderr, "", "{target}");
        let after = place.read("t.yaml");
        assert!(after.starts_with(head), "{after}");
        for line in target.lines().filter(|line| line.contains('#')) {
            let comment = &line[line.find('#').expect("a comment")..];
            assert!(after.contains(comment), "{after}");
        }
        let opened = unseal(&place, &after);
        assert_eq!(item(&opened, "changed"), CANARY.as_bytes(), "{target}");
        assert_eq!(item(&opened, "added"), b"added-value", "{target}");
    }
}

#[test]
fn comments_order_and_unchanged_items_of_a_yaml_file_stay() {
    let place = Place::new();
    let before = format!("# head\n{}# tail\n", sealed(&place, "strict", "yaml"))
        .replace("spec:\n", "spec: # what is sealed\n")
        .replace(
            "  encryptedData:\n",
            "  encryptedData:\n    # about the items\n",
        );
    place.write("t.yaml", &before);
    merge(&place, "t.yaml", &input(), &[]).assert_done();
    let after = place.read("t.yaml");
    let changed = |line: &&str| {
        !["changed:", "added:", "new:", "note:", "annotations:"]
            .iter()
            .any(|key| line.trim_start().starts_with(key))
    };
    let unchanged = |text: &str| {
        text.lines()
            .filter(changed)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(unchanged(&after), unchanged(&before));
    assert_ne!(after, before);
}

#[test]
fn a_json_file_stays_json() {
    let place = Place::new();
    place.write("t.json", sealed(&place, "strict", "json"));
    merge(&place, "t.json", &input(), &["-o", "yaml"]).assert_done();
    let after = place.read("t.json");
    assert!(
        after.starts_with("{\n  \"kind\": \"SealedSecret\",\n"),
        "{after}"
    );
    assert_eq!(item(&unseal(&place, &after), "added"), b"added-value");
}

#[test]
fn an_item_whose_name_yaml_reads_otherwise_is_replaced_and_not_doubled() {
    let place = Place::new();
    let good = sealed(&place, "strict", "yaml");
    for (spelling, name) in [
        ("8080", "8080"),
        ("on", "true"),
        ("1.0", "1"),
        ("y", "true"),
    ] {
        let before = good.replace("    kept:", &format!("    # keep me\n    {spelling}:"));
        place.write("t.yaml", &before);
        let input = format!(
            "kind: Secret\nmetadata: {{name: db, namespace: pay}}\nstringData: {{\"{name}\": {CANARY}}}\n"
        );
        let ran = merge(&place, "t.yaml", &input, &[]);
        assert_eq!(ran.assert_done().stderr, "", "{spelling}");
        let after = place.read("t.yaml");
        assert!(
            after.contains(&format!("    # keep me\n    {spelling}: A")),
            "{after}"
        );
        let keys = |text: &str| text.matches(": A").count();
        assert_eq!(keys(&after), keys(&before), "{after}");
        let opened = unseal(&place, &after);
        assert_eq!(item(&opened, name), CANARY.as_bytes(), "{spelling}");
    }
    let twice = good.replace("    kept:", "    \"8080\": AAAA\n    8080:");
    place.write("t.yaml", &twice);
    let ran = merge(&place, "t.yaml", &input(), &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    assert_eq!(place.read("t.yaml"), twice);
}

#[test]
fn json_keeps_its_mark_and_stays_json_whatever_the_file_is_called() {
    let place = Place::new();
    let json = sealed(&place, "strict", "json");
    let forms = [
        ("t.json", format!("\u{feff}{json}")),
        ("t.yaml", json.clone()),
        ("t.json", json.trim_end().to_owned()),
    ];
    for (name, before) in forms {
        place.write(name, &before);
        let ran = merge(&place, name, &input(), &["-o", "yaml"]);
        assert_eq!(ran.assert_done().stderr, "");
        let after = place.read(name);
        let marks = |text: &str| text.matches('\u{feff}').count();
        assert_eq!(marks(&after), marks(&before));
        let unmarked = after.trim_start_matches('\u{feff}');
        let value: serde_json::Value = serde_json::from_str(unmarked).expect("JSON");
        assert_eq!(value["kind"], "SealedSecret");
        let opened = unseal(&place, &after);
        for (name, value) in [("kept", "kept-value"), ("added", "added-value")] {
            assert_eq!(item(&opened, name), value.as_bytes());
        }
    }
}

#[test]
fn a_key_of_a_file_is_shown_without_its_escapes() {
    let place = Place::new();
    let target = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: pay}\nspec:\n  encryptedData: {}\n  template: {metadata: [\"n\", \"ns\", {}, {}, [], []]}\n";
    place.write("t.yaml", target);
    let hostile = input().replace("{new: ", "{\"l\\x1b[31m\": ");
    let ran = merge(&place, "t.yaml", &hostile, &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    ran.assert_says("the field spec.template.metadata is missing or has the wrong type");
    assert_eq!(place.read("t.yaml"), target);
}

#[test]
fn a_file_without_the_objects_to_merge_into_gets_them() {
    let place = Place::new();
    place.write("t.yaml", "# mine\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: pay}\nspec:\n  encryptedData: {}\n");
    merge(&place, "t.yaml", &input(), &[]).assert_done();
    let after = place.read("t.yaml");
    assert!(after.starts_with("# mine\n"), "{after}");
    assert_eq!(item(&unseal(&place, &after), "added"), b"added-value");
}

#[test]
fn what_cannot_be_merged_leaves_the_file() {
    let place = Place::new();
    let good = sealed(&place, "strict", "yaml");
    let twice = format!("{good}{good}");
    let two_secrets = format!("{}---\n{}", input(), input());
    let wide = "kind: Secret\nmetadata: {annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}}\nstringData: {a: b}\n";
    let table: [(&str, &str, &[&str], &str); 8] = [
        (
            &good,
            "kind: ConfigMap",
            &[],
            "expected a Secret, found ConfigMap",
        ),
        (&good, &two_secrets, &[], "only one Secret can be merged"),
        (
            &good,
            &input(),
            &["--scope", "cluster-wide"],
            "the file's scope is strict, but cluster-wide was asked for",
        ),
        (
            &good,
            wide,
            &[],
            "the file's scope is strict, but the annotations of the input say cluster-wide",
        ),
        (&good, &input(), &["-n", "other"], "namespace mismatch"),
        (
            &good,
            &input(),
            &["-w", "t.yaml"],
            "--merge-into writes its own file",
        ),
        (&twice, &input(), &[], "has several documents"),
        (
            "kind: Secret\n",
            &input(),
            &[],
            "expected a SealedSecret of bitnami.com/v1alpha1, found Secret",
        ),
    ];
    for (target, input, extra, expected) in table {
        place.write("t.yaml", target);
        let ran = merge(&place, "t.yaml", input, extra);
        assert_eq!(ran.code, Some(1), "{}", ran.said());
        ran.assert_says(expected).assert_no_canary();
        assert_eq!(place.read("t.yaml"), target);
    }
    place.write("t.yaml", &good);
    merge(&place, "t.yaml", "stringData: {a: [x]}\n", &[])
        .assert_says("hint: values of stringData are texts");
    place.write("t.yaml", &twice);
    merge(&place, "t.yaml", &input(), &[]).assert_says("seal the value with --raw");
    let ran = merge(&place, "missing.yaml", &input(), &[]);
    ran.assert_says("open missing.yaml: no such file or directory");
}
