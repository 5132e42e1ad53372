//! What an administrator does to many objects at once: a namespace goes, the CRD goes, a backup is restored. Afterwards the
//! objects are applied again as they were, and must end as if nothing had happened.

use std::collections::BTreeSet;
use std::fs;
use std::sync::PoisonError;

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::eventually;
use signet_tests::signet::{sealed_path, secret_path};

use crate::plan::DOOMED;
use crate::stage::{STUBBORN, Stage};
use crate::work::remove;

const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";

/// Deletes a namespace with all that is in it, and makes it anew.
pub(crate) fn delete_namespace(stage: &Stage<'_>) -> anyhow::Result<()> {
    let _alone = stage
        .upheaval
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    let path = format!("/api/v1/namespaces/{DOOMED}");
    eventually(
        "the namespace is gone",
        STUBBORN,
        || -> anyhow::Result<()> {
            let answer = stage.api().request("DELETE", &path, "", "")?;
            // 409: it is going already.
            anyhow::ensure!(answer.status == 404, "{}", answer.status);
            Ok(())
        },
    )?;
    eventually("the namespace is back", STUBBORN, || {
        stage.api().ensure_namespace(DOOMED)
    })?;
    apply_again(stage, |namespace| namespace == DOOMED)
}

/// Deletes the CRD, and with it every SealedSecret, and makes it anew.
pub(crate) fn delete_crd(stage: &Stage<'_>) -> anyhow::Result<()> {
    let _alone = stage
        .upheaval
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    eventually("the CRD is gone", STUBBORN, || -> anyhow::Result<()> {
        let answer = stage.api().request("DELETE", CRD, "", "")?;
        anyhow::ensure!(answer.status == 404, "{}", answer.status);
        Ok(())
    })?;
    let definition = fs::read_to_string(signet_tests::crd()?)?;
    eventually("the CRD is back", STUBBORN, || {
        stage.api().apply_yaml(&definition)
    })?;
    eventually("SealedSecrets are served", STUBBORN, || {
        stage
            .api()
            .get("/apis/bitnami.com/v1alpha1/sealedsecrets?limit=1")
    })?;
    apply_again(stage, |_| true)
}

/// What a GitOps engine does: applies every object as it was applied last.
fn apply_again(stage: &Stage<'_>, is_meant: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let manifests: Vec<Value> = stage.manifests().values().cloned().collect();
    let meant = |object: &&Value| {
        object["metadata"]["namespace"]
            .as_str()
            .is_some_and(&is_meant)
    };
    for object in manifests.iter().filter(meant) {
        eventually("applied again", STUBBORN, || stage.api().apply(object))?;
    }
    Ok(())
}

/// Takes a copy of a namespace, deletes what was copied, and puts it back as Velero does: Secrets first, with the owners
/// they had; every object has a new uid, and no status. What exists already stays.
pub(crate) fn restore(stage: &Stage<'_>, namespace: &str) -> anyhow::Result<()> {
    let _alone = stage
        .upheaval
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    let names: BTreeSet<String> = {
        let model = stage.model();
        let slots = model.slots.iter().enumerate();
        slots
            .filter(|(number, slot)| {
                // Somebody else's Secret must keep its resourceVersion.
                slot.namespace == namespace
                    && !model.foreign.contains_key(&slot.path())
                    && model.is_there(*number)
            })
            .map(|(_, slot)| slot.name.clone())
            .collect()
    };
    let sealed = copy(
        stage,
        &format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets"),
        &names,
    )?;
    let secrets = copy(
        stage,
        &format!("/api/v1/namespaces/{namespace}/secrets"),
        &names,
    )?;
    for name in &names {
        remove(stage, &sealed_path(namespace, name))?;
    }
    for name in &names {
        remove(stage, &secret_path(namespace, name))?;
    }
    let folder = format!("/api/v1/namespaces/{namespace}/secrets");
    put_back(stage, &folder, &secrets, ("v1", "Secret"))?;
    let folder = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
    put_back(
        stage,
        &folder,
        &sealed,
        ("bitnami.com/v1alpha1", "SealedSecret"),
    )
}

fn copy(stage: &Stage<'_>, folder: &str, names: &BTreeSet<String>) -> anyhow::Result<Vec<Value>> {
    let list = eventually("a copy", STUBBORN, || stage.api().get(folder))?;
    let items = list["items"].as_array().context("a list")?;
    let mut copied = Vec::new();
    for item in items {
        let name = item["metadata"]["name"].as_str().context("a name")?;
        if !names.contains(name) {
            continue;
        }
        let mut item = item.clone();
        let object = item.as_object_mut().context("an object")?;
        object.remove("status");
        let metadata = object["metadata"].as_object_mut().context("metadata")?;
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "managedFields",
        ] {
            metadata.remove(field);
        }
        copied.push(item);
    }
    Ok(copied)
}

fn put_back(
    stage: &Stage<'_>,
    folder: &str,
    objects: &[Value],
    (version, kind): (&str, &str),
) -> anyhow::Result<()> {
    for object in objects {
        let mut object = object.clone();
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        let body = object.to_string();
        eventually("put back", STUBBORN, || -> anyhow::Result<()> {
            let answer = stage
                .api()
                .request("POST", folder, "application/json", &body)?;
            if answer.status == 409 {
                return Ok(());
            }
            answer.json().map(drop)
        })?;
    }
    Ok(())
}
