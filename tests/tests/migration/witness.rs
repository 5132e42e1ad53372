//! What can be seen from outside: Secrets, statuses, writes in the audit log, and what upstream's kubeseal opens offline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::audit::{Marker, Record};
use signet_harness::upstream::{NAMESPACE, SERVICE};
use signet_harness::{ControlPlane, Tool, eventually, kubectl};
use signet_tests::signet::{CAP, condition, sealed_path};

use crate::fleet::{Member, secret_of};

/// The label of key Secrets.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// Every Secret of the fleet as the API server has it, `None` where there is none.
pub(crate) type Secrets = BTreeMap<String, Option<Value>>;

/// Reads them.
pub(crate) fn secrets(plane: &ControlPlane, fleet: &[Member]) -> anyhow::Result<Secrets> {
    let read = |member: &Member| {
        let path = secret_of(member);
        Ok((path.clone(), plane.api().find(&path)?))
    };
    fleet.iter().map(read).collect()
}

/// The paths at which two views differ in what an application sees: data, type, `immutable`.
pub(crate) fn differing_content(one: &Secrets, other: &Secrets) -> Vec<String> {
    let content = |secret: &Option<Value>| {
        let fields = ["data", "type", "immutable"];
        secret
            .as_ref()
            .map(|secret| fields.map(|field| secret[field].clone()))
    };
    differing(one, other, |a, b| content(a) == content(b))
}

/// The paths at which two views differ in any way: another resourceVersion is enough.
pub(crate) fn touched(one: &Secrets, other: &Secrets) -> Vec<String> {
    differing(one, other, |a, b| a == b)
}

fn differing(
    one: &Secrets,
    other: &Secrets,
    same: impl Fn(&Option<Value>, &Option<Value>) -> bool,
) -> Vec<String> {
    one.iter()
        .filter(|(path, secret)| !other.get(*path).is_some_and(|found| same(secret, found)))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Awaits that each member's newest generation is reported with the reason that `wanted` gives.
pub(crate) fn await_reasons(
    plane: &ControlPlane,
    fleet: &[Member],
    wanted: impl Fn(&Member) -> &'static str,
) -> anyhow::Result<()> {
    await_synced(plane, fleet, |member, object, synced| {
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let wanted = wanted(member);
        ensure!(
            current && synced["reason"] == wanted,
            "{}: {synced} instead of {wanted}",
            member.name
        );
        Ok(())
    })
}

/// Awaits upstream's verdict on every member.
pub(crate) fn await_upstream(plane: &ControlPlane, fleet: &[Member]) -> anyhow::Result<()> {
    await_synced(plane, fleet, |member, _, synced| {
        let wanted = match member.kind.upstream_says_synced() {
            true => "True",
            false => "False",
        };
        ensure!(
            synced["status"] == wanted,
            "{}: {synced} instead of {wanted}",
            member.name
        );
        Ok(())
    })
}

/// Awaits that `judge` takes every member's object and its condition `Synced`.
fn await_synced(
    plane: &ControlPlane,
    fleet: &[Member],
    judge: impl Fn(&Member, &Value, &Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let judge_all = || -> anyhow::Result<()> {
        for member in fleet {
            let path = sealed_path(&member.namespace, &member.name);
            let object = plane.api().get(&path)?;
            let synced = condition(&object, "Synced").context("no condition yet")?;
            judge(member, &object, synced)?;
        }
        Ok(())
    };
    eventually("every object is judged", CAP, judge_all)
}

/// The Secrets that the controller's service account wrote since `mark`, without keys: verb and path.
pub(crate) fn writes_since(
    plane: &ControlPlane,
    mark: Marker,
) -> anyhow::Result<BTreeSet<(String, String)>> {
    let is_write = |record: &Record| {
        record.is_by_service_account(NAMESPACE, SERVICE)
            && record.resource == "secrets"
            && record.namespace != NAMESPACE
            && record.code < 300
            && !["get", "list", "watch"].contains(&record.verb.as_str())
    };
    let records = plane.audit().since(mark)?;
    let path = |record: &Record| signet_tests::signet::secret_path(&record.namespace, &record.name);
    Ok(records
        .iter()
        .filter(|record| is_write(record))
        .map(|record| (record.verb.clone(), path(record)))
        .collect())
}

/// The key Secrets.
pub(crate) fn keys(plane: &ControlPlane) -> anyhow::Result<Vec<Value>> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector={KEY_LABEL}");
    let list = plane.api().get(&path)?;
    Ok(list["items"].as_array().context("a list")?.clone())
}

/// What upstream's kubeseal makes of a SealedSecret with the keys in `backup`: the `data` of the Secret.
pub(crate) fn opened_offline(
    plane: &ControlPlane,
    sealed: &Value,
    backup: &Path,
) -> anyhow::Result<Value> {
    let mut command = plane.tools().command(Tool::UpstreamKubeseal)?;
    command
        .arg("--recovery-unseal")
        .arg("--recovery-private-key")
        .arg(backup);
    let clear = kubectl::run(command, &sealed.to_string())?.success("--recovery-unseal")?;
    let clear: Value = serde_json::from_str(&clear)?;
    Ok(clear["data"].clone())
}
