//! Private operations as a weapon (docs/trust.md row 7): thousands of items times several keys.

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, Options, eventually};
use signet_tests::signet::{CAP, SignetController, await_reason, sealed_path, sentinel};
use signet_tests::{fresh_namespace, start};

use crate::batch::{self, create, seal_many, stop};
use crate::{http, scene};

const SYSTEM: &str = "kube-system";
/// Items of the hostile object: as many as etcd takes.
const ITEMS: usize = 3_400;
/// Hostile objects.
const BOMBS: usize = 5;
/// Keys of the controller that a blob of 2048 bits fits; there is one of 3072 bits beside them.
const KEYS: usize = 3;
/// What the two other scopes of the one item that is diagnosed may cost beyond its own.
const DIAGNOSIS: usize = 2 * KEYS;

#[test]
fn an_object_with_thousands_of_items_makes_nobody_wait_and_is_tried_once() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let certificate = controller.certificate()?;
    add_keys(&plane, &controller)?;
    let (hostile, tenant) = (
        fresh_namespace(&plane, "hostile")?,
        fresh_namespace(&plane, "tenant")?,
    );
    let victims = seal_many(&certificate, &tenant, "db", 10)?;

    let before = controller.private_operations()?;
    let bombs: Vec<Value> = (0..BOMBS)
        .map(|number| bomb(&hostile, &format!("bomb-{number}"), 256))
        .collect();
    for bomb in &bombs {
        create(&plane, std::slice::from_ref(bomb))?;
    }
    eventually("the controller is at work on them", CAP, || {
        controller
            .private_operations()
            .is_ok_and(|now| now > before)
    })?;
    create(&plane, &victims)?;
    batch::await_all(&plane, &tenant, victims.len(), "Unsealed")?;
    // Writing ten Secrets and statuses takes its time as well, and longer where the machine is busy.
    let done = bombs
        .iter()
        .filter(|bomb| !status(&plane, &hostile, bomb).is_null())
        .count();
    ensure!(
        2 * done < BOMBS,
        "{done} of {BOMBS} hostile objects were done first"
    );
    println!(
        "10 objects of a tenant were served while {} of {BOMBS} hostile ones were at work",
        BOMBS - done
    );

    for bomb in &bombs {
        await_reason(&plane, &hostile, batch::name(bomb), "NoKey")?;
    }
    let spent = controller.private_operations()? - before;
    let expected = (BOMBS * (ITEMS * KEYS + DIAGNOSIS) + 2 * victims.len() * KEYS) as f64;
    println!(
        "{BOMBS} objects × {ITEMS} items × {KEYS} keys: {spent} private operations, at most {expected}"
    );
    ensure!(
        spent <= expected,
        "{spent} private operations, expected {expected} at most"
    );

    // The answer is kept: a restart does not try again.
    stop(&mut controller)?;
    let controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    sentinel(&plane, &controller, &tenant)?;
    let spent = controller.private_operations()?;
    ensure!(
        spent <= KEYS as f64,
        "a restart spent {spent} private operations"
    );
    Ok(())
}

fn status(plane: &ControlPlane, namespace: &str, object: &Value) -> Value {
    let found = plane
        .api()
        .get(&sealed_path(namespace, batch::name(object)));
    found
        .map(|object| object["status"].clone())
        .unwrap_or_default()
}

#[test]
fn a_blob_that_fits_no_key_costs_nothing_and_verify_stops_at_the_first_failure()
-> anyhow::Result<()> {
    let scene = scene::enter()?;
    let (plane, controller) = (scene.plane, scene.controller);
    let namespace = fresh_namespace(plane, "misfit")?;
    sentinel(plane, controller, &namespace)?;
    let before = controller.private_operations()?;
    for (name, wrapped) in [("small", 128), ("large", 512), ("odd", 255)] {
        create(plane, &[bomb(&namespace, name, wrapped)])?;
        await_reason(plane, &namespace, name, "UnknownKeySize")?;
    }
    assert_eq!(controller.private_operations()?, before);

    let url = format!("{}/v1/verify", controller.url());
    for (wrapped, operations) in [(512, 0.0), (256, 1.0)] {
        let before = controller.private_operations()?;
        let body = bomb(&namespace, "never-applied", wrapped).to_string();
        assert_eq!(http::post(&url, &body)?.0, 409);
        assert_eq!(controller.private_operations()? - before, operations);
    }
    // The ordinary case: every item is opened.
    let good = seal_many(&controller.certificate()?, &namespace, "db", 1)?.remove(0);
    let before = controller.private_operations()?;
    assert_eq!(http::post(&url, &good.to_string())?.0, 200);
    assert_eq!(controller.private_operations()? - before, 2.0);
    Ok(())
}

/// A SealedSecret of [`ITEMS`] items that are framed well and open with no key.
fn bomb(namespace: &str, name: &str, wrapped: u16) -> Value {
    let items: serde_json::Map<String, Value> = (0..ITEMS)
        .map(|number| {
            // Below any modulus, so that each costs a whole operation.
            let mut blob = wrapped.to_be_bytes().to_vec();
            blob.resize(2 + usize::from(wrapped) + 16, 7);
            blob[3..11].copy_from_slice(&number.to_be_bytes());
            (format!("i{number}"), json!(STANDARD.encode(blob)))
        })
        .take(if wrapped > 256 { ITEMS / 3 } else { ITEMS })
        .collect();
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"encryptedData": items},
    })
}

/// Further key Secrets, as an administrator adds them.
fn add_keys(plane: &ControlPlane, controller: &SignetController) -> anyhow::Result<()> {
    let keys = [
        (
            "a",
            include_str!("../../../common/tests/vectors/keys/rsa-2048-a.crt"),
            include_str!("../../../common/tests/vectors/keys/rsa-2048-a.key"),
        ),
        (
            "b",
            include_str!("../../../common/tests/vectors/keys/rsa-2048-b.crt"),
            include_str!("../../../common/tests/vectors/keys/rsa-2048-b.key"),
        ),
        (
            "of-3072-bits",
            include_str!("../../../common/tests/vectors/keys/rsa-3072.crt"),
            include_str!("../../../common/tests/vectors/keys/rsa-3072.key"),
        ),
    ];
    for (name, certificate, key) in keys {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {
                "name": format!("further-{name}"), "namespace": SYSTEM,
                "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
            },
            "stringData": {"tls.crt": certificate, "tls.key": key},
        });
        plane.api().apply(&secret)?;
    }
    eventually("all keys are known", CAP, || {
        controller
            .metric(r#"signet_keys{state="usable"}"#)
            .is_ok_and(|keys| keys == (KEYS + 1) as f64)
    })
}
