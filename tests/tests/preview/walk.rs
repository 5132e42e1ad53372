//! The walk: upstream serves, preview predicts, Signet takes over; first with `--repair=report`, then without.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use signet_harness::kubectl::{self, Output};
use signet_harness::upstream::{NAMESPACE, UpstreamController};
use signet_harness::{Canary, ControlPlane, Options, binary, eventually};
use signet_tests::signet::{CAP, SignetController};
use signet_tests::{print_figures, start};

use crate::judge::misses;
use crate::objects::{Maker, meanwhile};
use crate::outcomes::{World, look};

/// Who runs the preview: somebody who may read and nothing else.
const AUDITOR: &str = "auditor";

fn allow_reading(plane: &ControlPlane) -> anyhow::Result<()> {
    let yaml = format!(
        "
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {AUDITOR}, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {AUDITOR}}}
rules:
- {{apiGroups: [bitnami.com], resources: [sealedsecrets], verbs: [get, list]}}
- {{apiGroups: [\"\"], resources: [secrets], verbs: [get, list]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {AUDITOR}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {AUDITOR}}}
subjects:
- {{kind: ServiceAccount, name: {AUDITOR}, namespace: {NAMESPACE}}}
"
    );
    plane.api().apply_yaml(&yaml)
}

fn preview(plane: &ControlPlane, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary::path("signet-controller")?);
    command
        .arg("preview")
        .arg("--kubeconfig")
        .arg(plane.service_account_kubeconfig(NAMESPACE, AUDITOR)?)
        .arg(format!("--namespace={NAMESPACE}"))
        .args(arguments);
    kubectl::run(command, "")
}

fn as_json(plane: &ControlPlane, arguments: &[&str], code: i32) -> anyhow::Result<Value> {
    let output = preview(plane, &[arguments, &["-ojson"]].concat())?;
    ensure!(output.status.code() == Some(code), "not {code}: {output:?}");
    serde_json::from_str(&output.stdout).context("JSON")
}

/// The version of every Secret, SealedSecret and event.
fn everything(plane: &ControlPlane) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for path in [
        "/api/v1/secrets",
        "/api/v1/events",
        "/apis/bitnami.com/v1alpha1/sealedsecrets",
    ] {
        let list = plane.api().get(path)?;
        for item in list["items"].as_array().into_iter().flatten() {
            let metadata = &item["metadata"];
            let name = format!("{path} {} {}", metadata["namespace"], metadata["name"]);
            versions.insert(name, metadata["resourceVersion"].to_string());
        }
    }
    Ok(versions)
}

/// Awaits that Signet has said something about every object that is not being deleted.
fn settle(
    plane: &ControlPlane,
    places: &[(String, String)],
    since: &World,
) -> anyhow::Result<World> {
    let mut last = Vec::new();
    let settled = eventually("everything is processed", CAP, || {
        let world = look(plane, places).ok()?;
        last = world
            .iter()
            .filter(|(_, seen)| seen.sealed["metadata"]["deletionTimestamp"].is_null())
            .filter(|(place, seen)| {
                let before = &since[*place].sealed["status"]["inputs"];
                let status = &seen.sealed["status"];
                status["inputs"].is_null() || status["inputs"] == *before
            })
            .map(|(place, _)| place.clone())
            .collect();
        last.is_empty().then_some(world)
    });
    settled.with_context(|| format!("left: {last:?}"))
}

fn summary(predicted: &Value) -> BTreeMap<String, u64> {
    let counts = predicted["summary"].as_object();
    let count = |(name, count): (&String, &Value)| Some((name.clone(), count.as_u64()?));
    counts.into_iter().flatten().filter_map(count).collect()
}

#[test]
fn what_preview_says_of_a_hundred_objects_is_what_then_happens() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut upstream = UpstreamController::start(&plane, NAMESPACE, &["--skip-recreate"])?;
    let certificate = certificate(&upstream)?;
    let mut places = Maker::new(&plane, &certificate)?.all()?;
    assert!(places.len() >= 100, "{}", places.len());
    allow_reading(&plane)?;

    // It writes nothing, and needs get and list only. Upstream's may still try what fails, so it stands still.
    upstream.process.pause()?;
    let (before_all, marker) = (everything(&plane)?, plane.audit().mark()?);
    let report = ["--repair=report", "--skip-recreate"];
    let reporting = as_json(&plane, &report, 1)?;
    let predicted = as_json(&plane, &[], 1)?;
    let text = preview(&plane, &[])?;
    assert_eq!(everything(&plane)?, before_all, "the preview wrote");
    let records = plane.audit().all_since(marker)?;
    let verbs: BTreeSet<_> = records
        .iter()
        .filter(|record| record.is_by_service_account(NAMESPACE, AUDITOR))
        .map(|record| (record.verb.as_str(), record.resource.as_str()))
        .collect();
    let reads = ["get", "list", "watch"];
    assert!(
        verbs.iter().all(|(verb, _)| reads.contains(verb)),
        "{verbs:?}"
    );
    assert!(
        verbs.contains(&("list", "sealedsecrets")) && verbs.contains(&("get", "secrets")),
        "{verbs:?}"
    );

    upstream.process.resume()?;

    says_names_and_no_values(&text, &predicted)?;
    let counts = summary(&predicted);
    for action in ["keep", "create", "repair", "refuse", "fail", "leave"] {
        assert!(counts.contains_key(action), "no {action}: {counts:?}");
    }
    let told = summary(&reporting)["report"];
    let would = counts["repair"] + counts["create"];
    assert_eq!(told, would, "report says what repair would do");

    // Signet takes over and only reports: nothing is written but what was said.
    upstream.process.terminate(CAP)?;
    let before = look(&plane, &places)?;
    let mut signet = SignetController::start(&plane, NAMESPACE, &report)?;
    let between = settle(&plane, &places, &before)?;
    assert_eq!(misses(&reporting, &before, &between), Vec::<String>::new());
    wrong_predictions_are_noticed(&reporting, &before, &between);

    // Then it repairs. The preview of now is judged; the first one said the same about repairs.
    signet.process.terminate(CAP)?;
    places.extend(meanwhile(&plane, &certificate)?);
    let between = look(&plane, &places)?;
    let again = as_json(&plane, &[], 1)?;
    for action in ["update", "take-over"] {
        assert_eq!(summary(&again).get(action), Some(&2), "{action}");
    }
    for action in ["repair", "create"] {
        assert_eq!(of_action(&again, action), of_action(&predicted, action));
    }
    let mut signet = SignetController::start_process(&plane, NAMESPACE, &[])?;
    let after = settle(&plane, &places, &between)?;
    assert_eq!(misses(&again, &between, &after), Vec::<String>::new());

    signet.process.terminate(CAP)?;
    let quiet = as_json(&plane, &[], 0)?;
    assert!(
        quiet["objects"]
            .as_array()
            .is_some_and(|all| all.iter().all(|one| one["isChange"] == false))
    );
    let output = preview(&plane, &[])?;
    assert!(
        output.stdout.contains("Nothing would change."),
        "{}",
        output.stdout
    );
    println!("{}", text.stdout);
    print_figures(&format!(
        "preview: {} objects, each judged with --repair=report and with --repair=on: 0 misses; {counts:?}; with --repair=report {:?}",
        places.len(),
        summary(&reporting)
    ))
}

/// Where upstream hands out its certificate.
fn certificate(upstream: &UpstreamController) -> anyhow::Result<String> {
    let mut answer = ureq::get(format!("http://127.0.0.1:{}/v1/cert.pem", upstream.port)).call()?;
    Ok(answer.body_mut().read_to_string()?)
}

fn of_action(predicted: &Value, action: &str) -> BTreeSet<String> {
    let objects = predicted["objects"].as_array().into_iter().flatten();
    objects
        .filter(|one| one["action"] == action)
        .map(|one| format!("{}/{} {}", one["namespace"], one["name"], one["changes"]))
        .collect()
}

fn says_names_and_no_values(text: &Output, predicted: &Value) -> anyhow::Result<()> {
    ensure!(text.status.code() == Some(1), "{text:?}");
    for part in [
        "item password changed",
        "label app added",
        "Something would change. Nothing was written.",
    ] {
        ensure!(
            text.stdout.contains(part),
            "{part:?} is not in:\n{}",
            text.stdout
        );
    }
    ensure!(text.stderr.is_empty(), "{}", text.stderr);
    for value in ["pw-in-clear", "of the Secret", "of somebody else"] {
        let canary = Canary::new(value.as_bytes())?;
        for sink in [text.stdout.as_bytes(), predicted.to_string().as_bytes()] {
            ensure!(canary.scan_bytes(sink).is_empty(), "{value:?} is shown");
        }
    }
    Ok(())
}

/// The judge sees a prediction that did not come true, of each kind.
fn wrong_predictions_are_noticed(predicted: &Value, before: &World, after: &World) {
    let objects = predicted["objects"].as_array().expect("a list");
    let mut seen = BTreeSet::new();
    for (at, object) in objects.iter().enumerate() {
        let action = object["action"].as_str().expect("an action");
        if !seen.insert(action) {
            continue;
        }
        let mut wrong = predicted.clone();
        let other = if action == "create" { "keep" } else { "create" };
        wrong["objects"][at]["action"] = other.into();
        let found = misses(&wrong, before, after);
        assert_eq!(found.len(), 1, "{action} as {other}: {found:?}");
        let mut missing = predicted.clone();
        missing["objects"]
            .as_array_mut()
            .expect("a list")
            .remove(at);
        assert_eq!(misses(&missing, before, after).len(), 1);
        if action == "refuse" {
            let mut wrong = predicted.clone();
            wrong["objects"][at]["reason"] = "Internal".into();
            assert_eq!(misses(&wrong, before, after).len(), 1);
        }
    }
}

#[test]
fn what_cannot_be_found_out_is_exit_2() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    allow_reading(&plane)?;
    let output = preview(&plane, &[])?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        output.stderr.contains("no usable sealing key"),
        "{output:?}"
    );
    let nowhere = preview(&plane, &["--kubeconfig=/nonexistent"])?;
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
    assert_eq!(preview(&plane, &["--output=xml"])?.status.code(), Some(2));
    Ok(())
}

#[test]
fn keys_are_told_with_what_is_wrong_with_them() -> anyhow::Result<()> {
    // Without garbage collection: an owner here is gone.
    let options = Options {
        controller_manager: false,
        ..Options::default()
    };
    let plane = start(options)?;
    allow_reading(&plane)?;
    let mut signet = SignetController::start(&plane, NAMESPACE, &[])?;
    signet.process.terminate(CAP)?;
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    let keys = plane.api().get(&path)?;
    let mut broken = keys["items"][0].clone();
    broken["metadata"] = json!({
        "name": "broken",
        "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
    });
    let mut made = broken.clone();
    broken["data"]["tls.key"] = "bm8ga2V5".into();
    made["metadata"]["name"] = "made".into();
    made["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "made",
        "uid": "00000000-0000-0000-0000-000000000001", "controller": true,
    }]);
    for secret in [broken, made] {
        plane.api().post(&path, &secret)?;
    }
    let found = as_json(&plane, &["--key-renew-period=1ms"], 1)?;
    let state = |name: &str| {
        let keys = found["keys"].as_array().into_iter().flatten();
        let mut states = keys.filter(|key| {
            key["secret"]
                .as_str()
                .is_some_and(|found| found.starts_with(name))
        });
        states
            .next()
            .map(|key| (key["state"].clone(), key["finding"].clone()))
    };
    assert_eq!(
        state("sealed-secrets-key").context("the first")?.0,
        "current"
    );
    assert_eq!(state("made").context("made")?.0, "opens");
    assert!(state("made").is_some_and(|(_, finding)| finding.to_string().contains("SealedSecret")));
    assert_eq!(state("broken").context("broken")?.0, "unusable");
    assert_ne!(found["newKey"], "", "one is due");
    Ok(())
}
