//! The main job, from a terminal to a Secret.

use signet_harness::eventually;
use signet_tests::signet::{
    CAP, SignetController, apply, await_items, await_reason, condition, events, seal, secret,
    secret_path,
};
use signet_tests::{fresh_namespace, start};

#[test]
fn a_sealed_secret_becomes_a_secret_and_says_so() -> anyhow::Result<()> {
    let plane = start(signet_harness::Options::default())?;
    let controller = SignetController::start(&plane, "kube-system", &[])?;
    let namespace = fresh_namespace(&plane, "app")?;
    let sealed = seal(
        &controller.certificate()?,
        &secret(&namespace, "db", &[("password", "hunter2-long")]),
        &[],
    )?;
    apply(&plane, &sealed)?;
    let object = await_items(&plane, &namespace, "db", &[("password", "hunter2-long")])?;
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["kind"],
        "SealedSecret"
    );

    let sealed = await_reason(&plane, &namespace, "db", "Unsealed")?;
    assert_eq!(
        condition(&sealed, "Synced").map(|c| c["status"].clone()),
        Some("True".into())
    );
    let uid = sealed["metadata"]["uid"].as_str().unwrap_or_default();
    eventually("the event", CAP, || {
        let found = events(&plane, &namespace, uid).ok()?;
        found
            .iter()
            .any(|event| event["reason"] == "Unsealed")
            .then_some(())
    })?;

    // Deleting the SealedSecret lets the garbage collector take the Secret.
    plane
        .api()
        .delete(&signet_tests::signet::sealed_path(&namespace, "db"))?;
    eventually("the Secret is collected", CAP, || {
        plane
            .api()
            .find(&secret_path(&namespace, "db"))
            .is_ok_and(|found| found.is_none())
    })
}
