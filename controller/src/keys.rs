//! The sealing keys in the cluster: reading key Secrets, holding the ring, making a key when one is due.
//!
//! Reading and naming are pure; `ring` is rebuilt from what is known whenever that changes. The last key is never dropped
//! from memory (ARCHITECTURE.md "Keys").

mod ids;
mod known;
mod root;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{
    Certificate, CertificateError, CertificateRequest, KeyEntry, KeyOrder, KeySize, KeyUse,
    PrivateKey, PrivateKeyError,
};
use signet_crds::names::{
    GROUP, KEY_ACTIVE, KEY_LABEL, KIND, SEAL, SEAL_NEVER, SKIP_SET_OWNER_REFERENCES, TLS_CERT,
    TLS_KEY, TLS_TYPE,
};
use signet_crds::scope::is_true;
use thiserror::Error;
use zeroize::Zeroize as _;

pub use ids::corrected;
use ids::set_ids;
pub use known::{KnownKeys, Unstored};
pub use root::{Root, new_root_secret};

/// Why a key Secret cannot be used. No case carries key material.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// `tls.key` or `tls.crt` is missing.
    #[error("the item {0} is missing")]
    Missing(&'static str),
    /// `tls.key` is no usable private key.
    #[error("tls.key: {0}")]
    PrivateKey(#[from] PrivateKeyError),
    /// `tls.crt` is no usable certificate.
    #[error("tls.crt: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate is for another key: whatever is sealed with it could never be opened.
    #[error("tls.crt is not the certificate of tls.key")]
    Mismatch,
}

/// A key Secret. What it holds is wiped when it is dropped; the text that it came or went as is the client library's.
pub struct KeySecret(Secret);

impl From<Secret> for KeySecret {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl Deref for KeySecret {
    type Target = Secret;

    fn deref(&self) -> &Secret {
        &self.0
    }
}

impl Drop for KeySecret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(secret: &mut Secret) {
    for value in secret.data.iter_mut().flat_map(BTreeMap::values_mut) {
        value.0.zeroize();
    }
}

/// Reads a key Secret (`docs/format.md` §6).
///
/// A key that a SealedSecret made only opens (docs/trust.md row 1).
///
/// # Errors
/// [`KeyProblem`].
pub fn read_key(secret: &Secret, order: KeyOrder) -> Result<KeyEntry, KeyProblem> {
    let item = |name| {
        secret
            .data
            .as_ref()
            .and_then(|data| data.get(name))
            .ok_or(KeyProblem::Missing(name))
    };
    let key = PrivateKey::parse_pem(&item(TLS_KEY)?.0)?;
    let certificate = Certificate::parse_pem(&item(TLS_CERT)?.0)?;
    if !certificate.matches(&key) {
        return Err(KeyProblem::Mismatch);
    }
    let created = secret
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0);
    let ordered_at = match order {
        KeyOrder::CertNotBefore => certificate.not_before(),
        KeyOrder::SecretCreationTimestamp => created.unwrap_or(certificate.not_before()),
    };
    Ok(KeyEntry {
        key: Arc::new(key),
        certificate: Arc::new(certificate),
        key_use: if only_decrypts(secret) {
            KeyUse::OpenOnly
        } else {
            KeyUse::SealAndOpen
        },
        ordered_at,
        source: secret.metadata.name.clone().unwrap_or_default(),
    })
}

/// Whether a key Secret shows that a SealedSecret made it, or says itself that nothing is to be sealed to it.
///
/// An owner goes when the SealedSecret is deleted with its Secret left behind, and its author can ask for none; the
/// annotation that `plan` writes stays.
pub(crate) fn only_decrypts(secret: &Secret) -> bool {
    let metadata = &secret.metadata;
    let mut owners = metadata.owner_references.iter().flatten();
    let owned = owners
        .any(|owner| owner.kind == KIND && owner.api_version.split('/').next() == Some(GROUP));
    owned
        || metadata.annotations.as_ref().is_some_and(|annotations| {
            annotations.get(SEAL).is_some_and(|seal| seal == SEAL_NEVER)
                || is_true(annotations, SKIP_SET_OWNER_REFERENCES)
        })
}

/// What a new key looks like: upstream's flags.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// `--key-prefix`.
    pub prefix: String,
    /// `--key-size`.
    pub size: KeySize,
    /// `--key-ttl`.
    pub valid_for: std::time::Duration,
    /// `--my-cn`.
    pub common_name: String,
    /// `--key-order-priority`.
    pub order: KeyOrder,
    /// `--privatekey-labels`.
    pub labels: BTreeMap<String, String>,
    /// `--privatekey-annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// Makes the Secret of a new key. Takes about a second of one core: call it where that does not matter.
///
/// # Errors
/// [`KeyProblem`] if the generator or the certificate fails.
pub fn new_key_secret(
    settings: &KeySettings,
    namespace: &str,
    name: &str,
    now: Timestamp,
) -> Result<KeySecret, KeyProblem> {
    let key = PrivateKey::generate(settings.size)?;
    let request = CertificateRequest {
        common_name: &settings.common_name,
        valid_for: settings.valid_for,
    };
    let certificate = Certificate::self_signed(&mut rand::rng(), &key, &request, now)?;
    let data = BTreeMap::from([
        (
            TLS_CERT.to_owned(),
            ByteString(certificate.to_pem().into_bytes()),
        ),
        (
            TLS_KEY.to_owned(),
            ByteString(key.to_pkcs1_pem().as_bytes().to_vec()),
        ),
    ]);
    let mut labels = settings.labels.clone();
    labels.insert(KEY_LABEL.to_owned(), KEY_ACTIVE.to_owned());
    let mut metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        annotations: Some(settings.annotations.clone()),
        ..ObjectMeta::default()
    };
    set_ids(&mut metadata, certificate.key_id(), key.spki_der());
    Ok(KeySecret(Secret {
        metadata,
        type_: Some(TLS_TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }))
}

/// The name of the key Secret that follows `predecessor` where there is no [`Root`]. Two controllers that replace the same
/// key choose the same name, so that the second one collides instead of making a second key.
pub fn new_key_name(prefix: &str, predecessor: Option<&KeyEntry>, ordinal: u32) -> String {
    let after = predecessor.map_or_else(|| "first".to_owned(), |entry| entry.key_id().to_string());
    format!("{prefix}-{after}-{ordinal}")
}

/// The selector of key Secrets in use.
pub fn key_selector() -> String {
    format!("{KEY_LABEL}={KEY_ACTIVE}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn settings() -> KeySettings {
        KeySettings {
            prefix: "sealed-secrets-key".to_owned(),
            size: KeySize::Rsa2048,
            valid_for: std::time::Duration::from_secs(3600),
            common_name: String::new(),
            order: KeyOrder::CertNotBefore,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    pub(super) fn secret(name: &str) -> Secret {
        secret_of(name, 1_700_000_000)
    }

    /// A key Secret whose key is made at this second.
    pub(crate) fn secret_of(name: &str, second: i64) -> Secret {
        new_key_secret(
            &settings(),
            "kube-system",
            name,
            Timestamp::from_second(second).unwrap(),
        )
        .unwrap()
        .clone()
    }

    #[test]
    fn what_a_key_secret_holds_is_wiped() {
        let mut secret = secret("k1");
        let (start, length) = {
            let pem = &secret.data.as_ref().unwrap()[TLS_KEY].0;
            assert!(pem.starts_with(b"-----BEGIN RSA PRIVATE KEY"));
            (pem.as_ptr(), pem.capacity())
        };
        wipe(&mut secret);
        let pem = &secret.data.as_ref().unwrap()[TLS_KEY].0;
        // Emptied in place, the whole buffer.
        assert_eq!(
            (pem.len(), pem.as_ptr(), pem.capacity()),
            (0, start, length)
        );
    }

    #[test]
    fn a_new_key_secret_reads_back_and_has_upstreams_shape() {
        let secret = secret("k1");
        assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
        assert_eq!(
            secret.metadata.labels.as_ref().unwrap()[KEY_LABEL],
            "active"
        );
        let pem = String::from_utf8(secret.data.as_ref().unwrap()[TLS_KEY].0.clone()).unwrap();
        assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let entry = read_key(&secret, KeyOrder::CertNotBefore).unwrap();
        assert_eq!(entry.key_use, KeyUse::SealAndOpen);
        assert_eq!(entry.ordered_at.as_second(), 1_700_000_000);
    }

    #[test]
    fn malformed_key_secrets_are_told_apart() {
        let (one, other) = (secret("one"), secret("other"));
        let with = |item: &str, bytes: &[u8]| {
            let mut changed = one.clone();
            changed
                .data
                .as_mut()
                .unwrap()
                .insert(item.to_owned(), ByteString(bytes.to_vec()));
            read_key(&changed, KeyOrder::CertNotBefore).unwrap_err()
        };
        assert_eq!(
            with(TLS_KEY, b"garbage"),
            KeyProblem::PrivateKey(PrivateKeyError::NoKey)
        );
        assert_eq!(
            with(TLS_CRT_GARBAGE.0, TLS_CRT_GARBAGE.1),
            KeyProblem::Certificate(CertificateError::NoCertificate)
        );
        assert_eq!(
            with(TLS_CERT, &other.data.as_ref().unwrap()[TLS_CERT].0),
            KeyProblem::Mismatch
        );
        let mut empty = one.clone();
        empty.data = None;
        assert_eq!(
            read_key(&empty, KeyOrder::CertNotBefore).unwrap_err(),
            KeyProblem::Missing(TLS_KEY)
        );
    }

    const TLS_CRT_GARBAGE: (&str, &[u8]) = (TLS_CERT, b"garbage");

    #[test]
    fn a_key_that_a_sealed_secret_made_only_opens() {
        let mut secret = secret("k1");
        secret.metadata.owner_references = Some(vec![
            k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
                api_version: "bitnami.com/v1alpha1".to_owned(),
                kind: "SealedSecret".to_owned(),
                ..Default::default()
            },
        ]);
        assert_eq!(
            read_key(&secret, KeyOrder::CertNotBefore).unwrap().key_use,
            KeyUse::OpenOnly
        );
    }

    #[test]
    fn a_key_that_is_marked_or_was_made_without_owner_only_opens() {
        let marks = [
            ("signet.internal/seal", "never"),
            (
                "sealedsecrets.bitnami.com/skip-set-owner-references",
                "true",
            ),
        ];
        for (name, value) in marks {
            let mut secret = secret("k1");
            secret.metadata.annotations =
                Some(BTreeMap::from([(name.to_owned(), value.to_owned())]));
            let entry = read_key(&secret, KeyOrder::CertNotBefore).unwrap();
            assert_eq!(entry.key_use, KeyUse::OpenOnly, "{name}");
        }
    }

    #[test]
    fn rivals_choose_the_same_name_and_a_successor_another() {
        let entry = read_key(&secret("k1"), KeyOrder::CertNotBefore).unwrap();
        assert_eq!(new_key_name("p", None, 1), "p-first-1");
        assert_eq!(
            new_key_name("p", Some(&entry), 1),
            format!("p-{}-1", entry.key_id())
        );
    }
}
