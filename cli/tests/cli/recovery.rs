//! Opening with private keys at hand, from every kind of key file that upstream reads.

use crate::support::{CANARY, Place, Program, Ran, item, key, secret, words};

fn sealed(scope: &str) -> String {
    let mut arguments = Program::Signet.sealing();
    arguments.extend(words(&["--scope", scope]));
    let ran = Place::new().run(Program::Signet, &arguments, secret().as_bytes());
    ran.assert_done();
    ran.stdout
}

fn open(program: Program, keys: &[&str], sealed: &str) -> Ran {
    let mut arguments = match program {
        Program::Signet => words(&["unseal", "-o", "json"]),
        Program::Kubeseal => words(&[
            "--recovery-unseal",
            "--kubeconfig",
            "not-a-valid-kubeconfig",
        ]),
    };
    for name in keys {
        arguments.extend(words(&["--recovery-private-key", name]));
    }
    Place::new().run(program, &arguments, sealed.as_bytes())
}

#[test]
fn pem_files_and_every_form_of_backup_open() {
    let both = format!("{},{}", key("other.key"), key("seal.key"));
    let backups = [
        vec![key("seal.key")],
        vec![key("other.key"), key("seal.key")],
        vec![both],
        vec![key("backup-bare-list.json")],
        vec![key("backup-list-and-legacy.yaml")],
        vec![key("with-private-key.pem")],
    ];
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let sealed = sealed(scope);
        for keys in &backups {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            for program in Program::BOTH {
                let ran = open(program, &keys, &sealed);
                ran.assert_done();
                assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
                assert!(!ran.stdout.contains("ownerReferences"));
            }
        }
    }
}

#[test]
fn every_document_is_opened_and_kubeseal_prints_none_if_one_does_not() {
    let good = sealed("strict");
    for program in Program::BOTH {
        let ran = open(program, &[&key("seal.key")], &format!("{good}{good}"));
        ran.assert_done();
        assert_eq!(ran.stdout.matches("\"kind\": \"Secret\"").count(), 2);
    }
    let renamed = good.replace("name: db", "name: renamed");
    let both = format!("{good}{renamed}");
    let ran = open(Program::Kubeseal, &[&key("seal.key")], &both);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(1), ""),
        "{}",
        ran.said()
    );
    ran.assert_says("document 2: no key could decrypt secret (password)")
        .assert_no_canary();
}

/// The object with another name in its own metadata only: what a rename in a repository often does.
fn with_name(sealed: &str, name: &str) -> String {
    sealed.replacen("name: db", &format!("name: {name}"), 1)
}

#[test]
fn signet_opens_what_it_can_and_names_each_that_it_cannot_with_the_cause() {
    let good = sealed("strict");
    let scoped = sealed("namespace-wide").replace("namespace-wide: \"true\"", "other: \"true\"");
    let (_, ciphertext) = good.split_once("password: ").expect("an item");
    let ciphertext = ciphertext.lines().next().expect("a ciphertext");
    let all = [
        with_name(&good, "moved"),
        good.clone(),
        with_name(&scoped, "scoped"),
        with_name(&good.replace(ciphertext, "'%%%'"), "malformed"),
        with_name(&good.replace(ciphertext, "AQAA"), "short"),
    ]
    .concat();
    let place = Place::new();
    let input = place.write("all.yaml", all);
    let seal_key = key("seal.key");
    let arguments = words(&["unseal", "-o", "json", "-k", &seal_key, &input]);
    let ran = place.run(Program::Signet, &arguments, b"");
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
    ran.assert_says("4 of 5 SealedSecrets do not open")
        .assert_says("  pay/moved: no key could decrypt secret (password)\n    it was sealed for pay/db; seal it again")
        .assert_says("  pay/scoped: password: sealed with scope namespace-wide, but the object's annotations say strict")
        .assert_says("  pay/malformed: password: ")
        .assert_says("  pay/short: password: ");
    assert!(!ran.stderr.contains(CANARY));
    let written = place.path("out.json").to_string_lossy().into_owned();
    let arguments = [arguments, words(&["-w", &written])].concat();
    let ran = place.run(Program::Signet, &arguments, b"");
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    assert_eq!(item(&place.read("out.json"), "password"), CANARY.as_bytes());
}

#[test]
fn a_key_of_another_size_is_told_from_one_that_does_not_fit() {
    let place = Place::new();
    let large = place.path("large.key").to_string_lossy().into_owned();
    let certificate = place.path("large.crt").to_string_lossy().into_owned();
    let make = words(&["keys", "generate", "--bits", "3072", "--out-key", &large]);
    let make = [make, words(&["--out-cert", &certificate])].concat();
    place.run(Program::Signet, &make, b"").assert_done();
    let ran = open(Program::Signet, &[&large], &sealed("strict"));
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("pay/db: password: sealed with a key of ")
        .assert_says("no key here has that size");
}

#[test]
fn without_keys_kubeseal_says_what_upstream_says() {
    let ran = open(Program::Kubeseal, &[], &sealed("strict"));
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr
            .starts_with("error: no key could decrypt secret (password)\n"),
        "{}",
        ran.said()
    );
}

#[test]
fn files_without_a_usable_key_are_named_and_never_quoted() {
    let place = Place::new();
    let garbage = place.write("garbage", format!("{CANARY}: [\n"));
    let no_key = place.write("no-key.yaml", "kind: Secret\ndata: {tls.crt: eA==}\n");
    let empty_list = place.write("empty.yaml", "kind: List\nitems: []\n");
    let encrypted = place.write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\neA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let table = [
        (
            garbage,
            "neither a PEM private key nor a backup of key Secrets",
        ),
        (no_key, "no-key.yaml: "),
        (empty_list, "there is no private key in this file"),
        (encrypted, "no PEM block with an unencrypted private key"),
        (
            key("seal.crt"),
            "no PEM block with an unencrypted private key",
        ),
        (key("missing"), "no such file or directory"),
    ];
    let sealed = sealed("strict");
    for (file, expected) in table {
        for program in Program::BOTH {
            let ran = open(program, &[&file], &sealed);
            assert_eq!(ran.code, program.trouble(), "{}", ran.said());
            ran.assert_says(expected).assert_no_canary();
        }
    }
}

#[test]
fn keys_that_cannot_be_used_take_nothing_from_those_that_can() {
    let place = Place::new();
    let read = |name: &str| std::fs::read_to_string(key(name)).expect("a key");
    let small = include_str!("../../../common/tests/vectors/keys/rsa-1024.key");
    let unfit = format!("{small}{}", read("exponent-3.key"));
    let pem = place.write("mixed.pem", format!("{unfit}{}", read("seal.key")));
    let secret = |name: &str, pem: &str| serde_json::json!({"metadata": {"name": name}, "stringData": {"tls.key": pem}});
    let list = serde_json::json!({"kind": "List", "items": [
        secret("small", small), secret("odd", &read("exponent-3.key")), secret("good", &read("seal.key")),
    ]});
    let backup = place.write("backup.json", list.to_string());
    let only_unfit = place.write("unfit.pem", unfit);
    let sealed = sealed("strict");
    for keys in [vec![&pem], vec![&backup], vec![&only_unfit, &pem]] {
        let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        for program in Program::BOTH {
            let ran = open(program, &keys, &sealed);
            assert_eq!(ran.code, Some(0), "{}", ran.said());
            assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
            match program {
                Program::Kubeseal => assert_eq!(ran.stderr, ""),
                Program::Signet => {
                    ran.assert_says("2048 to 8192 bits; going on without it")
                        .assert_says("unsafe public exponent; going on without it");
                }
            }
        }
    }
    open(Program::Signet, &[&backup], &sealed).assert_says("backup.json: Secret small: ");
    for program in Program::BOTH {
        let ran = open(program, &[&only_unfit], &sealed);
        assert_eq!(ran.code, program.trouble(), "{}", ran.said());
        ran.assert_says("unfit.pem: the private key is not a valid RSA key");
    }
}

#[test]
fn templates_are_rendered() {
    let templated = templated("{{ .password }}@host");
    for program in Program::BOTH {
        let ran = open(program, &[&key("seal.key")], &templated);
        ran.assert_done();
        let wanted = format!("{CANARY}@host");
        assert_eq!(item(&ran.stdout, "url"), wanted.as_bytes());
        assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
    }
}

#[test]
fn a_template_that_fails_does_not_hide_the_values_from_signet_and_kubeseal_fails_as_upstreams() {
    let templated = templated("{{ fail .password }}");
    let ran = open(Program::Signet, &[&key("seal.key")], &templated);
    ran.assert_done()
        .assert_says("its template.data is left out")
        .assert_says("template.data.url: line 1, column 4: function \"fail\"");
    assert!(!ran.stderr.contains(CANARY));
    assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
    let ran = open(Program::Kubeseal, &[&key("seal.key")], &templated);
    assert_eq!(ran.code, Program::Kubeseal.trouble(), "{}", ran.said());
    ran.assert_says("template.data.url: ").assert_no_canary();
}

fn templated(text: &str) -> String {
    let data = format!("  template:\n    data: {{url: \"{text}\"}}\n");
    sealed("strict").replace("  template:\n", &data)
}

/// As PowerShell's `>` and `Out-File` write it.
fn as_windows_writes_it(text: &str) -> [Vec<u8>; 2] {
    let utf16 = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    [utf16, format!("\u{feff}{text}").into_bytes()]
}

#[test]
fn keys_backups_and_certificates_that_windows_wrote_are_read() {
    let place = Place::new();
    let sealed = sealed("strict");
    for name in [
        "seal.key",
        "backup-bare-list.json",
        "backup-list-and-legacy.yaml",
    ] {
        let text = std::fs::read_to_string(key(name)).expect("a key");
        for bytes in as_windows_writes_it(&text) {
            let path = place.write("key", bytes);
            for program in Program::BOTH {
                let ran = open(program, &[&path], &sealed);
                ran.assert_done();
                assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
            }
        }
    }
    let text = std::fs::read_to_string(key("seal.crt")).expect("a certificate");
    for bytes in as_windows_writes_it(&text) {
        let path = place.write("cert", bytes);
        for arguments in [words(&["seal", "--cert", &path]), words(&["--cert", &path])] {
            let program = match arguments.len() {
                3 => Program::Signet,
                _ => Program::Kubeseal,
            };
            place
                .run(program, &arguments, secret().as_bytes())
                .assert_done();
        }
    }
}

#[test]
fn base64_of_a_backup_is_read_as_go_reads_it() {
    use base64::Engine as _;
    let pem = std::fs::read(key("seal.key")).expect("a key");
    let mut text = pem;
    while text.len().is_multiple_of(3) {
        text.push(b'\n');
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
    let unpadded = encoded.trim_end_matches('=');
    let last = unpadded.chars().last().expect("a character");
    // Bits are left over: the next character differs in them alone.
    let next = char::from_u32(u32::from(last) + 1).expect("a character");
    let odd = format!(
        "{}{next}{}",
        &unpadded[..unpadded.len() - 1],
        &encoded[unpadded.len()..]
    );
    let wrapped: String = odd
        .as_bytes()
        .chunks(76)
        .map(|line| format!("    {}\n", String::from_utf8_lossy(line)))
        .collect();
    let backup = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: k}}\ndata:\n  tls.key: |\n{wrapped}"
    );
    let place = Place::new();
    let path = place.write("k.yaml", backup);
    for program in Program::BOTH {
        let ran = open(program, &[&path], &sealed("strict"));
        ran.assert_done();
        assert_eq!(item(&ran.stdout, "password"), CANARY.as_bytes());
    }
}
