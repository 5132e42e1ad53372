//! Key Secrets and the PEM in them (`docs/format.md` §6).
//!
//! Holds for every input: a key that is read has an allowed size, is written and read back as the same, and its `Debug`
//! shows the id only; certificate and key of an entry belong together; a key that a SealedSecret owns only opens; no
//! refusal repeats anything.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use signet_common::{KeyEntry, KeyOrder, KeyUse, PrivateKey, PrivateKeyError, UnwrapKey};
use signet_controller::keys::{KeyProblem, read_key};

use super::CANARY;
use crate::fake::PEM;
use crate::feedback::{note, note_text};
use crate::{PARSER, Target};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "key-secret",
    run: target,
    seeds,
    words: &[
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
        "tls.key",
        "tls.crt",
        "ownerReferences",
        "bitnami.com/v1alpha1",
        "SealedSecret",
        "creationTimestamp",
        "2026-01-01T00:00:00Z",
        "\r\n",
    ],
    longest: 16 * 1024,
    executions: PARSER,
};

/// One input: the JSON of a Secret, or else a PEM text.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

struct Subject {
    parse_pem: fn(&[u8]) -> Result<PrivateKey, PrivateKeyError>,
    read_key: fn(&Secret, KeyOrder) -> Result<KeyEntry, KeyProblem>,
}

const REAL: Subject = Subject {
    parse_pem: PrivateKey::parse_pem,
    read_key,
};

fn check(data: &[u8], subject: &Subject) {
    // Checking an RSA key takes most of the time.
    let thorough = data.len().is_multiple_of(8);
    if data.starts_with(b"{") {
        if let Ok(secret) = serde_json::from_slice(data) {
            check_secret(&secret, subject, thorough);
        }
        return;
    }
    let (first, all) = ((subject.parse_pem)(data), PrivateKey::parse_pem_all(data));
    note((
        first.as_ref().err().map(ToString::to_string),
        all.as_ref().map_or(0, Vec::len).min(3),
    ));
    if let Ok(all) = &all {
        let ids = [&first, &all[0]].map(|key| key.as_ref().ok().map(UnwrapKey::key_id));
        assert_eq!(ids[0], ids[1], "the first alone, and of all");
    }
    let Ok(key) = first else { return };
    assert!(
        (2048..=8192).contains(&key.bits()),
        "a key of {} bits",
        key.bits()
    );
    assert_eq!(format!("{key:?}"), format!("PrivateKey({})", key.key_id()));
    if !thorough {
        return;
    }
    let again =
        (subject.parse_pem)(key.to_pkcs1_pem().as_bytes()).expect("what was written is read");
    assert_eq!(again.spki_der(), key.spki_der());
}

fn check_secret(secret: &Secret, subject: &Subject, thorough: bool) {
    let entry = match (subject.read_key)(secret, KeyOrder::CertNotBefore) {
        Ok(entry) => entry,
        Err(problem) => {
            let text = problem.to_string();
            assert!(!text.contains(CANARY) && !text.contains("BEGIN"), "{text}");
            return note_text(&text);
        }
    };
    let owners = secret.metadata.owner_references.iter().flatten();
    let sealed = owners
        .clone()
        .any(|owner| owner.kind == "SealedSecret" && owner.api_version.starts_with("bitnami.com/"));
    note((sealed, owners.count().min(3)));
    assert_eq!(entry.certificate.key().spki_der(), entry.key.spki_der());
    assert!(
        !sealed || entry.key_use == KeyUse::OpenOnly,
        "a SealedSecret's key seals"
    );
    assert_eq!(entry.ordered_at, entry.certificate.not_before());
    if !thorough {
        return;
    }
    let by_secret = (subject.read_key)(secret, KeyOrder::SecretCreationTimestamp);
    let by_secret = by_secret.expect("the order has nothing to do with reading");
    let created = secret.metadata.creation_timestamp.as_ref();
    let expected = created.map_or(entry.ordered_at, |time| time.0);
    assert_eq!(by_secret.ordered_at, expected);
}

fn seeds() -> Vec<Vec<u8>> {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let [(key, certificate), (other, _)] = PEM;
    let secret = |key, owners: serde_json::Value| {
        let value = json!({
            "metadata": {
                "name": "key1", "annotations": {"a": CANARY}, "ownerReferences": owners,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "type": "kubernetes.io/tls",
            "data": {"tls.key": bytes(key), "tls.crt": bytes(certificate)},
        });
        value.to_string().into_bytes()
    };
    let owner = json!([{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "a", "uid": "u"}]);
    // Most are cut short, and show the reading of PEM and DER without the cost of checking a key.
    let lines: Vec<&str> = key.lines().collect();
    let cut = (2..lines.len()).flat_map(|count| {
        let body = lines[1..count].join("\n");
        ["RSA PRIVATE KEY", "PRIVATE KEY"]
            .map(|label| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"))
    });
    let cut: Vec<String> = cut.collect();
    let in_secrets = cut.iter().map(|pem| secret(pem, json!([])));
    let short = include_str!("../../../common/tests/vectors/keys/rsa-1024.key");
    let whole = vec![
        secret(key, json!(null)),
        secret(key, owner),
        secret(other, json!([])),
        secret(CANARY, json!([])),
        key.as_bytes().to_vec(),
        [other, key].concat().into_bytes(),
        short.as_bytes().to_vec(),
    ];
    let alone = cut.iter().map(|pem| pem.as_bytes().to_vec());
    whole.into_iter().chain(alone).chain(in_secrets).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fake::KEYS;
    use crate::planted::{finds, passes};

    #[test]
    fn key_secrets_bear_any_input() {
        passes(&TARGET, 5_000);
    }

    #[test]
    fn a_key_beside_another_certificate_is_found() {
        fn mixed(secret: &Secret, order: KeyOrder) -> Result<KeyEntry, KeyProblem> {
            let entry = read_key(secret, order)?;
            let odd = secret.metadata.name.as_deref() != Some("key1");
            let key = if odd {
                KEYS[1].clone()
            } else {
                return Ok(entry);
            };
            Ok(KeyEntry { key, ..entry })
        }
        finds(&TARGET, "left", |data| {
            check(
                data,
                &Subject {
                    read_key: mixed,
                    ..REAL
                },
            );
        });
    }

    #[test]
    fn a_sealed_key_that_seals_is_found() {
        fn trusting(secret: &Secret, order: KeyOrder) -> Result<KeyEntry, KeyProblem> {
            let entry = read_key(secret, order)?;
            Ok(KeyEntry {
                key_use: KeyUse::SealAndOpen,
                key: Arc::clone(&entry.key),
                ..entry
            })
        }
        finds(&TARGET, "seals", |data| {
            check(
                data,
                &Subject {
                    read_key: trusting,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn a_panic_over_a_second_key_is_found() {
        fn parse_pem(data: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
            let key = PrivateKey::parse_pem(data)?;
            let blocks = String::from_utf8_lossy(data).matches("BEGIN RSA").count();
            assert!(blocks < 3, "three of them");
            Ok(key)
        }
        finds(&TARGET, "three", |data| {
            check(data, &Subject { parse_pem, ..REAL })
        });
    }
}
