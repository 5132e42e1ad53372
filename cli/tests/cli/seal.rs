//! What sealing writes: upstream's shape, scopes, several documents, single values, the environment.

use std::collections::BTreeMap;

use crate::support::{CANARY, Place, Program, Ran, item, key, secret, unseal, words};

fn seal(program: Program, input: &str, extra: &[&str]) -> Ran {
    let mut arguments = program.sealing();
    arguments.extend(words(extra));
    Place::new().run(program, &arguments, input.as_bytes())
}

#[test]
fn json_has_upstreams_fields_in_upstreams_order() {
    let input = "kind: Secret\nmetadata:\n  name: db\n  namespace: pay\n  creationTimestamp: null\n  annotations: {note: '<&>', sealedsecrets.bitnami.com/namespace-wide: 'true'}\n  labels: {app: x}\ntype: Opaque\nimmutable: true\ndata: {b: AAEC}\n";
    let expected = "{\n  \"kind\": \"SealedSecret\",\n  \"apiVersion\": \"bitnami.com/v1alpha1\",\n  \"metadata\": {\n    \"name\": \"db\",\n    \"namespace\": \"pay\",\n    \"annotations\": {\n      \"sealedsecrets.bitnami.com/namespace-wide\": \"true\"\n    }\n  },\n  \"spec\": {\n    \"template\": {\n      \"metadata\": {\n        \"name\": \"db\",\n        \"namespace\": \"pay\",\n        \"labels\": {\n          \"app\": \"x\"\n        },\n        \"annotations\": {\n          \"note\": \"\\u003c\\u0026\\u003e\",\n          \"sealedsecrets.bitnami.com/namespace-wide\": \"true\"\n        }\n      },\n      \"type\": \"Opaque\",\n      \"immutable\": true\n    },\n    \"encryptedData\": {\n      \"b\": \"AQ";
    for (program, extra) in [
        (Program::Kubeseal, vec![]),
        (Program::Signet, vec!["-o", "json"]),
    ] {
        let ran = seal(program, input, &extra);
        ran.assert_done();
        assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
        assert!(
            ran.stdout.ends_with("\"\n    }\n  }\n}\n"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn several_documents_come_out_in_order_and_each_yaml_one_begins_with_dashes() {
    let second = secret().replace("name: db", "name: second");
    let input = format!("{}---\n{second}", secret());
    for (program, extra) in [
        (Program::Signet, vec![]),
        (Program::Kubeseal, vec!["-o", "yaml"]),
    ] {
        let ran = seal(program, &input, &extra);
        ran.assert_done();
        let documents: Vec<&str> = ran.stdout.split("---\n").collect();
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0], "");
        assert!(documents[1].contains("\n  name: db\n"));
        assert!(documents[2].contains("\n  name: second\n"));
    }
}

#[test]
fn values_of_every_kind_come_back_in_every_scope() {
    let input = format!(
        "kind: Secret\nmetadata: {{name: Any.Name, namespace: pay}}\ndata: {{bytes: AAECgP8=, empty: '', big: {}}}\nstringData: {{text: \"line\\n\\u00e9\"}}\n",
        "A".repeat(1_400_000)
    );
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for program in Program::BOTH {
            let ran = seal(program, &input, &["--scope", scope]);
            let opened = unseal(&Place::new(), &ran.assert_done().stdout);
            assert_eq!(item(&opened, "bytes"), [0, 1, 2, 0x80, 0xff]);
            assert_eq!(item(&opened, "empty"), b"");
            assert_eq!(item(&opened, "big"), vec![0; 1_050_000]);
            assert_eq!(item(&opened, "text"), "line\né".as_bytes());
        }
    }
}

#[test]
fn a_scope_of_strict_leaves_annotations_to_kubeseal_and_overrides_them_for_signet() {
    let input = "kind: Secret\nmetadata: {name: a, namespace: b, annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}}\nstringData: {a: b}\n";
    let is_wide = |ran: &Ran| {
        ran.assert_done()
            .stdout
            .contains("sealedsecrets.bitnami.com/cluster-wide")
    };
    assert!(is_wide(&seal(
        Program::Kubeseal,
        input,
        &["--scope", "strict"]
    )));
    assert!(is_wide(&seal(Program::Signet, input, &[])));
    assert!(!is_wide(&seal(
        Program::Signet,
        input,
        &["--scope", "strict"]
    )));
}

#[test]
fn a_name_for_several_secrets_is_refused_where_they_would_become_one() {
    let elsewhere = secret().replace("namespace: pay", "namespace: test");
    for program in Program::BOTH {
        let same = seal(
            program,
            &format!("{}---\n{}", secret(), secret()),
            &["--name", "x"],
        );
        assert_eq!((same.code, same.stdout.as_str()), (program.trouble(), ""));
        same.assert_says("--name would give several Secrets of the input the same name");
        seal(
            program,
            &format!("{}---\n{elsewhere}", secret()),
            &["--name", "x"],
        )
        .assert_done();
    }
}

#[test]
fn the_namespace_comes_from_the_kubeconfig_without_contacting_the_cluster() {
    let place = Place::new();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\ncontexts:\n- {name: a, context: {cluster: c}}\n- {name: b, context: {cluster: c, namespace: from-b}}\n";
    place.write("config", kubeconfig);
    std::fs::create_dir(place.path(".kube")).expect("a folder");
    place.write(".kube/config", kubeconfig.replace("from-b", "from-home"));
    let homeless = "kind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n";
    let table: [(&[&str], &str); 4] = [
        (&["--kubeconfig", "config"], "default"),
        (&["--kubeconfig", "config", "--context", "b"], "from-b"),
        (&["--context", "b"], "from-home"),
        (
            &["--kubeconfig", "config", "--context", "b", "-n", "flag"],
            "flag",
        ),
    ];
    for (extra, namespace) in table {
        for program in Program::BOTH {
            let mut arguments = program.sealing();
            arguments.extend(words(extra));
            let ran = place.run(program, &arguments, homeless.as_bytes());
            ran.assert_done();
            let shown = ran.stdout.replace('"', "");
            assert!(
                shown.contains(&format!("namespace: {namespace}")),
                "{extra:?} {}",
                ran.said()
            );
        }
    }
    for program in Program::BOTH {
        let mut arguments = program.sealing();
        arguments.extend(words(&["--context", "missing"]));
        let ran = place.run(program, &arguments, homeless.as_bytes());
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("secret must declare a namespace");
        ran.assert_says("context was not found for specified context: missing");
    }
}

#[test]
fn a_raw_value_is_sealed_byte_for_byte() {
    let place = Place::new();
    place.write("value", CANARY);
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for program in Program::BOTH {
            let mut arguments = program.sealing();
            arguments.extend(words(&[
                "--raw", "--scope", scope, "-n", "ns/pay", "--name", "db",
            ]));
            if program == Program::Signet {
                let at = arguments
                    .iter()
                    .position(|word| word == "ns/pay")
                    .expect("given");
                arguments[at] = "pay".to_owned();
            }
            let from_stdin = place.run(program, &arguments, CANARY.as_bytes());
            let file = if program == Program::Kubeseal {
                "item=value"
            } else {
                "value"
            };
            arguments.extend(words(&["--from-file", file]));
            let from_file = place.run(program, &arguments, b"");
            for ran in [from_stdin, from_file] {
                ran.assert_done().assert_no_canary();
                assert_eq!(ran.stdout.ends_with('\n'), program == Program::Signet);
                let annotations = format!("{{sealedsecrets.bitnami.com/{scope}: 'true'}}");
                let sealed = format!(
                    "kind: SealedSecret\nmetadata: {{name: db, namespace: pay, annotations: {annotations}}}\nspec: {{encryptedData: {{v: {}}}}}\n",
                    ran.stdout.trim()
                );
                assert_eq!(item(&unseal(&place, &sealed), "v"), CANARY.as_bytes());
            }
        }
    }
}

#[test]
fn variables_stand_in_for_flags_and_flags_win() {
    let place = Place::new();
    let certificate = key("seal.crt");
    let kubeseal = BTreeMap::from([
        ("SEALED_SECRETS_CERT", certificate.clone()),
        ("SEALED_SECRETS_FORMAT", "yaml".to_owned()),
        ("SEALED_SECRETS_SCOPE", "nonsense".to_owned()),
        ("SEALED_SECRETS_VALIDATE", "maybe".to_owned()),
        ("SEALED_SECRETS_PORT", "tcp://127.0.0.1:8080".to_owned()),
    ]);
    let ran = place.run_with(Program::Kubeseal, &[], secret().as_bytes(), &kubeseal);
    assert!(ran.assert_done().stdout.starts_with("---\n"));
    let ran = place.run_with(
        Program::Kubeseal,
        &words(&["-o", "json"]),
        secret().as_bytes(),
        &kubeseal,
    );
    assert!(ran.assert_done().stdout.starts_with("{\n"));
    let signet = BTreeMap::from([("SIGNET_CERT", certificate)]);
    place
        .run_with(
            Program::Signet,
            &words(&["seal"]),
            secret().as_bytes(),
            &signet,
        )
        .assert_done();
    let missing = words(&["seal", "--cert", "missing.crt"]);
    let ran = place.run_with(Program::Signet, &missing, secret().as_bytes(), &signet);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn modes_that_exclude_each_other_write_nothing() {
    let place = Place::new();
    place.write("f.yaml", "content");
    let table: [(&[&str], &str); 6] = [
        (
            &["--validate", "--re-encrypt", "-f", "f.yaml"],
            "--validate and --re-encrypt cannot be used together",
        ),
        (&["--validate", "-w", "f.yaml"], "--validate prints nothing"),
        (
            &["--merge-into", "f.yaml", "--raw"],
            "--raw and --merge-into cannot be used together",
        ),
        (
            &["--recovery-unseal", "--re-encrypt", "-f", "f.yaml"],
            "--re-encrypt and --recovery-unseal cannot be used together",
        ),
        (
            &["--fetch-cert", "--raw", "-w", "f.yaml"],
            "--raw and --fetch-cert cannot be used together",
        ),
        (
            &["--raw", "-f", "f.yaml"],
            "--raw does not read --secret-file",
        ),
    ];
    for (extra, expected) in table {
        let mut arguments = Program::Kubeseal.sealing();
        arguments.extend(words(extra));
        let ran = place.run(Program::Kubeseal, &arguments, secret().as_bytes());
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(1), ""),
            "{}",
            ran.said()
        );
        ran.assert_says(expected);
        assert_eq!(place.read("f.yaml"), "content", "{extra:?}");
    }
}

#[test]
fn a_wider_scope_that_the_input_chooses_is_pointed_out_by_signet() {
    let input = |annotation: &str| {
        format!(
            "kind: Secret\nmetadata: {{name: a, namespace: b, annotations: {{sealedsecrets.bitnami.com/{annotation}: 'true'}}}}\nstringData: {{a: b}}\n"
        )
    };
    let table = [
        (
            "namespace-wide",
            "signet: b/a is sealed namespace-wide, as the input's annotation says: under any name in b it opens",
        ),
        (
            "cluster-wide",
            "signet: a is sealed cluster-wide, as the input's annotation says: under any name in any namespace it opens",
        ),
    ];
    for (scope, said) in table {
        seal(Program::Signet, &input(scope), &[])
            .assert_done()
            .assert_says(said);
        let asked_for = seal(Program::Signet, &input(scope), &["--scope", scope]);
        assert!(!asked_for.assert_done().stderr.contains("is sealed"));
        let kubeseal = seal(Program::Kubeseal, &input(scope), &[]);
        assert_eq!(kubeseal.assert_done().stderr, "");
    }
    let strict = seal(Program::Signet, &input("other"), &[]);
    assert!(!strict.assert_done().stderr.contains("is sealed"));
}
