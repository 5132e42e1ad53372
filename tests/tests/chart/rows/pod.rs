//! The pod: probes, security, placement.

use serde_json::json;

use crate::row::{Row, row};

/// The rows.
pub(super) fn rows() -> Vec<Row> {
    [probes(), security(), placement()]
        .into_iter()
        .flatten()
        .collect()
}

fn probes() -> Vec<Row> {
    let probe = |port: &str| json!({"httpGet": {"path": "/x", "port": port}});
    let other = json!({"initialDelaySeconds": 5, "periodSeconds": 20, "timeoutSeconds": 2, "failureThreshold": 4});
    let mut ready = other.clone();
    // Kubernetes wants 1 for the other two, so all that can be changed is to leave it out.
    let mut live = other;
    live["successThreshold"] = json!(null);
    ready["successThreshold"] = 2.into();
    let mut startup = live.clone();
    startup["enabled"] = true.into();
    vec![
        row("default probes", json!({}))
            .container("/livenessProbe/httpGet", json!({"path": "/healthz", "port": "http"}))
            .container("/readinessProbe/httpGet", json!({"path": "/readyz", "port": "http"}))
            .container("/startupProbe", json!(null)),
        row("other times", json!({"livenessProbe": live, "readinessProbe": ready, "startupProbe": startup}))
            .container("/livenessProbe/periodSeconds", 20.into())
            .container("/readinessProbe/successThreshold", 2.into())
            .container("/startupProbe/tcpSocket/port", "http".into())
            .container("/startupProbe/failureThreshold", 4.into())
            .container("/startupProbe/enabled", json!(null)),
        row("no probes", json!({"livenessProbe": {"enabled": false}, "readinessProbe": {"enabled": false}}))
            .container("/livenessProbe", json!(null))
            .container("/readinessProbe", json!(null)),
        row("own probes win", json!({"customLivenessProbe": probe("http"), "customReadinessProbe": probe("metrics"), "customStartupProbe": probe("http")}))
            .container("/livenessProbe", probe("http"))
            .container("/readinessProbe", probe("metrics"))
            .container("/startupProbe", probe("http")),
    ]
}

fn security() -> Vec<Row> {
    vec![
        row("defaults are restricted", json!({}))
            .container("/securityContext", json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "runAsUser": 1001,
            }))
            .has("Deployment", "/spec/template/spec/securityContext", json!({"fsGroup": 65534, "seccompProfile": {"type": "RuntimeDefault"}}))
            .has("Deployment", "/spec/template/spec/enableServiceLinks", false.into()),
        row("no security contexts", json!({"podSecurityContext": {"enabled": false}, "containerSecurityContext": {"enabled": false}}))
            .container("/securityContext", json!(null))
            .has("Deployment", "/spec/template/spec/securityContext", json!(null)),
        row("other security contexts", json!({
            "podSecurityContext": {"fsGroup": 7, "supplementalGroups": [8], "seccompProfile": {"type": "Unconfined"}},
            "containerSecurityContext": {"readOnlyRootFilesystem": false, "runAsNonRoot": false, "runAsUser": 9, "runAsGroup": 10, "allowPrivilegeEscalation": true, "capabilities": {"drop": ["NET_RAW"]}},
        }))
            .container("/securityContext/runAsGroup", 10.into())
            .container("/securityContext/capabilities/drop", json!(["NET_RAW"]))
            .has("Deployment", "/spec/template/spec/securityContext/supplementalGroups", json!([8])),
        row("openshift by value", json!({"openshift": "enabled"}))
            .container("/securityContext/runAsUser", json!(null))
            .container("/securityContext/runAsNonRoot", true.into())
            .has("Deployment", "/spec/template/spec/securityContext", json!({"seccompProfile": {"type": "RuntimeDefault"}})),
        row("openshift as upstream's guide says", json!({"podSecurityContext": {"fsGroup": null}, "containerSecurityContext": {"runAsUser": null}}))
            .container("/securityContext/runAsUser", json!(null))
            .has("Deployment", "/spec/template/spec/securityContext/fsGroup", json!(null)),
        row("users of its own", json!({"hostUsers": false}))
            .has("Deployment", "/spec/template/spec/hostUsers", false.into()),
        row("users of the node", json!({"hostUsers": true}))
            .has("Deployment", "/spec/template/spec/hostUsers", true.into()),
    ]
}

fn placement() -> Vec<Row> {
    vec![
        row("resources", json!({"resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m"}}}))
            .container("/resources", json!({"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m"}})),
        row("marks on the pod", json!({"podLabels": {"a": "b", "app.kubernetes.io/name": "not this"}, "podAnnotations": {"c": "{{ .Release.Name }}"}}))
            .has("Deployment", "/spec/template/metadata/labels", json!({"a": "b", "app.kubernetes.io/name": "sealed-secrets", "app.kubernetes.io/instance": "sealed-secrets"}))
            .has("Deployment", "/spec/template/metadata/annotations", json!({"c": "sealed-secrets"})),
        row("classes", json!({"priorityClassName": "system-cluster-critical", "runtimeClassName": "gvisor"}))
            .has("Deployment", "/spec/template/spec/priorityClassName", "system-cluster-critical".into())
            .has("Deployment", "/spec/template/spec/runtimeClassName", "gvisor".into()),
        row("place", json!({
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "k", "operator": "Exists"}]}}]}},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
        }))
            .has("Deployment", "/spec/template/spec/nodeSelector", json!({"kubernetes.io/os": "linux"}))
            .has("Deployment", "/spec/template/spec/tolerations/0/key", "k".into()),
        row("volumes", json!({"additionalVolumes": [{"name": "v", "emptyDir": {}}], "additionalVolumeMounts": [{"name": "v", "mountPath": "/v"}]}))
            .container("/volumeMounts/0/mountPath", "/v".into())
            .has("Deployment", "/spec/template/spec/volumes/0/name", "v".into()),
        row("the node's network", json!({"hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"}))
            .container("/ports/0/hostPort", 8080.into())
            .container("/ports/1/hostPort", 8081.into())
            .has("Deployment", "/spec/template/spec/hostNetwork", true.into())
            .has("Deployment", "/spec/template/spec/dnsPolicy", "ClusterFirstWithHostNet".into()),
        row("ports", json!({"containerPorts": {"http": 9090, "metrics": 9091}, "hostPorts": {"http": 30080, "metrics": "30081"}}))
            .argument("--listen-addr=:9090")
            .argument("--listen-metrics-addr=:9091")
            .container("/ports", json!([
                {"name": "http", "containerPort": 9090, "protocol": "TCP", "hostPort": 30080},
                {"name": "metrics", "containerPort": 9091, "protocol": "TCP", "hostPort": 30081},
            ])),
        row("history", json!({"revisionHistoryLimit": 0}))
            .has("Deployment", "/spec/revisionHistoryLimit", 0.into()),
        row("one replica", json!({}))
            .has("Deployment", "/spec/replicas", 1.into())
            .has("Deployment", "/spec/template/spec/affinity", json!(null))
            .has("Deployment", "/spec/template/spec/topologySpreadConstraints", json!(null)),
        row("three replicas", json!({"replicas": 3}))
            .argument("--leader-elect=on")
            .has("Deployment", "/spec/replicas", 3.into())
            .has("Deployment", "/spec/strategy/rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1}))
            .has("Deployment", "/spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/podAffinityTerm", json!({
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "sealed-secrets", "app.kubernetes.io/instance": "sealed-secrets"}},
            }))
            .has("PodDisruptionBudget", "/spec/minAvailable", 1.into()),
        row("three replicas, placed by hand", json!({
            "replicas": 3,
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "k", "operator": "Exists"}]}}]}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": "{{ .Release.Name }}"}}}],
            "pdb": {"maxUnavailable": 1},
        }))
            .has("Deployment", "/spec/template/spec/affinity/podAntiAffinity", json!(null))
            .has("Deployment", "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels", json!({"app.kubernetes.io/instance": "sealed-secrets"}))
            .has("PodDisruptionBudget", "/spec/maxUnavailable", 1.into()),
        row("the election by hand", json!({"leaderElect": "off"}))
            .argument("--leader-elect=off"),
        row("times of the election", json!({"leaderElectLeaseDuration": "30s", "leaderElectRenewDeadline": "20s", "leaderElectRetryPeriod": "5s"}))
            .argument("--leader-elect-lease-duration=30s")
            .argument("--leader-elect-renew-deadline=20s")
            .argument("--leader-elect-retry-period=5s"),
        row("a budget", json!({"pdb": {"create": true}}))
            .has("PodDisruptionBudget", "/spec/minAvailable", 1.into())
            .has("PodDisruptionBudget", "/spec/maxUnavailable", json!(null)),
        row("a budget in percent", json!({"pdb": {"create": true, "minAvailable": "50%"}}))
            .has("PodDisruptionBudget", "/spec/minAvailable", "50%".into()),
        row("a budget of what may go", json!({"pdb": {"create": true, "maxUnavailable": 0}}))
            .has("PodDisruptionBudget", "/spec/maxUnavailable", 0.into())
            .has("PodDisruptionBudget", "/spec/minAvailable", json!(null)),
        row("a budget of what may go in percent", json!({"pdb": {"create": true, "maxUnavailable": "100%"}}))
            .has("PodDisruptionBudget", "/spec/maxUnavailable", "100%".into()),
    ]
}
