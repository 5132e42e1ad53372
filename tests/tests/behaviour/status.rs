//! What a status and its events say, and when they are written (ARCHITECTURE.md "Status").

use std::time::Duration;

use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{self, CAP, condition};

use crate::scene::{CLUSTER_WIDE, Solo, message, scene, text, verdicts, version};

#[test]
fn success_is_synced_and_ready_and_nothing_else() -> anyhow::Result<()> {
    let scene = scene("success")?;
    let sealed = scene.make("db", &[("password", "hunter2"), ("user", "admin")])?;
    assert_eq!(verdicts(&sealed), ["Synced=True", "Ready=True"]);
    assert_eq!(sealed["status"]["observedGeneration"], 1);
    for condition in sealed["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        assert_eq!(condition["reason"], "Unsealed");
        assert!(condition["message"].is_null(), "{condition}");
        assert_eq!(condition["observedGeneration"], 1);
        assert!(text(condition, "/lastTransitionTime").ends_with('Z'));
        assert_eq!(condition["lastTransitionTime"], condition["lastUpdateTime"]);
    }
    Ok(())
}

#[test]
fn each_item_names_the_key_that_it_is_sealed_with() -> anyhow::Result<()> {
    let scene = scene("items")?;
    let sealed = scene.make("db", &[("password", "hunter2"), ("user", "admin")])?;
    let items = &sealed["status"]["items"];
    let names: Vec<_> = items
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, _)| k)
        .collect();
    assert_eq!(names, ["password", "user"]);
    let key = text(items, "/password/key");
    assert!(
        key.len() == 16 && key.bytes().all(|b| b.is_ascii_hexdigit()),
        "{items}"
    );
    let certificate = signet_common::Certificate::parse_pem(scene.certificate.as_bytes())?;
    assert_eq!(key, certificate.key_id().to_string());
    assert_eq!(items["password"], items["user"]);
    Ok(())
}

#[test]
fn there_is_no_status_before_the_object_was_processed() -> anyhow::Result<()> {
    let mut solo = Solo::start("unprocessed", &[])?;
    solo.stop()?;
    let sealed = solo.sealed("db", &[("k", "v")], &[])?;
    let path = format!(
        "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets",
        solo.namespace
    );
    let created = solo.plane.api().post(&path, &sealed)?;
    assert!(created["status"].is_null(), "{created}");
    solo.begin_again(&[])?;
    solo.reason("db", "Unsealed")?;
    Ok(())
}

#[test]
fn the_first_status_is_the_last_until_something_changes() -> anyhow::Result<()> {
    let solo = Solo::start("once", &[])?;
    let before = solo.plane.audit().mark()?;
    let sealed = solo.make("db", &[("k", "v")])?;
    let refused = solo.sealed_as(
        "bad",
        &[("k", "v")],
        json!({"data": {"t": "{{ fail .k }}"}}),
    )?;
    solo.apply(&refused)?;
    let refused = solo.reason("bad", "TemplateFailed")?;
    solo.sentinel()?;
    for (name, seen) in [("db", &sealed), ("bad", &refused)] {
        let now = solo.find_sealed(name)?.unwrap_or_default();
        assert_eq!(version(&now), version(seen), "{name}");
    }
    // One write each, and no read of the object: what the event brought was used.
    assert_eq!(
        solo.requests_about(before, "db")?,
        ["create secrets", "update sealedsecrets/status"]
    );
    assert_eq!(
        solo.requests_about(before, "bad")?,
        ["update sealedsecrets/status"]
    );
    Ok(())
}

#[test]
fn the_transition_time_stays_while_the_verdict_stays() -> anyhow::Result<()> {
    let scene = scene("times")?;
    let first = scene.make("db", &[("k", "0")])?;
    let began = text(&first, "/status/conditions/0/lastTransitionTime");
    let mut round = 0;
    // Kubernetes times have whole seconds: go on until one has passed.
    let last = eventually("an update in a later second", CAP, || {
        round += 1;
        let value = round.to_string();
        let sealed = scene.make("db", &[("k", &value)]).ok()?;
        (text(&sealed, "/status/conditions/0/lastUpdateTime") != began).then_some(sealed)
    })?;
    assert_eq!(
        text(&last, "/status/conditions/0/lastTransitionTime"),
        began
    );
    assert_eq!(
        last["status"]["observedGeneration"],
        last["metadata"]["generation"]
    );
    assert!(last["status"]["observedGeneration"].as_i64() > Some(1));
    let value = round.to_string();
    scene.await_items("db", &[("k", &value)])?;
    Ok(())
}

#[test]
fn a_refusal_is_stalled_and_names_each_failing_item_in_order() -> anyhow::Result<()> {
    let scene = scene("refusal")?;
    let mut sealed = scene.sealed("db", &[("b", "1"), ("d", "1"), ("ok", "1")], &[])?;
    let data = &mut sealed["spec"]["encryptedData"];
    data["c"] = "no base64!".into();
    data["a"] = "AAAA".into();
    // Sealed for another name: authentic, but not here.
    let other = scene.sealed("other", &[("b", "1")], &[])?;
    data["b"] = other["spec"]["encryptedData"]["b"].clone();
    data["d"] = other["spec"]["encryptedData"]["b"].clone();
    scene.apply(&sealed)?;
    let sealed = scene.says("db", "NewerFormat", "no key could decrypt secret (b, d)")?;
    assert_eq!(
        verdicts(&sealed),
        ["Synced=False", "Ready=False", "Stalled=True"]
    );
    let lines: Vec<_> = message(&sealed).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("a: "), "{lines:?}");
    assert!(lines[2].starts_with("c: "), "{lines:?}");
    assert!(sealed["status"]["items"].is_null());
    assert_eq!(scene.find_secret("db")?, None);
    Ok(())
}

#[test]
fn a_new_message_is_written_although_generation_and_verdict_are_the_same() -> anyhow::Result<()> {
    let scene = scene("message")?;
    let mut sealed = scene.sealed("db", &[("k", "v")], &["--scope", "cluster-wide"])?;
    sealed["metadata"]["annotations"] = json!({});
    scene.apply(&sealed)?;
    let first = scene.says("db", "ScopeMismatch", "annotations say strict")?;
    scene.edit_sealed(
        "db",
        &json!({"metadata": {"annotations": {"sealedsecrets.bitnami.com/namespace-wide": "true"}}}),
    )?;
    let second = scene.says("db", "ScopeMismatch", "annotations say namespace-wide")?;
    assert_eq!(
        first["metadata"]["generation"],
        second["metadata"]["generation"]
    );
    assert_eq!(verdicts(&first), verdicts(&second));
    Ok(())
}

#[test]
fn a_change_that_does_not_matter_writes_nothing() -> anyhow::Result<()> {
    let scene = scene("label")?;
    scene.make("db", &[("k", "v")])?;
    let labelled = scene.edit_sealed(
        "db",
        &json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}}),
    )?;
    scene.sentinel()?;
    let now = scene.find_sealed("db")?.unwrap_or_default();
    assert_eq!(version(&now), version(&labelled));
    Ok(())
}

#[test]
fn kubectl_tells_the_story_in_its_columns() -> anyhow::Result<()> {
    let scene = scene("columns")?;
    scene.make("good", &[("k", "v")])?;
    let mut bad = scene.sealed("bad", &[("k", "v")], &["--scope", "cluster-wide"])?;
    bad["metadata"]["annotations"] = json!({});
    scene.apply(&bad)?;
    scene.reason("bad", "ScopeMismatch")?;
    let kubectl = scene.plane.kubectl()?.in_namespace(&scene.namespace);
    let table = kubectl.ok(&["get", "sealedsecret"])?;
    let rows: Vec<Vec<_>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["NAME", "SYNCED", "REASON", "AGE"], "{table}");
    assert_eq!(rows[1][..3], ["bad", "False", "ScopeMismatch"], "{table}");
    assert_eq!(rows[2][..3], ["good", "True", "Unsealed"], "{table}");
    // What GitOps engines and scripts wait for.
    kubectl.ok(&[
        "wait",
        "sealedsecret/good",
        "--for=condition=Ready",
        "--timeout=30s",
    ])?;
    Ok(())
}

#[test]
fn each_change_is_one_event_that_names_the_object() -> anyhow::Result<()> {
    let scene = scene("events")?;
    let sealed = scene.make("db", &[("k", "1")])?;
    scene.await_event(&sealed, "Unsealed")?;
    scene.make("db", &[("k", "2")])?;
    let mut bad = scene.sealed("db", &[("k", "3")], &["--scope", "cluster-wide"])?;
    bad["metadata"]["annotations"] = json!({CLUSTER_WIDE: "false"});
    scene.apply(&bad)?;
    scene.reason("db", "ScopeMismatch")?;
    scene.await_event(&sealed, "ErrUnsealFailed")?;
    scene.sentinel()?;
    let found: Vec<_> = scene.events(&sealed)?;
    let mut reasons: Vec<_> = found.iter().map(|(reason, _)| reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        ["ErrUnsealFailed", "Unsealed", "Unsealed"],
        "{found:?}"
    );
    for event in signet::events(
        scene.plane,
        &scene.namespace,
        &text(&sealed, "/metadata/uid"),
    )? {
        let about = &event["involvedObject"];
        assert_eq!(about["kind"], "SealedSecret");
        assert_eq!(about["apiVersion"], "bitnami.com/v1alpha1");
        assert_eq!(about["name"], "db");
        assert_eq!(event["source"]["component"], "sealed-secrets");
        let (reason, event_type) = (text(&event, "/reason"), text(&event, "/type"));
        assert_eq!(event_type == "Normal", reason == "Unsealed", "{event}");
        assert!(!text(&event, "/message").is_empty());
    }
    // The query of upstream's own tests.
    let (namespace, uid) = (&scene.namespace, text(&sealed, "/metadata/uid"));
    let selector = format!(
        "involvedObject.kind=SealedSecret,involvedObject.name=db,involvedObject.namespace={namespace},involvedObject.uid={uid}"
    );
    let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector={selector}");
    let found = scene.plane.api().get(&path)?;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(3), "{found}");
    Ok(())
}

#[test]
fn without_update_status_the_work_is_done_and_the_status_left_alone() -> anyhow::Result<()> {
    let solo = Solo::start("silent", &["--update-status=false"])?;
    solo.apply(&solo.sealed("db", &[("k", "v")], &[])?)?;
    solo.await_items("db", &[("k", "v")])?;
    let created = solo.find_sealed("db")?.unwrap_or_default();
    solo.await_event(&created, "Unsealed")?;
    assert!(created["status"].is_null(), "{created}");
    solo.delete_secret("db")?;
    solo.await_items("db", &[("k", "v")])?;
    let early = eventually("a status", Duration::ZERO, || {
        condition(&solo.find_sealed("db").ok()??, "Synced").map(Value::to_string)
    });
    assert!(early.is_err(), "{early:?}");
    Ok(())
}

#[test]
fn a_status_that_does_not_fit_beside_its_object_is_written_without_its_items() -> anyhow::Result<()>
{
    let mut solo = Solo::start("full", &[])?;
    let name = |number: usize| format!("{number:03}-{}", "n".repeat(240));
    let names: Vec<_> = (0..650).map(name).collect();
    let items: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let with = |solo: &Solo, filler: usize| {
        let data = json!({"filler": "y".repeat(filler)});
        solo.sealed_as("db", &items, json!({"data": data}))
    };
    // Just below what etcd takes of an object.
    solo.apply(&with(&solo, 1_000_000)?)?;
    let full = solo.reason("db", "Unsealed")?;
    anyhow::ensure!(
        full["status"].get("items").is_none(),
        "it fits: {} bytes",
        full.to_string().len()
    );
    // A restart opens nothing and writes nothing.
    solo.stop()?;
    solo.begin_again(&[])?;
    solo.sentinel()?;
    assert_eq!(version(&solo.reason("db", "Unsealed")?), version(&full));
    assert!(solo.controller.metric("signet_private_operations_total")? < 650.0);
    // With room for them the items come back.
    solo.apply(&with(&solo, 100_000)?)?;
    let roomy = eventually("a status with items", CAP, || {
        let found = solo.find_sealed("db").ok()??;
        (found["status"]["items"].as_object()?.len() == 650).then_some(found)
    })?;
    assert_eq!(verdicts(&roomy), verdicts(&full));
    Ok(())
}
