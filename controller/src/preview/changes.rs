//! What a write would change in a Secret, by name: never a value.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    /// `item`, `label`, `annotation`, `owner` or `immutable`.
    pub(super) what: &'static str,
    /// Its name; empty for `immutable` and `owner`.
    pub(super) name: String,
    /// `added`, `changed` or `removed`.
    pub(super) how: &'static str,
}

/// From the Secret that is there to the one that would be. The type never changes.
pub(super) fn changes(existing: &Secret, wanted: &Secret) -> Vec<Change> {
    let (before, after) = (&existing.metadata, &wanted.metadata);
    let mut all = of_maps("item", &existing.data, &wanted.data);
    all.extend(of_maps("label", &before.labels, &after.labels));
    all.extend(of_maps(
        "annotation",
        &before.annotations,
        &after.annotations,
    ));
    let owners = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
        metadata.owner_references.clone().unwrap_or_default()
    };
    if owners(before) != owners(after) {
        all.push(single("owner"));
    }
    if existing.immutable.unwrap_or(false) != wanted.immutable.unwrap_or(false) {
        all.push(single("immutable"));
    }
    all
}

fn single(what: &'static str) -> Change {
    Change {
        what,
        name: String::new(),
        how: "changed",
    }
}

fn of_maps<V: PartialEq>(
    what: &'static str,
    before: &Option<BTreeMap<String, V>>,
    after: &Option<BTreeMap<String, V>>,
) -> Vec<Change> {
    let maps = [before, after];
    let names: BTreeSet<&String> = maps
        .into_iter()
        .flatten()
        .flat_map(BTreeMap::keys)
        .collect();
    let change = |name: &String| {
        let [before, after] = maps.map(|map| map.as_ref().and_then(|map| map.get(name)));
        let how = match (before, after) {
            (Some(_), None) => "removed",
            (None, _) => "added",
            (before, after) if before == after => return None,
            _ => "changed",
        };
        Some(Change {
            what,
            name: name.clone(),
            how,
        })
    };
    names.into_iter().filter_map(change).collect()
}
