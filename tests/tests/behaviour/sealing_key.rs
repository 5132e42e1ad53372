//! Key Secrets that are broken, and key Secrets that a SealedSecret makes (ARCHITECTURE.md "Keys", docs/trust.md
//! row 1).

use jiff::SignedDuration;
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{self, CAP};

use crate::keys::{Key, await_handed_out, await_metric, key, key_of};
use crate::scene::{Scene, Solo, scene, text};

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

fn await_key_event(solo: &Solo, name: &str) -> anyhow::Result<Value> {
    let namespace = &solo.controller.namespace;
    let secret = solo
        .plane
        .api()
        .get(&signet::secret_path(namespace, name))?;
    eventually("an event about the key", CAP, || {
        let uid = text(&secret, "/metadata/uid");
        let events = signet::events(solo.plane, namespace, &uid).ok()?;
        events
            .into_iter()
            .find(|event| event["reason"] == "InvalidSealingKey")
    })
}

#[test]
fn broken_key_secrets_are_told_and_counted_and_break_nothing() -> anyhow::Result<()> {
    let solo = Solo::start("broken", &[])?;
    let first = key_of(&solo)?;
    let (one, other) = (key(SignedDuration::ZERO)?, key(SignedDuration::ZERO)?);
    let namespace = solo.controller.namespace.clone();
    let with = |certificate: &str, private: &str| Key {
        certificate: certificate.to_owned(),
        private: private.to_owned(),
        id: String::new(),
    };
    let broken = [
        (
            "no-pem",
            with(&one.certificate, "canary-garbage"),
            "tls.key",
        ),
        (
            "no-certificate",
            with("canary-garbage", &one.private),
            "tls.crt",
        ),
        (
            "no-key",
            with(&one.certificate, &one.certificate),
            "tls.key",
        ),
        (
            "pair",
            with(&other.certificate, &one.private),
            "not the certificate",
        ),
    ];
    for (index, (name, key, part)) in broken.iter().enumerate() {
        let mut secret = key.secret(&namespace, name);
        // The API server itself refuses pairs that do not fit in Secrets of type TLS, but not in others.
        secret["type"] = "Opaque".into();
        solo.plane
            .api()
            .post(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret)?;
        await_metric(&solo, "signet_keys{state=\"invalid\"}", (index + 1) as f64)?;
        let event = await_key_event(&solo, name)?;
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["involvedObject"]["kind"], "Secret");
        let message = text(&event, "/message");
        assert!(
            message.contains(part) && !message.contains("canary"),
            "{message}"
        );
    }
    await_handed_out(&solo, &first)?;
    solo.make("db", &[("k", "v")])?;
    // Mended, it is used; broken again, it is not.
    let path = signet::secret_path(&namespace, "pair");
    let mend =
        |key: &Key| json!({"stringData": {"tls.crt": key.certificate, "tls.key": key.private}});
    solo.plane.api().merge_patch(&path, &mend(&other))?;
    await_metric(&solo, "signet_keys{state=\"invalid\"}", 3.0)?;
    await_metric(&solo, "signet_keys{state=\"usable\"}", 2.0)?;
    solo.plane
        .api()
        .merge_patch(&path, &json!({"stringData": {"tls.key": "x"}}))?;
    await_metric(&solo, "signet_keys{state=\"invalid\"}", 4.0)?;
    await_metric(&solo, "signet_keys{state=\"usable\"}", 1.0)?;
    solo.plane.api().delete(&path)?;
    await_metric(&solo, "signet_keys{state=\"invalid\"}", 3.0)?;
    assert!(!solo.controller.process.log().contains("canary"));
    Ok(())
}

#[test]
fn a_broken_key_at_the_start_does_not_stop_the_controller() -> anyhow::Result<()> {
    let mut solo = Solo::start("broken-start", &[])?;
    let first = key_of(&solo)?;
    solo.stop()?;
    let mut broken = key(SignedDuration::ZERO)?;
    broken.private = "garbage".to_owned();
    let mut secret = broken.secret(&solo.controller.namespace, "broken");
    secret["type"] = "Opaque".into();
    let path = format!("/api/v1/namespaces/{}/secrets", solo.controller.namespace);
    solo.plane.api().post(&path, &secret)?;
    solo.begin_again(&[])?;
    await_key_event(&solo, "broken")?;
    await_handed_out(&solo, &first)?;
    solo.make("db", &[("k", "v")])?;
    Ok(())
}

/// A SealedSecret that yields a key Secret.
fn sealed_key(scene: &Scene, namespace: &str, name: &str, key: &Key) -> anyhow::Result<Value> {
    let items = [
        ("tls.crt", key.certificate.as_str()),
        ("tls.key", key.private.as_str()),
    ];
    let mut secret = signet::secret(namespace, name, &items);
    secret["type"] = "kubernetes.io/tls".into();
    secret["metadata"]["labels"] = json!({LABEL: "active"});
    signet::seal(&scene.certificate, &secret, &[])
}

#[test]
fn a_sealed_secret_yields_no_sealing_key_in_any_namespace() -> anyhow::Result<()> {
    let scene = scene("yield")?;
    let key = key(SignedDuration::ZERO)?;
    scene.apply(&sealed_key(&scene, &scene.namespace, "tenant", &key)?)?;
    let object = scene.says("tenant", "SealingKeyRefused", "--allow-sealed-keys")?;
    scene.await_event(&object, "ErrUnsealFailed")?;
    assert_eq!(scene.find_secret("tenant")?, None);
    // Any value of the label, since a value may become `active` later.
    let template = json!({"metadata": {"labels": {LABEL: "later"}}});
    scene.apply(&scene.sealed_as("later", &[("k", "v")], template)?)?;
    scene.reason("later", "SealingKeyRefused")?;
    assert_eq!(scene.find_secret("later")?, None);
    Ok(())
}

#[test]
fn nor_in_the_controllers_own_namespace_nor_under_the_legacy_name() -> anyhow::Result<()> {
    let solo = Solo::start("own", &[])?;
    let (keys, first) = (solo.controller.namespace.clone(), key_of(&solo)?);
    let scene = Scene {
        plane: solo.plane,
        certificate: solo.certificate.clone(),
        namespace: keys.clone(),
    };
    let key = key(SignedDuration::from_secs(60))?;
    scene.apply(&sealed_key(&scene, &keys, "mine", &key)?)?;
    scene.reason("mine", "SealingKeyRefused")?;
    scene.apply(&scene.sealed("sealed-secrets-key", &[("k", "v")], &[])?)?;
    scene.reason("sealed-secrets-key", "SealingKeyRefused")?;
    assert_eq!(scene.find_secret("mine")?, None);
    assert_eq!(scene.find_secret("sealed-secrets-key")?, None);
    // Elsewhere that name is any name.
    solo.make("sealed-secrets-key", &[("k", "v")])?;
    await_handed_out(&solo, &first)
}

#[test]
fn nor_does_a_patch_make_a_key_of_a_secret() -> anyhow::Result<()> {
    let scene = scene("patch-key")?;
    let marks = json!({"annotations": {crate::scene::PATCH: "true"}});
    let before = scene.create_secret("db", &[("k", "theirs")], marks.clone())?;
    let template = json!({"metadata": {"labels": {LABEL: "active"}}});
    scene.apply(&scene.sealed_as("db", &[("k", "v")], template)?)?;
    // The label is not merged; the rest is.
    scene.reason("db", "Unsealed")?;
    let after = scene.await_items("db", &[("k", "v")])?;
    assert_eq!(after["metadata"]["labels"], before["metadata"]["labels"]);
    // And a Secret that is a key is not patched.
    let mut marked = marks;
    marked["labels"] = json!({LABEL: "retired"});
    let key = scene.create_secret("key", &[("k", "theirs")], marked)?;
    scene.apply(&scene.sealed("key", &[("k", "v")], &[])?)?;
    scene.reason("key", "SealingKeyRefused")?;
    assert_eq!(scene.secret("key")?["data"], key["data"]);
    Ok(())
}

#[test]
fn a_sealed_key_that_is_allowed_opens_and_is_never_handed_out() -> anyhow::Result<()> {
    let mut solo = Solo::start("allowed", &["--allow-sealed-keys"])?;
    let (keys, first) = (solo.controller.namespace.clone(), key_of(&solo)?);
    let scene = Scene {
        plane: solo.plane,
        certificate: solo.certificate.clone(),
        namespace: keys.clone(),
    };
    // Newer than the own key by their date: they would be handed out if they were ordinary ones.
    let made = ["mine", "unowned", "orphaned"]
        .map(|name| Ok::<_, anyhow::Error>((name, key(SignedDuration::from_secs(60))?)));
    let made = made.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (name, key) in &made {
        let mut sealed = sealed_key(&scene, &keys, name, key)?;
        if *name == "unowned" {
            // By upstream's rule it has no owner, and its author says that it seals.
            sealed["spec"]["template"]["metadata"]["annotations"] =
                json!({crate::scene::SKIP_OWNER: "true", "signet.internal/seal": "always"});
        }
        scene.apply(&sealed)?;
        scene.reason(name, "Unsealed")?;
        let secret = scene.secret(name)?;
        assert_eq!(
            text(&secret, "/metadata/annotations/signet.internal~1seal"),
            "never"
        );
        let owned = secret["metadata"]["ownerReferences"].is_array();
        assert_eq!(owned, *name != "unowned");
        solo.apply(&key.sealed(&solo, name)?)?;
        solo.reason(name, "Unsealed")?;
    }
    await_metric(&solo, "signet_keys{state=\"usable\"}", 4.0)?;
    let kubectl = solo.plane.kubectl()?.in_namespace(&keys);
    kubectl.ok(&["delete", "sealedsecret", "orphaned", "--cascade=orphan"])?;
    scene.await_secret("it has no owner", "orphaned", |secret| {
        !secret["metadata"]["ownerReferences"].is_array()
    })?;
    solo.sentinel()?;
    await_handed_out(&solo, &first)?;
    // Nor by a process that never saw the owner.
    solo.stop()?;
    solo.begin_again(&["--allow-sealed-keys"])?;
    await_metric(&solo, "signet_keys{state=\"usable\"}", 4.0)?;
    await_handed_out(&solo, &first)?;
    Ok(())
}
