//! A hundred objects of every kind that a team may have when it changes controllers, sealed by upstream's kubeseal.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::upstream::kubeseal;
use signet_harness::{ControlPlane, kubectl};
use signet_tests::signet::secret_path;

/// How many objects there are of each kind.
const KINDS: [(Kind, usize); 16] = [
    (Kind::Strict, 34),
    (Kind::NamespaceWide, 8),
    (Kind::ClusterWide, 8),
    (Kind::Typed, 6),
    (Kind::Immutable, 5),
    (Kind::Labelled, 5),
    (Kind::Template, 8),
    (Kind::Managed, 5),
    (Kind::Patch, 5),
    (Kind::ManagedPatch, 3),
    (Kind::SkipOwner, 3),
    (Kind::OldFormat, 3),
    (Kind::OtherKey, 2),
    (Kind::Renamed, 2),
    (Kind::Foreign, 2),
    (Kind::BadBase64, 1),
];

/// What is special about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Strict,
    /// Sealed for its namespace, and renamed since.
    NamespaceWide,
    /// Sealed for the cluster, and renamed since.
    ClusterWide,
    /// `type: kubernetes.io/basic-auth`.
    Typed,
    /// `immutable: true`.
    Immutable,
    /// With labels and annotations.
    Labelled,
    /// `spec.template.data` with actions.
    Template,
    /// The Secret was there, marked as managed.
    Managed,
    /// The Secret was there, marked to be patched.
    Patch,
    /// Both marks.
    ManagedPatch,
    /// The Secret gets no owner.
    SkipOwner,
    /// `spec.data`, the single blob.
    OldFormat,
    /// Sealed for a key that is nowhere.
    OtherKey,
    /// Sealed for another name.
    Renamed,
    /// The Secret is somebody else's.
    Foreign,
    /// An item that is not base64.
    BadBase64,
}

impl Kind {
    /// The reason in Signet's status once it serves the object.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::OtherKey => "UnknownKeySize",
            Self::Renamed => "Renamed",
            Self::Foreign => "NotManaged",
            Self::BadBase64 => "MalformedItem",
            _ => "Unsealed",
        }
    }

    /// Whether a Secret comes of it.
    pub(crate) fn opens(self) -> bool {
        self.reason() == "Unsealed"
    }

    /// Whether upstream's status says that it opened. It denies that for a Secret without owner, although it made it.
    pub(crate) fn upstream_says_synced(self) -> bool {
        self.opens() && self != Self::SkipOwner
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::NamespaceWide => &["--scope=namespace-wide"],
            Self::ClusterWide => &["--scope=cluster-wide"],
            _ => &[],
        }
    }

    /// The annotations of a Secret that is there before.
    fn marks(self) -> Option<Value> {
        let managed = "sealedsecrets.bitnami.com/managed";
        let patch = "sealedsecrets.bitnami.com/patch";
        match self {
            Self::Managed => Some(json!({managed: "true"})),
            Self::Patch => Some(json!({patch: "true"})),
            Self::ManagedPatch => Some(json!({managed: "true", patch: "true"})),
            Self::Foreign => Some(json!({})),
            _ => None,
        }
    }
}

/// One object.
pub(crate) struct Member {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The SealedSecret as it was committed.
    pub(crate) sealed: Value,
}

/// Seals the hundred objects with upstream's kubeseal and the certificate in `file`, half of them in each namespace.
pub(crate) fn seal(
    plane: &ControlPlane,
    namespaces: [&str; 2],
    file: &Path,
) -> anyhow::Result<Vec<Member>> {
    let mut fleet = Vec::new();
    for (kind, count) in KINDS {
        let stem = format!("{kind:?}").to_lowercase();
        for index in 0..count {
            let namespace = namespaces[index % 2];
            let name = format!("{stem}-{index}");
            let sealed = seal_one(plane, kind, namespace, &name, file)
                .with_context(|| format!("{namespace}/{name}"))?;
            fleet.push(Member {
                kind,
                namespace: namespace.to_owned(),
                name,
                sealed,
            });
        }
    }
    ensure!(fleet.len() == 100, "{} objects", fleet.len());
    Ok(fleet)
}

/// The Secret in clear. Every value is unlike every other.
fn clear(kind: Kind, namespace: &str, name: &str) -> Value {
    let mut secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {
            "username": format!("user of {namespace}/{name}"),
            "password": format!("password of {namespace}/{name}"),
        },
    });
    match kind {
        Kind::Typed => secret["type"] = "kubernetes.io/basic-auth".into(),
        Kind::Immutable => secret["immutable"] = true.into(),
        Kind::Labelled => {
            secret["metadata"]["labels"] = json!({"app": "shop", "team": "a"});
            secret["metadata"]["annotations"] = json!({"example.invalid/note": "ours"});
        }
        Kind::SkipOwner => {
            let skip = "sealedsecrets.bitnami.com/skip-set-owner-references";
            secret["metadata"]["annotations"] = json!({skip: "true"});
        }
        _ => {}
    }
    secret
}

fn seal_one(
    plane: &ControlPlane,
    kind: Kind,
    namespace: &str,
    name: &str,
    certificate: &Path,
) -> anyhow::Result<Value> {
    if kind == Kind::OldFormat {
        return old_format(plane, namespace, name, certificate);
    }
    let moves = [Kind::NamespaceWide, Kind::ClusterWide, Kind::Renamed].contains(&kind);
    let first_name = if moves { "first-name" } else { name };
    let foreign =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../common/tests/vectors/keys/rsa-2048-b.crt");
    let certificate = if kind == Kind::OtherKey {
        &foreign
    } else {
        certificate
    };
    let mut flags = vec!["--cert", certificate.to_str().context("a path in UTF-8")?];
    flags.extend(kind.flags());
    let secret = clear(kind, namespace, first_name).to_string();
    let sealed = kubeseal(plane, &flags, &secret)?.success("upstream's kubeseal")?;
    let mut sealed: Value = serde_json::from_str(&sealed)?;
    sealed["metadata"]["name"] = name.into();
    match kind {
        Kind::Template => {
            sealed["spec"]["template"]["data"] = json!({
                "dsn": "db://{{ .username }}:{{ .password }}@host/{{ .password | b64enc }}",
                "plain.txt": "no action",
            });
        }
        Kind::BadBase64 => sealed["spec"]["encryptedData"]["password"] = "!!".into(),
        _ => {}
    }
    Ok(sealed)
}

/// The whole Secret as JSON in one blob. `--raw` makes such a blob of anything.
fn old_format(
    plane: &ControlPlane,
    namespace: &str,
    name: &str,
    certificate: &Path,
) -> anyhow::Result<Value> {
    let mut whole = clear(Kind::OldFormat, namespace, name);
    let items = whole["stringData"].take();
    let encoded = items
        .as_object()
        .into_iter()
        .flatten()
        .map(|(item, value)| {
            use base64::Engine as _;
            let value = value.as_str().unwrap_or_default();
            let text = base64::engine::general_purpose::STANDARD.encode(value);
            (item.clone(), Value::from(text))
        });
    whole["data"] = encoded.collect();
    if let Some(fields) = whole.as_object_mut() {
        fields.remove("stringData");
    }
    let certificate = certificate.to_str().context("a path in UTF-8")?;
    let flags = [
        "--raw",
        "--cert",
        certificate,
        "--name",
        name,
        "-n",
        namespace,
    ];
    let blob = kubeseal(plane, &flags, &whole.to_string())?.success("kubeseal --raw")?;
    Ok(json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": namespace},
        // The definition of the resource insists on the field.
        "spec": {"data": blob, "encryptedData": {}},
    }))
}

/// Creates what was there before, then all objects, as the administrator.
pub(crate) fn create(plane: &ControlPlane, fleet: &[Member]) -> anyhow::Result<()> {
    let before = fleet.iter().filter_map(|member| {
        let marks = member.kind.marks()?;
        Some(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": member.name,
                "namespace": member.namespace,
                "annotations": marks,
                "labels": {"was": "there"},
            },
            "stringData": {"kept": "from before", "password": "from before"},
        }))
    });
    create_all(plane, before.collect())?;
    let sealed = fleet.iter().map(|member| member.sealed.clone());
    create_all(plane, sealed.collect())
}

/// Creates objects with one `kubectl create`.
pub(crate) fn create_all(plane: &ControlPlane, objects: Vec<Value>) -> anyhow::Result<()> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let mut command = plane.kubectl()?.command();
    command.args(["create", "-f", "-"]);
    kubectl::run(command, &list.to_string())?
        .success("kubectl create")
        .map(drop)
}

/// Where the Secret of a member is.
pub(crate) fn secret_of(member: &Member) -> String {
    secret_path(&member.namespace, &member.name)
}
