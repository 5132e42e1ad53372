//! Makes the faults of a round: each begins when it is due, lasts its time, and is lifted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use signet_harness::proxy::Faults;
use signet_harness::{Component, eventually};
use signet_tests::replicas::SHORT_LEASE_LASTS;

use crate::plan::{Fault, Strike};
use crate::stage::{STUBBORN, Stage};
use crate::upheaval;
use crate::work::remove;

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// Strikes when as many operations are done as the strike says, or all.
pub(crate) fn strike(
    stage: &Stage<'_>,
    strike: &Strike,
    progress: &AtomicUsize,
    done: &AtomicBool,
) -> anyhow::Result<()> {
    eventually("operations are done", STUBBORN, || {
        progress.load(Ordering::Relaxed) >= strike.after || done.load(Ordering::Relaxed)
    })?;
    begin(stage, strike)?;
    let began = Instant::now();
    let mut time = Duration::from_millis(strike.milliseconds);
    if strike.fault == Fault::PauseBeyondLease {
        time += SHORT_LEASE_LASTS;
    }
    eventually("the fault has lasted", STUBBORN, || began.elapsed() >= time)?;
    lift(stage, strike)
}

fn begin(stage: &Stage<'_>, strike: &Strike) -> anyhow::Result<()> {
    let replicas = &stage.replicas;
    let everywhere = |faults: Faults| {
        replicas
            .proxies()
            .for_each(|proxy| proxy.set(faults.clone()));
    };
    match strike.fault {
        Fault::KillReplica => replicas.kill(strike.target)?,
        Fault::PauseReplica | Fault::PauseBeyondLease => replicas.pause(strike.target),
        Fault::StepClock => replicas.set_clock(strike.target, wrong_by(strike))?,
        Fault::KillApiServer => stage.plane.kill(Component::ApiServer)?,
        Fault::KillEtcd => stage.plane.kill(Component::Etcd)?,
        Fault::CutWatches => replicas.proxies().for_each(|proxy| proxy.cut_watches()),
        Fault::Refuse => replicas.proxy(strike.target).set(Faults {
            refused: true,
            ..Faults::default()
        }),
        Fault::TooManyRequests => everywhere(Faults {
            answered: Some((400, [429, 503, 504][strike.target % 3])),
            ..Faults::default()
        }),
        Fault::ServerErrors => everywhere(Faults {
            // Unlike the others, this one is not tried again by the client library.
            answered: Some((400, 500)),
            ..Faults::default()
        }),
        Fault::SlowAnswers => everywhere(Faults {
            slow: Some((500, Duration::from_millis(700))),
            ..Faults::default()
        }),
        Fault::LostAnswers => everywhere(Faults {
            lost: 600,
            ..Faults::default()
        }),
        Fault::RotateCertificate => {
            replicas
                .proxies()
                .for_each(|proxy| proxy.rotate_certificate());
        }
        Fault::RotateToken => replicas.rotate_token()?,
        Fault::Webhook => refuse_secrets(stage, &namespace(stage, strike))?,
        Fault::Quota => exhaust_quota(stage, &namespace(stage, strike))?,
        Fault::DeleteNamespace => upheaval::delete_namespace(stage)?,
        Fault::DeleteCrd => upheaval::delete_crd(stage)?,
        Fault::Restore => upheaval::restore(stage, &namespace(stage, strike))?,
    }
    Ok(())
}

fn lift(stage: &Stage<'_>, strike: &Strike) -> anyhow::Result<()> {
    match strike.fault {
        Fault::PauseReplica | Fault::PauseBeyondLease => stage.replicas.resume(strike.target),
        Fault::StepClock => stage.replicas.set_clock(strike.target, 0)?,
        Fault::KillApiServer => stage.plane.start_component(Component::ApiServer)?,
        Fault::KillEtcd => stage.plane.start_component(Component::Etcd)?,
        Fault::Refuse
        | Fault::TooManyRequests
        | Fault::ServerErrors
        | Fault::SlowAnswers
        | Fault::LostAnswers => {
            let proxies = stage.replicas.proxies();
            proxies.for_each(|proxy| proxy.set(Faults::default()));
        }
        Fault::Webhook => remove(
            stage,
            &format!("/apis/{ADMISSION}/validatingadmissionpolicybindings/no-secrets"),
        )?,
        Fault::Quota => {
            let namespace = namespace(stage, strike);
            let path = format!("/api/v1/namespaces/{namespace}/resourcequotas/none");
            remove(stage, &path)?;
        }
        _ => {}
    }
    Ok(())
}

/// Seconds by which a clock is set wrong: less than what makes a key due.
fn wrong_by(strike: &Strike) -> i64 {
    const HOUR: i64 = 3600;
    [3 * HOUR, -3 * HOUR, 20 * 24 * HOUR, -20 * 24 * HOUR][strike.target % 4]
}

fn namespace(stage: &Stage<'_>, strike: &Strike) -> String {
    let model = stage.model();
    let slot = &model.slots[strike.target % model.slots.len()];
    slot.namespace.clone()
}

/// Has the API server refuse every write of a Secret in one namespace, as a webhook would.
fn refuse_secrets(stage: &Stage<'_>, namespace: &str) -> anyhow::Result<()> {
    let policy = json!({
        "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-secrets"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["secrets"],
            }]},
            "validations": [{"expression": "false", "reason": "Forbidden"}],
        },
    });
    let binding = json!({
        "apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-secrets"},
        "spec": {
            "policyName": "no-secrets", "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {
                "matchLabels": {"kubernetes.io/metadata.name": namespace},
            }},
        },
    });
    for object in [policy, binding] {
        eventually("a policy", STUBBORN, || stage.api().apply(&object))?;
    }
    let probe = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}});
    refuses(stage, namespace, &probe.to_string())
}

fn exhaust_quota(stage: &Stage<'_>, namespace: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/resourcequotas/none");
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"secrets": "0"}},
    });
    eventually("a quota", STUBBORN, || stage.api().apply(&quota))?;
    // What the quota controller does, which does not run here.
    let counted = json!({"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}});
    eventually("a counted quota", STUBBORN, || {
        stage.api().merge_patch(&format!("{path}/status"), &counted)
    })?;
    let probe = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}});
    refuses(stage, namespace, &probe.to_string())
}

fn refuses(stage: &Stage<'_>, namespace: &str, secret: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
    eventually("Secrets are refused", STUBBORN, || {
        let answer = stage
            .api()
            .request("POST", &path, "application/json", secret);
        answer.is_ok_and(|answer| answer.status == 403)
    })
}
