//! Every file of `tests/vectors` is what it says it is (`docs/format.md` §9).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use signet_common::{BlobError, Plaintext, PrivateKey, SealTarget, SealedBlob, open};

use crate::test_keys::{KEY_3072, KEY_4096, KEY_A, KEY_B, RSA_1024};

/// A vector file: `name: value` lines, then `blob:`, then the blob's text to the end of the file less one newline.
struct Vector {
    fields: BTreeMap<String, String>,
    blob: String,
}

impl Vector {
    const FIELDS: [&str; 11] = [
        "comment",
        "made-by",
        "expect",
        "upstream",
        "scope",
        "namespace",
        "name",
        "item",
        "key",
        "plaintext-base64",
        "plaintext-sha256",
    ];

    fn parse(text: &str) -> Self {
        let (head, blob) = text.split_once("\nblob:\n").expect("a blob");
        let fields: BTreeMap<_, _> = head
            .lines()
            .map(|line| line.split_once(':').expect("name: value"))
            .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
            .collect();
        assert_eq!(fields.len(), head.lines().count(), "a field is there twice");
        for name in fields.keys() {
            assert!(
                Self::FIELDS.contains(&name.as_str()),
                "unknown field {name}"
            );
        }
        let blob = blob
            .strip_suffix('\n')
            .expect("a newline at the end")
            .to_owned();
        Self { fields, blob }
    }

    fn field(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .unwrap_or_else(|| panic!("no field {name}"))
    }

    fn key(&self) -> Option<PrivateKey> {
        let pem = match self.field("key") {
            "rsa-1024" => RSA_1024,
            "rsa-2048-a" => KEY_A.pem,
            "rsa-2048-b" => KEY_B.pem,
            "rsa-3072" => KEY_3072.pem,
            "rsa-4096" => KEY_4096.pem,
            other => panic!("unknown key {other}"),
        };
        PrivateKey::parse_pem(pem.as_bytes()).ok()
    }

    /// What becomes of the blob, in the words of `expect:`.
    fn outcome(&self) -> &'static str {
        let blob = match SealedBlob::parse_base64(&self.blob) {
            Ok(blob) => blob,
            Err(error) => return framing_error(error),
        };
        let Some(key) = self.key() else {
            return "key-refused";
        };
        let scope = self.field("scope").parse().unwrap();
        let target = SealTarget::new(scope, self.field("namespace"), self.field("name")).unwrap();
        match open(&key, &blob, &target, self.field("item")) {
            Err(_) => "cannot-open",
            Ok(plaintext) => {
                assert_eq!(plaintext.expose().len(), blob.plaintext_len());
                self.check_plaintext(&plaintext);
                "opens"
            }
        }
    }

    fn check_plaintext(&self, plaintext: &Plaintext) {
        if let Some(expected) = self.fields.get("plaintext-base64") {
            assert_eq!(&STANDARD.encode(plaintext.expose()), expected);
        } else {
            let digest = Sha256::digest(plaintext.expose());
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, self.field("plaintext-sha256"));
        }
    }
}

fn framing_error(error: BlobError) -> &'static str {
    match error {
        BlobError::NotBase64 => "not-base64",
        BlobError::TooShort => "too-short",
        BlobError::NewerVersion => "newer-version",
        BlobError::WrappedKeyTruncated => "wrapped-key-truncated",
        BlobError::TagTruncated => "tag-truncated",
    }
}

#[expect(clippy::disallowed_methods, reason = "the vectors are files")]
fn read_all(folder: &str) -> Vec<(PathBuf, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(folder);
    folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, Vector::parse(&text))
        })
        .collect()
}

fn check_all(vectors: &[(PathBuf, Vector)]) {
    let mut wrong = Vec::new();
    for (path, vector) in vectors {
        let (expected, outcome) = (vector.field("expect"), vector.outcome());
        if outcome != expected {
            wrong.push(format!(
                "{}: expected {expected}, got {outcome}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_valid_vector_opens_to_its_plaintext() {
    let vectors = read_all("valid");
    assert!(vectors.len() >= 31, "only {} vectors", vectors.len());
    assert!(
        vectors
            .iter()
            .all(|(_, vector)| vector.field("expect") == "opens")
    );
    for maker in [
        "kubeseal v0.40.0",
        "generate.py",
        "signet-common, examples/seal.rs",
    ] {
        assert!(
            vectors
                .iter()
                .any(|(_, vector)| vector.field("made-by") == maker),
            "{maker}"
        );
    }
    check_all(&vectors);
}

#[test]
fn every_broken_vector_is_refused_for_its_own_reason() {
    let vectors = read_all("broken");
    assert!(vectors.len() >= 60, "only {} vectors", vectors.len());
    assert!(
        vectors
            .iter()
            .all(|(_, vector)| vector.field("expect") != "opens")
    );
    check_all(&vectors);
}
