//! What a key Secret says about its key: the ID as a label, the whole SHA-256 as an annotation. Computed from the data,
//! and put right where it is wrong: at night somebody looks for it.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{KeyEntry, KeyId, KeyUse, sha256_hex};
use signet_crds::names::{KEY_ID, KEY_SHA256, SEAL, SEAL_NEVER};

use super::KeySecret;

/// Puts the ID of a key on the metadata of its Secret.
pub(super) fn set_ids(metadata: &mut ObjectMeta, id: KeyId, public_key: &[u8]) {
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(KEY_ID.to_owned(), id.to_string());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(KEY_SHA256.to_owned(), sha256_hex(public_key));
}

/// The key Secret with the ID of its key on it; `None` if it is as it should be. Carries the uid and resourceVersion that
/// were read.
pub fn corrected(secret: &Secret, key: &KeyEntry) -> Option<KeySecret> {
    let mut metadata = secret.metadata.clone();
    set_ids(&mut metadata, key.key_id(), key.key.spki_der());
    if key.key_use == KeyUse::OpenOnly {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(SEAL.to_owned(), SEAL_NEVER.to_owned());
    }
    let same = metadata.labels == secret.metadata.labels
        && metadata.annotations == secret.metadata.annotations;
    (!same).then(|| {
        KeySecret(Secret {
            metadata,
            ..secret.clone()
        })
    })
}

#[cfg(test)]
mod tests {
    use signet_common::KeyOrder;

    use super::super::{read_key, tests::secret};
    use super::*;

    #[test]
    fn the_id_is_put_on_and_corrected_and_the_rest_stays() {
        let made = secret("k1");
        let key = read_key(&made, KeyOrder::CertNotBefore).unwrap();
        assert!(corrected(&made, &key).is_none(), "a new key has it");
        let mut wrong = made.clone();
        wrong
            .metadata
            .labels
            .as_mut()
            .unwrap()
            .insert(KEY_ID.to_owned(), "0".repeat(16));
        wrong.metadata.annotations = None;
        let right = corrected(&wrong, &key).unwrap();
        assert_eq!(*right, made);
        let label = &right.metadata.labels.as_ref().unwrap()[KEY_ID];
        assert_eq!(*label, key.key_id().to_string());
        let whole = &right.metadata.annotations.as_ref().unwrap()[KEY_SHA256];
        assert!(
            whole.len() == 64 && whole.starts_with(label.as_str()),
            "{whole}"
        );
    }

    #[test]
    fn what_a_sealed_secret_made_is_marked_for_good() {
        let mut owned = secret("k1");
        owned.metadata.owner_references = Some(vec![serde_json::from_value(serde_json::json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "k1", "uid": "s1",
        }))
        .unwrap()]);
        let key = read_key(&owned, KeyOrder::CertNotBefore).unwrap();
        let mut marked = corrected(&owned, &key).unwrap().clone();
        marked.metadata.owner_references = None;
        let orphan = read_key(&marked, KeyOrder::CertNotBefore).unwrap();
        assert_eq!(orphan.key_use, KeyUse::OpenOnly);
    }
}
