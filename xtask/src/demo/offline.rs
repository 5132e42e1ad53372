//! Act 1: a key, a sealed Secret, a copy that does not open, the Secret again. No cluster, no network.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signet_harness::Canary;
use signet_harness::kubectl::{self, Output};

use super::folder::RunFolder;
use super::narrator::Narrator;

/// Name of the Secret.
pub(super) const SECRET: &str = "database";
/// The items and what is in them at first. Made up: nothing is protected by them.
pub(super) const FIRST: Items = [("password", "orange-horse-47"), ("username", "shop")];
/// The items after the password was changed.
pub(super) const SECOND: Items = [("password", "purple-otter-92"), ("username", "shop")];
/// Where the copy is moved to.
const ELSEWHERE: &str = "elsewhere";

pub(super) type Items = [(&'static str, &'static str); 2];

/// The program `signet`, run inside the folder of the demo.
#[derive(Debug)]
pub(super) struct Signet {
    pub(super) program: PathBuf,
}

impl Signet {
    pub(super) fn run(
        &self,
        story: &Narrator,
        folder: &RunFolder,
        arguments: &[&str],
    ) -> anyhow::Result<Output> {
        story.ran(format_args!("signet {}", arguments.join(" ")));
        let mut command = Command::new(&self.program);
        // Only what the demo shows may play a part.
        for variable in ["SIGNET_CERT", "KUBECONFIG"] {
            command.env_remove(variable);
        }
        command.args(arguments).current_dir(folder.path());
        kubectl::run(command, "")
    }
}

/// Plays the act. The key and the sealed file stay in the folder.
pub(super) fn play(
    story: &mut Narrator,
    folder: &RunFolder,
    signet: &Signet,
    namespace: &str,
) -> anyhow::Result<()> {
    story.act("Act 1: offline");
    make_key(story, folder, signet)?;
    story.step("Seal a Secret with the certificate alone");
    seal(story, folder, signet, namespace, &FIRST)?;
    story.ran("cat sealed.yaml");
    story.show(&read(folder, "sealed.yaml")?);
    refuse_moved_copy(story, folder, signet, namespace)?;
    open(story, folder, signet)
}

fn make_key(story: &mut Narrator, folder: &RunFolder, signet: &Signet) -> anyhow::Result<()> {
    story.step("Make a key");
    let arguments = [
        "keys",
        "generate",
        "--out-key",
        "key.pem",
        "--out-cert",
        "cert.pem",
    ];
    let output = signet.run(story, folder, &arguments)?;
    story.show(&output.stderr);
    output.success("signet keys generate")?;
    let mode = fs::metadata(folder.path().join("key.pem"))?
        .permissions()
        .mode();
    ensure!(
        mode & 0o077 == 0,
        "others may read the private key: mode {mode:o}"
    );
    story.checked("only you can read the private key; the certificate is for everybody");
    Ok(())
}

/// Writes the Secret in clear, seals it into `sealed.yaml`, and checks that no value is in there.
pub(super) fn seal(
    story: &mut Narrator,
    folder: &RunFolder,
    signet: &Signet,
    namespace: &str,
    items: &Items,
) -> anyhow::Result<()> {
    let clear = manifest(namespace, items);
    folder.write("secret.yaml", &clear)?;
    story.ran("cat secret.yaml");
    story.show(&clear);
    let arguments = [
        "seal",
        "secret.yaml",
        "--cert",
        "cert.pem",
        "-w",
        "sealed.yaml",
    ];
    let output = signet.run(story, folder, &arguments)?;
    story.show(&output.stderr);
    output.success("signet seal")?;
    let sealed = read(folder, "sealed.yaml")?;
    for (item, value) in items.iter().filter(|(item, _)| *item == "password") {
        let findings = Canary::new(value.as_bytes())?.scan_bytes(sealed.as_bytes());
        ensure!(
            findings.is_empty(),
            "the sealed file gives the {item} away: {findings:?}"
        );
    }
    story.checked("the password is not in the sealed file, neither plain nor encoded: commit it");
    Ok(())
}

fn refuse_moved_copy(
    story: &mut Narrator,
    folder: &RunFolder,
    signet: &Signet,
    namespace: &str,
) -> anyhow::Result<()> {
    story.step("Try to open a copy in another namespace");
    let sealed = read(folder, "sealed.yaml")?;
    let (from, to) = (
        format!("namespace: {namespace}\n"),
        format!("namespace: {ELSEWHERE}\n"),
    );
    ensure!(
        sealed.contains(&from),
        "sealed.yaml does not name its namespace"
    );
    folder.write("moved.yaml", &sealed.replace(&from, &to))?;
    story.ran(format_args!(
        "sed 's/namespace: {namespace}/namespace: {ELSEWHERE}/' sealed.yaml > moved.yaml"
    ));
    let output = signet.run(story, folder, &["unseal", "moved.yaml", "--key", "key.pem"])?;
    story.show(&output.stderr);
    ensure!(
        output.status.code() == Some(1) && output.stdout.is_empty(),
        "the moved copy was not refused: {}",
        output.status
    );
    story.checked("refused, although the key is right: exit 1, nothing on stdout");
    story.say(
        "Why: a value is sealed for one namespace and one name, which the encryption itself binds. Whoever may\n\
         write SealedSecrets in another namespace cannot have your value opened there.",
    );
    Ok(())
}

fn open(story: &mut Narrator, folder: &RunFolder, signet: &Signet) -> anyhow::Result<()> {
    story.step("Open the original with the private key, as after a disaster");
    let output = signet.run(
        story,
        folder,
        &["unseal", "sealed.yaml", "--key", "key.pem"],
    )?;
    story.show(&output.stderr);
    let clear = output.success("signet unseal")?;
    story.show(&clear);
    let secret: Value = serde_saphyr::from_str(&clear).context("signet unseal prints YAML")?;
    check_items(&secret, &FIRST)?;
    story.checked("it opens to the very values that were sealed (base64, as in every Secret)");
    Ok(())
}

/// Fails unless the Secret has exactly these items.
pub(super) fn check_items(secret: &Value, items: &Items) -> anyhow::Result<()> {
    let data = secret["data"]
        .as_object()
        .context("the Secret has no data")?;
    let names: Vec<&String> = data.keys().collect();
    ensure!(data.len() == items.len(), "the Secret has items {names:?}");
    for (item, value) in items {
        let wanted = STANDARD.encode(value);
        ensure!(
            data.get(*item).and_then(Value::as_str) == Some(&wanted),
            "the item {item} of the Secret is not what was sealed"
        );
    }
    Ok(())
}

pub(super) fn read(folder: &RunFolder, name: &str) -> anyhow::Result<String> {
    let path: &Path = &folder.path().join(name);
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn manifest(namespace: &str, items: &Items) -> String {
    let data: String = items
        .iter()
        .map(|(item, value)| format!("  {item}: {value}\n"))
        .collect();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {SECRET}\n  namespace: {namespace}\nstringData:\n{data}"
    )
}
