use serde_json::json;

use super::*;

#[test]
fn documents_are_read_in_order_and_empty_ones_left_out() {
    let yaml = "--- \na: 1\n---\n---\n# only a comment\n---\nb: [x]\n";
    assert_eq!(
        parse_documents(yaml.as_bytes()),
        Ok(vec![json!({"a": 1}), json!({"b": ["x"]})])
    );
    assert_eq!(
        parse_documents(b"{\"a\": 1}\n{\"b\": 2}"),
        Ok(vec![json!({"a": 1}), json!({"b": 2})])
    );
    assert_eq!(
        parse_documents(b"\xef\xbb\xbfa: 1"),
        Ok(vec![json!({"a": 1})])
    );
    assert_eq!(
        parse_documents(b"{a: 1, b: [x]}"),
        Ok(vec![json!({"a": 1, "b": ["x"]})])
    );
    assert_eq!(parse_documents(b""), Ok(vec![]));
    assert_eq!(
        parse_documents("\u{feff}a: 1\n---\n\u{feff}a: '\u{feff}'\n".as_bytes()),
        Ok(vec![json!({"a": 1}), json!({"a": "\u{feff}"})])
    );
    // A mark before the separator is no reason to keep the one after it.
    assert_eq!(
        parse_documents("\u{feff}---\n\u{feff}a: 1\n".as_bytes()),
        Ok(vec![json!({"a": 1})])
    );
}

#[test]
fn thousands_of_documents_are_read_in_yaml_as_in_json() {
    let count = 5_000;
    let yaml = parse_documents("---\na: 1\n".repeat(count).as_bytes());
    assert_eq!(yaml, Ok(vec![json!({"a": 1}); count]));
    assert_eq!(
        parse_documents("{\"a\": 1}\n".repeat(count).as_bytes()),
        yaml
    );
}

#[test]
fn an_error_gives_the_place_and_never_the_text() {
    let canary = "canary-4711";
    let inputs = [
        format!("a: 1\n---\nb: [{canary}\n"),
        format!("a: &x {canary}\nb: {canary}: {canary}\n"),
        format!("{{\"a\": \"{canary}\" \"b\"}}"),
        format!("a: \"{canary}"),
        format!("a: {canary}\na: {canary}\n"),
    ];
    for input in inputs {
        let error = parse_documents(input.as_bytes())
            .expect_err(&input)
            .to_string();
        assert!(!error.contains("canary"), "{error}");
    }
    let second = parse_documents(b"a: 1\n---\nb: [x\n")
        .unwrap_err()
        .to_string();
    assert!(
        second.starts_with("document 2: not valid YAML at line"),
        "{second}"
    );
}

#[test]
fn bombs_are_refused() {
    let nested = "[".repeat(200) + &"]".repeat(200);
    assert!(parse_documents(nested.as_bytes()).is_err());
    for levels in [MAX_DEPTH, MAX_DEPTH + 1] {
        let json = "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
        let yaml = format!("---\n{json}");
        assert_eq!(
            parse_documents(json.as_bytes()).is_ok(),
            levels <= MAX_DEPTH
        );
        assert_eq!(
            parse_documents(yaml.as_bytes()).is_ok(),
            levels <= MAX_DEPTH
        );
    }
    let many = format!("[{}]", "1,".repeat(200_000));
    assert!(parse_documents(many.as_bytes()).is_err());
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..9 {
        let alias = format!("*a{},", level - 1).repeat(9);
        laughs.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            alias.trim_end_matches(',')
        ));
    }
    assert!(parse_documents(laughs.as_bytes()).is_err());
    assert_eq!(
        parse_documents(&[b' '; MAX_BYTES + 1]),
        Err(ManifestError::TooLarge)
    );
    assert_eq!(parse_documents(b"\xff"), Err(ManifestError::NotUtf8));
}

#[test]
fn yaml_that_is_written_reads_back_and_ambiguous_words_are_quoted() {
    let value = json!({"b": "yes", "a": {"on": "1e3", "null": "~"}, "list": ["0x1f", "", "a: b"], "t": "2001-01-01", "e": {}, "m": "a\nb\n"});
    let yaml = to_yaml(&value);
    assert_eq!(
        parse_documents(yaml.as_bytes()),
        Ok(vec![sorted(&value)]),
        "{yaml}"
    );
    for quoted in ["\"yes\"", "\"1e3\"", "\"~\"", "\"0x1f\""] {
        let single = quoted.replace('"', "'");
        assert!(
            yaml.contains(quoted) || yaml.contains(&single),
            "{quoted} in {yaml}"
        );
    }
    assert!(yaml.find("\na:").or(yaml.strip_prefix("a:").map(|_| 0)) < yaml.find("\nb:"));
}

#[test]
fn text_that_go_keeps_is_taken_and_text_that_go_changes_is_refused_by_its_path() {
    let secret = |value: &str| format!("kind: Secret\nstringData:\n  port: {value}\n");
    for kept in ["5432", "-1", "1.5", "true", "62e1234", "2001-01-01"] {
        let read = parse_documents(secret(kept).as_bytes()).expect(kept);
        assert_eq!(read[0]["stringData"]["port"], kept);
    }
    for changed in [
        "017", "1_000", "yes", "y", "1.0", "0x1f", "+5", "1e3", "True",
    ] {
        let error = parse_documents(secret(changed).as_bytes()).expect_err(changed);
        let expected = ManifestError::Changed {
            document: 1,
            path: "stringData.port".to_owned(),
            line: 3,
        };
        assert_eq!(error, expected, "{changed}");
        assert!(!error.to_string().contains(changed));
    }
}

#[test]
fn names_labels_and_lists_follow_the_same_rule() {
    let path = |text: &str, labels| {
        let reading = Reading {
            labels,
            ..Reading::SMALL
        };
        match read_documents(text.as_bytes(), reading) {
            Ok(_) => "read".to_owned(),
            Err(ManifestError::Changed { path, .. }) => path,
            Err(other) => other.to_string(),
        }
    };
    let table = [
        ("stringData: {8080: x}", "read", "read"),
        ("stringData: {on: x}", "stringData.on", "stringData.on"),
        ("data: {1.0: x}", "data.1.0", "data.1.0"),
        ("metadata: {annotations: {a/b: -1}}", "read", "read"),
        ("metadata: {labels: {a: yes}}", "metadata.labels.a", "read"),
        ("metadata: {labels: {on: a}}", "metadata.labels.on", "read"),
        ("metadata: {name: 017}", "metadata.name", "metadata.name"),
        (
            "kind: List\nitems: [{kind: Secret, stringData: {a: 017}}]",
            "stringData.a",
            "stringData.a",
        ),
        ("immutable: yes\nstringData: {a: b}", "read", "read"),
        (
            "kind: SealedSecret\nspec: {encryptedData: {on: Ag, 1.0: Ag}}",
            "read",
            "read",
        ),
        (
            "spec: {template: {data: {a: 017}}}",
            "spec.template.data.a",
            "spec.template.data.a",
        ),
        ("kind: Deployment\ndata: {a: 017}", "read", "read"),
    ];
    for (text, strict, as_go) in table {
        assert_eq!(path(text, Labels::Strict), strict, "{text}");
        assert_eq!(path(text, Labels::AsGo), as_go, "{text}");
    }
    let read = parse_documents(b"spec: {encryptedData: {on: Ag, 8080: Ah}}").unwrap();
    assert_eq!(
        read[0]["spec"]["encryptedData"],
        json!({"true": "Ag", "8080": "Ah"})
    );
}

#[test]
fn numbers_in_json_are_texts_where_go_keeps_them() {
    let read = |text: &str| parse_documents(text.as_bytes());
    assert_eq!(
        read("{\"stringData\": {\"port\": 5432, \"on\": true}}"),
        Ok(vec![json!({"stringData": {"port": "5432", "on": "true"}})])
    );
    assert!(matches!(
        read("{\"stringData\": {\"version\": 1.0}}"),
        Err(ManifestError::Changed { .. })
    ));
}

#[test]
fn a_key_that_stands_twice_is_refused_in_yaml_and_in_json() {
    let texts = [
        "a: 1\nb: 2\na: 3\n",
        "{\"a\": 1,\n\"b\": 2,\n\"a\": 3}",
        "8080: 1\nb: 2\n\"8080\": 3\n",
        "{\"x\": {\n\n\"b\": 2, \"b\": 3}}",
    ];
    for text in texts {
        let expected = ManifestError::KeyTwice {
            document: 1,
            line: 3,
        };
        assert_eq!(parse_documents(text.as_bytes()), Err(expected), "{text}");
    }
    // A merge before the key gives way to it, in Go as well; one behind it does not.
    let read = parse_documents(b"x: &x {k: 1, l: 1}\na: {<<: *x, k: 2}\n").unwrap();
    assert_eq!(read[0]["a"], json!({"k": 2, "l": 1}));
    assert!(parse_documents(b"x: &x {k: 1}\na: {k: 2, <<: *x}\n").is_err());
    assert!(parse_documents(b"a: {<<: [{k: 1}, {k: 2}]}\n").is_ok());
}

#[test]
fn a_merge_key_with_its_tag_merges_and_one_that_is_a_text_does_not() {
    let keys = |key: &str| {
        let text = format!("x: &x {{k: 1}}\na:\n  {key}: *x\n");
        let read = parse_documents(text.as_bytes()).expect(key);
        let keys = read[0]["a"].as_object().expect("a mapping").keys();
        keys.cloned().collect::<Vec<_>>()
    };
    let merge_tag = "!<tag:yaml.org,2002:merge>";
    for key in ["<<", "!!merge <<", "!!merge \"<<\"", "! <<", "! '<<'"] {
        assert_eq!(keys(key), ["k"], "{key}");
    }
    assert_eq!(keys(&format!("{merge_tag} <<")), ["k"]);
    for key in ["\"<<\"", "!!str <<", "!other <<"] {
        assert_eq!(keys(key), ["<<"], "{key}");
    }
    assert_eq!(keys("!!merge x"), ["x"]);
}

#[test]
fn many_aliases_and_many_objects_are_read() {
    let mut text =
        "kind: List\nitems:\n- {kind: Secret, metadata: {labels: &l {team: t}}}\n".to_owned();
    text.push_str(&"- {kind: Secret, metadata: {labels: *l}}\n".repeat(120));
    assert_eq!(
        parse_documents(text.as_bytes()).unwrap()[0]["items"][120]["metadata"]["labels"]["team"],
        "t"
    );
    let object = "- {apiVersion: v1, kind: Secret, metadata: {name: n1, namespace: b, labels: {team: t}}, stringData: {x: hello}}\n";
    let text = format!("kind: List\nitems:\n{}", object.repeat(8_500));
    assert!(read_documents(text.as_bytes(), Reading::LARGE).is_ok());
    let error = parse_documents(text.as_bytes()).unwrap_err();
    assert_eq!(error, ManifestError::TooManyValues(100_000));
}

#[test]
fn aliases_of_a_short_text_stand_for_no_more_values_than_it_has_bytes() {
    let text = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(300), "*a,".repeat(300));
    assert_eq!(
        parse_documents(text.as_bytes()),
        Err(ManifestError::TooManyValues(text.len()))
    );
    assert!(read_documents(text.as_bytes(), Reading::SMALL).is_ok());
    assert!(parse_documents(b"[a,a,a]").is_ok());
}

#[test]
fn aliases_of_long_texts_are_counted_by_their_bytes() {
    let text = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1_000_000),
        "*a,".repeat(20)
    );
    assert_eq!(
        read_documents(text.as_bytes(), Reading::LARGE),
        Err(ManifestError::TooManyValues(1_000_000))
    );
}

#[test]
fn characters_that_only_some_readers_take_for_a_line_end_are_refused_with_their_line() {
    for (character, code) in [
        ('\u{85}', "U+0085"),
        ('\u{2028}', "U+2028"),
        ('\u{2029}', "U+2029"),
    ] {
        let text = format!("a: b\n# a comment{character}metadata: {{name: other}}\n");
        assert_eq!(
            parse_documents(text.as_bytes()),
            Err(ManifestError::HiddenLineBreak {
                line: 2,
                character: code
            })
        );
    }
    // In JSON they are characters like others; escaped, in YAML too.
    assert!(parse_documents("{\"a\": \"\u{2028}\"}".as_bytes()).is_ok());
    assert!(parse_documents(b"a: \"\\u2028\"").is_ok());
}

#[test]
fn what_is_written_reads_back_as_the_text_it_is_whatever_it_looks_like() {
    let alphabet = "017_.-+exbony:~<=".chars();
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer = texts
            .iter()
            .flat_map(|text| alphabet.clone().map(move |last| format!("{text}{last}")));
        texts = longer.chain([String::new()]).collect();
    }
    for text in texts
        .iter()
        .map(String::as_str)
        .chain(["on", "Null", "0x1f", "1e3", ".inf", "+.INF"])
    {
        let value = json!({"kind": "Secret", "metadata": {"labels": {text: text}}, "stringData": {text: text}});
        let yaml = to_yaml(&value);
        let reading = Reading {
            labels: Labels::Strict,
            ..Reading::SMALL
        };
        let read = read_documents(yaml.as_bytes(), reading);
        assert_eq!(read, Ok(vec![value]), "{yaml}");
    }
}
