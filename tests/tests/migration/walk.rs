//! The walk: upstream's controller serves a hundred objects, Signet takes over, makes a key, and upstream takes over again.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;
use serde_json::{Value, json};
use signet_harness::process::Signal;
use signet_harness::upstream::{self, NAMESPACE, SERVICE, UpstreamController};
use signet_harness::{ControlPlane, Options, Process, eventually};
use signet_tests::signet::{CAP, SignetController, await_items, cli, secret, secret_path};
use signet_tests::{fresh_namespace, print_figures, start};

use crate::fleet::{self, Kind, Member, secret_of};
use crate::witness::{
    self, await_reasons, await_upstream, differing_content, keys, opened_offline, touched,
    writes_since,
};

/// What somebody edited by hand while upstream's controller did not look.
const EDITED: [&str; 3] = ["strict-0", "strict-2", "labelled-0"];

fn end(process: &mut Process) -> anyhow::Result<()> {
    process.terminate(CAP).map(drop)
}

fn edit_by_hand(plane: &ControlPlane, namespace: &str) -> anyhow::Result<()> {
    let edits = [
        (EDITED[0], json!({"data": {"password": "b3RoZXI="}})),
        (EDITED[1], json!({"data": {"username": null}})),
        (EDITED[2], json!({"metadata": {"labels": {"team": "b"}}})),
        // Somebody else's label is no edit of ours.
        ("strict-4", json!({"metadata": {"labels": {"theirs": "1"}}})),
    ];
    for (name, patch) in edits {
        plane
            .api()
            .merge_patch(&secret_path(namespace, name), &patch)?;
    }
    Ok(())
}

/// Seals through the controller that runs, with both programs, and awaits the Secrets.
fn seal_new(
    plane: &ControlPlane,
    namespace: &str,
    stem: &str,
    sealed: &mut Vec<Value>,
) -> anyhow::Result<()> {
    for (index, scope) in ["strict", "namespace-wide", "cluster-wide"]
        .iter()
        .enumerate()
    {
        for ours in [true, false] {
            let whose = if ours { "ours" } else { "upstreams" };
            let name = format!("{stem}-{whose}-{index}");
            let clear = secret(namespace, &name, &[("password", &name)]).to_string();
            let flags = ["--scope", scope];
            let output = if ours {
                cli(plane, "kubeseal", &flags, &clear)?
            } else {
                upstream::kubeseal(plane, &flags, &clear)?
            };
            let text = output.success("kubeseal")?;
            plane.kubectl()?.apply(&text)?;
            await_items(plane, namespace, &name, &[("password", &name)])?;
            sealed.push(serde_json::from_str(&text)?);
        }
    }
    Ok(())
}

/// Deletes the Secrets of one member of each kind that opens and is owned, while no controller runs.
fn delete_one_of_each(plane: &ControlPlane, fleet: &[Member]) -> anyhow::Result<BTreeSet<String>> {
    let mut kinds = Vec::new();
    let mut deleted = BTreeSet::new();
    for member in fleet {
        // A patched Secret holds what only its owner knows.
        let whole = ![Kind::Patch, Kind::ManagedPatch, Kind::SkipOwner].contains(&member.kind);
        if member.kind.opens() && whole && !kinds.contains(&member.kind) {
            kinds.push(member.kind);
            let path = secret_of(member);
            plane.api().delete(&path)?;
            deleted.insert(path);
        }
    }
    Ok(deleted)
}

/// Upstream's kubeseal, given the keys alone, must find in every SealedSecret what the Secret holds.
fn judge(plane: &ControlPlane, fleet: &[Member], more: &[Value]) -> anyhow::Result<usize> {
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("keys.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": keys(plane)?});
    std::fs::write(&backup, list.to_string())?;
    // It refuses the old format, and knows nothing of what was in a Secret before.
    let judged = fleet.iter().filter(|member| {
        let merged = [Kind::Patch, Kind::ManagedPatch, Kind::OldFormat].contains(&member.kind);
        member.kind.opens() && !merged
    });
    let mut count = 0;
    for sealed in judged.map(|member| &member.sealed).chain(more) {
        let metadata = &sealed["metadata"];
        let path = secret_path(
            metadata["namespace"].as_str().unwrap_or_default(),
            metadata["name"].as_str().unwrap_or_default(),
        );
        let live = plane.api().get(&path)?;
        let expected = opened_offline(plane, sealed, &backup)?;
        ensure!(live["data"] == expected, "{path} is not what was sealed");
        count += 1;
    }
    Ok(count)
}

fn certificate(plane: &ControlPlane, file: &Path) -> anyhow::Result<()> {
    let pem = upstream::kubeseal(plane, &["--fetch-cert"], "")?.success("--fetch-cert")?;
    Ok(std::fs::write(file, pem)?)
}

#[test]
fn a_cluster_moves_to_signet_and_back_and_nothing_is_lost_or_rewritten_unasked()
-> anyhow::Result<()> {
    let plane = start(Options::default())?;
    let namespaces = [
        fresh_namespace(&plane, "shop")?,
        fresh_namespace(&plane, "bank")?,
    ];
    let home = namespaces[0].as_str();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cert.pem");

    // Upstream serves.
    let mut controller = UpstreamController::start(&plane, NAMESPACE, &[])?;
    certificate(&plane, &file)?;
    let fleet = fleet::seal(&plane, [home, &namespaces[1]], &file)?;
    fleet::create(&plane, &fleet)?;
    await_upstream(&plane, &fleet)?;
    let made = witness::secrets(&plane, &fleet)?;
    end(&mut controller.process)?;
    edit_by_hand(&plane, home)?;
    let before = witness::secrets(&plane, &fleet)?;

    // Signet takes over, and only reports.
    let mut mark = plane.audit().mark()?;
    let mut signet = SignetController::start(&plane, NAMESPACE, &["--repair=report"])?;
    await_reasons(&plane, &fleet, |member| {
        if EDITED.contains(&member.name.as_str()) && member.namespace == home {
            "Drifted"
        } else {
            member.kind.reason()
        }
    })?;
    assert_eq!(writes_since(&plane, mark)?, BTreeSet::new());
    assert_eq!(
        touched(&before, &witness::secrets(&plane, &fleet)?),
        Vec::<String>::new()
    );
    end(&mut signet.process)?;

    // Signet repairs: exactly what it reported.
    mark = plane.audit().mark()?;
    signet = SignetController::start(&plane, NAMESPACE, &[])?;
    await_reasons(&plane, &fleet, |member| member.kind.reason())?;
    let edited = EDITED.map(|name| ("update".to_owned(), secret_path(home, name)));
    assert_eq!(writes_since(&plane, mark)?, BTreeSet::from(edited));
    assert_eq!(
        differing_content(&made, &witness::secrets(&plane, &fleet)?),
        Vec::<String>::new()
    );
    assert_eq!(keys(&plane)?.len(), 1, "the key is upstream's");

    // New objects, a new key, and new objects again, with both command lines.
    let mut new = Vec::new();
    seal_new(&plane, home, "first", &mut new)?;
    signet.process.signal(Signal::USR1)?;
    eventually("a second key", CAP, || {
        keys(&plane).is_ok_and(|keys| keys.len() == 2)
    })?;
    let old_certificate = std::fs::read_to_string(&file)?;
    eventually("the new key is handed out", CAP, || {
        signet
            .certificate()
            .is_ok_and(|certificate| certificate != old_certificate)
    })?;
    seal_new(&plane, home, "second", &mut new)?;
    end(&mut signet.process)?;

    // Upstream again. What it finds missing it must open anew.
    let before = witness::secrets(&plane, &fleet)?;
    let mut deleted = delete_one_of_each(&plane, &fleet)?;
    for sealed in &new {
        let name = sealed["metadata"]["name"].as_str().unwrap_or_default();
        let path = secret_path(home, name);
        plane.api().delete(&path)?;
        deleted.insert(path);
    }
    let _controller = UpstreamController::start(&plane, NAMESPACE, &[])?;
    eventually("upstream has made every Secret again", CAP, || {
        deleted
            .iter()
            .all(|path| plane.api().find(path).is_ok_and(|found| found.is_some()))
    })?;
    await_upstream(&plane, &fleet)?;
    assert_eq!(
        differing_content(&before, &witness::secrets(&plane, &fleet)?),
        Vec::<String>::new()
    );
    assert_eq!(
        keys(&plane)?.len(),
        2,
        "upstream uses the keys that are there"
    );
    seal_new(&plane, home, "third", &mut new)?;
    let judged = judge(&plane, &fleet, &new)?;
    print_figures(&format!(
        "migration: moved {} objects to Signet and back: {} reported as edited and repaired, no other write; {} new objects under \
         three controllers and two keys; {} Secrets deleted and made again by upstream; {judged} judged by upstream's \
         kubeseal offline",
        fleet.len(),
        EDITED.len(),
        new.len(),
        deleted.len(),
    ))?;
    ensure!(
        plane
            .api()
            .find(&format!(
                "/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{SERVICE}"
            ))?
            .is_some(),
        "the controllers shared one service account"
    );
    Ok(())
}
