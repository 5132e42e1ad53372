//! What becomes of a Secret: scope, namespace, metadata.

use super::{CONTEXTS, HOMELESS};
use crate::row::{Row, seal};

pub(super) fn rows() -> Vec<Row> {
    [scopes(), namespaces(), metadata()].concat()
}

fn annotated(namespace: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n{namespace}  annotations: {{{annotations}}}\nstringData: {{password: hunter2}}\n"
    )
}

const CLUSTER: &str = "sealedsecrets.bitnami.com/cluster-wide: 'true'";
const NAMESPACE: &str = "sealedsecrets.bitnami.com/namespace-wide: 'true'";
const TEAM: &str = "  namespace: team\n";

fn scopes() -> Vec<Row> {
    let scoped = |name: &str, arguments: &[&str], annotations: &str, label: &str| {
        seal(name, arguments)
            .stdin(annotated(TEAM, annotations))
            .gives(&format!("[seal for {label}: \"hunter2\"]"))
    };
    let both = format!("{CLUSTER}, {NAMESPACE}");
    vec![
        scoped(
            "the annotation for the cluster",
            &[],
            CLUSTER,
            "the cluster",
        ),
        scoped("the annotation for the namespace", &[], NAMESPACE, "team"),
        scoped("both annotations", &[], &both, "the cluster"),
        scoped(
            "an annotation that says TRUE",
            &[],
            "sealedsecrets.bitnami.com/cluster-wide: 'TRUE'",
            "team/db",
        ),
        scoped(
            "an annotation that says false",
            &[],
            "sealedsecrets.bitnami.com/cluster-wide: 'false'",
            "team/db",
        ),
        scoped(
            "--scope strict leaves the annotation",
            &["--scope", "strict"],
            CLUSTER,
            "the cluster",
        ),
        scoped(
            "--scope namespace-wide over the cluster's annotation",
            &["--scope", "namespace-wide"],
            CLUSTER,
            "team",
        ),
        scoped(
            "--scope cluster-wide over the namespace's annotation",
            &["--scope", "cluster-wide"],
            NAMESPACE,
            "the cluster",
        ),
        scoped(
            "--scope namespace-wide over both",
            &["--scope", "namespace-wide", "-o", "yaml"],
            &both,
            "team",
        ),
        scoped(
            "--name with a wide scope",
            &["--scope", "namespace-wide", "--name", "x"],
            "a: b",
            "team",
        ),
    ]
}

fn namespaces() -> Vec<Row> {
    let team =
        |name: &str, arguments: &[&str]| seal(name, arguments).stdin(annotated(TEAM, "a: b"));
    vec![
        team("-n that agrees", &["-n", "team"]).gives("[seal for team/db: "),
        team("-n that differs", &["-n", "other"])
            .gives("error: namespace mismatch: input secret is in namespace \"team\" but \"other\" was specified\n"),
        team("-n that differs, for the whole cluster", &["-n", "other", "--scope", "cluster-wide"])
            .gives("[seal for the cluster: "),
        team("-n that differs, for the namespace", &["-n", "other", "--scope", "namespace-wide"])
            .gives("error: namespace mismatch"),
        team("a context in another namespace", &["--kubeconfig", "config"])
            .file("config", CONTEXTS)
            .gives("[seal for team/db: "),
        seal("no namespace anywhere", &[])
            .stdin(HOMELESS)
            .gives("error: secret must declare a namespace\n"),
        seal("no namespace anywhere, for the cluster", &["--scope", "cluster-wide"])
            .stdin(HOMELESS)
            .gives("[seal for the cluster: "),
        seal("no namespace anywhere, for the namespace", &["--scope", "namespace-wide"])
            .stdin(HOMELESS)
            .gives("error: secret must declare a namespace\n"),
        seal("no namespace in the Secret, -n, for the namespace", &["--scope", "namespace-wide", "-n", "team"])
            .stdin(HOMELESS)
            .gives("[seal for team: "),
        seal("no namespace in the Secret, -n, for the cluster", &["--scope", "cluster-wide", "-n", "team"])
            .stdin(HOMELESS)
            .gives("[seal for the cluster: "),
        seal("a kubeconfig that cannot be read", &["--kubeconfig", "missing"])
            .stdin(HOMELESS)
            .gives("error: secret must declare a namespace\n"),
    ]
}

fn metadata() -> Vec<Row> {
    let kept = |name: &str, metadata: &str| {
        seal(name, &[])
            .stdin(format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: team\n{metadata}stringData: {{password: hunter2}}\n"))
            .gives("exit 0\n")
    };
    vec![
        kept("labels and annotations go into the template", "  labels: {a: b}\n  annotations: {c: d}\n"),
        kept("finalizers go into the template", "  finalizers: [example.com/x]\n"),
        kept("what the server wrote is dropped", "  uid: 1-2\n  resourceVersion: '7'\n  generation: 3\n  creationTimestamp: '2020-01-01T00:00:00Z'\n  deletionTimestamp: '2020-01-01T00:00:00Z'\n  deletionGracePeriodSeconds: 30\n  selfLink: /x\n"),
        kept("ownerReferences are dropped", "  ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u}]\n"),
        kept("kubectl's copy of the Secret is dropped", "  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}', a: b}\n"),
        kept("kubecfg's copy of the Secret is dropped", "  annotations: {kubecfg.ksonnet.io/last-applied-configuration: '{}'}\n"),
        kept("managedFields", "  managedFields: [{manager: kubectl, operation: Update, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {}}]\n")
            .differs_wholly("managed-fields", "managedFields", "exit 0\n"),
        kept("generateName", "  generateName: db-\n").differs_wholly("managed-fields", "\"generateName\": \"db-\"", "exit 0\n"),
        kept("an annotation that says skip-set-owner-references", "  annotations: {sealedsecrets.bitnami.com/skip-set-owner-references: 'true'}\n"),
        kept("an annotation that says managed", "  annotations: {sealedsecrets.bitnami.com/managed: 'true'}\n"),
        seal("a value that is also the name of an application", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: team, labels: {app: postgres}}\nstringData: {username: postgres, word: metadata}\n")
            .gives("exit 0\nstdout"),
        seal("a value that stands in an annotation too", &[])
            .stdin("apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: team, annotations: {copy: a-long-secret-value}}\nstringData: {password: a-long-secret-value}\n")
            .gives("exit 0\n").gives("stderr: nothing\n"),
    ]
}
