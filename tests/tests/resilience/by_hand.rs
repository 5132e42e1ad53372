//! People at work: SealedSecrets deleted and made anew, Secrets edited and deleted by hand. All comes back.

use anyhow::ensure;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, eventually};
use signet_tests::fresh_namespace;
use signet_tests::signet::{await_reason, secret_path, sentinel};

use crate::batch::{LONG_CAP, await_all, create, name, seal_many, sealed_in, secrets_in};
use crate::bystanders::Bystanders;
use crate::judge::Judge;
use crate::scene::{self, SYSTEM};

const OBJECTS: usize = 24;

#[test]
fn secrets_edited_and_deleted_by_hand_and_sealed_secrets_made_anew_come_back_right()
-> anyhow::Result<()> {
    let scene = scene::enter()?;
    let plane = scene.plane;
    let namespace = fresh_namespace(plane, "by-hand")?;
    let bystanders = Bystanders::create(plane, &namespace, "unrelated")?;
    let sealed = seal_many(&scene.controller.certificate()?, &namespace, "db", OBJECTS)?;
    create(plane, &sealed)?;
    await_all(plane, &namespace, OBJECTS, "Unsealed")?;
    let judge = Judge::new(plane, SYSTEM)?;

    for (number, object) in sealed.iter().enumerate() {
        let path = secret_path(&namespace, name(object));
        match number % 6 {
            0 => edit(plane, &path, &json!({"data": {"password": "d3Jvbmc="}}))?,
            1 => edit(plane, &path, &json!({"data": {"password": null}}))?,
            2 => edit(plane, &path, &json!({"data": {"more": "d3Jvbmc="}}))?,
            3 => edit(plane, &path, &dead_owner(object))?,
            4 => plane.api().delete(&path).map(drop)?,
            _ => replace_by_force(plane, object)?,
        }
    }
    eventually(
        "everything is right again",
        LONG_CAP,
        || -> anyhow::Result<()> {
            let strays = strays(plane, &namespace)?;
            ensure!(strays.is_empty(), "{strays:?}");
            let (wrong, judged) = judge.judge(&namespace)?;
            ensure!(
                wrong.is_empty() && judged == OBJECTS,
                "{wrong:?} of {judged}"
            );
            Ok(())
        },
    )?;
    for object in &sealed {
        await_reason(plane, &namespace, name(object), "Unsealed")?;
    }
    // Neither the garbage collector nor the controller has a second thought.
    collect_garbage(plane, &namespace)?;
    sentinel(
        plane,
        scene.controller,
        &fresh_namespace(plane, "sentinel")?,
    )?;
    assert_eq!(judge.judge(&namespace)?, (vec![], OBJECTS));
    bystanders.ensure_untouched()
}

fn edit(plane: &ControlPlane, path: &str, patch: &Value) -> anyhow::Result<()> {
    plane.api().merge_patch(path, patch).map(drop)
}

/// The SealedSecret under another uid, as after a restore from a backup.
fn dead_owner(object: &Value) -> Value {
    json!({"metadata": {"ownerReferences": [{
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": name(object),
        "uid": "00000000-0000-4000-8000-000000000001", "controller": true,
    }]}})
}

fn replace_by_force(plane: &ControlPlane, object: &Value) -> anyhow::Result<()> {
    plane
        .kubectl()?
        .run(&["replace", "--force", "-f", "-"], &object.to_string())?
        .success("kubectl replace --force")
        .map(drop)
}

/// Secrets that are not owned by the SealedSecret that now has their name.
fn strays(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<String>> {
    let secrets = secrets_in(plane, namespace)?;
    let mut strays = Vec::new();
    for object in sealed_in(plane, namespace)? {
        let secret = secrets.iter().find(|secret| name(secret) == name(&object));
        let owner = secret.map(|secret| &secret["metadata"]["ownerReferences"][0]["uid"]);
        if owner != Some(&object["metadata"]["uid"]) {
            strays.push(name(&object).to_owned());
        }
    }
    Ok(strays)
}

/// Awaits that the garbage collector has taken a Secret whose owner never lived: what it had to take before is gone.
fn collect_garbage(plane: &ControlPlane, namespace: &str) -> anyhow::Result<()> {
    let orphan = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": "orphan", "namespace": namespace,
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "never",
                "uid": "00000000-0000-4000-8000-000000000000",
            }],
        },
    });
    plane.api().apply(&orphan)?;
    eventually("the orphan is collected", LONG_CAP, || {
        plane
            .api()
            .find(&secret_path(namespace, "orphan"))
            .is_ok_and(|found| found.is_none())
    })
}
