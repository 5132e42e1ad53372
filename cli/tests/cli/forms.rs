//! The forms that an input can have: encodings, separators, Lists, and fields that are null.

use crate::support::{CANARY, Place, Program, item, secret, unseal, words};

/// Seals with both programs and gives, of each, the names of what came out and all of it opened, as JSON.
#[track_caller]
fn sealed_names(input: &[u8]) -> Vec<String> {
    let names = Program::BOTH.map(|program| {
        let place = Place::new();
        let arguments = [program.sealing(), words(&["-o", "json"])].concat();
        let ran = place.run(program, &arguments, input);
        ran.assert_done().assert_no_canary();
        let opened = unseal(&place, &ran.stdout);
        let objects = serde_json::Deserializer::from_str(&opened).into_iter();
        let names: Vec<String> = objects
            .map(|object: serde_json::Result<serde_json::Value>| {
                let object = object.expect("JSON");
                item(&object.to_string(), "password");
                object["metadata"]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned()
            })
            .collect();
        names
    });
    assert_eq!(names[0], names[1]);
    names[0].clone()
}

/// A Secret in flow style, for nesting.
fn flow(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, namespace: pay}}, stringData: {{password: {CANARY}}}}}"
    )
}

#[test]
fn a_list_is_sealed_item_by_item() {
    for kind in ["List", "SecretList"] {
        let list = format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{resourceVersion: ''}}\nitems:\n- {}\n- {}\n",
            flow("a"),
            flow("b")
        );
        assert_eq!(sealed_names(list.as_bytes()), ["a", "b"]);
        let mixed = format!("{}---\n{list}---\n{}", secret(), flow("c"));
        assert_eq!(sealed_names(mixed.as_bytes()), ["db", "a", "b", "c"]);
    }
}

#[test]
fn a_list_of_sealed_secrets_is_opened_item_by_item() {
    let place = Place::new();
    let sealing = [Program::Kubeseal.sealing(), words(&["-o", "json"])].concat();
    let sealed = place.run(Program::Kubeseal, &sealing, secret().as_bytes());
    let list = format!(
        "{{\"kind\": \"List\", \"items\": [{0}, {0}]}}",
        sealed.assert_done().stdout
    );
    assert_eq!(unseal(&place, &list).matches("\"kind\"").count(), 2);
}

#[test]
fn every_encoding_that_windows_writes_is_read() {
    let text = secret().replace('\n', "\r\n");
    let utf16 = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
        let bytes = text.encode_utf16().flat_map(unit);
        mark.into_iter().chain(bytes).collect::<Vec<u8>>()
    };
    let inputs = [
        text.clone().into_bytes(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16([0xff, 0xfe], u16::to_le_bytes),
        utf16([0xfe, 0xff], u16::to_be_bytes),
    ];
    for input in inputs {
        assert_eq!(sealed_names(&input), ["db"]);
    }
}

#[test]
fn documents_are_separated_as_yaml_says_and_json_needs_no_separator() {
    let one = |name: &str| secret().replace("name: db", &format!("name: {name}"));
    let json = |name: &str| {
        format!(
            "{{\"kind\": \"Secret\", \"metadata\": {{\"name\": \"{name}\", \"namespace\": \"pay\"}}, \"stringData\": {{\"password\": \"{CANARY}\"}}}}"
        )
    };
    let (a, b) = (one("a"), one("b"));
    let inputs = [
        format!("{a}---\n{b}"),
        format!("--- \n{a}--- \n{b}"),
        format!("--- # first\n{a}\n---\t\n{b}...\n"),
        format!("---\n---\n{a}---\n# nothing\n---\n{b}---\n"),
        format!("{}{}", json("a"), json("b")),
        format!("{}\n\n{}\n", json("a"), json("b")),
        format!("{}\n---\n{}", json("a"), json("b")),
        format!("{}\n---\n{b}", json("a")),
    ];
    for input in inputs {
        assert_eq!(sealed_names(input.as_bytes()), ["a", "b"], "{input:?}");
    }
}

#[test]
fn an_indented_separator_separates_nothing() {
    let input = format!(
        "{}  note: |\n    before\n     ---\n    after\n",
        secret_block()
    );
    let place = Place::new();
    for program in Program::BOTH {
        let ran = place.run(program, &program.sealing(), input.as_bytes());
        let opened = unseal(&place, &ran.assert_done().stdout);
        assert_eq!(item(&opened, "note"), b"before\n ---\nafter\n");
    }
}

fn secret_block() -> String {
    format!(
        "kind: Secret\nmetadata:\n  name: db\n  namespace: pay\nstringData:\n  password: {CANARY}\n"
    )
}

#[test]
fn fields_that_are_null_count_as_absent() {
    let input = format!(
        "{}data: null\nimmutable: null\ntype: null\n",
        secret_block().replace(
            "  namespace",
            "  creationTimestamp: null\n  labels: null\n  annotations: null\n  managedFields: null\n  namespace"
        )
    );
    assert_eq!(sealed_names(input.as_bytes()), ["db"]);
    let place = Place::new();
    let ran = place.run(
        Program::Kubeseal,
        &Program::Kubeseal.sealing(),
        input.as_bytes(),
    );
    let null = ran.assert_done().stdout.replace(
        "\"metadata\": {",
        "\"status\": null, \"metadata\": {\"creationTimestamp\": null,",
    );
    assert!(null.contains("null"), "{null}");
    assert_eq!(item(&unseal(&place, &null), "password"), CANARY.as_bytes());
}

#[test]
fn half_a_character_is_refused_and_a_mark_alone_is_no_document() {
    // As in CVE-2020-14040, where a decoder of UTF-16 ran for ever on a mark, or on one byte after it.
    let text: &[u8] = b"a\0:\0";
    let bodies: [&[u8]; 5] = [&[], &[0], &[0x3d, 0xd8], &[0xdc], &[text, &[0x0a]].concat()];
    for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
        for body in bodies {
            for program in Program::BOTH {
                let place = Place::new();
                let input = [&mark[..], body].concat();
                let ran = place.run(program, &program.sealing(), &input);
                assert!(
                    matches!(ran.code, Some(1 | 2)),
                    "{input:x?}: {}",
                    ran.said()
                );
                assert_eq!(ran.stdout, "", "{input:x?}");
                // Half a unit is no text in any encoding.
                let says = ran.stderr.contains("not UTF-8 text");
                assert!(says || body.len() % 2 == 0, "{input:x?}: {}", ran.said());
            }
        }
    }
    for program in Program::BOTH {
        let ran = Place::new().run(program, &program.sealing(), &[0xff, 0xfe]);
        assert!(ran.stderr.contains("no secrets found"), "{}", ran.said());
    }
}
