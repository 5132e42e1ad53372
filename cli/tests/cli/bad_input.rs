//! Bad input: each has a clear error, nothing is printed or written, and no value is shown.

use crate::support::{CANARY, Place, Program, assert_refusal, check_refused, key, secret, words};

#[test]
fn text_that_is_not_yaml_is_refused_with_its_place() {
    let input = format!("kind: Secret\nstringData: {{a: {CANARY}\nb: [");
    check_refused(input.as_bytes(), &[], "document 1: not valid YAML at line");
    let input = format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": \"{CANARY}\"");
    check_refused(
        input.as_bytes(),
        &[],
        "document 1: not valid JSON at line 1",
    );
}

#[test]
fn text_in_an_unknown_encoding_is_refused() {
    let unmarked: Vec<u8> = secret()
        .replace("db", "d\u{e9}b")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = |bytes: &[u8]| [&[0xff, 0xfe], bytes].concat();
    let half_a_unit = marked(&unmarked[1..]);
    let half_a_pair = marked(&[b'a', 0, 0x00, 0xd8]);
    for input in [unmarked, half_a_unit, half_a_pair] {
        check_refused(&input, &[], "the input is not UTF-8 text");
        check_refused(&input, &[], "byte order mark");
    }
}

#[test]
fn empty_input_is_refused() {
    for empty in [
        "",
        "\n\n",
        "---\n---\n",
        "# only a comment\n",
        "kind: List\nitems: []\n",
        "kind: SecretList\nitems:\n",
    ] {
        check_refused(
            empty.as_bytes(),
            &[],
            "no secrets found. Ensure the input is valid and UTF-8 encoded",
        );
    }
}

#[test]
fn other_kinds_of_objects_are_refused_by_name() {
    let config_map =
        format!("kind: ConfigMap\nmetadata: {{name: a, namespace: b}}\ndata: {{a: {CANARY}}}\n");
    check_refused(
        config_map.as_bytes(),
        &[],
        "expected a Secret, found ConfigMap",
    );
    let list = format!(
        "kind: List\nitems:\n- {{kind: Secret, metadata: {{name: a, namespace: b}}, stringData: {{a: {CANARY}}}}}\n- {{kind: List, items: []}}\n"
    );
    check_refused(
        list.as_bytes(),
        &[],
        "document 1, item 2: expected a Secret, found List",
    );
    check_refused(b"just words", &[], "the document is not an object");
}

#[test]
fn a_sealed_secret_is_not_sealed_again() {
    let place = Place::new();
    let sealed = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        secret().as_bytes(),
    );
    sealed.assert_done();
    check_refused(
        sealed.stdout.as_bytes(),
        &[],
        "expected a Secret, found SealedSecret",
    );
}

#[test]
fn a_kind_with_control_characters_is_escaped() {
    check_refused(
        b"{\"kind\": \"a\\u001b[31m\\nb\\u202e\"}",
        &[],
        "found a\\u{1b}[31m\\u{a}b\\u{202e}",
    );
}

#[test]
fn a_value_that_is_not_base64_is_named_and_not_shown() {
    let input =
        format!("kind: Secret\nmetadata: {{name: a, namespace: b}}\ndata: {{pw: \"{CANARY}!\"}}\n");
    check_refused(
        input.as_bytes(),
        &[],
        "the value of data.pw is not valid base64",
    );
}

#[test]
fn a_refused_value_comes_with_what_to_do_about_it() {
    let table = [
        (
            format!("data: {{a: '{CANARY}!'}}"),
            "put it under stringData",
        ),
        (
            format!("data: {{a: [{CANARY}]}}"),
            "values of data are base64 texts",
        ),
        (
            format!("stringData: {{a: [{CANARY}]}}"),
            "values of stringData are texts; quote",
        ),
        ("type: [a]".to_owned(), "kubectl explain secret"),
    ];
    for (field, hint) in table {
        let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n";
        check_refused(format!("{head}{field}\n").as_bytes(), &[], hint);
    }
}

#[test]
fn a_broken_second_document_keeps_the_first_from_being_written() {
    let bad_base64 = format!(
        "{}---\nkind: Secret\nmetadata: {{name: b, namespace: b}}\ndata: {{pw: \"%{CANARY}\"}}\n",
        secret()
    );
    check_refused(
        bad_base64.as_bytes(),
        &[],
        "document 2: the value of data.pw is not valid base64",
    );
    let bad_yaml = format!("{}---\nkind: [Secret\n", secret());
    check_refused(bad_yaml.as_bytes(), &[], "document 2: not valid YAML");
    let bad_name = format!(
        "{}---\nkind: Secret\nmetadata: {{name: a/b, namespace: b}}\nstringData: {{a: b}}\n",
        secret()
    );
    check_refused(
        bad_name.as_bytes(),
        &[],
        "document 2: the name contains a '/'",
    );
}

#[test]
fn a_missing_name_or_namespace_is_refused_for_the_scopes_that_need_it() {
    let nameless =
        format!("kind: Secret\nmetadata: {{namespace: b}}\nstringData: {{pw: {CANARY}}}\n");
    check_refused(
        nameless.as_bytes(),
        &[],
        "missing metadata.name in input Secret",
    );
    let homeless = format!("kind: Secret\nmetadata: {{name: a}}\nstringData: {{pw: {CANARY}}}\n");
    for scope in ["strict", "namespace-wide"] {
        check_refused(
            homeless.as_bytes(),
            &["--scope", scope],
            "secret must declare a namespace",
        );
    }
    for program in Program::BOTH {
        let mut arguments = program.sealing();
        arguments.extend(words(&["--scope", "cluster-wide"]));
        let ran = Place::new().run(program, &arguments, homeless.as_bytes());
        ran.assert_done().assert_no_canary();
    }
}

#[test]
fn raw_needs_the_names_of_its_scope() {
    let table = [
        (
            "strict",
            vec!["-n", "b"],
            "must provide the --name flag with --raw and --scope strict",
        ),
        (
            "strict",
            vec!["-n", "b", "--name="],
            "must provide the --name flag with --raw and --scope strict",
        ),
    ];
    for (scope, mut extra, expected) in table {
        extra.extend(["--raw", "--scope", scope]);
        check_refused(CANARY.as_bytes(), &extra, expected);
    }
    for scope in ["strict", "namespace-wide"] {
        for program in Program::BOTH {
            let mut arguments = program.sealing();
            arguments.extend(words(&["--raw", "--scope", scope, "--name", "a"]));
            let ran = Place::new().run(program, &arguments, CANARY.as_bytes());
            assert_refusal(
                program,
                &ran,
                match program {
                    Program::Signet => "must provide the --namespace flag with --raw and --scope",
                    Program::Kubeseal => "no configuration has been provided",
                },
            );
        }
    }
}

#[test]
fn a_namespace_that_contradicts_the_input_is_refused() {
    check_refused(
        secret().as_bytes(),
        &["-n", "other"],
        "namespace mismatch: input secret is in namespace \"pay\" but \"other\" was specified",
    );
}

#[test]
fn a_secret_without_items_is_refused_unless_allowed() {
    let empty = "kind: Secret\nmetadata: {name: a, namespace: b}\n";
    check_refused(empty.as_bytes(), &[], "--allow-empty-data can be used");
    for program in Program::BOTH {
        let mut arguments = program.sealing();
        arguments.push("--allow-empty-data".to_owned());
        Place::new()
            .run(program, &arguments, empty.as_bytes())
            .assert_done();
    }
}

#[test]
fn more_than_ten_mebibytes_are_refused() {
    let large = vec![b' '; 10 * 1024 * 1024 + 1];
    check_refused(&large, &[], "stdin is larger than 10 MiB");
    check_refused(
        &large,
        &["--raw", "--scope", "cluster-wide"],
        "stdin is larger than 10 MiB",
    );
}

#[test]
fn a_closed_stdin_is_an_empty_one() {
    for program in Program::BOTH {
        let place = Place::new();
        let mut shell = std::process::Command::new("sh");
        shell
            .arg("-c")
            .arg("exec \"$0\" \"$@\" <&-")
            .arg(program.path());
        shell.args(program.sealing());
        let ran = place.finish(shell, b"");
        assert_refusal(program, &ran, "no secrets found");
    }
}

#[test]
fn a_closed_stdout_is_an_error_that_shows_nothing() {
    for program in Program::BOTH {
        let place = Place::new();
        let mut shell = std::process::Command::new("sh");
        shell
            .arg("-c")
            .arg("exec \"$0\" \"$@\" >/dev/full")
            .arg(program.path());
        shell.args(program.sealing());
        let ran = place.finish(shell, secret().as_bytes());
        assert_refusal(program, &ran, "write stdout: no space left on device");
    }
}

#[test]
fn a_value_that_is_also_in_an_annotation_is_refused_by_signet_and_warned_about_by_kubeseal() {
    let input = format!(
        "kind: Secret\nmetadata:\n  name: db\n  namespace: pay\n  annotations: {{note: \"it is {CANARY}\"}}\nstringData: {{password: {CANARY}}}\n"
    );
    let place = Place::new();
    let signet = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        input.as_bytes(),
    );
    assert_refusal(
        Program::Signet,
        &signet,
        "the value of password stands in clear in metadata.annotations.note, which is not sealed",
    );
    let mut allowed = Program::Signet.sealing();
    allowed.extend(words(&["--allow-cleartext", "password"]));
    place
        .run(Program::Signet, &allowed, input.as_bytes())
        .assert_done();
    let kubeseal = place.run(
        Program::Kubeseal,
        &Program::Kubeseal.sealing(),
        input.as_bytes(),
    );
    kubeseal.assert_done();
    assert_eq!(kubeseal.stderr, "");
}

#[test]
fn what_kubectl_and_the_api_server_keep_of_a_secret_is_not_copied() {
    let encoded = base64_of(CANARY);
    let input = format!(
        "kind: Secret\nmetadata:\n  name: db\n  namespace: pay\n  uid: u\n  resourceVersion: '7'\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{{\"data\":{{\"password\":\"{encoded}\"}}}}'\n  managedFields: [{{manager: \"{CANARY}\"}}]\ndata: {{password: {encoded}}}\n"
    );
    for program in Program::BOTH {
        let ran = Place::new().run(program, &program.sealing(), input.as_bytes());
        ran.assert_done().assert_no_canary();
        for field in ["managedFields", "last-applied", "uid", "resourceVersion"] {
            assert!(!ran.stdout.contains(field), "{field} in {}", ran.stdout);
        }
    }
}

#[test]
fn names_of_secrets_applications_and_fields_are_no_cleartext() {
    let input = "kind: Secret\nmetadata: {name: postgres-main, namespace: postgres, labels: {app: postgres}}\nstringData: {username: postgres, a: metadata, b: template, c: v1alpha1}\n";
    Place::new()
        .run(
            Program::Signet,
            &Program::Signet.sealing(),
            input.as_bytes(),
        )
        .assert_done();
}

#[test]
fn opening_needs_sealed_secrets_and_the_right_key() {
    let place = Place::new();
    let sealed = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        secret().as_bytes(),
    );
    let wrong_key = words(&["unseal", "-k", &key("other.key")]);
    let ran = place.run(Program::Signet, &wrong_key, sealed.stdout.as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("no key could decrypt secret (password)")
        .assert_no_canary();
    let right_key = words(&["unseal", "-k", &key("seal.key")]);
    let ran = place.run(Program::Signet, &right_key, secret().as_bytes());
    assert_eq!(ran.code, Some(2), "{}", ran.said());
    ran.assert_says("expected a SealedSecret of bitnami.com/v1alpha1, found Secret")
        .assert_no_canary();
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
