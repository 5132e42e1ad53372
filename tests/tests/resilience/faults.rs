//! Kills and outages. The end state is judged by upstream's `kubeseal`, and no Secret of somebody else may have moved.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use signet_harness::upstream::SERVICE;
use signet_harness::{Component, ControlPlane, Options, eventually};
use signet_tests::signet::{CAP, SignetController, await_reason, sentinel};
use signet_tests::{fresh_namespace, start};

use crate::batch::{LONG_CAP, await_all, create, name, seal_all, seal_many, sealed_in, secrets_in};
use crate::bystanders::Bystanders;
use crate::judge::Judge;

const SYSTEM: &str = "kube-system";
/// How long the API server is away.
const OUTAGE: Duration = Duration::from_secs(20);

/// A SealedSecret for a Secret that somebody else has already.
fn unwanted(certificate: &str, namespace: &str) -> anyhow::Result<Value> {
    let secret = signet_tests::signet::secret(namespace, "taken", &[("k", "ours")]);
    Ok(seal_all(certificate, &[secret])?.remove(0))
}

#[test]
fn a_controller_killed_between_secret_and_status_finishes_after_a_restart() -> anyhow::Result<()> {
    const OBJECTS: usize = 20;
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "killed")?;
    let bystanders = Bystanders::create(&plane, &namespace, "taken")?;
    let certificate = controller.certificate()?;
    refuse_status(&plane, &namespace)?;

    create(&plane, &seal_many(&certificate, &namespace, "db", OBJECTS)?)?;
    create(&plane, &[unwanted(&certificate, &namespace)?])?;
    eventually(
        "all Secrets are there",
        LONG_CAP,
        || -> anyhow::Result<()> {
            let found = ours(&plane, &namespace)?.len();
            ensure!(found == OBJECTS, "{found}");
            Ok(())
        },
    )?;
    controller.process.kill()?;
    let reported = sealed_in(&plane, &namespace)?;
    ensure!(
        reported.iter().all(|object| object["status"].is_null()),
        "a status slipped through"
    );
    let written = ours(&plane, &namespace)?;
    allow_status(&plane)?;

    let before = plane.audit().mark()?;
    let controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    await_reason(&plane, &namespace, "taken", "NotManaged")?;
    eventually(
        "the others are reported",
        LONG_CAP,
        || -> anyhow::Result<()> {
            let sealed = sealed_in(&plane, &namespace)?;
            let missing = sealed
                .iter()
                .filter(|object| object["status"].is_null())
                .count();
            ensure!(missing == 0, "{missing} without a status");
            Ok(())
        },
    )?;
    for number in 0..OBJECTS {
        await_reason(&plane, &namespace, &format!("db-{number}"), "Unsealed")?;
    }
    // The Secrets were right, so they stay as they are.
    assert_eq!(versions(&ours(&plane, &namespace)?), versions(&written));
    let own = fresh_namespace(&plane, "sentinel")?;
    sentinel(&plane, &controller, &own)?;
    let writes = plane.audit().since(before)?;
    let writes: Vec<_> = writes
        .iter()
        .filter(|record| {
            record.is_by_service_account(SYSTEM, SERVICE) && record.namespace == namespace
        })
        .filter(|record| record.resource == "secrets" && record.verb != "get")
        .map(|record| record.summary())
        .collect();
    ensure!(writes.is_empty(), "needless writes: {writes:#?}");
    let wrong = Judge::new(&plane, SYSTEM)?.judge(&namespace)?;
    assert_eq!(
        wrong,
        (
            vec![crate::judge::Wrong::Differs("taken".to_owned())],
            OBJECTS + 1
        )
    );
    bystanders.ensure_untouched()
}

#[test]
fn a_status_that_is_refused_for_a_while_is_written_without_being_asked_for() -> anyhow::Result<()> {
    const OBJECTS: usize = 5;
    let plane = start(Options::default())?;
    let controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "unsaid")?;
    refuse_status(&plane, &namespace)?;
    create(
        &plane,
        &seal_many(&controller.certificate()?, &namespace, "db", OBJECTS)?,
    )?;
    let refused = "sealed_secrets_controller_unseal_errors_total{reason=\"status\"";
    let refused = format!("{refused},namespace=\"{namespace}\"}}");
    let written = eventually("all are written, and statuses refused again", CAP, || {
        let count = controller.metric(&refused)?;
        ensure!(count > OBJECTS as f64, "{count}");
        let written = ours(&plane, &namespace)?;
        // One may be refused again before another is written at all.
        ensure!(written.len() == OBJECTS, "{} Secrets", written.len());
        Ok(written)
    })?;
    allow_status(&plane)?;
    for number in 0..OBJECTS {
        await_reason(&plane, &namespace, &format!("db-{number}"), "Unsealed")?;
    }
    // Saying so costs nothing else: each of the two items of an object was opened once.
    assert_eq!(versions(&ours(&plane, &namespace)?), versions(&written));
    assert_eq!(controller.private_operations()?, 2.0 * OBJECTS as f64);
    Ok(())
}

#[test]
fn a_controller_killed_again_and_again_amid_work_loses_nothing() -> anyhow::Result<()> {
    const OBJECTS: usize = 120;
    let plane = start(Options::default())?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let namespace = fresh_namespace(&plane, "killed")?;
    let bystanders = Bystanders::create(&plane, &namespace, "taken")?;
    let sealed = seal_many(&controller.certificate()?, &namespace, "db", OBJECTS)?;
    let taken = unwanted(&controller.certificate()?, &namespace)?;
    controller.process.kill()?;
    create(&plane, &sealed)?;
    create(&plane, &[taken])?;
    let mut interrupted = 0;
    for kill_at in [1, 10, 40, 70] {
        // So slow that it is still at work when the test, on a busy machine, comes to kill it.
        let slow = ["--kubeclient-qps=30", "--kubeclient-burst=30"];
        let mut controller = SignetController::start_process(&plane, SYSTEM, &slow)?;
        eventually(&format!("{kill_at} Secrets are there"), CAP, || {
            ours(&plane, &namespace).is_ok_and(|found| found.len() >= kill_at)
        })?;
        controller.process.kill()?;
        let secrets = ours(&plane, &namespace)?.len();
        let reported = sealed_in(&plane, &namespace)?
            .iter()
            .filter(|object| !object["status"].is_null())
            .count();
        println!("killed at {secrets} Secrets, {reported} statuses");
        interrupted += usize::from(secrets < OBJECTS);
    }
    ensure!(
        interrupted > 0,
        "every kill came too late to interrupt anything"
    );
    let _controller = SignetController::start_process(&plane, SYSTEM, &[])?;
    for number in 0..OBJECTS {
        await_reason(&plane, &namespace, &format!("db-{number}"), "Unsealed")?;
    }
    await_reason(&plane, &namespace, "taken", "NotManaged")?;
    let wrong = Judge::new(&plane, SYSTEM)?.judge(&namespace)?;
    assert_eq!(
        wrong,
        (
            vec![crate::judge::Wrong::Differs("taken".to_owned())],
            OBJECTS + 1
        )
    );
    bystanders.ensure_untouched()
}

#[test]
fn an_api_server_that_is_away_for_20_seconds_amid_200_objects_costs_nothing() -> anyhow::Result<()>
{
    const OBJECTS: usize = 200;
    let plane = start(Options {
        fsync: true,
        ..Options::default()
    })?;
    let mut controller = SignetController::start(&plane, SYSTEM, &[])?;
    let (namespace, foreign) = (
        fresh_namespace(&plane, "outage")?,
        fresh_namespace(&plane, "foreign")?,
    );
    let bystanders = Bystanders::create(&plane, &foreign, "taken")?;
    let sealed = seal_many(&controller.certificate()?, &namespace, "db", OBJECTS)?;
    create(&plane, &[unwanted(&controller.certificate()?, &foreign)?])?;

    // Some are applied and half done when it goes away, and the others are tried while it is away.
    let (first, later) = sealed.split_at(OBJECTS * 3 / 5);
    create(&plane, first)?;
    eventually("some Secrets are there", CAP, || {
        ours(&plane, &namespace).is_ok_and(|found| found.len() >= OBJECTS / 10)
    })?;
    plane.kill(Component::ApiServer)?;
    plane.kill(Component::Etcd)?;
    let outage = Instant::now();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let applier = scope.spawn(|| apply_stubbornly(&plane, later));
        eventually("the outage is over", 2 * OUTAGE, || {
            outage.elapsed() >= OUTAGE
        })?;
        plane.start_component(Component::Etcd)?;
        plane.start_component(Component::ApiServer)?;
        applier.join().expect("the applier does not panic")
    })?;
    println!("applied after {:?}", outage.elapsed());

    await_all(&plane, &namespace, OBJECTS, "Unsealed")?;
    await_reason(&plane, &foreign, "taken", "NotManaged")?;
    println!("all in sync after {:?}", outage.elapsed());
    assert!(
        controller.process.is_running(),
        "{}",
        controller.process.log_tail()
    );
    let own = fresh_namespace(&plane, "sentinel")?;
    sentinel(&plane, &controller, &own)?;
    assert_eq!(
        Judge::new(&plane, SYSTEM)?.judge(&namespace)?,
        (vec![], OBJECTS)
    );
    bystanders.ensure_untouched()
}

/// As a GitOps engine does: tries each object until the API server has it.
fn apply_stubbornly(plane: &ControlPlane, objects: &[Value]) -> anyhow::Result<()> {
    for object in objects {
        eventually(name(object), LONG_CAP, || plane.api().apply(object))?;
    }
    Ok(())
}

/// Secrets that SealedSecrets made.
fn ours(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Vec<Value>> {
    let mut secrets = secrets_in(plane, namespace)?;
    secrets.retain(|secret| secret["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret");
    Ok(secrets)
}

fn versions(secrets: &[Value]) -> Vec<(&str, &Value)> {
    secrets
        .iter()
        .map(|secret| (name(secret), &secret["metadata"]["resourceVersion"]))
        .collect()
}

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// Has the API server refuse every write of a SealedSecret's status in one namespace.
fn refuse_status(plane: &ControlPlane, namespace: &str) -> anyhow::Result<()> {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-status"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{
                    "apiGroups": ["bitnami.com"], "apiVersions": ["v1alpha1"],
                    "operations": ["UPDATE"], "resources": ["sealedsecrets/status"],
                }],
            },
            "validations": [{"expression": "false", "message": "no status for now"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-status"},
        "spec": {"policyName": "no-status", "validationActions": ["Deny"]},
    });
    let probe = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": "probe", "namespace": namespace},
        "spec": {"encryptedData": {}},
    });
    let api = plane.api();
    api.post(&format!("{ADMISSION}/validatingadmissionpolicies"), &policy)?;
    api.post(
        &format!("{ADMISSION}/validatingadmissionpolicybindings"),
        &binding,
    )?;
    api.apply(&probe)?;
    let path = signet_tests::signet::sealed_path(namespace, "probe");
    eventually("the policy is in force", CAP, || {
        let change = json!({"status": {"observedGeneration": 1}});
        api.merge_patch(&format!("{path}/status"), &change).is_err()
    })?;
    api.delete(&path).map(drop)
}

/// Takes the policy away again, and awaits that it is gone.
fn allow_status(plane: &ControlPlane) -> anyhow::Result<()> {
    let api = plane.api();
    api.delete(&format!(
        "{ADMISSION}/validatingadmissionpolicybindings/no-status"
    ))?;
    api.delete(&format!(
        "{ADMISSION}/validatingadmissionpolicies/no-status"
    ))
    .map(drop)
}
