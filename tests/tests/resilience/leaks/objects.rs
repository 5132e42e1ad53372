//! SealedSecrets that succeed and fail in every way, and key Secrets good and bad. Each holds canaries.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, eventually};
use signet_tests::fresh_namespace;
use signet_tests::signet::{CAP, SignetController, await_reason, secret};

use super::canaries::{BINARY, NOT_A_KEY, TEXT};
use crate::batch::{foreign_certificate, seal_all};

/// A key that the test adds: certificate and private key.
pub(super) const GOOD_KEY: (&str, &str) = (
    include_str!("../../../../common/tests/vectors/keys/rsa-2048-a.crt"),
    include_str!("../../../../common/tests/vectors/keys/rsa-2048-a.key"),
);
/// A private key that the test adds with the certificate of another.
pub(super) const MISMATCHED_KEY: (&str, &str) = (
    include_str!("../../../../common/tests/vectors/keys/rsa-3072.crt"),
    include_str!("../../../../common/tests/vectors/keys/rsa-2048-b.key"),
);

/// What the quoting policy says before the value.
pub(super) const QUOTE: &str = "too weak: ";

/// A Secret whose two values are canaries.
pub(super) fn clear(namespace: &str, name: &str) -> Value {
    let mut secret = secret(namespace, name, &[("text", TEXT)]);
    secret["data"] = json!({"binary": STANDARD.encode(BINARY)});
    secret
}

type Change = fn(&mut Value);

/// What is changed in a SealedSecret after it was sealed, and what it must end in.
const CASES: [(&str, Change, &str); 11] = [
    ("good", |_| {}, "Unsealed"),
    (
        "broken",
        |sealed| sealed["spec"]["encryptedData"]["bad"] = json!("not base64!"),
        "MalformedItem",
    ),
    (
        "short",
        |sealed| sealed["spec"]["encryptedData"]["bad"] = json!("AQA="),
        "MalformedItem",
    ),
    (
        "mismatch",
        |sealed| {
            sealed["metadata"]["annotations"] =
                json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
        },
        "ScopeMismatch",
    ),
    (
        "docker",
        |sealed| sealed["spec"]["template"]["type"] = json!("kubernetes.io/dockerconfigjson"),
        "SecretInvalid",
    ),
    (
        "label",
        |sealed| {
            sealed["spec"]["template"]["metadata"]["labels"] = json!({"x": "not a label value!"});
        },
        "SecretInvalid",
    ),
    (
        "token",
        |sealed| sealed["spec"]["template"]["type"] = json!("kubernetes.io/service-account-token"),
        "TypeRefused",
    ),
    (
        "key",
        |sealed| {
            let label = json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
            sealed["spec"]["template"]["metadata"]["labels"] = label;
        },
        "SealingKeyRefused",
    ),
    (
        "spec",
        |sealed| sealed["spec"]["template"]["metadata"]["ownerReferences"] = json!("x"),
        "MalformedSpec",
    ),
    (
        "renamed",
        |sealed| sealed["metadata"]["name"] = json!("renamed-by-hand"),
        "Renamed",
    ),
    (
        "deprecated",
        |sealed| sealed["spec"]["data"] = json!("AAAA"),
        "DeprecatedData",
    ),
];

/// Applies all kinds of SealedSecrets and awaits their fate. Returns one that opens.
pub(super) fn seal_and_fail(plane: &ControlPlane, certificate: &str) -> anyhow::Result<Value> {
    let namespace = fresh_namespace(plane, "leaks")?;
    let secrets: Vec<_> = CASES
        .iter()
        .map(|(name, ..)| clear(&namespace, name))
        .collect();
    let mut sealed = seal_all(certificate, &secrets)?;
    for (object, (_, change, _)) in sealed.iter_mut().zip(CASES) {
        change(object);
        plane.api().apply(object)?;
    }
    for (object, (_, _, reason)) in sealed.iter().zip(CASES) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        await_reason(plane, &namespace, name, reason)?;
    }
    lost_and_taken(plane, &namespace, certificate)?;
    failing_templates(plane, certificate)?;
    too_large(plane, &namespace, certificate)?;
    immutable(plane, &namespace, certificate)?;
    refused_by_quota(plane, certificate)?;
    refused_and_quoted(plane, certificate)?;
    Ok(sealed.swap_remove(0))
}

/// Templates that fail over the values, each in a way whose text in Go, or in a library, quotes what it worked on.
const FAILING_TEMPLATES: [&str; 32] = [
    "{{ fail .text }}",
    "{{ .text.field }}",
    "{{ index .text 100000 }}",
    "{{ index .text .text }}",
    "{{ slice .text 5 1 }}",
    "{{ len .text | index (list .text) }}",
    "{{ template .text }}",
    "{{ range .text }}{{ end }}",
    "{{ lt .text 1 }}",
    "{{ call .text }}",
    "{{ .text 1 }}",
    "{{ mustFromJson .text }}",
    "{{ mustRegexMatch (print \"(\" .text) \"x\" }}",
    "{{ mustRegexFind (print .text \"[\") .text }}",
    "{{ semver .text }}",
    "{{ semverCompare .text \"1.2.3\" }}",
    "{{ mustToDate \"2006-01-02\" .text }}",
    "{{ urlParse (print \"%zz:\" .text \"\\x01\") }}",
    "{{ mustDateModify .text now }}",
    "{{ mustHas 1 .text }}",
    "{{ set . .text .text }}",
    "{{ substr 5 3 .text }}",
    "{{ index . .text \"x\" }}",
    "{{ urlJoin (dict \"scheme\" 1 \"host\" .text) }}",
    "{{ regexSplit (print .text \"(\") .text -1 }}",
    "{{ buildCustomCert .text .text }}",
    "{{ buildCustomCert (b64enc .text) (b64enc .text) }}",
    "{{ decryptAES .text .text }}",
    "{{ decryptAES .text (b64enc (repeat 3 .text)) }}",
    "{{ genCAWithKey .text 1 .text }}",
    "{{ genSelfSignedCert .text (list .text) nil 1 }}",
    "{{ range 9999999999 }}{{ $.text }}{{ end }}",
];

fn failing_templates(plane: &ControlPlane, certificate: &str) -> anyhow::Result<()> {
    let namespace = fresh_namespace(plane, "leaks-templates")?;
    let names: Vec<_> = (0..FAILING_TEMPLATES.len())
        .map(|at| format!("template-{at}"))
        .collect();
    let secrets: Vec<_> = names.iter().map(|name| clear(&namespace, name)).collect();
    let mut sealed = seal_all(certificate, &secrets)?;
    for (object, text) in sealed.iter_mut().zip(FAILING_TEMPLATES) {
        object["spec"]["template"]["data"] = json!({"file": text});
        plane.api().apply(object)?;
    }
    for (name, text) in names.iter().zip(FAILING_TEMPLATES) {
        let reason = match text.contains("range 9") {
            true => "TemplateTooExpensive",
            false => "TemplateFailed",
        };
        await_reason(plane, &namespace, name, reason).with_context(|| text.to_owned())?;
    }
    Ok(())
}

fn lost_and_taken(plane: &ControlPlane, namespace: &str, certificate: &str) -> anyhow::Result<()> {
    plane
        .api()
        .apply(&seal_all(&foreign_certificate(), &[clear(namespace, "lost")])?[0])?;
    plane.api().apply(&clear(namespace, "taken"))?;
    plane
        .api()
        .apply(&seal_all(certificate, &[clear(namespace, "taken")])?[0])?;
    await_reason(plane, namespace, "lost", "NoKey")?;
    await_reason(plane, namespace, "taken", "NotManaged").map(drop)
}

fn too_large(plane: &ControlPlane, namespace: &str, certificate: &str) -> anyhow::Result<()> {
    let mut large = clear(namespace, "large");
    large["stringData"]["large"] = json!(TEXT.repeat(1_060_000 / TEXT.len()));
    plane.api().apply(&seal_all(certificate, &[large])?[0])?;
    await_reason(plane, namespace, "large", "SecretInvalid").map(drop)
}

fn immutable(plane: &ControlPlane, namespace: &str, certificate: &str) -> anyhow::Result<()> {
    for (further, reason) in [("v1", "Unsealed"), ("v2", "Immutable")] {
        let mut secret = clear(namespace, "frozen");
        secret["stringData"]["further"] = json!(format!("{further} {TEXT}"));
        let mut sealed = seal_all(certificate, &[secret])?.remove(0);
        sealed["spec"]["template"]["immutable"] = json!(true);
        plane.api().apply(&sealed)?;
        await_reason(plane, namespace, "frozen", reason)?;
    }
    Ok(())
}

fn refused_by_quota(plane: &ControlPlane, certificate: &str) -> anyhow::Result<()> {
    let namespace = fresh_namespace(plane, "quota")?;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"secrets": "0"}},
    });
    plane.api().apply(&quota)?;
    // No controller computes it here.
    let status = json!({"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}});
    let path = format!("/api/v1/namespaces/{namespace}/resourcequotas/none/status");
    plane.api().merge_patch(&path, &status)?;
    plane
        .api()
        .apply(&seal_all(certificate, &[clear(&namespace, "unwanted")])?[0])?;
    await_reason(plane, &namespace, "unwanted", "WriteRefused").map(drop)
}

/// An admission policy whose refusal quotes the values, as webhooks do.
fn refused_and_quoted(plane: &ControlPlane, certificate: &str) -> anyhow::Result<()> {
    let namespace = fresh_namespace(plane, "quoted")?;
    let root = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "quoting"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"],
                    "operations": ["CREATE"], "resources": ["secrets"],
                }],
            },
            "validations": [{
                "expression": "false",
                "reason": "Forbidden",
                "messageExpression": format!("'{QUOTE}' + string(object.data.text)"),
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "quoting"},
        "spec": {"policyName": "quoting", "validationActions": ["Deny"]},
    });
    plane
        .api()
        .post(&format!("{root}/validatingadmissionpolicies"), &policy)?;
    plane.api().post(
        &format!("{root}/validatingadmissionpolicybindings"),
        &binding,
    )?;
    let harmless = secret(&namespace, "probe", &[("text", "harmless-value")]).to_string();
    let path = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
    eventually(
        "the refusal quotes the value",
        CAP,
        || -> anyhow::Result<()> {
            let answer = plane
                .api()
                .request("POST", &path, "application/json", &harmless)?;
            let quotes = [
                "harmless-value".to_owned(),
                STANDARD.encode("harmless-value"),
            ];
            anyhow::ensure!(
                answer.status == 403 && quotes.iter().any(|quote| answer.body.contains(quote)),
                "{}",
                answer.body
            );
            Ok(())
        },
    )?;
    plane
        .api()
        .apply(&seal_all(certificate, &[clear(&namespace, "weak")])?[0])?;
    await_reason(plane, &namespace, "weak", "WriteRefused").map(drop)
}

fn key_secret(namespace: &str, name: &str, certificate: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
        },
        "stringData": {"tls.crt": certificate, "tls.key": key},
    })
}

/// Key Secrets that cannot be used.
pub(super) fn add_bad_keys(
    plane: &ControlPlane,
    controller: &SignetController,
    namespace: &str,
) -> anyhow::Result<()> {
    let not_pem =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{NOT_A_KEY}\n-----END RSA PRIVATE KEY-----\n");
    let (good, mismatched) = (GOOD_KEY.1, MISMATCHED_KEY.1);
    let cut: String = good
        .lines()
        .take(20)
        .chain(["-----END PRIVATE KEY-----"])
        .collect::<Vec<_>>()
        .join("\n");
    let bad = [
        ("no-pem", GOOD_KEY.0, NOT_A_KEY),
        ("no-base64", GOOD_KEY.0, not_pem.as_str()),
        ("cut", GOOD_KEY.0, cut.as_str()),
        ("swapped", good, GOOD_KEY.0),
        ("canary-as-certificate", NOT_A_KEY, good),
        ("mismatched", MISMATCHED_KEY.0, mismatched),
    ];
    for (name, certificate, key) in bad {
        plane
            .api()
            .apply(&key_secret(namespace, name, certificate, key))?;
    }
    await_keys(controller, "invalid", bad.len())
}

/// A second key, so that rotating means something.
pub(super) fn add_good_key(
    plane: &ControlPlane,
    controller: &SignetController,
    namespace: &str,
) -> anyhow::Result<()> {
    plane
        .api()
        .apply(&key_secret(namespace, "second", GOOD_KEY.0, GOOD_KEY.1))?;
    await_keys(controller, "usable", 2)
}

fn await_keys(controller: &SignetController, state: &str, count: usize) -> anyhow::Result<()> {
    let series = format!("signet_keys{{state=\"{state}\"}}");
    eventually(&format!("{count} keys are {state}"), CAP, || {
        controller
            .metric(&series)
            .is_ok_and(|keys| keys == count as f64)
    })
}
