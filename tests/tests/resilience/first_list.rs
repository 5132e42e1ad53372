//! What is served while the first list of a start goes on (ARCHITECTURE.md "Start").

use anyhow::ensure;
use serde_json::json;
use signet_harness::proxy::{Fate, FaultProxy};
use signet_harness::upstream::SERVICE;
use signet_harness::{ControlPlane, Marker, Options, Record};
use signet_tests::signet::{
    CAP, SignetController, apply, await_items, await_reason, seal, seal_all, sealed_path, secret,
    secret_path, sentinel,
};
use signet_tests::{fresh_namespace, start};

const SYSTEM: &str = "kube-system";
/// What only later pages of a list are asked for with.
const SECOND_PAGE: &str = "continue=";
/// The same of the list of Secrets alone.
const SECOND_PAGE_OF_SECRETS: &str = "/secrets?&limit=500&continue=";
/// Secrets in a page of theirs.
const PAGE_OF_SECRETS: usize = 500;
/// More than one page.
const MANY: usize = 60;
/// So many changes before its start the controller looks back.
const PAST: usize = 1_000;

/// A start of the controller that stops in the middle of a list.
struct HeldStart {
    controller: SignetController,
    proxy: FaultProxy,
}

impl HeldStart {
    /// Starts it, and awaits that the page whose request contains this text is held up.
    fn begin(plane: &ControlPlane, page: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let proxy = FaultProxy::start(plane, 1)?;
        proxy.hold_up(Some(page));
        let mut controller = SignetController::spawn_behind(&proxy, plane, SYSTEM, arguments)?;
        let is_held = || proxy.fates().contains_key(&Fate::HeldUp);
        controller
            .process
            .wait_until("the second page is held up", CAP, |_| is_held())?;
        Ok(Self { controller, proxy })
    }

    /// The lists are not complete.
    fn ensure_held(&self) -> anyhow::Result<()> {
        let ready = self.controller.fetch(self.controller.port, "/readyz");
        ensure!(ready.is_err(), "it was not held up");
        Ok(())
    }

    /// Lets the list go on, and awaits that all are complete.
    fn go_on(&mut self) -> anyhow::Result<&SignetController> {
        self.proxy.hold_up(None);
        let port = self.controller.port;
        let process = &mut self.controller.process;
        process.wait_for_http("127.0.0.1", port, "/readyz", CAP)?;
        Ok(&self.controller)
    }
}

/// Makes [`MANY`] objects that come first in a list, and awaits that they have their Secrets.
fn fill_a_page(plane: &ControlPlane, namespace: &str, certificate: &str) -> anyhow::Result<()> {
    let name = |number| format!("many-{number}");
    let many: Vec<_> = (0..MANY)
        .map(|number| secret(namespace, &name(number), &[("k", "v")]))
        .collect();
    for sealed in seal_all(certificate, &many)? {
        apply(plane, &sealed)?;
    }
    for number in 0..MANY {
        await_reason(plane, namespace, &name(number), "Unsealed")?;
    }
    Ok(())
}

/// The names of the Secrets that the controller made since a mark.
fn made_since(plane: &ControlPlane, mark: Marker) -> anyhow::Result<Vec<String>> {
    let is_made = |record: &Record| {
        record.is_by_service_account(SYSTEM, SERVICE)
            && record.resource == "secrets"
            && record.verb == "create"
            && record.code == 201
    };
    let records = plane.audit().since(mark)?;
    let made = records.into_iter().filter(is_made);
    Ok(made.map(|record| record.name).collect())
}

#[test]
fn what_is_new_does_not_wait_for_the_first_list() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "new")?;
    let (api, certificate) = (plane.api(), controller.certificate()?);
    let make = |name: &str, value: &str| -> anyhow::Result<()> {
        let clear = secret(&namespace, name, &[("k", value)]);
        apply(&plane, &seal(&certificate, &clear, &[])?).map(drop)
    };
    fill_a_page(&plane, &namespace, &certificate)?;
    for name in ["same", "changed", "ended"] {
        make(name, "first")?;
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    controller.process.kill()?;

    let mark = plane.audit().mark()?;
    let mut start = HeldStart::begin(&plane, SECOND_PAGE, &[])?;
    make("new", "first")?;
    make("changed", "second")?;
    make("short-lived", "first")?;
    for (name, value) in [
        ("new", "first"),
        ("changed", "second"),
        ("short-lived", "first"),
    ] {
        await_items(&plane, &namespace, name, &[("k", value)])?;
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    for name in ["short-lived", "ended"] {
        api.delete(&sealed_path(&namespace, name))?;
    }
    start.ensure_held()?;
    assert_eq!(start.controller.private_operations()?, 3.0);

    let controller = start.go_on()?;
    sentinel(&plane, controller, &namespace)?;
    // Each of the new ones was opened once.
    let sentinels = controller.metric("signet_sealedsecrets")? - (MANY as f64 + 3.0);
    ensure!(sentinels >= 1.0, "objects are missing in its index");
    assert_eq!(controller.private_operations()?, 3.0 + sentinels);
    for name in ["short-lived", "ended"] {
        assert_eq!(api.find(&sealed_path(&namespace, name))?, None);
    }
    let made = made_since(&plane, mark)?;
    assert_eq!(made.len() as f64, 2.0 + sentinels);
    let found = api.get(&secret_path(&namespace, "same"))?;
    assert_eq!(found["data"], json!({"k": "Zmlyc3Q="}));
    Ok(())
}

#[test]
fn what_was_applied_while_none_ran_does_not_wait_for_the_first_list() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "past")?;
    let (api, certificate) = (plane.api(), controller.certificate()?);
    let make = |name: &str, value: &str| -> anyhow::Result<()> {
        let clear = secret(&namespace, name, &[("k", value)]);
        apply(&plane, &seal(&certificate, &clear, &[])?).map(drop)
    };
    fill_a_page(&plane, &namespace, &certificate)?;
    make("z-changed", "first")?;
    await_reason(&plane, &namespace, "z-changed", "Unsealed")?;
    // The API server must have known SealedSecrets for so long.
    for number in 0..PAST {
        let note = json!({"metadata": {"annotations": {"number": number.to_string()}}});
        api.merge_patch(&format!("/api/v1/namespaces/{namespace}"), &note)?;
    }
    controller.process.kill()?;
    make("z-changed", "second")?;
    for name in ["z-new", "z-short-lived"] {
        make(name, "first")?;
    }
    api.delete(&sealed_path(&namespace, "z-short-lived"))?;

    let mark = plane.audit().mark()?;
    let mut start = HeldStart::begin(&plane, SECOND_PAGE, &[])?;
    for (name, value) in [("z-new", "first"), ("z-changed", "second")] {
        await_items(&plane, &namespace, name, &[("k", value)])?;
        await_reason(&plane, &namespace, name, "Unsealed")?;
    }
    start.ensure_held()?;
    assert_eq!(start.controller.private_operations()?, 2.0);

    let controller = start.go_on()?;
    sentinel(&plane, controller, &namespace)?;
    let sentinels = controller.metric("signet_sealedsecrets")? - (MANY as f64 + 2.0);
    assert_eq!(controller.private_operations()?, 2.0 + sentinels);
    let made = made_since(&plane, mark)?;
    assert_eq!(made.len() as f64, 1.0 + sentinels, "{made:?}");
    assert!(made.iter().any(|name| name == "z-new"), "{made:?}");
    Ok(())
}

/// In a watch that asks for a label, an object that loses it ends, and begins again with the same uid.
#[test]
fn what_loses_its_label_during_the_first_list_and_gets_it_back_is_served() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let selector = ["--label-selector=team=a"];
    let mut controller = SignetController::start(&plane, SYSTEM, &selector)?;
    let namespace = fresh_namespace(&plane, "labels")?;
    let (api, certificate) = (plane.api(), controller.certificate()?);
    let make = |value: &str| -> anyhow::Result<()> {
        let clear = secret(&namespace, "moved", &[("k", value)]);
        let mut sealed = seal(&certificate, &clear, &[])?;
        sealed["metadata"]["labels"] = json!({"team": "a"});
        apply(&plane, &sealed).map(drop)
    };
    let wanted = |value: &str| await_items(&plane, &namespace, "moved", &[("k", value)]);
    for number in 0..MANY {
        // Not to be opened: they only fill the first page.
        let other = json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {
                "name": format!("filler-{number}"), "namespace": namespace, "labels": {"team": "a"},
            },
            "spec": {"encryptedData": {}},
        });
        apply(&plane, &other)?;
    }
    make("first")?;
    wanted("first")?;
    await_reason(&plane, &namespace, "moved", "Unsealed")?;
    controller.process.kill()?;

    let mut start = HeldStart::begin(&plane, SECOND_PAGE, &selector)?;
    let path = sealed_path(&namespace, "moved");
    api.merge_patch(&path, &json!({"metadata": {"labels": {"team": "b"}}}))?;
    make("second")?;
    wanted("second")?;
    api.merge_patch(&path, &json!({"metadata": {"labels": {"team": "b"}}}))?;
    start.go_on()?;
    make("third")?;
    wanted("third")?;
    await_reason(&plane, &namespace, "moved", "Unsealed").map(drop)
}

#[test]
fn what_is_made_while_secrets_are_listed_is_opened_once() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "many")?;
    let (api, certificate) = (plane.api(), controller.certificate()?);
    let make = |name: &str| -> anyhow::Result<()> {
        let clear = secret(&namespace, name, &[("k", "v")]);
        apply(&plane, &seal(&certificate, &clear, &[])?)?;
        await_items(&plane, &namespace, name, &[("k", "v")])?;
        await_reason(&plane, &namespace, name, "Unsealed").map(drop)
    };
    make("old")?;
    controller.process.kill()?;
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    for number in 0..=PAGE_OF_SECRETS {
        api.post(&path, &secret(&namespace, &format!("filler-{number}"), &[]))?;
    }

    let mut start = HeldStart::begin(&plane, SECOND_PAGE_OF_SECRETS, &[])?;
    make("new")?;
    let mark = plane.audit().mark()?;
    start.ensure_held()?;
    let controller = start.go_on()?;
    sentinel(&plane, controller, &namespace)?;
    // The new one and the sentinel.
    assert_eq!(controller.metric("signet_sealedsecrets")?, 3.0);
    assert_eq!(controller.private_operations()?, 2.0);
    // Nor was there another pass over it.
    let read_again = |record: &Record| {
        record.verb == "get" && record.resource == "sealedsecrets" && record.name == "new"
    };
    let controllers = |record: &Record| record.is_by_service_account(SYSTEM, SERVICE);
    let since = plane.audit().since(mark)?;
    assert!(
        !since
            .iter()
            .any(|record| controllers(record) && read_again(record))
    );
    Ok(())
}
