//! What is sealed: the rows of the matrix.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The limit of the API server for all values of a Secret together.
const MAX_SECRET: usize = 1 << 20;

/// A scope, and where the object goes after it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Strict,
    NamespaceWide,
    ClusterWide,
}

impl Scope {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

/// Where an object goes between sealing and opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    Stays,
    Renamed,
    Moved,
    RenamedAndMoved,
}

impl Journey {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stays => "",
            Self::Renamed => ", renamed",
            Self::Moved => ", moved",
            Self::RenamedAndMoved => ", renamed and moved",
        }
    }
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) scope: Scope,
    pub(super) journey: Journey,
    kind: &'static str,
    pub(super) items: BTreeMap<String, Vec<u8>>,
    /// Type, labels, annotations and `immutable` besides the values.
    dressed: bool,
    /// Whether it may open after its journey.
    pub(super) opens: bool,
    index: usize,
}

/// Every row.
pub(super) fn all() -> Vec<Case> {
    let journeys = [
        (Scope::Strict, Journey::Stays),
        (Scope::NamespaceWide, Journey::Renamed),
        (Scope::ClusterWide, Journey::RenamedAndMoved),
    ];
    let too_far = [
        (Scope::Strict, Journey::Renamed),
        (Scope::Strict, Journey::Moved),
        (Scope::NamespaceWide, Journey::Moved),
    ];
    let allowed = journeys
        .into_iter()
        .flat_map(|(scope, journey)| kinds().map(move |kind| (scope, journey, kind, true)));
    let refused = too_far
        .into_iter()
        .map(|(scope, journey)| (scope, journey, text(), false));
    allowed
        .chain(refused)
        .enumerate()
        .map(|(index, (scope, journey, (kind, items), opens))| Case {
            scope,
            journey,
            kind,
            dressed: kind == "typed",
            items,
            opens,
            index,
        })
        .collect()
}

type Kind = (&'static str, BTreeMap<String, Vec<u8>>);

fn kinds() -> impl Iterator<Item = Kind> {
    let every_byte: Vec<u8> = (0..=255).chain(*b"\0\xff\xfe\n\r").collect();
    // A period that divides no size of a block.
    let large: Vec<u8> = (0..251).cycle().take(MAX_SECRET).collect();
    [
        text(),
        ("binary", one("blob.bin", every_byte)),
        ("empty value", one("nothing", Vec::new())),
        ("no items", BTreeMap::new()),
        ("1 MiB", one("large", large)),
        ("several items", several()),
        ("typed", one("token", b"0123456789abcdef".to_vec())),
    ]
    .into_iter()
}

fn text() -> Kind {
    (
        "text",
        one("password", "päßwörd with spaces\n".as_bytes().to_vec()),
    )
}

fn one(item: &str, value: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([(item.to_owned(), value)])
}

fn several() -> BTreeMap<String, Vec<u8>> {
    let names = [
        "a",
        "UPPER",
        "with.dot",
        "with-dash",
        "with_underscore",
        ".dotfile",
        "7",
    ];
    (0_u8..)
        .zip(names)
        .map(|(n, name)| (name.to_owned(), vec![n; usize::from(n) * 17]))
        .collect()
}

impl Case {
    /// How the row is called.
    pub(super) fn title(&self) -> (String, String) {
        let scope = format!("{}{}", self.scope.as_str(), self.journey.as_str());
        let kind = if self.opens {
            self.kind.to_owned()
        } else {
            format!("{}, must stay shut", self.kind)
        };
        (scope, kind)
    }

    fn name(&self) -> String {
        format!("case-{}", self.index)
    }

    /// Flags for sealing it.
    pub(super) fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec!["--scope", self.scope.as_str()];
        if self.items.is_empty() {
            flags.push("--allow-empty-data");
        }
        flags
    }

    /// The Secret in clear, in its first namespace.
    pub(super) fn secret(&self, namespace: &str) -> Value {
        let data: BTreeMap<_, _> = self
            .items
            .iter()
            .map(|(item, value)| (item, STANDARD.encode(value)))
            .collect();
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.name(), "namespace": namespace},
            "data": data,
        });
        if self.dressed {
            secret["type"] = "example.invalid/token".into();
            secret["immutable"] = true.into();
            secret["metadata"]["labels"] = json!({"app": "interop"});
            secret["metadata"]["annotations"] =
                json!({"example.invalid/note": "a <note> & \"more\""});
        }
        secret
    }

    /// The sealed object after its journey from `home` to `away`.
    pub(super) fn travel(&self, mut sealed: Value, away: &str) -> Value {
        let metadata = &mut sealed["metadata"];
        if matches!(self.journey, Journey::Renamed | Journey::RenamedAndMoved) {
            metadata["name"] = format!("{}-renamed", self.name()).into();
        }
        if matches!(self.journey, Journey::Moved | Journey::RenamedAndMoved) {
            metadata["namespace"] = away.into();
        }
        sealed
    }

    /// Compares an opened Secret with what was sealed.
    pub(super) fn check(&self, secret: &Value) -> anyhow::Result<()> {
        let mut found = BTreeMap::new();
        for (item, value) in secret["data"].as_object().into_iter().flatten() {
            let value = STANDARD.decode(value.as_str().unwrap_or_default())?;
            found.insert(item.clone(), value);
        }
        let sizes = |items: &BTreeMap<String, Vec<u8>>| -> Vec<(String, usize)> {
            items.iter().map(|(k, v)| (k.clone(), v.len())).collect()
        };
        anyhow::ensure!(
            found == self.items,
            "opened {:?} instead of {:?}",
            sizes(&found),
            sizes(&self.items)
        );
        if self.dressed {
            let clear = self.secret("any");
            for pointer in ["/type", "/immutable", "/metadata/labels"] {
                anyhow::ensure!(
                    secret.pointer(pointer) == clear.pointer(pointer),
                    "{pointer} is lost"
                );
            }
            let note = "/metadata/annotations/example.invalid~1note";
            anyhow::ensure!(
                secret.pointer(note) == clear.pointer(note),
                "{note} is lost"
            );
        }
        Ok(())
    }
}
