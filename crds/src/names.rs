//! Every name on the wire: API group, annotations, labels, events.
//!
//! Upstream's names are the compatibility contract; ours carry the prefix `signet.internal/`.

/// API group of the custom resource.
pub const GROUP: &str = "bitnami.com";
/// Served and stored version.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of a SealedSecret.
pub const API_VERSION: &str = "bitnami.com/v1alpha1";
/// Kind of the custom resource.
pub const KIND: &str = "SealedSecret";
/// Kind of a list of them.
pub const LIST_KIND: &str = "SealedSecretList";
/// Plural resource name.
pub const PLURAL: &str = "sealedsecrets";
/// Singular resource name.
pub const SINGULAR: &str = "sealedsecret";

/// Prefix of upstream's annotations and labels.
pub const UPSTREAM_PREFIX: &str = "sealedsecrets.bitnami.com/";
/// Prefix of ours. `.internal` is reserved for private use; nobody can own it.
pub const SIGNET_PREFIX: &str = "signet.internal/";

/// Annotation that selects the cluster-wide scope when it is exactly `true`; wins over namespace-wide.
pub const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
/// Annotation that selects the namespace-wide scope when it is exactly `true`.
pub const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
/// Annotation on an existing Secret: the controller may take it over.
pub const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
/// Annotation on an existing Secret: the controller merges into it instead of replacing.
pub const PATCH: &str = "sealedsecrets.bitnami.com/patch";
/// Annotation in the template: the Secret gets no owner reference to the SealedSecret.
pub const SKIP_SET_OWNER_REFERENCES: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// Label of a sealing key Secret.
pub const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// Value of [`KEY_LABEL`] on a key in use. Any other value retires the key.
pub const KEY_ACTIVE: &str = "active";
/// Annotation of a key Secret that says what may be sealed to its key. The controller puts it on what a SealedSecret made.
pub const SEAL: &str = "signet.internal/seal";
/// Value of [`SEAL`]: nothing; the key only decrypts.
pub const SEAL_NEVER: &str = "never";
/// Label of a key Secret: the ID of its key, 16 digits.
pub const KEY_ID: &str = "signet.internal/key-id";
/// Annotation of a key Secret: SHA-256 of its public key, 64 digits.
pub const KEY_SHA256: &str = "signet.internal/key-sha256";
/// Name of the Secret that holds the root of an installation, in the controller's namespace.
pub const ROOT: &str = "signet-root";
/// Type of that Secret.
pub const ROOT_TYPE: &str = "signet.internal/root";
/// Item of that Secret: 32 bytes.
pub const ROOT_ITEM: &str = "root";
/// Annotation of that Secret: SHA-256 of the key that it was derived from, if the installation is older than its root.
pub const DERIVED_FROM: &str = "signet.internal/derived-from";
/// Default prefix of key Secrets' names, and name of the legacy key.
pub const KEY_PREFIX: &str = "sealed-secrets-key";
/// Type of a key Secret.
pub const TLS_TYPE: &str = "kubernetes.io/tls";
/// Item of a key Secret that holds the certificate.
pub const TLS_CERT: &str = "tls.crt";
/// Item of a key Secret that holds the private key.
pub const TLS_KEY: &str = "tls.key";

/// Annotations of other tools that repeat an object's content in clear; never copied when sealing (docs/trust.md row 19).
pub const LAST_APPLIED: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

/// Label of a SealedSecret that upstream copies into a label of its metric `condition_info`.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
