//! A keyed digest of what a Secret must contain (ARCHITECTURE.md "In sync without work").
//!
//! Lets the controller see that somebody else's change to a Secret does not touch anything of ours, with one read of the
//! Secret and no private operation.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use signet_common::{MacKey, Tag};

/// Tags over a written Secret: one over what must be equal, one for each label, annotation and owner that must be
/// present. In a Secret that holds more than ours, so must our items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigest {
    whole: bool,
    exact: Tag,
    present: Box<[Tag]>,
}

impl ContentDigest {
    /// The digest of a Secret as we wrote it. `whole` says that all its items are ours.
    pub fn of(mac: &MacKey, written: &Secret, whole: bool) -> Self {
        Self {
            whole,
            exact: exact(mac, written, whole),
            present: present(mac, written, whole),
        }
    }

    /// Whether `live` still has everything that the digest was made from; other labels and annotations do not matter.
    pub fn holds_for(&self, mac: &MacKey, live: &Secret) -> bool {
        let found: HashSet<_> = present(mac, live, self.whole).into_iter().collect();
        self.exact == exact(mac, live, self.whole)
            && self.present.iter().all(|tag| found.contains(tag))
    }
}

/// Type, controller and, if all of it is ours, data.
fn exact(mac: &MacKey, secret: &Secret, whole: bool) -> Tag {
    let mut parts: Vec<&[u8]> = vec![secret.type_.as_deref().unwrap_or("Opaque").as_bytes()];
    for (item, value) in secret.data.iter().flatten().filter(|_| whole) {
        parts.push(item.as_bytes());
        parts.push(&value.0);
    }
    let controller = secret
        .metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
        .map(owner_text);
    let controller = controller.unwrap_or_default();
    parts.push(controller.as_bytes());
    mac.tag(parts)
}

fn owner_text(owner: &OwnerReference) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        owner.api_version, owner.kind, owner.name, owner.uid
    )
}

fn present(mac: &MacKey, secret: &Secret, whole: bool) -> Box<[Tag]> {
    let labels = secret
        .metadata
        .labels
        .iter()
        .flatten()
        .map(|pair| ("label", pair));
    let annotations = secret
        .metadata
        .annotations
        .iter()
        .flatten()
        .map(|pair| ("annotation", pair));
    let owners = secret.metadata.owner_references.iter().flatten();
    let owners = owners.map(|owner| mac.tag([&b"owner"[..], owner_text(owner).as_bytes()]));
    let items = secret.data.iter().flatten().filter(|_| !whole);
    let items = items.map(|(name, value)| mac.tag([&b"item"[..], name.as_bytes(), &value.0]));
    labels
        .chain(annotations)
        .map(|(kind, (name, value))| mac.tag([kind.as_bytes(), name.as_bytes(), value.as_bytes()]))
        .chain(owners)
        .chain(items)
        .collect()
}
