//! A key that was asked for while the API server refuses it.

use anyhow::ensure;
use serde_json::json;
use signet_common::Certificate;
use signet_harness::eventually;
use signet_harness::process::Signal;
use signet_harness::upstream::SERVICE;
use signet_tests::signet::CAP;

use crate::keys::{hours, key};
use crate::scene::Solo;

const VERSION: &str = "admissionregistration.k8s.io/v1";
const FAILED: &str = "a new sealing key could not be made";

/// Refuses the controller's own writes of Secrets; others may write.
fn refuse(solo: &Solo) -> anyhow::Result<()> {
    let namespace = &solo.controller.namespace;
    let account = format!("system:serviceaccount:{namespace}:{SERVICE}");
    let api = solo.plane.api();
    api.apply(&json!({
        "apiVersion": VERSION, "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-keys"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["secrets"],
            }]},
            "validations": [{"expression": format!("request.userInfo.username != '{account}'")}],
        },
    }))?;
    api.apply(&json!({
        "apiVersion": VERSION, "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-keys"},
        "spec": {"policyName": "no-keys", "validationActions": ["Deny"]},
    }))?;
    let token = solo.plane.service_account_token(namespace, SERVICE)?;
    let (probe, path) = (
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}}),
        format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All"),
    );
    let asked = api.with_token(&token);
    eventually("the policy refuses", CAP, || {
        let answer = asked.request("POST", &path, "application/json", &probe.to_string());
        answer.is_ok_and(|answer| answer.status == 422)
    })
}

fn allow(solo: &Solo) -> anyhow::Result<()> {
    let path = format!("/apis/{VERSION}/validatingadmissionpolicybindings/no-keys");
    solo.plane.api().delete(&path).map(drop)
}

/// Key Secrets that the controller made.
fn made(solo: &Solo) -> anyhow::Result<usize> {
    let namespace = &solo.controller.namespace;
    let list = solo
        .plane
        .api()
        .get(&format!("/api/v1/namespaces/{namespace}/secrets"))?;
    let names = list["items"].as_array().into_iter().flatten();
    let names = names.filter_map(|secret| secret["metadata"]["name"].as_str());
    Ok(names
        .filter(|name| name.starts_with("sealed-secrets-key-"))
        .count())
}

#[test]
fn a_key_that_was_asked_for_is_made_as_soon_as_it_may_be() -> anyhow::Result<()> {
    let mut solo = Solo::start("asked", &[])?;
    refuse(&solo)?;
    solo.controller.process.signal(Signal::USR1)?;
    solo.controller.process.wait_for_line(FAILED, CAP)?;
    assert_eq!(made(&solo)?, 1);
    allow(&solo)?;
    eventually(
        "the key that was asked for",
        CAP,
        || -> anyhow::Result<()> {
            let made = made(&solo)?;
            ensure!(made == 2, "{made}");
            Ok(())
        },
    )
}

#[test]
fn a_key_that_cannot_be_renewed_does_not_hold_up_one_that_is_added() -> anyhow::Result<()> {
    let mut solo = Solo::start("held-up", &["--key-renew-period=1s"])?;
    refuse(&solo)?;
    solo.controller.process.wait_for_line(FAILED, CAP)?;
    let added = key(hours(0))?;
    added.add(&solo, "by-hand")?;
    let handed_out = eventually("the added key is handed out", CAP, || {
        let pem = solo.controller.certificate()?;
        let found = Certificate::parse_pem(pem.as_bytes())?.key_id().to_string();
        ensure!(found == added.id, "{found} is");
        Ok(())
    });
    allow(&solo)?;
    handed_out
}
