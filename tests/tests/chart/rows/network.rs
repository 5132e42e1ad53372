//! Services, Ingress, NetworkPolicy, metrics.

use serde_json::{Value, json};

use crate::row::{Row, row};

/// The rows.
pub(super) fn rows() -> Vec<Row> {
    [services(), ingress(), policy(), metrics()]
        .into_iter()
        .flatten()
        .collect()
}

fn services() -> Vec<Row> {
    let service = |port: u32, node: u32| json!({"type": "NodePort", "port": port, "nodePort": node, "annotations": {"a": "b"}, "labels": {"c": "d"}});
    vec![
        row("default services", json!({}))
            .has("Service/sealed-secrets", "/spec/ports", json!([{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}]))
            .has("Service/sealed-secrets-metrics", "/spec/ports", json!([{"name": "metrics", "port": 8081, "targetPort": "metrics", "protocol": "TCP"}]))
            .has("Service/sealed-secrets-metrics", "/metadata/labels/app.kubernetes.io~1component", "metrics".into()),
        row("ports on nodes", json!({"service": service(80, 30001), "metrics": {"service": service(81, 30002)}}))
            .has("Service/sealed-secrets", "/spec/ports/0", json!({"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": 30001}))
            .has("Service/sealed-secrets", "/metadata/annotations", json!({"a": "b"}))
            .has("Service/sealed-secrets", "/metadata/labels/c", "d".into())
            .has("Service/sealed-secrets-metrics", "/spec/ports/0/nodePort", 30002.into())
            .has("Service/sealed-secrets-metrics", "/metadata/labels/c", "d".into()),
        row("balanced", json!({"service": {"type": "LoadBalancer", "loadBalancerClass": "x.example.invalid/lb"}, "metrics": {"service": {"type": "LoadBalancer", "loadBalancerClass": "y.example.invalid/lb"}}}))
            .has("Service/sealed-secrets", "/spec/loadBalancerClass", "x.example.invalid/lb".into())
            .has("Service/sealed-secrets-metrics", "/spec/type", "LoadBalancer".into()),
        row("a node port without a place", json!({"service": {"nodePort": 30003}}))
            .has("Service/sealed-secrets", "/spec/ports/0/nodePort", json!(null)),
    ]
}

fn ingress() -> Vec<Row> {
    let with = |mut values: Value| {
        values["enabled"] = true.into();
        json!({ "ingress": values })
    };
    let backend = json!({"service": {"name": "sealed-secrets", "port": {"name": "http"}}});
    vec![
        row("an ingress", with(json!({})))
            .has("Ingress", "/apiVersion", "networking.k8s.io/v1".into())
            .has("Ingress", "/spec/rules", json!([{"host": "sealed-secrets.local", "http": {"paths": [{"path": "/v1/cert.pem", "pathType": "ImplementationSpecific", "backend": backend}]}}]))
            .has("Ingress", "/spec/tls", json!(null))
            .gone("Secret"),
        row("another ingress", with(json!({"pathType": "Prefix", "path": "/v1", "ingressClassName": "nginx", "hostname": "a.example.invalid", "annotations": {"x": "{{ .Release.Name }}"}, "apiVersion": "networking.k8s.io/v1"})))
            .has("Ingress", "/spec/ingressClassName", "nginx".into())
            .has("Ingress", "/spec/rules/0/host", "a.example.invalid".into())
            .has("Ingress", "/spec/rules/0/http/paths/0/pathType", "Prefix".into())
            .has("Ingress", "/metadata/annotations/x", "sealed-secrets".into()),
        row("an ingress of another version", with(json!({"apiVersion": "networking.k8s.io/v2"})))
            .for_kubernetes("1.99.0")
            .has("Ingress", "/apiVersion", "networking.k8s.io/v2".into()),
        row("further hosts and paths", with(json!({
            "extraHosts": [{"name": "b.example.invalid"}],
            "extraPaths": [{"path": "/*", "pathType": "ImplementationSpecific", "backend": backend}],
            "extraTls": [{"hosts": ["b.example.invalid"], "secretName": "b"}],
        })))
            .has("Ingress", "/spec/rules/1/host", "b.example.invalid".into())
            .has("Ingress", "/spec/rules/0/http/paths/0/path", "/*".into())
            .has("Ingress", "/spec/tls", json!([{"hosts": ["b.example.invalid"], "secretName": "b"}])),
        row("a certificate that is given", with(json!({"tls": true, "secrets": [{"name": "sealed-secrets.local-tls", "certificate": "-----BEGIN CERTIFICATE-----", "key": "k"}]})))
            .has("Ingress", "/spec/tls/0/secretName", "sealed-secrets.local-tls".into())
            .has("Secret/sealed-secrets.local-tls", "/data", json!({"tls.crt": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "tls.key": "aw=="}))
            .has("Secret/sealed-secrets.local-tls", "/type", "kubernetes.io/tls".into()),
        row("a certificate that signs itself", with(json!({"tls": true, "selfSigned": true})))
            .has("Secret/sealed-secrets.local-tls", "/type", "kubernetes.io/tls".into()),
    ]
}

fn policy() -> Vec<Row> {
    let dns = json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]});
    vec![
        row("a policy sees the ports of the pod", json!({"networkPolicy": {"enabled": true}, "containerPorts": {"http": 9090}, "service": {"port": 80}}))
            .has("NetworkPolicy", "/spec/ingress", json!([{"ports": [{"port": 9090, "protocol": "TCP"}, {"port": 8081, "protocol": "TCP"}]}]))
            .has("NetworkPolicy", "/spec/policyTypes", json!(["Ingress"]))
            .has("NetworkPolicy", "/spec/egress", json!(null)),
        row("a policy for what goes out", json!({"networkPolicy": {"enabled": true, "egress": {"enabled": true}}}))
            .has("NetworkPolicy", "/spec/policyTypes", json!(["Ingress", "Egress"]))
            .has("NetworkPolicy", "/spec/egress", json!([dns, {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}])),
        row("a policy with an address", json!({"networkPolicy": {"enabled": true, "egress": {"enabled": true, "kubeapiCidr": "10.0.0.1/32", "kubeapiPort": 6444}}}))
            .has("NetworkPolicy", "/spec/egress/1", json!({"ports": [{"port": 6444, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]})),
    ]
}

fn metrics() -> Vec<Row> {
    let marks = json!({"namespace": "monitoring", "labels": {"release": "prom"}, "annotations": {"a": "b"}});
    let with = |name: &str, switch: &str, further: Value| {
        let mut values = marks.clone();
        values[switch] = true.into();
        if let (Some(map), Some(further)) = (values.as_object_mut(), further.as_object()) {
            map.extend(further.clone());
        }
        json!({ "metrics": { name: values } })
    };
    vec![
        row("a monitor", json!({"metrics": {"serviceMonitor": {"enabled": true}}}))
            .has("ServiceMonitor", "/metadata/namespace", "signet-system".into())
            .has("ServiceMonitor", "/spec/endpoints", json!([{"port": "metrics", "honorLabels": true}]))
            .has("ServiceMonitor", "/spec/selector/matchLabels/app.kubernetes.io~1component", "metrics".into()),
        row("another monitor", with("serviceMonitor", "enabled", json!({"interval": "10s", "scrapeTimeout": "5s", "honorLabels": false, "relabelings": [{"action": "drop"}], "metricRelabelings": [{"action": "keep"}]})))
            .has("ServiceMonitor", "/metadata/namespace", "monitoring".into())
            .has("ServiceMonitor", "/metadata/labels/release", "prom".into())
            .has("ServiceMonitor", "/metadata/annotations/a", "b".into())
            .has("ServiceMonitor", "/spec/namespaceSelector/matchNames", json!(["signet-system"]))
            .has("ServiceMonitor", "/spec/endpoints/0", json!({"port": "metrics", "honorLabels": false, "interval": "10s", "scrapeTimeout": "5s", "relabelings": [{"action": "drop"}], "metricRelabelings": [{"action": "keep"}]})),
        row("alerts", json!({"metrics": {"prometheusRule": {"enabled": true}}}))
            .has("PrometheusRule", "/spec/groups/0/rules/0/alert", "SealedSecretsControllerNotReady".into())
            .has("PrometheusRule", "/metadata/namespace", "signet-system".into()),
        row("alerts on metrics of another job", json!({"metrics": {"prometheusRule": {"enabled": true, "job": "pods"}}}))
            .has("PrometheusRule", "/spec/groups/1/rules/0/expr", "absent(signet_sealedsecrets{namespace=\"signet-system\",job=\"pods\"})".into()),
        row("own alerts", with("prometheusRule", "enabled", json!({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up == 0", "annotations": {"d": "{{ $labels.x }}"}}]}]})))
            .has("PrometheusRule", "/metadata/namespace", "monitoring".into())
            .has("PrometheusRule", "/metadata/labels/release", "prom".into())
            .has("PrometheusRule", "/metadata/annotations/a", "b".into())
            .has("PrometheusRule", "/spec/groups/0/rules/0/annotations/d", "{{ $labels.x }}".into()),
        row("a dashboard", with("dashboards", "create", json!({})))
            .has("ConfigMap/sealed-secrets-sealed-secrets-controller", "/metadata/namespace", "monitoring".into())
            .has("ConfigMap", "/metadata/labels/release", "prom".into())
            .has("ConfigMap", "/metadata/annotations/a", "b".into()),
    ]
}
