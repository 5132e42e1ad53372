//! What is remembered of a Secret: which version, and whose it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_crds::names::{GROUP, KIND, MANAGED, PATCH, SKIP_SET_OWNER_REFERENCES};
use signet_crds::scope::is_true;

/// One version of one object. Kubernetes' resource versions are integers that grow (KEP-5504).
///
/// There are several for each object in memory: the alignment of `u128` would cost 8 to 16 bytes a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(Rust, packed(8))]
pub struct Version {
    /// The uid as a number; 0 if it is not a UUID, which switches the shortcuts off.
    pub uid: u128,
    /// The resourceVersion; 0 if it is not a number, which switches the shortcuts off.
    pub resource_version: u64,
}

impl Version {
    /// The version in this metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let resource_version = metadata
            .resource_version
            .as_deref()
            .and_then(|text| text.parse().ok());
        Self {
            uid: metadata.uid.as_deref().map(parse_uid).unwrap_or_default(),
            resource_version: resource_version.unwrap_or_default(),
        }
    }

    /// Whether both parts could be read.
    pub fn is_known(self) -> bool {
        self.uid != 0 && self.resource_version != 0
    }

    /// Whether `self` is an earlier state of the same object than `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.uid == other.uid && self.is_known() && self.resource_version < other.resource_version
    }
}

fn parse_uid(text: &str) -> u128 {
    let hex: String = text.chars().filter(|character| *character != '-').collect();
    u128::from_str_radix(&hex, 16).unwrap_or_default()
}

/// Who a Secret belongs to, as far as this controller cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretOwner {
    /// Its controller is a SealedSecret of the Secret's own name, with this uid.
    SealedSecret(u128),
    /// It carries `managed`, `patch` or `skip-set-owner-references`.
    Annotated,
    /// Somebody else's.
    Foreign,
}

/// What is remembered of a Secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretEntry {
    /// Which version the watch, or our own write, showed last.
    pub version: Version,
    /// Who it belongs to.
    pub owner: SecretOwner,
    /// Whether it carries the `managed` annotation.
    pub managed: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl SecretEntry {
    /// The projection of a Secret's metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let marked = |name| {
            metadata
                .annotations
                .as_ref()
                .is_some_and(|annotations| is_true(annotations, name))
        };
        let owner = match sealed_secret_owner(metadata) {
            Some(uid) => SecretOwner::SealedSecret(uid),
            None if [MANAGED, PATCH, SKIP_SET_OWNER_REFERENCES]
                .into_iter()
                .any(marked) =>
            {
                SecretOwner::Annotated
            }
            None => SecretOwner::Foreign,
        };
        Self {
            version: Version::of(metadata),
            owner,
            managed: marked(MANAGED),
            terminating: metadata.deletion_timestamp.is_some(),
        }
    }
}

/// The uid of the controlling SealedSecret of the same name, if that is what controls the object.
fn sealed_secret_owner(metadata: &ObjectMeta) -> Option<u128> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    let group = owner.api_version.split('/').next().unwrap_or_default();
    let ours = group == GROUP && owner.kind == KIND && Some(&owner.name) == metadata.name.as_ref();
    ours.then(|| parse_uid(&owner.uid))
}
