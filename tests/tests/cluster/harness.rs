//! The harness itself, shown to work with upstream's programs: what passes here is not Signet's doing.

use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::service_proxy::{self, Backend};
use signet_harness::upstream::{self, UpstreamController};
use signet_harness::{Canary, Component, ControlPlane, Kubectl, Marker, Options, Tool, eventually};
use signet_tests::{fresh_namespace, shared, start};

const CAP: Duration = Duration::from_secs(60);

/// `kubectl create secret … --dry-run=client -o yaml | kubeseal | kubectl apply -f -`, as a user types it.
fn seal_and_apply(
    plane: &ControlPlane,
    controller_namespace: &str,
    namespace: &str,
    value: &str,
) -> anyhow::Result<()> {
    let kubectl = plane.kubectl()?.in_namespace(namespace);
    let literal = format!("--from-literal=password={value}");
    let secret = kubectl.ok(&[
        "create",
        "secret",
        "generic",
        "db",
        &literal,
        "--dry-run=client",
        "-o",
        "yaml",
    ])?;
    let arguments = [
        "--controller-namespace",
        controller_namespace,
        "--format",
        "yaml",
    ];
    let sealed = upstream::kubeseal(plane, &arguments, &secret)?.success("kubeseal")?;
    kubectl.apply(&sealed).map(drop)
}

fn await_secret(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Value> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/db");
    eventually(&format!("the Secret {namespace}/db"), CAP, || {
        plane.api().get(&path)
    })
}

#[test]
fn upstream_opens_what_its_own_kubeseal_sealed_and_the_audit_log_tells_how() -> anyhow::Result<()> {
    let plane = shared()?;
    let controller_namespace = fresh_namespace(plane, "upstream")?;
    let namespace = fresh_namespace(plane, "app")?;
    let before = plane.audit().mark()?;
    let _controller = UpstreamController::start(plane, &controller_namespace, &[])?;

    seal_and_apply(plane, &controller_namespace, &namespace, "correct horse")?;
    let secret = await_secret(plane, &namespace)?;
    assert_eq!(secret["data"]["password"], "Y29ycmVjdCBob3JzZQ==");

    let records = plane.audit().since(before)?;
    let created = records
        .iter()
        .find(|r| r.verb == "create" && r.resource == "secrets" && r.namespace == namespace)
        .context("no creation of the Secret in the audit log")?;
    assert!(
        created.is_by_service_account(&controller_namespace, upstream::SERVICE),
        "{created:?}"
    );
    assert_eq!(created.code, 201);
    let proxied = records
        .iter()
        .find(|r| r.subresource == "proxy")
        .context("kubeseal used the service proxy")?;
    assert_eq!((proxied.user.as_str(), proxied.code), ("admin", 200));
    Ok(())
}

#[test]
fn a_marker_separates_earlier_from_later_requests() -> anyhow::Result<()> {
    let plane = shared()?;
    let path = |name: &str| format!("/api/v1/namespaces/default/configmaps/{name}");
    plane.api().find(&path("marker-earlier"))?;
    let marker = plane.audit().mark()?;
    plane.api().find(&path("marker-later"))?;
    let later = plane.audit().since(marker)?;
    let all = plane.audit().since(Marker::START)?;
    assert!(
        later
            .iter()
            .any(|r| r.name == "marker-later" && r.code == 404)
    );
    assert!(!later.iter().any(|r| r.name == "marker-earlier"));
    assert!(all.iter().any(|r| r.name == "marker-earlier"));
    Ok(())
}

#[test]
fn the_service_account_may_do_what_upstream_grants_and_no_more() -> anyhow::Result<()> {
    let plane = shared()?;
    let namespace = fresh_namespace(plane, "rbac")?;
    upstream::apply_upstream_rbac(plane, &namespace, "signet")?;
    let token = plane.service_account_token(&namespace, "signet")?;
    let api = plane.api().with_token(&token);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } });
    // The authorizer learns of new roles from a watch, a moment later.
    eventually("the role is effective", CAP, || api.post(&secrets, &secret))?;
    let patch = api.request(
        "PATCH",
        &format!("{secrets}/a"),
        "application/merge-patch+json",
        "{}",
    )?;
    assert_eq!(patch.status, 403, "{}", patch.body);
    let nodes = api.request("GET", "/api/v1/nodes", "", "")?;
    assert_eq!(nodes.status, 403, "{}", nodes.body);

    let kubeconfig = plane.service_account_kubeconfig(&namespace, "signet")?;
    let kubectl = Kubectl::new(plane.tools().path(Tool::Kubectl)?, &kubeconfig);
    assert_eq!(
        kubectl.ok(&["get", "secrets", "-o", "name"])?.trim(),
        "secret/a"
    );
    Ok(())
}

#[test]
fn data_survives_a_killed_api_server_and_a_killed_etcd() -> anyhow::Result<()> {
    let plane = start(Options {
        controller_manager: false,
        users: vec![("dev".to_owned(), vec!["developers".to_owned()])],
        ..Options::default()
    })?;
    plane.api().ensure_namespace("kept")?;
    plane.kill(Component::ApiServer)?;
    assert!(plane.api().get("/readyz").is_err());
    plane.restart(Component::Etcd)?;
    plane.start_component(Component::ApiServer)?;
    assert_eq!(
        plane.api().get("/api/v1/namespaces/kept")?["metadata"]["name"],
        "kept"
    );

    let dev = Kubectl::new(
        plane.tools().path(Tool::Kubectl)?,
        &plane.user_kubeconfig("dev")?,
    );
    let refused = dev.run(&["get", "secrets"], "")?;
    assert!(
        refused
            .stderr
            .contains(r#"User "dev" cannot list resource "secrets""#),
        "{}",
        refused.stderr
    );
    Ok(())
}

#[test]
fn a_paused_api_server_answers_nothing_until_it_is_resumed() -> anyhow::Result<()> {
    let plane = start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    plane.pause(Component::ApiServer)?;
    let answered = std::thread::scope(|scope| {
        let request = scope.spawn(|| plane.api().get("/api/v1/namespaces"));
        let early = eventually("an answer while paused", Duration::from_secs(1), || {
            request.is_finished()
        });
        plane.resume(Component::ApiServer)?;
        let late = request
            .join()
            .map_err(|_| anyhow::anyhow!("the request panicked"))?;
        anyhow::Ok((early.is_ok(), late.is_ok()))
    })?;
    assert_eq!(answered, (false, true));
    plane.terminate(Component::ApiServer)
}

#[test]
fn owned_objects_and_namespaces_are_really_collected() -> anyhow::Result<()> {
    let plane = shared()?;
    let namespace = fresh_namespace(plane, "collected")?;
    let sealed_secrets = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
    let owner = plane.api().post(
        &sealed_secrets,
        &json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": { "name": "db" },
            "spec": { "encryptedData": { "password": "AgA=" } },
        }),
    )?;
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    plane.api().post(
        &secrets,
        &json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "db",
                "ownerReferences": [{
                    "apiVersion": "bitnami.com/v1alpha1",
                    "kind": "SealedSecret",
                    "name": "db",
                    "uid": owner["metadata"]["uid"],
                    "controller": true,
                }],
            },
        }),
    )?;
    plane.api().delete(&format!("{sealed_secrets}/db"))?;
    eventually("the owned Secret is collected", CAP, || {
        plane
            .api()
            .find(&format!("{secrets}/db"))
            .is_ok_and(|found| found.is_none())
    })?;
    plane
        .api()
        .delete(&format!("/api/v1/namespaces/{namespace}"))?;
    eventually("the namespace goes away", CAP, || {
        plane
            .api()
            .find(&format!("/api/v1/namespaces/{namespace}"))
            .is_ok_and(|found| found.is_none())
    })
}

#[test]
fn a_service_with_a_named_port_is_reached_through_the_api_server() -> anyhow::Result<()> {
    let plane = shared()?;
    let namespace = fresh_namespace(plane, "named")?;
    let controller = UpstreamController::start(plane, &namespace, &[])?;
    let backend = Backend {
        namespace: &namespace,
        service: "another",
        port_name: Some("http"),
        service_port: 80,
        target_port: controller.port,
    };
    service_proxy::publish(plane.api(), &backend)?;
    let path =
        format!("/api/v1/namespaces/{namespace}/services/http:another:http/proxy/v1/cert.pem");
    let certificate = eventually("the proxy reaches the controller", CAP, || {
        let answer = plane.api().request("GET", &path, "", "")?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
        Ok(answer.body)
    })?;
    assert!(
        certificate.starts_with("-----BEGIN CERTIFICATE-----"),
        "{certificate}"
    );
    service_proxy::withdraw(plane.api(), &namespace, "another")?;
    eventually("the proxy knows of no such service", CAP, || {
        plane
            .api()
            .request("GET", &path, "", "")
            .is_ok_and(|answer| answer.status == 404)
    })
}

#[test]
fn a_canary_is_found_in_the_store_and_not_in_the_audit_log() -> anyhow::Result<()> {
    let plane = start(Options {
        controller_manager: false,
        ..Options::default()
    })?;
    let value = "canary-5d1f0c2e9b";
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "canary" },
        "stringData": { "value": value },
    });
    plane
        .api()
        .post("/api/v1/namespaces/default/secrets", &secret)?;
    plane.audit().mark()?;
    let canary = Canary::new(value.as_bytes())?;
    let store = canary.scan_paths(&[&plane.dir().join("etcd")])?;
    assert!(
        !store.findings.is_empty(),
        "nothing in {} bytes",
        store.bytes
    );
    let stored = plane.stored("secrets/default/canary")?;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].0, "/registry/secrets/default/canary");
    assert!(!canary.scan_bytes(&stored[0].1).is_empty());
    assert!(canary.scan_bytes(b"another value").is_empty());
    let log = canary.scan_paths(&[plane.audit().path()])?;
    assert_eq!(log.findings, []);
    assert!(log.bytes > 0);
    assert!(fs::read_to_string(plane.audit().path())?.contains("/secrets"));
    Ok(())
}
