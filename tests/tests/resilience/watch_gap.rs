//! What happens while no watch runs, and is forgotten by the API server before one runs again: nothing tells of it but
//! the next list. Upstream's controller ends on such a deletion.

use anyhow::ensure;
use serde_json::json;
use signet_harness::upstream::SERVICE;
use signet_harness::{Component, Options, eventually};
use signet_tests::signet::{
    CAP, SignetController, apply, await_items, await_reason, seal, sealed_path, secret,
    secret_path, sentinel,
};
use signet_tests::{fresh_namespace, start};

const SYSTEM: &str = "kube-system";

#[test]
fn what_was_deleted_while_no_watch_ran_is_made_again() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let (namespace, own) = (
        fresh_namespace(&plane, "gap")?,
        fresh_namespace(&plane, "own")?,
    );
    let (api, certificate) = (plane.api(), controller.certificate()?);
    let theirs = format!("/api/v1/namespaces/{namespace}/secrets");
    api.post(&theirs, &secret(&namespace, "taken", &[("k", "theirs")]))?;
    for name in ["lost", "edited", "ended", "taken"] {
        let clear = secret(&namespace, name, &[("k", name)]);
        apply(&plane, &seal(&certificate, &clear, &[])?)?;
    }
    for name in ["lost", "edited", "ended"] {
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    await_reason(&plane, &namespace, "taken", "NotManaged")?;
    sentinel(&plane, &controller, &own)?;
    let before = api.get(&secret_path(&namespace, "lost"))?;

    controller.process.pause()?;
    plane.restart(Component::ApiServer)?;
    api.delete(&secret_path(&namespace, "lost"))?;
    api.delete(&secret_path(&namespace, "taken"))?;
    let edit = json!({"stringData": {"k": "by hand"}});
    api.merge_patch(&secret_path(&namespace, "edited"), &edit)?;
    api.delete(&sealed_path(&namespace, "ended"))?;
    eventually("garbage collection has its Secret", CAP, || {
        let found = api.find(&secret_path(&namespace, "ended"));
        found.is_ok_and(|secret| secret.is_none())
    })?;
    // Once more: the API server that comes back knows no event of before.
    plane.restart(Component::ApiServer)?;
    let mark = plane.audit().mark()?;
    controller.process.resume()?;

    for name in ["lost", "edited", "taken"] {
        await_items(&plane, &namespace, name, &[("k", name)])?;
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    let after = api.get(&secret_path(&namespace, "lost"))?;
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    sentinel(&plane, &controller, &own)?;
    assert_eq!(api.find(&secret_path(&namespace, "ended"))?, None);
    let known = controller.metric("signet_sealedsecrets")?;
    assert_eq!(known, 5.0, "three that were there and two sentinels");
    ensure!(controller.process.is_running(), "the process ended");
    let lists = plane.audit().since(mark)?;
    let lists = lists.iter().filter(|record| {
        record.is_by_service_account(SYSTEM, SERVICE)
            && record.verb == "list"
            && record.resource == "secrets"
            && record.namespace.is_empty()
    });
    ensure!(
        lists.count() > 0,
        "the watch went on, so nothing was missed"
    );
    Ok(())
}
