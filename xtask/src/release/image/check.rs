//! Are the images what a container runtime can use? They are read by a library that did not write them, and what is in them
//! runs in a root folder that holds nothing else.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use signet_harness::kubectl::{self, Output};
use signet_harness::{Tool, Tools};

use super::{IMAGES, Recipe, USER};

/// More would be noticed where nodes pull it.
const LARGEST: u64 = 20_000_000;

/// Checks every image below `folder`.
///
/// # Errors
/// What is wrong with the first image that is not right.
pub(super) fn images(folder: &Path) -> anyhow::Result<()> {
    let tools = Tools::ensure(&[Tool::OciWitness])?;
    for recipe in &IMAGES {
        let layout = folder.join(recipe.name);
        image(recipe, &layout, &tools).with_context(|| format!("image {}", recipe.name))?;
        println!(
            "{}: valid, and runs without any other file",
            layout.display()
        );
    }
    Ok(())
}

fn image(recipe: &Recipe, layout: &Path, tools: &Tools) -> anyhow::Result<()> {
    let unpacked = tempfile::tempdir()?;
    let root = unpacked.path();
    // The image's user must be able to enter its root folder.
    fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
    let mut witness = tools.command(Tool::OciWitness)?;
    witness.arg(layout).arg(root);
    let said = kubectl::run(witness, "")?.success("oci-witness")?;
    let configuration: Value = serde_json::from_str(&said)?;
    let config = &configuration["config"];
    ensure!(config["User"] == USER, "the user is {}", config["User"]);
    ensure!(
        config["Entrypoint"][0] == recipe.name,
        "the entry point is {}",
        config["Entrypoint"]
    );
    let labels = config["Labels"].as_object().context("labels")?;
    for label in ["title", "version", "revision", "created", "licenses"] {
        let name = format!("org.opencontainers.image.{label}");
        ensure!(labels.contains_key(&name), "there is no label {name}");
    }
    let size = super::size(layout)?;
    ensure!(size <= LARGEST, "{size} bytes, more than {LARGEST}");
    let documents = root.join(format!("usr/share/doc/{}", recipe.name));
    let bill: Value = serde_json::from_slice(&fs::read(documents.join("sbom.cdx.json"))?)?;
    let components = bill["components"].as_array().context("components")?;
    ensure!(
        components
            .iter()
            .any(|component| component["name"] == "aws-lc-rs"),
        "the bill of materials does not know the crypto library"
    );
    runs(recipe, root)
}

/// Runs the program as the entry point would.
fn runs(recipe: &Recipe, root: &Path) -> anyhow::Result<()> {
    let version = inside(root, recipe.name, &["--version"], "")?.success("--version")?;
    let mark = if recipe.name == "kubeseal" { "" } else { "v" };
    let wanted = format!(
        "{} version: {mark}0.40.0+signet.{}\n",
        recipe.name,
        env!("CARGO_PKG_VERSION")
    );
    ensure!(version == wanted, "--version says {version:?}");
    if recipe.name == "kubeseal" {
        return seals(root);
    }
    // Nothing of a cluster is there: a clear end, and none that the missing files of a system cause.
    let alone = inside(root, recipe.program, &[], "")?;
    ensure!(
        alone.status.code() == Some(1),
        "ended with {}",
        alone.status
    );
    let said = format!("{}{}", alone.stdout, alone.stderr);
    ensure!(said.contains("not in a pod"), "without a cluster: {said}");
    Ok(())
}

/// Sealing needs randomness and files, and nothing else of a system.
fn seals(root: &Path) -> anyhow::Result<()> {
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/keys/seal.crt");
    fs::copy(&certificate, root.join("cert.pem")).context("cli/tests/keys/seal.crt")?;
    let secret = "{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\",\"namespace\":\"s\"},\
                  \"stringData\":{\"a\":\"b\"}}";
    let sealed = inside(root, "kubeseal", &["--cert=/cert.pem"], secret)?.success("kubeseal")?;
    let sealed: Value = serde_json::from_str(&sealed)?;
    ensure!(
        sealed["spec"]["encryptedData"]["a"].is_string(),
        "nothing was sealed"
    );
    Ok(())
}

/// Runs a program of the image as its user; an ordinary user runs it as itself.
fn inside(root: &Path, program: &str, arguments: &[&str], stdin: &str) -> anyhow::Result<Output> {
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={USER}:{USER}"));
        command
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "chroot"]);
        command
    };
    command
        .arg(root)
        .arg(format!("/usr/local/bin/{program}"))
        .args(arguments)
        .env_clear()
        .env("PATH", path_with_system(std::env::var_os("PATH")));
    kubectl::run(command, stdin)
}

/// With the folders of the administrator's programs: not every system has them on an ordinary user's `PATH`, and `chroot` lies
/// there.
fn path_with_system(path: Option<OsString>) -> OsString {
    let mut path = path.unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push("/usr/sbin:/sbin");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_administrator_are_found_by_ordinary_users_too() {
        let path = path_with_system(Some("/usr/bin:/bin".into()));
        assert_eq!(path, "/usr/bin:/bin:/usr/sbin:/sbin");
        assert_eq!(path_with_system(None), "/usr/sbin:/sbin");
    }
}
