//! The objects of a soak: what a SealedSecret is made from, and what its Secret must hold. Pure; what must come out is put
//! together here from what goes in, without any code of Signet's.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
/// A label that templates set.
const LABEL: &str = "soak.example.com/name";

/// What is special about an object. It keeps this for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// Nothing.
    Plain,
    /// It has a template with an item, a label and a type.
    Templated,
    /// Somebody's Secret of its name says that it may be taken over.
    Managed,
    /// Somebody's Secret of its name says that items may be added.
    Patched,
    /// Somebody's Secret of its name says nothing: it must not be touched.
    Blocked,
    /// It was sealed for its name only, and says that it may be moved: nothing opens it.
    Misscoped,
    /// It was sealed with a key that the cluster does not have.
    Keyless,
}

/// For which places an object is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Strict,
    Namespace,
    Cluster,
}

/// The place of one object; the object itself comes, changes and goes.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) scope: Scope,
}

/// The data of a Secret, as base64 in the API's form.
pub(crate) type Data = BTreeMap<String, String>;

impl Slot {
    /// `NAMESPACE/NAME`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What is sealed in one version.
    fn clear(&self, version: u32) -> BTreeMap<&'static str, Vec<u8>> {
        let bytes = [&[0, 0xff, 0xfe][..], &version.to_be_bytes()].concat();
        BTreeMap::from([
            ("user", format!("user-{}", self.name).into_bytes()),
            (
                "password",
                format!("{} password {version}", self.path()).into_bytes(),
            ),
            ("binary", bytes),
        ])
    }

    /// The Secret that is given to `kubeseal`.
    pub(crate) fn to_seal(&self, version: u32) -> Value {
        let mut metadata = json!({"name": self.name, "namespace": self.namespace});
        match self.scope {
            // The annotation that lies is added after sealing.
            _ if self.shape == Shape::Misscoped => {}
            Scope::Strict => {}
            Scope::Namespace => metadata["annotations"][NAMESPACE_WIDE] = "true".into(),
            Scope::Cluster => metadata["annotations"][CLUSTER_WIDE] = "true".into(),
        }
        if self.shape == Shape::Templated {
            metadata["labels"][LABEL] = self.name.clone().into();
        }
        let data: Data = encode(self.clear(version));
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata,
            "type": self.secret_type(), "data": data,
        })
    }

    /// What a person adds by hand to the sealed object.
    pub(crate) fn finish(&self, sealed: &mut Value) {
        match self.shape {
            Shape::Templated => {
                sealed["spec"]["template"]["data"] =
                    json!({"config": "user={{ .user }};password={{ index . \"password\" }}"});
            }
            Shape::Misscoped => {
                let wide = json!({CLUSTER_WIDE: "true"});
                sealed["metadata"]["annotations"] = wide.clone();
                sealed["spec"]["template"]["metadata"]["annotations"] = wide;
            }
            _ => {}
        }
    }

    /// Type of the Secret.
    pub(crate) fn secret_type(&self) -> &'static str {
        match self.shape {
            Shape::Templated => "example.com/soak",
            _ => "Opaque",
        }
    }

    /// What the Secret must hold for a version.
    pub(crate) fn data(&self, version: u32) -> Data {
        let mut clear = self.clear(version);
        if self.shape == Shape::Templated {
            let config = format!(
                "user=user-{};password={} password {version}",
                self.name,
                self.path()
            );
            clear.insert("config", config.into_bytes());
        }
        if self.shape == Shape::Patched {
            clear.insert("theirs", b"stays".to_vec());
        }
        encode(clear)
    }

    /// Labels that the Secret must have.
    pub(crate) fn labels(&self) -> Option<(&'static str, &str)> {
        (self.shape == Shape::Templated).then_some((LABEL, self.name.as_str()))
    }

    /// Somebody's Secret of this name, if it is there before the SealedSecret is.
    pub(crate) fn standing(&self) -> Option<Value> {
        let annotations = match self.shape {
            Shape::Managed => json!({"sealedsecrets.bitnami.com/managed": "true"}),
            Shape::Patched => json!({"sealedsecrets.bitnami.com/patch": "true"}),
            Shape::Blocked => json!({"owner": "somebody else"}),
            _ => return None,
        };
        Some(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": self.name, "namespace": self.namespace, "annotations": annotations},
            "data": {"theirs": STANDARD.encode("stays")},
        }))
    }
}

fn encode(clear: BTreeMap<&'static str, Vec<u8>>) -> Data {
    let items = clear.into_iter();
    items
        .map(|(item, value)| (item.to_owned(), STANDARD.encode(value)))
        .collect()
}
