//! Slips that people make: each has an error that says where it is and what was meant.

use crate::support::{CANARY, Place, Program, assert_refusal, check_refused, secret, words};

#[test]
fn signet_names_the_file_that_is_wrong() {
    let head = "kind: Secret\nmetadata: {name: a, namespace: b}\n";
    let table = [
        (
            "kind: [".to_owned(),
            "in.yaml: document 1: not valid YAML at line",
        ),
        (
            "kind: ConfigMap".to_owned(),
            "in.yaml: expected a Secret, found ConfigMap",
        ),
        (
            format!("{head}stringData: {{pin: 017}}"),
            "in.yaml: document 1: YAML would change the text of stringData.pin at line 3",
        ),
        (
            format!("{}---\n{head}data: {{a: '%'}}", secret()),
            "in.yaml: document 2: the value of data.a is not valid base64",
        ),
    ];
    for (text, expected) in table {
        let place = Place::new();
        place.write("in.yaml", text);
        let arguments = [Program::Signet.sealing(), words(&["in.yaml"])].concat();
        let ran = place.run(Program::Signet, &arguments, b"");
        assert_refusal(Program::Signet, &ran, expected);
    }
}

#[test]
fn common_slips_come_with_what_was_meant() {
    let head = "kind: Secret\nmetadata: {name: a, namespace: b}\n";
    let table = [
        (
            format!("kind: secret\nstringData: {{a: {CANARY}}}\n"),
            vec!["expected a Secret, found secret", "capital letters: Secret"],
        ),
        (
            format!("{head}StringData: {{a: {CANARY}}}\n"),
            vec!["there is no field StringData: it is called stringData"],
        ),
        (
            format!("{head}data: {{b: eA==}}\nStringData: {{a: {CANARY}}}\n"),
            vec!["there is no field StringData: it is called stringData"],
        ),
        (
            format!("{head}data:\n  a: >-\n    Y2FuYXJ5\n    LTQ3MTE=\n"),
            vec![
                "data.a is not valid base64: it contains a space",
                "behind |",
            ],
        ),
        (
            format!("{{{{- if .Values.x }}}}\n{head}stringData: {{a: {CANARY}}}\n{{{{- end }}}}\n"),
            vec!["looks like a template", "render it first", "--raw"],
        ),
        (
            format!("{head}stringData:\n  a: {{{{ .Values.a }}}} {CANARY}\n"),
            vec!["looks like a template", "render it first", "--raw"],
        ),
        (
            format!("{head}stringData: {{a: yes, b: {CANARY}}}\n"),
            vec!["YAML would change the text of stringData.a", "in quotes"],
        ),
        (
            format!("{head}stringData: {{1.0: {CANARY}}}\n"),
            vec!["YAML would change the text of stringData.1.0", "in quotes"],
        ),
        (
            format!("{head}# {CANARY}\u{2028}x: y\nstringData: {{a: {CANARY}}}\n"),
            vec!["line 3 holds U+2028", "escape in double quotes"],
        ),
        (
            format!(
                "{{\"kind\": \"Secret\",\n\"stringData\": {{\"a\": \"{CANARY}\", \"a\": \"\"}}}}"
            ),
            vec!["document 1: a key stands twice in one mapping, the second time at line 2"],
        ),
        (
            format!(
                "{head}a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
                "x,".repeat(1000),
                "*a,".repeat(1000),
                "*b,".repeat(1000)
            ),
            vec!["holds more than 1000000 values", "split the input"],
        ),
    ];
    for (input, expected) in table {
        for text in expected {
            check_refused(input.as_bytes(), &[], text);
        }
    }
}

#[test]
fn signet_refuses_labels_that_yaml_changes() {
    let input = format!(
        "kind: Secret\nmetadata:\n  name: a\n  namespace: b\n  labels: {{x: on}}\nstringData: {{a: {CANARY}}}\n"
    );
    let place = Place::new();
    let signet = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        input.as_bytes(),
    );
    assert_refusal(Program::Signet, &signet, "the text of metadata.labels.x");
    place
        .run(
            Program::Kubeseal,
            &Program::Kubeseal.sealing(),
            input.as_bytes(),
        )
        .assert_done();
}

#[test]
fn a_name_for_secrets_in_one_namespace_and_in_none_is_refused() {
    let one = |namespace: &str| {
        format!(
            "kind: Secret\nmetadata: {{name: a{namespace}, annotations: {{sealedsecrets.bitnami.com/cluster-wide: 'true'}}}}\nstringData: {{pw: {CANARY}}}\n"
        )
    };
    let refused = "--name would give several Secrets of the input the same name";
    for homes in [["", ", namespace: b"], [", namespace: b", ""], ["", ""]] {
        let input = format!("{}---\n{}", one(homes[0]), one(homes[1]));
        check_refused(input.as_bytes(), &["--name", "same"], refused);
    }
}
