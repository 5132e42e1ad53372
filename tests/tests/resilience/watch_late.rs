//! The watch on SealedSecrets is behind: what is decided about the object that was read must not be about the one that is
//! remembered.

use serde_json::json;
use signet_harness::upstream::{SERVICE, apply_upstream_rbac};
use signet_harness::{FaultProxy, Options};
use signet_tests::signet::{
    SignetController, apply, await_items, await_reason, seal, secret, secret_path,
};
use signet_tests::{fresh_namespace, start};

#[test]
fn a_change_that_comes_with_a_deletion_or_an_edit_of_the_secret_is_not_lost() -> anyhow::Result<()>
{
    let plane = start(Options::default())?;
    for (stem, flag) in [
        ("recreate", "--skip-recreate"),
        ("report", "--repair=report"),
    ] {
        let namespace = fresh_namespace(&plane, stem)?;
        apply_upstream_rbac(&plane, &namespace, SERVICE)?;
        let proxy = FaultProxy::start(&plane, 1)?;
        let arguments = ["--all-namespaces=false", flag];
        let mut controller =
            SignetController::spawn_behind(&proxy, &plane, &namespace, &arguments)?;
        let (port, cap) = (controller.port, signet_tests::signet::CAP);
        let process = &mut controller.process;
        process.wait_for_http("127.0.0.1", port, "/readyz", cap)?;
        let certificate = controller.certificate()?;
        let sealed = |value: &str| {
            let clear = secret(&namespace, "db", &[("k", value)]);
            seal(&certificate, &clear, &[])
        };
        apply(&plane, &sealed("old")?)?;
        await_reason(&plane, &namespace, "db", "Unsealed")?;

        // Single objects can be read, and the watch on Secrets begins anew.
        proxy.hold_up(Some("/sealedsecrets?"));
        proxy.cut_watches();
        apply(&plane, &sealed("new")?)?;
        let path = secret_path(&namespace, "db");
        if flag == "--skip-recreate" {
            plane.api().delete(&path)?;
        } else {
            let edit = json!({"stringData": {"k": "by hand"}});
            plane.api().merge_patch(&path, &edit)?;
        }
        // While the watch still waits, and after it.
        await_items(&plane, &namespace, "db", &[("k", "new")])?;
        proxy.hold_up(None);
        await_reason(&plane, &namespace, "db", "Unsealed")?;
        await_items(&plane, &namespace, "db", &[("k", "new")])?;
    }
    Ok(())
}
