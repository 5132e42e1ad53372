//! Answers that stand until somebody changes something (ARCHITECTURE.md "Failure classes", *wait*),
//! and answers that are tried again at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::CAP;

use crate::scene::{MANAGED, Scene, Solo, message, scene, verdicts};

/// A sealed object with one thing changed is refused with this reason, an event, no Secret, and heals when it is mended.
fn refused(
    scene: &Scene,
    name: &str,
    reason: &str,
    part: &str,
    change: impl FnOnce(&mut Value),
) -> anyhow::Result<Value> {
    let good = scene.sealed(name, &[("k", "v")], &[])?;
    let mut bad = good.clone();
    change(&mut bad);
    scene.apply(&bad)?;
    let object = scene.says(name, reason, part)?;
    assert_eq!(
        verdicts(&object),
        ["Synced=False", "Ready=False", "Stalled=True"]
    );
    assert_eq!(scene.find_secret(name)?, None);
    let event = scene.await_event(&object, "ErrUnsealFailed")?;
    assert!(event.contains(part), "{event}");
    scene.apply(&good)?;
    scene.await_items(name, &[("k", "v")])?;
    scene.reason(name, "Unsealed")?;
    Ok(object)
}

fn item(value: &[u8]) -> impl FnOnce(&mut Value) {
    let text = STANDARD.encode(value);
    move |sealed| sealed["spec"]["encryptedData"]["k"] = text.into()
}

#[test]
fn items_that_are_no_sealed_blobs_are_told_apart() -> anyhow::Result<()> {
    let scene = scene("items")?;
    refused(&scene, "base64", "MalformedItem", "k: ", |sealed| {
        sealed["spec"]["encryptedData"]["k"] = "no base64!".into();
    })?;
    refused(&scene, "short", "MalformedItem", "k: ", item(&[1, 0, 7]))?;
    refused(&scene, "newer", "NewerFormat", "k: ", item(&[0; 400]))?;
    let mut small = vec![0, 128];
    small.extend([7; 160]);
    let object = refused(&scene, "1024", "UnknownKeySize", "1024 bits", item(&small))?;
    assert!(!message(&object).contains("no key could decrypt"));
    let mut random = vec![1, 0];
    random.extend([7; 300]);
    refused(
        &scene,
        "random",
        "NoKey",
        "no key could decrypt secret (k)",
        item(&random),
    )?;
    Ok(())
}

#[test]
fn an_item_name_that_no_secret_can_have_is_refused_and_not_repeated() -> anyhow::Result<()> {
    let scene = scene("item-name")?;
    let object = refused(
        &scene,
        "db",
        "InvalidItemName",
        "not a valid Secret key",
        |sealed| {
            let value = sealed["spec"]["encryptedData"]["k"].clone();
            sealed["spec"]["encryptedData"]["bad/canary\u{202e}"] = value;
        },
    )?;
    assert!(!object["status"].to_string().contains("canary"), "{object}");
    refused(
        &scene,
        "plain",
        "InvalidItemName",
        "not a valid Secret key",
        |sealed| {
            sealed["spec"]["template"]["data"] = json!({"bad key": "x"});
        },
    )?;
    refused(&scene, "long", "InvalidItemName", "253", |sealed| {
        sealed["spec"]["template"]["data"] = json!({"k".repeat(254): "x"});
    })?;
    Ok(())
}

#[test]
fn failing_templates_and_malformed_deprecated_data_are_refused_with_a_reason() -> anyhow::Result<()>
{
    let scene = scene("unsupported")?;
    refused(
        &scene,
        "actions",
        "TemplateFailed",
        "template.data.t",
        |sealed| {
            sealed["spec"]["template"]["data"] = json!({"t": "user={{ fail .k }}"});
        },
    )?;
    refused(&scene, "old", "MalformedItem", "data: ", |sealed| {
        sealed["spec"]["encryptedData"] = json!({});
        sealed["spec"]["data"] = "AgAA".into();
    })?;
    refused(
        &scene,
        "both",
        "DeprecatedData",
        "at the same time",
        |sealed| {
            sealed["spec"]["data"] = "AAAA".into();
        },
    )?;
    Ok(())
}

#[test]
fn a_secret_that_the_api_server_finds_invalid_waits_for_its_author() -> anyhow::Result<()> {
    let scene = scene("invalid")?;
    let large = json!({"data": {"large": "x".repeat(1024 * 1024 + 1)}});
    let label = json!({"metadata": {"labels": {"bad label": "canary value!"}}});
    let pull = json!({"type": "kubernetes.io/dockerconfigjson"});
    let cases = [
        ("large", large, "422 Invalid: data"),
        ("label", label, "422 Invalid: metadata.labels"),
        ("pull", pull, "422 Invalid: data[.dockerconfigjson]"),
    ];
    for (name, template, part) in cases {
        // By POST: apply would repeat a megabyte in managedFields' place of the request log.
        let sealed = scene.sealed_as(name, &[("k", "v")], template)?;
        let path = format!(
            "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets",
            scene.namespace
        );
        scene.plane.api().post(&path, &sealed)?;
        let object = scene.says(name, "SecretInvalid", part)?;
        assert_eq!(
            verdicts(&object),
            ["Synced=False", "Ready=False", "Stalled=True"]
        );
        assert!(!object["status"].to_string().contains("canary"), "{object}");
        let event = scene.await_event(&object, "ErrUpdateFailed")?;
        assert!(
            event.contains("422") && !event.contains("canary"),
            "{event}"
        );
        assert_eq!(scene.find_secret(name)?, None);
    }
    let mended = json!({"spec": {"template": {"data": null}}});
    scene.edit_sealed("large", &mended)?;
    scene.reason("large", "Unsealed")?;
    scene.await_items("large", &[("k", "v")])?;
    Ok(())
}

#[test]
fn a_field_of_the_wrong_type_is_named_and_not_quoted() -> anyhow::Result<()> {
    let scene = scene("malformed")?;
    let object = refused(
        &scene,
        "db",
        "MalformedSpec",
        "spec.template.metadata",
        |sealed| {
            sealed["spec"]["template"]["metadata"]["ownerReferences"] = "canary".into();
        },
    )?;
    assert!(!object["status"].to_string().contains("canary"), "{object}");
    Ok(())
}

/// A SealedSecret that nests deeper than any parser here goes, as text.
fn deep_object(scene: &Scene, name: &str) -> anyhow::Result<String> {
    let mut sealed = scene.sealed(name, &[("k", "v")], &[])?;
    sealed["spec"]["template"]["metadata"]["deep"] = "DEEP".into();
    let deep = format!("{}1{}", "{\"a\":[".repeat(200), "]}".repeat(200));
    Ok(sealed.to_string().replace("\"DEEP\"", &deep))
}

fn post_deep(scene: &Scene, name: &str) -> anyhow::Result<()> {
    let path = scene.sealed_path("");
    let object = deep_object(scene, name)?;
    let answer = scene.plane.api().request(
        "POST",
        path.trim_end_matches('/'),
        "application/json",
        &object,
    )?;
    anyhow::ensure!(answer.status == 201, "{}: {}", answer.status, answer.body);
    Ok(())
}

/// By kubectl, whose JSON reader goes deeper than ours.
fn await_deep_refusal(scene: &Scene, name: &str) -> anyhow::Result<()> {
    let kubectl = scene.plane.kubectl()?.in_namespace(&scene.namespace);
    let query = "jsonpath={.status.conditions[0].reason}: {.status.conditions[0].message}";
    eventually("the deep object is refused", CAP, || {
        let said = kubectl.ok(&["get", "sealedsecret", name, "-o", query])?;
        anyhow::ensure!(said == "MalformedSpec: the spec nests too deeply", "{said}");
        Ok(())
    })
}

#[test]
fn an_object_that_nests_deeply_is_refused_and_stops_no_other() -> anyhow::Result<()> {
    let scene = scene("deep")?;
    post_deep(&scene, "deep")?;
    await_deep_refusal(&scene, "deep")?;
    scene.make("other", &[("k", "v")])?;
    Ok(())
}

#[test]
fn an_object_that_nests_deeply_does_not_stop_the_first_list() -> anyhow::Result<()> {
    let mut solo = Solo::start("deep-list", &[])?;
    solo.stop()?;
    post_deep(&solo, "deep")?;
    solo.apply(&solo.sealed("good", &[("k", "v")], &[])?)?;
    solo.begin_again(&[])?;
    await_deep_refusal(&solo, "deep")?;
    solo.reason("good", "Unsealed")?;
    Ok(())
}

#[test]
fn conflicts_and_existing_secrets_are_read_again_at_once() -> anyhow::Result<()> {
    // While the controller sleeps, objects and Secrets come and change: when it wakes, what it knows is out of date.
    let mut solo = Solo::start("conflicts", &[])?;
    let names: Vec<_> = (0..12).map(|n| format!("db-{n}")).collect();
    let (old, new) = names.split_at(6);
    for name in old {
        solo.make(name, &[("k", "1")])?;
    }
    let sealed: Vec<_> = names
        .iter()
        .map(|name| solo.sealed(name, &[("k", "2")], &[]))
        .collect::<anyhow::Result<_>>()?;
    solo.controller.process.pause()?;
    let changed = (|| {
        sealed
            .iter()
            .try_for_each(|sealed| solo.apply(sealed).map(drop))?;
        for name in old {
            solo.edit_secret(name, &json!({"stringData": {"k": "drift"}}))?;
        }
        for name in new {
            let marks = json!({"annotations": {MANAGED: "true"}});
            solo.create_secret(name, &[("k", "theirs")], marks)?;
        }
        anyhow::Ok(())
    })();
    solo.controller.process.resume()?;
    changed?;
    for name in &names {
        solo.await_items(name, &[("k", "2")])?;
        let object = solo.reason(name, "Unsealed")?;
        let events = solo.events(&object)?;
        assert!(
            events.iter().all(|(reason, _)| reason == "Unsealed"),
            "{events:?}"
        );
    }
    Ok(())
}

#[test]
fn a_namespace_that_is_deleted_is_no_error() -> anyhow::Result<()> {
    let solo = Solo::start("ending", &[])?;
    for name in ["a", "b", "c"] {
        solo.make(name, &[("k", "v")])?;
    }
    let path = format!("/api/v1/namespaces/{}", solo.namespace);
    solo.plane.api().delete(&path)?;
    eventually("the namespace is gone", CAP, || {
        solo.plane
            .api()
            .find(&path)
            .is_ok_and(|found| found.is_none())
    })?;
    eventually("the controller knows", CAP, || {
        let known = solo.controller.metric("signet_sealedsecrets");
        known.is_ok_and(|known| known == 0.0)
    })?;
    let log = solo.controller.process.log();
    let about = |line: &&str| line.contains(&solo.namespace);
    let bad = |line: &&str| line.contains("level=ERROR") || line.contains("level=WARN");
    let loud: Vec<_> = log.lines().filter(about).filter(bad).collect();
    anyhow::ensure!(loud.is_empty(), "{loud:#?}");
    Ok(())
}
