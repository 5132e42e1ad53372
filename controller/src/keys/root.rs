//! The root of an installation: 32 bytes in a Secret, from which tags in statuses and the seeds of template values come,
//! and the uid of that Secret, from which names of key Secrets come (docs/decisions/0004, 0006).

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::{KeyEntry, MacKey};
use signet_crds::names::{DERIVED_FROM, ROOT, ROOT_ITEM, ROOT_TYPE};

use super::{KeySecret, only_decrypts};

/// A root as it is stored.
#[derive(Clone)]
pub struct Root {
    mac: MacKey,
    uid: String,
}

impl Root {
    /// Reads the root; `None` if this Secret holds none, or was made by somebody else's wish.
    pub fn read(secret: &Secret) -> Option<Self> {
        let bytes = &secret.data.as_ref()?.get(ROOT_ITEM)?.0;
        let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
        let ours = secret.type_.as_deref() == Some(ROOT_TYPE) && !only_decrypts(secret);
        let uid = secret.metadata.uid.clone().filter(|uid| !uid.is_empty())?;
        ours.then(|| Self {
            mac: MacKey::from_bytes(bytes),
            uid,
        })
    }

    /// The key of tags and seeds.
    pub fn mac(&self) -> &MacKey {
        &self.mac
    }

    /// The name of the key Secret that follows `predecessor`. Controllers with the same root choose the same name, so that
    /// the second one collides instead of making a second key; another cluster has another uid, also if it was given the
    /// same bytes.
    pub fn key_name(&self, prefix: &str, predecessor: Option<&KeyEntry>, ordinal: u32) -> String {
        let after = predecessor.map_or(&[][..], |entry| entry.key.spki_der());
        let parts: [&[u8]; 3] = [b"signet.internal/key-name/v1", self.uid.as_bytes(), after];
        let tag = self.mac.tag(parts).to_string();
        format!("{prefix}-{}-{ordinal}", &tag[..16])
    }
}

/// The Secret of a new root. An installation that had none took its tags from a key; that is noted.
pub fn new_root_secret(
    namespace: &str,
    mac: &MacKey,
    derived_from: Option<&KeyEntry>,
) -> KeySecret {
    let annotations = derived_from.map(|entry| {
        let key = signet_common::sha256_hex(entry.key.spki_der());
        BTreeMap::from([(DERIVED_FROM.to_owned(), key)])
    });
    let data = BTreeMap::from([(ROOT_ITEM.to_owned(), ByteString(mac.to_bytes().to_vec()))]);
    KeySecret(Secret {
        metadata: ObjectMeta {
            name: Some(ROOT.to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations,
            ..ObjectMeta::default()
        },
        type_: Some(ROOT_TYPE.to_owned()),
        data: Some(data),
        immutable: Some(true),
        ..Secret::default()
    })
}

#[cfg(test)]
mod tests {
    use signet_common::KeyOrder;
    use signet_crds::names::SEAL;

    use super::super::{read_key, tests::secret};
    use super::*;

    fn stored(bytes: [u8; 32], uid: &str) -> Secret {
        let mut secret = new_root_secret("ns", &MacKey::from_bytes(bytes), None).clone();
        secret.metadata.uid = Some(uid.to_owned());
        secret
    }

    fn root(bytes: [u8; 32], uid: &str) -> Root {
        Root::read(&stored(bytes, uid)).unwrap()
    }

    #[test]
    fn rivals_choose_the_same_name_and_clusters_that_share_a_key_never_do() {
        let key = read_key(&secret("k1"), KeyOrder::CertNotBefore).unwrap();
        let (here, there) = (root([7; 32], "u1"), root([7; 32], "u2"));
        let mut names = std::collections::BTreeSet::new();
        for after in [None, Some(&key)] {
            assert_eq!(
                here.key_name("p", after, 1),
                root([7; 32], "u1").key_name("p", after, 1)
            );
            for root in [&here, &there] {
                for ordinal in [1, 2] {
                    let name = root.key_name("p", after, ordinal);
                    assert!(!name.contains(&key.key_id().to_string()), "{name}");
                    assert_eq!(name.len(), "p-".len() + 16 + "-1".len());
                    names.insert(name);
                }
            }
        }
        assert_eq!(names.len(), 8);
    }

    #[test]
    fn a_root_reads_back_and_what_is_none_is_refused() {
        let good = stored([7; 32], "u1");
        let tag = |mac: &MacKey| mac.tag([&b"x"[..]]);
        assert_eq!(
            tag(Root::read(&good).unwrap().mac()),
            tag(&MacKey::from_bytes([7; 32]))
        );
        let bad: [fn(&mut Secret); 5] = [
            |secret| secret.data = None,
            |secret| {
                let short = BTreeMap::from([(ROOT_ITEM.to_owned(), ByteString(vec![7; 31]))]);
                secret.data = Some(short);
            },
            |secret| secret.type_ = Some("Opaque".to_owned()),
            |secret| secret.metadata.uid = None,
            |secret| {
                let mark = BTreeMap::from([(SEAL.to_owned(), "never".to_owned())]);
                secret.metadata.annotations = Some(mark);
            },
        ];
        for spoil in bad {
            let mut secret = good.clone();
            spoil(&mut secret);
            assert!(Root::read(&secret).is_none());
        }
    }
}
