//! Objects made to kill or stop the controller (docs/trust.md row 2). Each is refused, the process lives on, and the ordinary
//! object beside it is served: when a watch brings the hostile one, and when a list does.

use anyhow::ensure;
use serde_json::{Value, json};
use signet_harness::{ControlPlane, Options, eventually};
use signet_tests::signet::{CAP, SignetController, await_reason, condition, sentinel};
use signet_tests::{fresh_namespace, start};

use crate::batch::stop;

const SYSTEM: &str = "kube-system";
/// Far beyond what a recursive parser bears, within what the API server stores.
const DEPTH: usize = 3_000;
/// Items of one object.
const ITEMS: usize = 4_000;

#[test]
fn hostile_objects_are_refused_and_stop_nothing() -> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "hostile")?;
    let nested = nested_objects(&plane, &namespace)?;
    for object in [many_items(&namespace), huge_label(&namespace)] {
        assert_eq!(post(&plane, &namespace, &object.to_string())?, 201);
    }

    for name in &nested {
        await_nested_reason(&plane, &namespace, name, "MalformedSpec")?;
    }
    let many = await_reason(&plane, &namespace, "many-items", "MalformedItem")?;
    let message =
        condition(&many, "Synced").map_or(0, |synced| synced["message"].to_string().len());
    ensure!(
        (1000..9000).contains(&message),
        "a message of {message} bytes"
    );
    await_reason(&plane, &namespace, "huge-label", "SecretInvalid")?;
    serves_others(&plane, &mut controller)?;

    // The same objects again, all in one list.
    stop(&mut controller)?;
    let mut controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    serves_others(&plane, &mut controller)
}

/// As [`await_reason`], by kubectl: the harness' own parser does not bear such objects.
fn await_nested_reason(
    plane: &ControlPlane,
    namespace: &str,
    name: &str,
    reason: &str,
) -> anyhow::Result<()> {
    let kubectl = plane.kubectl()?.in_namespace(namespace);
    let path = "jsonpath={.status.conditions[0].reason}";
    eventually(
        &format!("{name} is {reason}"),
        CAP,
        || -> anyhow::Result<()> {
            let found = kubectl.ok(&["get", "sealedsecret", name, "-o", path])?;
            ensure!(found == reason, "{found}");
            Ok(())
        },
    )
}

/// Objects that nest deeply where the CRD lets them. Returns the names of those that the API server stored.
fn nested_objects(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<&'static str>> {
    let fields = [
        (
            "in-metadata",
            r#"{"encryptedData":{},"template":{"metadata":{"more":DEEP}}}"#,
        ),
        (
            "in-labels",
            r#"{"encryptedData":{},"template":{"metadata":{"labels":DEEP}}}"#,
        ),
        ("in-items", r#"{"encryptedData":{"k":DEEP}}"#),
        (
            "in-arrays",
            r#"{"encryptedData":{},"template":{"metadata":{"more":ARRAYS}}}"#,
        ),
    ];
    let deep = format!("{}1{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH));
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let mut stored = Vec::new();
    for (name, field) in fields {
        let spec = field.replace("DEEP", &deep).replace("ARRAYS", &arrays);
        let object = object(namespace, name, json!("SPEC"))
            .to_string()
            .replace(r#""SPEC""#, &spec);
        let code = post(plane, namespace, &object)?;
        println!("nested {DEPTH} deep, {name}: the API server answers {code}");
        if code == 201 {
            stored.push(name);
        }
    }
    ensure!(
        stored.contains(&"in-metadata"),
        "stored was only {stored:?}: this tests nothing"
    );
    Ok(stored)
}

fn many_items(namespace: &str) -> Value {
    let items: serde_json::Map<String, Value> = (0..ITEMS)
        .map(|number| (format!("item-{number}"), json!("AAAA!")))
        .collect();
    object(namespace, "many-items", json!({"encryptedData": items}))
}

fn huge_label(namespace: &str) -> Value {
    let labels = json!({"huge": "x".repeat(900_000)});
    let spec = json!({"encryptedData": {}, "template": {"metadata": {"labels": labels}}});
    object(namespace, "huge-label", spec)
}

fn object(namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

/// Posts an object as text: a deep one cannot be built as a value here either.
fn post(plane: &ControlPlane, namespace: &str, body: &str) -> anyhow::Result<u16> {
    let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
    let answer = plane
        .api()
        .request("POST", &path, "application/json", body)?;
    Ok(answer.status)
}

fn serves_others(plane: &ControlPlane, controller: &mut SignetController) -> anyhow::Result<()> {
    let process = controller.process.id();
    sentinel(plane, controller, &fresh_namespace(plane, "ordinary")?)?;
    ensure!(controller.process.is_running() && controller.process.id() == process);
    let log = controller.process.log();
    ensure!(
        !log.contains("a defect: panic"),
        "it panicked:\n{}",
        controller.process.log_tail()
    );
    Ok(())
}
