//! What happened to an object, as the API server shows it: worked out here, without the controller's code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signet_harness::ControlPlane;
use signet_tests::signet::{sealed_path, secret_path};

/// An object and its Secret at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) sealed: Value,
    pub(crate) secret: Option<Value>,
}

/// By namespace and name.
pub(crate) type World = BTreeMap<(String, String), Seen>;

/// Everything as it is now.
pub(crate) fn look(plane: &ControlPlane, places: &[(String, String)]) -> anyhow::Result<World> {
    let one = |(namespace, name): &(String, String)| {
        let sealed = plane.api().get(&sealed_path(namespace, name))?;
        let secret = plane.api().find(&secret_path(namespace, name))?;
        Ok(((namespace.clone(), name.clone()), Seen { sealed, secret }))
    };
    places.iter().map(one).collect()
}

/// What became of the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// As it was, or absent as before.
    Untouched,
    Made,
    /// Written; what differs, as `what name how`.
    Written(BTreeSet<String>),
    Gone,
}

/// From one moment to another.
pub(crate) fn became(before: &Seen, after: &Seen) -> Became {
    let (before, after) = match (&before.secret, &after.secret) {
        (None, None) => return Became::Untouched,
        (None, Some(_)) => return Became::Made,
        (Some(_), None) => return Became::Gone,
        (Some(before), Some(after)) => (before, after),
    };
    if before["metadata"]["uid"] != after["metadata"]["uid"] {
        return Became::Gone;
    }
    if before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"] {
        return Became::Untouched;
    }
    let mut all = BTreeSet::new();
    for (what, pointer) in [
        ("item", "/data"),
        ("label", "/metadata/labels"),
        ("annotation", "/metadata/annotations"),
    ] {
        differ(
            &mut all,
            what,
            before.pointer(pointer),
            after.pointer(pointer),
        );
    }
    if before["metadata"]["ownerReferences"] != after["metadata"]["ownerReferences"] {
        all.insert("owner changed".to_owned());
    }
    if before["immutable"] != after["immutable"] {
        all.insert("immutable changed".to_owned());
    }
    Became::Written(all)
}

fn differ(all: &mut BTreeSet<String>, what: &str, before: Option<&Value>, after: Option<&Value>) {
    let empty = serde_json::Map::new();
    let fields =
        |value: Option<&'_ Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
    let (before, after) = (fields(before), fields(after));
    for name in before.keys().chain(after.keys()) {
        let how = match (before.get(name), after.get(name)) {
            (Some(_), None) => "removed",
            (None, _) => "added",
            (was, is) if was == is => continue,
            _ => "changed",
        };
        all.insert(format!("{what} {name} {how}"));
    }
}
