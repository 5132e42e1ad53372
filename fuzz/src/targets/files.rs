//! Files and answers that a command line reads beside manifests: private keys and backups of key Secrets, the list of
//! known keys, what `--cert` and `--pin` are given, and the controller's answer to a rotation (docs/trust.md row 14).
//!
//! Holds for every input: a failure repeats nothing of a key file; a line that is added to the list of known keys is
//! found there and displaces no other controller's; of an answer only ciphertexts that fit are taken.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signet_cli::certificate::{CertificateSource, Pin};
use signet_cli::error::Failure;
use signet_cli::known_keys::{ControllerName, keys_of, with_line};
use signet_cli::{key_files, reencrypt};
use signet_common::SealedBlob;

use super::CANARY;
use crate::fake::PEM;
use crate::feedback::{magnitude, note, note_text};
use crate::{Target, WHOLE};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "files",
    run: target,
    seeds,
    words: &[
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----END RSA PRIVATE KEY-----\n",
        "tls.key",
        "data",
        "stringData",
        "items",
        "https://a ",
        "https://b ",
        "ns/name ",
        "sha256:",
        "2026-01-01",
        "# ",
        "\n",
        "\r\n",
        "\t",
        "\u{2028}",
        "\u{a0}",
        "file://",
        "http://",
        "https://",
        "localhost",
        "%00",
        "[::1]",
        "@",
        "\u{202e}",
    ],
    longest: 8192,
    executions: WHOLE,
};

/// One input: any of these files.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

type Items = BTreeMap<String, String>;

struct Subject {
    keys: fn(&[u8]) -> Result<usize, String>,
    with_line: fn(&str, &ControllerName, &str, &str) -> String,
    take_items: fn(&Items, &Items, usize) -> Result<Items, String>,
}

fn shown(failure: &Failure) -> String {
    format!("{} {:?}", failure.message, failure.hint)
}

const REAL: Subject = Subject {
    keys: |bytes| match key_files::parse(bytes) {
        Ok(mut found) if found.keys.is_empty() => Err(shown(&found.unfit.remove(0))),
        Ok(found) => Ok(found.keys.len()),
        Err(failure) => Err(shown(&failure)),
    },
    with_line,
    take_items: reencrypt::take_items,
};

fn check(data: &[u8], subject: &Subject) {
    match (subject.keys)(data) {
        Ok(keys) => {
            note(("keys", keys.min(4)));
            assert!(keys > 0, "no keys and no failure");
        }
        Err(text) => {
            note_text(&text);
            assert!(!text.contains(CANARY), "{text}");
        }
    }
    if let Ok(answer) = serde_json::from_slice::<Value>(data) {
        check_answer(&answer, subject);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        check_known_keys(text, subject);
        check_arguments(text);
    }
}

fn controller(server: &str) -> ControllerName {
    ControllerName {
        server: server.to_owned(),
        service: "ns/name".to_owned(),
    }
}

fn check_known_keys(text: &str, subject: &Subject) {
    let (ours, theirs) = (controller("https://a"), controller("https://b"));
    let new = (subject.with_line)(text, &ours, "11", "2026-11-21");
    let mut expected = keys_of(text, &ours);
    expected.push(("11", "2026-11-21"));
    note((
        "known",
        magnitude(expected.len()),
        magnitude(keys_of(text, &theirs).len()),
    ));
    if text.lines().count() < 1000 {
        assert_eq!(keys_of(&new, &ours), expected);
        assert_eq!(
            keys_of(&new, &theirs),
            keys_of(text, &theirs),
            "another controller's keys"
        );
    }
    assert!(new.lines().count() <= 1001);
}

fn check_arguments(text: &str) {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let is_pin = hex.len() == 64 && hex.chars().all(|char| char.is_ascii_hexdigit());
    assert_eq!(text.parse::<Pin>().is_ok(), is_pin);
    let shown = match CertificateSource::parse(text) {
        Ok(source) => source.describe(),
        Err(failure) => failure.message,
    };
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

fn sent() -> Items {
    let blob = |value: usize| {
        let bytes = [&[1, 0][..], &vec![7; 256 + value + 16]].concat();
        SealedBlob::parse(&bytes).expect("it is framed").to_base64()
    };
    [("a".to_owned(), blob(3)), ("b".to_owned(), blob(0))].into()
}

fn check_answer(answer: &Value, subject: &Subject) {
    let items = answer["spec"]["encryptedData"].as_object();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let answer: Items = items
        .into_iter()
        .flatten()
        .map(|(item, value)| (item.clone(), text(value)))
        .collect();
    let sent = sent();
    let taken = (subject.take_items)(&sent, &answer, 256);
    note(("answer", taken.is_ok(), answer.len().min(4)));
    let Ok(taken) = taken else { return };
    assert!(taken.keys().eq(sent.keys()), "other items");
    for (item, text) in &taken {
        let (new, old) = (
            SealedBlob::parse_base64(text),
            SealedBlob::parse_base64(&sent[item]),
        );
        let (new, old) = (new.expect("it was taken"), old.expect("it was sent"));
        assert_eq!(new.wrapped().len(), 256, "another key size");
        assert_eq!(new.plaintext_len(), old.plaintext_len(), "another length");
        assert_eq!(&new.to_base64(), text, "something came along");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let [(key, _), (other, _)] = PEM;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let secret = |key: &str| json!({"kind": "Secret", "data": {"tls.key": encode(key)}});
    let list = json!({"kind": "List", "items": [secret(key), secret(other)]});
    let plain = json!({"stringData": {"tls.key": CANARY}, "data": {"x": CANARY}});
    let known = "# Keys\nhttps://a ns/name sha256:00 2026-01-01\nhttps://b ns/name sha256:22 2026-01-02\nnonsense\n";
    let answer = json!({"kind": "SealedSecret", "spec": {"encryptedData": sent()}});
    let pin = format!("sha256:{}", "0a".repeat(32));
    let texts = [
        list.to_string(),
        plain.to_string(),
        signet_crds::manifest::to_yaml(&secret(CANARY)),
        answer.to_string(),
        pin,
    ];
    let more = [
        key,
        known,
        "https://example.com/v1/cert.pem",
        "file://localhost/x",
        "cert.pem",
    ];
    texts
        .into_iter()
        .chain(more.map(str::to_owned))
        .map(String::into_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn files_bear_any_input() {
        passes(&TARGET, 5_000);
    }

    #[test]
    fn an_answer_with_another_length_that_is_taken_is_found() {
        fn trusting(sent: &Items, answer: &Items, wrapped_len: usize) -> Result<Items, String> {
            let fits = |text: &String| {
                SealedBlob::parse_base64(text).is_ok_and(|blob| blob.wrapped().len() == wrapped_len)
            };
            let taken = |item: &String| answer.get(item).filter(|text| fits(text)).cloned();
            sent.keys()
                .map(|item| Ok((item.clone(), taken(item).ok_or("no")?)))
                .collect()
        }
        finds(&TARGET, "another length", |data| {
            check(
                data,
                &Subject {
                    take_items: trusting,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn a_key_that_displaces_anothers_is_found() {
        fn displacing(text: &str, controller: &ControllerName, key: &str, day: &str) -> String {
            let kept = text
                .lines()
                .filter(|line| !line.contains('\u{a0}'))
                .collect::<Vec<_>>();
            with_line(&kept.join("\n"), controller, key, day)
        }
        finds(&TARGET, "left", |data| {
            check(
                data,
                &Subject {
                    with_line: displacing,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn a_failure_that_repeats_the_file_is_found() {
        fn keys(bytes: &[u8]) -> Result<usize, String> {
            (REAL.keys)(bytes).map_err(|error| match error.contains("line 2") {
                true => String::from_utf8_lossy(bytes).into_owned(),
                false => error,
            })
        }
        finds(&TARGET, "canary", |data| {
            check(data, &Subject { keys, ..REAL })
        });
    }
}
