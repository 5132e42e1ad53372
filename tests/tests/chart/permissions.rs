//! What the chart grants the controller is what the controller asks for: read from the API server's own roles and from its
//! audit log, after a walk through everything that the controller does.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::{Api, Component, Marker, Record, Workload, eventually};
use signet_tests::signet::{CAP, await_items, sealed_path, secret_path};

use crate::scene::{Kubeseal, Scene, exists, quick};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    /// Everywhere if there is none.
    namespace: Option<String>,
    group: String,
    /// With the subresource: `sealedsecrets/status`.
    resource: String,
    verb: String,
    /// Every name if there is none.
    name: Option<String>,
}

impl Grant {
    fn allows(&self, request: &Record) -> bool {
        let is = |limit: &Option<String>, value: &str| limit.as_ref().is_none_or(|l| l == value);
        self.group == request.group
            && self.resource == resource(request)
            && self.verb == request.verb
            && is(&self.namespace, &request.namespace)
            && is(&self.name, &request.name)
    }
}

fn resource(request: &Record) -> String {
    match request.subresource.as_str() {
        "" => request.resource.clone(),
        subresource => format!("{}/{subresource}", request.resource),
    }
}

/// Everything that bindings grant to this service account by its name, as the API server has it.
fn granted(api: &Api, namespace: &str, account: &str) -> anyhow::Result<BTreeSet<Grant>> {
    let mut grants = BTreeSet::new();
    for kind in ["clusterrolebindings", "rolebindings"] {
        let bindings = api.get(&format!("{RBAC}/{kind}"))?;
        for binding in bindings["items"].as_array().context("a list")? {
            let mut subjects = binding["subjects"].as_array().into_iter().flatten();
            let is_it = |subject: &Value| {
                subject["kind"] == "ServiceAccount"
                    && subject["name"] == account
                    && subject["namespace"] == namespace
            };
            if !subjects.any(is_it) {
                continue;
            }
            let within = binding["metadata"]["namespace"].as_str();
            let name = binding["roleRef"]["name"].as_str().context("a name")?;
            let path = match binding["roleRef"]["kind"].as_str() {
                Some("ClusterRole") => format!("{RBAC}/clusterroles/{name}"),
                _ => format!("{RBAC}/namespaces/{}/roles/{name}", within.context("one")?),
            };
            let role = api.get(&path)?;
            for rule in role["rules"].as_array().into_iter().flatten() {
                add_rule(&mut grants, within, rule);
            }
        }
    }
    Ok(grants)
}

fn add_rule(grants: &mut BTreeSet<Grant>, namespace: Option<&str>, rule: &Value) {
    let texts = |field: &str| -> Vec<String> {
        let values = rule[field].as_array().into_iter().flatten();
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let names = match texts("resourceNames") {
        names if names.is_empty() => vec![None],
        names => names.into_iter().map(Some).collect(),
    };
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for verb in texts("verbs") {
                grants.extend(names.iter().map(|name| Grant {
                    namespace: namespace.map(str::to_owned),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.clone(),
                }));
            }
        }
    }
}

/// What is missing, was refused, or is granted and was never asked for.
fn findings(grants: &BTreeSet<Grant>, requests: &[Record]) -> BTreeSet<String> {
    let missing = requests
        .iter()
        .filter(|request| request.code == 403 || !grants.iter().any(|grant| grant.allows(request)))
        .map(|request| format!("missing: {} {}", request.verb, resource(request)));
    let too_much = grants
        .iter()
        .filter(|grant| !requests.iter().any(|request| grant.allows(request)))
        .map(|grant| format!("too much: {grant:?}"));
    missing.chain(too_much).collect()
}

/// What the service account asked for since the plane began.
fn asked(scene: &Scene, namespace: &str, account: &str) -> anyhow::Result<Vec<Record>> {
    let mut records = scene.plane.audit().all_since(Marker::START)?;
    records.retain(|record| record.is_by_service_account(namespace, account));
    Ok(records)
}

/// An installation, and what is walked through in it.
struct Case<'a> {
    values: Value,
    /// Where the controller and its keys are.
    namespace: &'a str,
    /// Where it serves.
    served: &'a [&'a str],
    /// Garbage collection stands still, so that only the controller deletes.
    collects: bool,
}

const RELEASE: &str = "sealed-secrets-controller";

/// Installs the chart, has the controller do everything that it ever does, and returns the grants and the requests.
fn walk(case: &Case<'_>) -> anyhow::Result<(Scene, BTreeSet<Grant>, Vec<Record>)> {
    let scene = Scene::start()?;
    let api = scene.plane.api();
    for namespace in case.served {
        api.ensure_namespace(namespace)?;
    }
    // A key that cannot be used is an event where the keys are.
    let path = format!("/api/v1/namespaces/{}/secrets", case.namespace);
    let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
    let broken = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "broken", "labels": {label: "active"}}});
    api.post(&path, &broken)?;
    scene
        .ours("install", RELEASE, case.namespace, &case.values, &[])?
        .success("helm install")?;
    let controller = scene.serve(case.namespace, RELEASE)?;
    let grants = granted(api, case.namespace, &controller.service_account)?;
    let events = await_events(api, case.namespace, "broken");
    let mut served = case.served.iter();
    let walked = events.and_then(|()| served.try_for_each(|to| serve(&scene, case, to)));
    let requests = stop(&scene, case, controller)?;
    walked.with_context(|| format!("{:?}", findings(&grants, &requests)))?;
    Ok((scene, grants, requests))
}

/// A new object, an edited Secret, and the end of both.
fn serve(scene: &Scene, case: &Case<'_>, namespace: &str) -> anyhow::Result<()> {
    let api = scene.plane.api();
    let flags = [format!("--controller-namespace={}", case.namespace)];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    scene.seal(Kubeseal::Signet, &flags, namespace, "db")?;
    await_events(api, namespace, "db")?;
    let path = secret_path(namespace, "db");
    api.merge_patch(&path, &json!({"data": {"password": "ZWRpdGVk"}}))?;
    await_items(
        &scene.plane,
        namespace,
        "db",
        &[("password", "correct horse")],
    )?;
    if case.collects {
        scene.plane.pause(Component::ControllerManager)?;
    }
    api.delete(&sealed_path(namespace, "db"))?;
    eventually("the Secret is gone", CAP, || {
        exists(&scene.plane, &path).is_ok_and(|there| !there)
    })
}

fn await_events(api: &Api, namespace: &str, name: &str) -> anyhow::Result<()> {
    let path =
        format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name={name}");
    eventually("an event", CAP, || {
        let events = api.get(&path).ok()?;
        (!events["items"].as_array()?.is_empty()).then_some(())
    })
}

fn stop(scene: &Scene, case: &Case<'_>, mut controller: Workload) -> anyhow::Result<Vec<Record>> {
    controller.process.terminate(CAP)?;
    let requests = asked(scene, case.namespace, &controller.service_account)?;
    ensure!(!requests.is_empty(), "the audit log knows nothing of it");
    Ok(requests)
}

/// Without where and which.
fn verbs_and_resources(grants: &BTreeSet<Grant>) -> BTreeSet<(String, String)> {
    let both = |grant: &Grant| (grant.resource.clone(), grant.verb.clone());
    grants.iter().map(both).collect()
}

#[test]
fn the_chart_grants_what_the_controller_asks_for_and_nothing_else() -> anyhow::Result<()> {
    let case = Case {
        values: quick()?,
        namespace: "kube-system",
        served: &["app"],
        collects: false,
    };
    let (_scene, grants, requests) = walk(&case)?;
    assert_eq!(findings(&grants, &requests), BTreeSet::new());
    let plain = plain_grants()?;
    assert_eq!(plain, grants, "the plain manifests grant the same");
    println!(
        "{} grants, {} pairs of verb and resource, {} requests",
        grants.len(),
        verbs_and_resources(&grants).len(),
        requests.len()
    );
    a_grant_too_much_and_a_missing_one_are_found(&grants, &requests);
    Ok(())
}

/// What manifests/controller.yaml grants the service account.
fn plain_grants() -> anyhow::Result<BTreeSet<Grant>> {
    let yaml = std::fs::read_to_string("../manifests/controller.yaml")?;
    let mut grants = BTreeSet::new();
    for object in signet_tests::chart::documents(&yaml)? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let is_the_proxy = name == "sealed-secrets-service-proxier";
        if matches!(object["kind"].as_str(), Some("ClusterRole" | "Role")) && !is_the_proxy {
            for rule in object["rules"].as_array().into_iter().flatten() {
                add_rule(&mut grants, object["metadata"]["namespace"].as_str(), rule);
            }
        }
    }
    Ok(grants)
}

fn a_grant_too_much_and_a_missing_one_are_found(grants: &BTreeSet<Grant>, requests: &[Record]) {
    for grant in grants {
        let others = |verb: &str| Grant {
            verb: verb.to_owned(),
            ..grant.clone()
        };
        let mut more = grants.clone();
        more.insert(others("deletecollection"));
        assert_eq!(findings(&more, requests).len(), 1, "{grant:?}");
    }
    for (resource, verb) in verbs_and_resources(grants) {
        let mut fewer = grants.clone();
        fewer.retain(|grant| (&grant.resource, &grant.verb) != (&resource, &verb));
        let missing = BTreeSet::from([format!("missing: {verb} {resource}")]);
        assert_eq!(findings(&fewer, requests), missing);
    }
}

#[test]
fn flags_that_need_other_rights_bring_them() -> anyhow::Result<()> {
    let mut values = quick()?;
    values["oldGcBehavior"] = true.into();
    values["updateStatus"] = false.into();
    let case = Case {
        values,
        namespace: "kube-system",
        served: &["app"],
        collects: true,
    };
    let (_scene, grants, requests) = walk(&case)?;
    assert_eq!(findings(&grants, &requests), BTreeSet::new());
    let pairs = verbs_and_resources(&grants);
    let has = |resource: &str, verb: &str| pairs.contains(&(resource.to_owned(), verb.to_owned()));
    assert!(has("secrets", "delete") && !has("sealedsecrets/status", "update"));
    Ok(())
}

#[test]
fn roles_in_namespaces_grant_what_is_asked_for_there() -> anyhow::Result<()> {
    let mut values = quick()?;
    values["additionalNamespaces"] = json!(["team-a"]);
    values["rbac"] = json!({ "clusterRole": false, "namespacedRoles": true });
    let case = Case {
        values,
        namespace: "signet-system",
        served: &["team-a", "signet-system"],
        collects: false,
    };
    let (_scene, grants, requests) = walk(&case)?;
    assert_eq!(findings(&grants, &requests), BTreeSet::new());
    assert!(grants.iter().all(|grant| grant.namespace.is_some()));
    Ok(())
}
