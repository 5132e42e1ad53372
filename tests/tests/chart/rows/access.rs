//! Service account and roles.

use serde_json::json;

use crate::row::{Row, row};

/// The rows.
pub(super) fn rows() -> Vec<Row> {
    let everybody = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]);
    let sealers =
        json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "sealers"}]);
    vec![
        row("default roles", json!({}))
            .has("ServiceAccount", "/metadata/name", "sealed-secrets".into())
            .has("ClusterRole", "/metadata/name", "secrets-unsealer".into())
            .has("ClusterRoleBinding", "/roleRef/name", "secrets-unsealer".into())
            .has("ClusterRoleBinding", "/subjects", json!([{"kind": "ServiceAccount", "name": "sealed-secrets", "namespace": "signet-system"}]))
            .has("RoleBinding/sealed-secrets-service-proxier", "/subjects", everybody)
            .has("Role/sealed-secrets-service-proxier", "/rules/1/resourceNames", json!(["http:sealed-secrets:", "http:sealed-secrets:8080", "http:sealed-secrets:http", "sealed-secrets", "sealed-secrets:8080", "sealed-secrets:http"])),
        row("the Lease", json!({}))
            .argument("--leader-elect-resource-name=sealed-secrets")
            .has("Role/sealed-secrets-leader-election", "/rules/0/verbs", json!(["create"]))
            .has("Role/sealed-secrets-leader-election", "/rules/1", json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["sealed-secrets"], "verbs": ["get", "update"]}))
            .has("RoleBinding/sealed-secrets-leader-election", "/subjects/0/name", "sealed-secrets".into()),
        row("no election, no right for it", json!({"leaderElect": "off"}))
            .gone("Role/sealed-secrets-leader-election")
            .gone("RoleBinding/sealed-secrets-leader-election"),
        row("an account of another name", json!({"serviceAccount": {"name": "me", "annotations": {"a": "b"}, "labels": {"c": "d"}}}))
            .has("ServiceAccount/me", "/metadata/annotations", json!({"a": "b"}))
            .has("ServiceAccount/me", "/metadata/labels/c", "d".into())
            .has("Deployment", "/spec/template/spec/serviceAccountName", "me".into())
            .has("RoleBinding/sealed-secrets-key-admin", "/subjects/0/name", "me".into()),
        row("an account that is there", json!({"serviceAccount": {"create": false, "name": "theirs"}}))
            .gone("ServiceAccount")
            .has("ClusterRoleBinding", "/subjects/0/name", "theirs".into()),
        row("the namespace's account", json!({"serviceAccount": {"create": false}}))
            .has("Deployment", "/spec/template/spec/serviceAccountName", "default".into()),
        row("no roles", json!({"rbac": {"create": false}}))
            .gone("ClusterRole").gone("ClusterRoleBinding").gone("Role").gone("RoleBinding"),
        row("no role on the cluster", json!({"rbac": {"clusterRole": false}}))
            .gone("ClusterRole").gone("ClusterRoleBinding")
            .has("Role/sealed-secrets-key-admin", "/rules/1/verbs", json!(["create", "list", "watch"])),
        row("names and labels of roles", json!({"rbac": {"clusterRoleName": "unsealer", "labels": {"a": "b"}}}))
            .has("ClusterRole/unsealer", "/metadata/labels/a", "b".into())
            .has("ClusterRoleBinding", "/roleRef/name", "unsealer".into())
            .has("RoleBinding/sealed-secrets-key-admin", "/metadata/labels/a", "b".into()),
        row("roles in namespaces", json!({"additionalNamespaces": ["team-a", "team-b"], "rbac": {"clusterRole": false, "namespacedRoles": true, "namespacedRolesName": "ns-unsealer"}}))
            .gone("ClusterRole").gone("ClusterRoleBinding")
            .argument("--additional-namespaces=team-a,team-b")
            .argument("--all-namespaces=false")
            .has("Role/ns-unsealer", "/metadata/namespace", "signet-system".into())
            .has("RoleBinding/sealed-secrets", "/roleRef/name", "ns-unsealer".into()),
        row("a role in its own namespace", json!({"rbac": {"namespacedRoles": true}}))
            .gone("ClusterRole")
            .argument("--all-namespaces=false")
            .has("Role/secrets-unsealer", "/metadata/namespace", "signet-system".into()),
        row("no status, no right to write it", json!({"updateStatus": false}))
            .has("ClusterRole", "/rules/1/resources", json!(["secrets"])),
        row("GKE: nobody may use the proxy unless somebody binds it", json!({"rbac": {"serviceProxier": {"bind": false}}}))
            .gone("RoleBinding/sealed-secrets-service-proxier")
            .has("Role/sealed-secrets-service-proxier", "/rules/0/verbs", json!(["get"])),
        row("no proxy", json!({"rbac": {"serviceProxier": {"create": false}}}))
            .gone("Role/sealed-secrets-service-proxier")
            .gone("RoleBinding/sealed-secrets-service-proxier"),
        row("some may use the proxy, as text", json!({"rbac": {"serviceProxier": {"subjects": "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: sealers\n"}}}))
            .has("RoleBinding/sealed-secrets-service-proxier", "/subjects", sealers.clone()),
        row("some may use the proxy, as a list", json!({"rbac": {"serviceProxier": {"subjects": sealers}}}))
            .has("RoleBinding/sealed-secrets-service-proxier", "/subjects/0/name", "sealers".into()),
        row("a policy for pods where there is none any more", json!({"rbac": {"pspEnabled": true}}))
            .gone("PodSecurityPolicy"),
        row("a policy for pods where there was one", json!({"rbac": {"pspEnabled": true}}))
            .for_kubernetes("1.24.0")
            .has("PodSecurityPolicy", "/spec/privileged", false.into())
            .has("ClusterRole/sealed-secrets-psp", "/rules/0/verbs", json!(["use"])),
        row("an old cluster by value", json!({"kubeVersion": "1.24.0", "rbac": {"pspEnabled": true}}))
            .for_kubernetes("1.30.0")
            .has("PodSecurityPolicy", "/apiVersion", "policy/v1beta1".into()),
    ]
}
