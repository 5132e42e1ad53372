//! The documented backup and restore of the keys, run as they stand in docs/guide/install.md.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::json;
use signet_harness::{eventually, kubectl};
use signet_tests::signet::{self, CAP};

use crate::keys::{await_handed_out, hours, key, key_of, key_secrets};
use crate::scene::{Solo, text, version};

/// The command that follows these words in docs/guide/install.md.
fn documented(words: &str) -> anyhow::Result<String> {
    let guide = std::fs::read_to_string("../docs/guide/install.md")?;
    let (_, after) = guide.split_once(words).context("the guide says so")?;
    let block = after.split("```\n").nth(1).context("a block")?;
    Ok(block.to_owned())
}

/// Runs a documented command as an administrator whose controller is in this namespace.
fn run_documented(solo: &Solo, folder: &Path, command: &str) -> anyhow::Result<()> {
    let own = solo.plane.kubectl()?.command();
    let program = Path::new(own.get_program()).parent().context("a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args([
            "-euc",
            &command.replace("kube-system", &solo.controller.namespace),
        ])
        .current_dir(folder)
        .env("KUBECONFIG", solo.plane.admin_kubeconfig())
        .env("PATH", format!("{}:{path}", program.display()));
    let output = kubectl::run(shell, "")?;
    let said = format!("{}{}", output.stdout, output.stderr);
    anyhow::ensure!(
        !said.contains("LS0t") && !said.contains("PRIVATE"),
        "a key is printed"
    );
    output.success(command).map(drop)
}

#[test]
fn the_documented_backup_restores_into_a_cluster_that_has_a_key() -> anyhow::Result<()> {
    let mut solo = Solo::start("rebuilt", &[])?;
    let (namespace, lost) = (solo.controller.namespace.clone(), key_of(&solo)?);
    solo.make("before", &[("k", "v")])?;
    let folder = tempfile::tempdir()?;
    run_documented(
        &solo,
        folder.path(),
        &documented("Back up the keys right after")?,
    )?;
    let mode = std::fs::metadata(folder.path().join("keys.yaml"))?
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // The cluster is lost, and the new one makes a key of its own.
    solo.stop()?;
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    solo.plane.api().delete(&secrets)?;
    let before = solo.sealed("before", &[("k", "v")], &[])?;
    solo.delete_sealed("before")?;
    solo.begin_again(&[])?;
    solo.take_certificate()?;
    let own = key_of(&solo)?;
    anyhow::ensure!(own != lost, "a new key");
    solo.make("after", &[("k", "v")])?;
    solo.apply(&before)?;
    solo.reason("before", "NoKey")?;

    run_documented(
        &solo,
        folder.path(),
        &documented("Restore them into a cluster")?,
    )?;
    solo.reason("before", "Unsealed")?;
    solo.delete_secret("after")?;
    solo.await_items("after", &[("k", "v")])?;
    let ids: BTreeSet<_> = key_secrets(&solo)?
        .iter()
        .map(|secret| text(secret, "/metadata/labels/signet.internal~1key-id"))
        .collect();
    assert_eq!(ids, BTreeSet::from([lost, own.clone()]));
    await_handed_out(&solo, &own)?;

    // A key that others made gets its ID, and a wrong one is put right.
    let path = signet::secret_path(&namespace, "by-hand");
    let older = key(hours(-24))?;
    older.add(&solo, "by-hand")?;
    let has_id = |id: &str| {
        eventually("the ID of the key", CAP, || {
            let secret = solo.plane.api().get(&path).ok()?;
            (text(&secret, "/metadata/labels/signet.internal~1key-id") == id).then_some(())
        })
    };
    has_id(&older.id)?;
    let wrong = json!({"metadata": {"labels": {"signet.internal/key-id": own}}});
    solo.plane.api().merge_patch(&path, &wrong)?;
    has_id(&older.id)?;

    // The root is made again when somebody deletes it, and no tag is void.
    let root = signet::secret_path(&namespace, "signet-root");
    let data = solo.plane.api().get(&root)?["data"].clone();
    solo.plane.api().delete(&root)?;
    eventually("the root again", CAP, || {
        let again = solo.plane.api().find(&root).ok()??;
        (again["data"] == data).then_some(())
    })?;
    // Nor is one when the oldest keys go: a restart decrypts nothing.
    solo.stop()?;
    solo.plane.api().delete(&path)?;
    let before = version(&solo.reason("after", "Unsealed")?);
    solo.begin_again(&[])?;
    solo.sentinel()?;
    assert_eq!(version(&solo.reason("after", "Unsealed")?), before);
    Ok(())
}
