//! Image, arguments, keys.

use serde_json::{Value, json};

use crate::row::{Row, row};

/// The rows.
pub(super) fn rows() -> Vec<Row> {
    [image(), arguments(), keys(), watching(), safety()]
        .into_iter()
        .flatten()
        .collect()
}

fn image() -> Vec<Row> {
    vec![
        row("defaults", json!({}))
            .container("/image", "example.invalid/signet/controller:0.1.0".into())
            .container("/command", json!(["controller"]))
            .argument("--key-prefix=sealed-secrets-key")
            .argument("--listen-addr=:8080")
            .argument("--listen-metrics-addr=:8081")
            .has("Deployment", "/spec/strategy/rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1}))
            .has("Deployment", "/spec/replicas", 1.into())
            .has("Deployment", "/metadata/name", "sealed-secrets".into())
            .has("CustomResourceDefinition", "/metadata/annotations/helm.sh~1resource-policy", "keep".into()),
        row("another image", json!({"image": {"registry": "r.example.invalid", "repository": "a/b", "tag": "1.2.3", "pullPolicy": "Always", "pullSecrets": ["pull"]}}))
            .container("/image", "r.example.invalid/a/b:1.2.3".into())
            .container("/imagePullPolicy", "Always".into())
            .has("Deployment", "/spec/template/spec/imagePullSecrets", json!([{"name": "pull"}])),
        row("an image by digest", json!({"image": {"registry": "", "digest": "sha256:aa"}}))
            .container("/image", "signet/controller@sha256:aa".into()),
        row("no controller", json!({"createController": false, "ingress": {"enabled": true}}))
            .gone("Deployment").gone("Service").gone("Ingress")
            .has("ClusterRole", "/metadata/name", "secrets-unsealer".into()),
        row("no definition", json!({"crd": {"create": false}})).gone("CustomResourceDefinition"),
        row("a definition before the templates", json!({"crd": {"beforeTemplates": true}})).gone("CustomResourceDefinition"),
        row("an annotated definition", json!({"crd": {"annotations": {"a": "b"}}}))
            .has("CustomResourceDefinition", "/metadata/annotations", json!({"a": "b", "helm.sh/resource-policy": "keep"})),
        row("names", json!({"nameOverride": "seal", "fullnameOverride": "sealed-secrets-controller"}))
            .has("Deployment", "/metadata/name", "sealed-secrets-controller".into())
            .has("Deployment", "/spec/selector/matchLabels/app.kubernetes.io~1name", "seal".into())
            .has("Service/sealed-secrets-controller", "/spec/ports/0/name", "http".into())
            .has("Service/sealed-secrets-controller-metrics", "/spec/ports/0/name", "metrics".into()),
        row("a base name that the release does not have", json!({"nameOverride": "seal-it"}))
            .has("Deployment", "/metadata/name", "sealed-secrets-seal-it".into()),
        row("another namespace", json!({"namespace": "other"}))
            .has("Deployment", "/metadata/namespace", "other".into())
            .has("ClusterRoleBinding", "/subjects/0/namespace", "other".into())
            .has("Role/sealed-secrets-key-admin", "/metadata/namespace", "other".into()),
        row("labels and annotations of everything", json!({"commonLabels": {"team": "{{ .Release.Name }}"}, "commonAnnotations": {"note": "x"}}))
            .has("Deployment", "/metadata/labels/team", "sealed-secrets".into())
            .has("ClusterRoleBinding", "/metadata/annotations/note", "x".into())
            .has("ServiceAccount", "/metadata/labels/team", "sealed-secrets".into())
            .has("CustomResourceDefinition", "/metadata/labels/team", "sealed-secrets".into()),
        row("labels as a template", json!({"commonLabels": "team: {{ .Release.Namespace }}"}))
            .has("Service", "/metadata/labels/team", "signet-system".into()),
        row("further objects", json!({"extraDeploy": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra"}},
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text\n",
        ]}))
            .has("ConfigMap/sealed-secrets-extra", "/apiVersion", "v1".into())
            .has("ConfigMap/text", "/apiVersion", "v1".into()),
        row("as a dependency of another chart", json!({"enabled": true, "global": {"x": 1}}))
            .has("Deployment", "/spec/replicas", 1.into()),
    ]
}

fn arguments() -> Vec<Row> {
    vec![
        row("no status", json!({"updateStatus": false}))
            .argument("--update-status=false"),
        row("logs", json!({"logInfoStdout": false, "logLevel": "ERROR", "logFormat": "json"}))
            .argument("--log-info-stdout=false")
            .argument("--log-level=ERROR")
            .argument("--log-format=json"),
        row("limits as numbers", json!({"rateLimit": 1_000_000, "rateLimitBurst": 3, "kubeClientQPS": 2.5, "kubeClientBurst": 20, "maxRetries": 0, "workers": 4}))
            .argument("--rate-limit=1000000")
            .argument("--rate-limit-burst=3")
            .argument("--kubeclient-qps=2.5")
            .argument("--kubeclient-burst=20")
            .argument("--max-unseal-retries=0")
            .argument("--workers=4"),
        row("limits as text", json!({"rateLimit": "5", "kubeClientQPS": "-1", "maxRetries": "7"}))
            .argument("--rate-limit=5")
            .argument("--kubeclient-qps=-1")
            .argument("--max-unseal-retries=7"),
        row("timeouts", json!({"readTimeout": "30s", "writeTimeout": "1m30s"}))
            .argument("--read-timeout=30s")
            .argument("--write-timeout=1m30s"),
        row("own command and arguments", json!({"command": ["signet-controller"], "args": ["--key-prefix", "{{ .Values.secretName }}"]}))
            .container("/command", json!(["signet-controller"]))
            .container("/args", json!(["--key-prefix", "sealed-secrets-key"])),
        row("environment", json!({"extraEnv": [{"name": "SEALED_SECRETS_WORKERS", "value": "2"}]}))
            .container("/env/0/name", "POD_NAMESPACE".into())
            .container("/env/0/valueFrom/fieldRef/fieldPath", "metadata.namespace".into())
            .container("/env/1/name", "SEALED_SECRETS_WORKERS".into()),
        row("no names in metrics", json!({"metrics": {"omitSecretLabels": true}}))
            .argument("--metrics-omit-secret-labels=true"),
    ]
}

fn keys() -> Vec<Row> {
    vec![
        row("another key", json!({"secretName": "my-key"}))
            .argument("--key-prefix=my-key")
            .has("Role/sealed-secrets-key-admin", "/rules/0/resourceNames", json!(["my-key"])),
        row("the life of keys", json!({"keyrenewperiod": "360h", "keyttl": "8760h00m00s", "keycutofftime": "Mon, 14 Oct 2024 21:45:30 +0200"}))
            .argument("--key-renew-period=360h")
            .argument("--key-ttl=8760h00m00s")
            .argument("--key-cutoff-time=Mon, 14 Oct 2024 21:45:30 +0200"),
        row("no renewal, as a number", json!({"keyrenewperiod": 0}))
            .argument("--key-renew-period=0"),
        row("no renewal, as text", json!({"keyrenewperiod": "0"}))
            .argument("--key-renew-period=0"),
        row("the shape of keys", json!({"keySize": 2048, "myCN": "our cluster", "keyOrderPriority": "SecretCreationTimestamp"}))
            .argument("--key-size=2048")
            .argument("--my-cn=our cluster")
            .argument("--key-order-priority=SecretCreationTimestamp"),
        row("the size of keys as text", json!({"keySize": "3072"})).argument("--key-size=3072"),
        row("marks on keys", json!({"privateKeyAnnotations": {"a": "1", "b": "2"}, "privateKeyLabels": {"c": "3"}}))
            .argument("--privatekey-annotations=a=1,b=2")
            .argument("--privatekey-labels=c=3"),
        row("keys are watched", json!({"watchForSecrets": true}))
            .argument("--watch-for-secrets=true"),
    ]
}

fn watching() -> Vec<Row> {
    vec![
        row("own namespace only", json!({"allNamespaces": false}))
            .argument("--all-namespaces=false"),
        row(
            "some namespaces",
            json!({"additionalNamespaces": ["team-a", "team-b"]}),
        )
        .argument("--additional-namespaces=team-a,team-b"),
        row(
            "some objects",
            json!({"labelSelector": "tier=gold,app in (a,b)"}),
        )
        .argument("--label-selector=tier=gold,app in (a,b)"),
        row("no recreation", json!({"skipRecreate": true})).argument("--skip-recreate=true"),
        row("old garbage collection", json!({"oldGcBehavior": true}))
            .argument("--old-gc-behavior=true")
            .has(
                "ClusterRole",
                "/rules/2/verbs",
                json!(["get", "list", "watch", "create", "update", "delete"]),
            ),
        row("no old data", json!({"acceptDeprecatedV1Data": false}))
            .argument("--accept-deprecated-v1-data=false"),
    ]
}

fn safety() -> Vec<Row> {
    let row_of = |name, values: Value, argument| row(name, values).argument(argument);
    vec![
        row_of("report", json!({"repair": "report"}), "--repair=report"),
        // What YAML makes of a bare `off`.
        row_of("no repair", json!({"repair": false}), "--repair=off"),
        row_of(
            "repair in so many words",
            json!({"repair": "off"}),
            "--repair=off",
        ),
        row_of(
            "total templates",
            json!({"templates": "total"}),
            "--templates=total",
        ),
        row_of(
            "no templates",
            json!({"templates": false}),
            "--templates=off",
        ),
        row_of(
            "all functions",
            json!({"templateFunctions": "all"}),
            "--template-functions=all",
        ),
        row_of(
            "rotate what is there",
            json!({"rotate": "live"}),
            "--rotate=live",
        ),
        row_of("no rotation", json!({"rotate": false}), "--rotate=off"),
        row_of(
            "sealed keys",
            json!({"allowSealedKeys": true}),
            "--allow-sealed-keys=true",
        ),
        row_of(
            "no type is forbidden",
            json!({"forbiddenSecretTypes": []}),
            "--forbidden-secret-types=",
        ),
        row_of(
            "other types are forbidden",
            json!({"forbiddenSecretTypes": ["a", "b"]}),
            "--forbidden-secret-types=a,b",
        ),
    ]
}
