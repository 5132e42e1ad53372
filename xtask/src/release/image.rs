//! `cargo xtask image`: the container images, written without a container engine.

#![expect(clippy::print_stdout, reason = "the result of the command")]

mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::cargo;
use crate::release::archive::Entry;
use crate::release::oci::Image;
use crate::release::{Release, sbom};

/// Build the images of the controller and of kubeseal as OCI image layouts, `FROM scratch`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder for the layouts, one subfolder each; what is in these is replaced.
    #[arg(long, value_name = "FOLDER", default_value = "target/images")]
    out: PathBuf,
    /// Load each image with somebody else's library and run what is in it.
    #[arg(long)]
    check: bool,
}

/// What goes into an image.
pub(crate) struct Recipe {
    /// Name of the image, and of the program that it starts.
    pub(crate) name: &'static str,
    /// The package that has the program.
    pub(crate) package: &'static str,
    /// The program as Cargo names it.
    pub(crate) program: &'static str,
    title: &'static str,
    ports: &'static [&'static str],
}

/// The images, named as upstream's last path component without its prefix.
pub(crate) const IMAGES: [Recipe; 2] = [
    Recipe {
        name: "controller",
        package: "signet-controller",
        program: "signet-controller",
        title: "Signet controller",
        ports: &["8080/tcp", "8081/tcp"],
    },
    Recipe {
        name: "kubeseal",
        package: "signet-cli",
        program: "kubeseal",
        title: "kubeseal of Signet",
        ports: &[],
    },
];

/// The user of upstream's images.
pub(crate) const USER: &str = "1001";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let release = Release::read()?;
    let programs = release.programs(None)?;
    for recipe in &IMAGES {
        let folder = arguments.out.join(recipe.name);
        let digest = write(recipe, &release, &programs, &folder)?;
        let size = size(&folder)?;
        println!(
            "{}: {digest}, {:.1} MB",
            folder.display(),
            size as f64 / 1e6
        );
    }
    if arguments.check {
        check::images(&arguments.out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds and checks in a folder of its own, for `cargo xtask test`.
pub(crate) fn passes_its_check() -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    let arguments = Arguments {
        out: folder.path().to_owned(),
        check: true,
    };
    Ok(run(&arguments)? == ExitCode::SUCCESS)
}

/// Writes one layout and gives the digest of its manifest.
pub(crate) fn write(
    recipe: &Recipe,
    release: &Release,
    programs: &[PathBuf],
    folder: &Path,
) -> anyhow::Result<String> {
    let program = programs
        .iter()
        .find(|path| path.file_name().is_some_and(|name| name == recipe.program))
        .context("the program was built")?;
    let registry = registry()?;
    let created = rfc3339(release.epoch);
    let image = Image {
        config: config(recipe, release, &created),
        platform: release.platform()?,
        entries: entries(recipe, release, fs::read(program)?)?,
        reference: format!("{registry}/{}:{}", recipe.name, release.version),
        epoch: release.epoch,
        created,
    };
    ensure!(image.platform.0 == "linux", "images are built on Linux");
    if folder.exists() {
        // Only what an earlier run wrote.
        ensure!(
            folder.join("oci-layout").is_file(),
            "{} exists and is no image layout; choose another folder",
            folder.display()
        );
        fs::remove_dir_all(folder)?;
    }
    image.write(folder)
}

/// The program under both of its names, the licence and the bill of materials. `/tmp` is there for who mounts over it.
fn entries(recipe: &Recipe, release: &Release, program: Vec<u8>) -> anyhow::Result<Vec<Entry>> {
    let folder = |path: &str, mode| Entry::Folder {
        path: path.to_owned(),
        mode,
    };
    let file = |path: String, mode, content| Entry::File {
        path,
        mode,
        content,
    };
    let documents = format!("usr/share/doc/{}", recipe.name);
    let mut entries = vec![
        folder("tmp", 0o1777),
        folder("usr", 0o755),
        folder("usr/local", 0o755),
        folder("usr/local/bin", 0o755),
        file(format!("usr/local/bin/{}", recipe.name), 0o755, program),
    ];
    if recipe.name != recipe.program {
        entries.push(Entry::Link {
            path: format!("usr/local/bin/{}", recipe.program),
            target: format!("usr/local/bin/{}", recipe.name),
        });
    }
    entries.extend([
        folder("usr/share", 0o755),
        folder("usr/share/doc", 0o755),
        folder(&documents, 0o755),
        file(
            format!("{documents}/LICENSE"),
            0o644,
            fs::read(release.root.join("LICENSE"))?,
        ),
        file(
            format!("{documents}/sbom.cdx.json"),
            0o644,
            sbom::of_package(release, recipe.package)?.into_bytes(),
        ),
    ]);
    Ok(entries)
}

/// As upstream's images: user, entry point, ports. Labels are those of the OCI image-spec.
fn config(recipe: &Recipe, release: &Release, created: &str) -> Value {
    let mut config = json!({
        "User": USER,
        "Env": ["PATH=/usr/local/bin"],
        "Entrypoint": [recipe.name],
        "Labels": {
            "org.opencontainers.image.title": recipe.title,
            "org.opencontainers.image.version": release.version,
            "org.opencontainers.image.revision": release.revision,
            "org.opencontainers.image.created": created,
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        },
    });
    if !recipe.ports.is_empty() {
        let ports = recipe.ports.iter().map(|port| (*port, json!({})));
        config["ExposedPorts"] = ports.collect();
    }
    config
}

/// The one place that says where images live: `workspace.metadata.signet.registry` in the root manifest.
fn registry() -> anyhow::Result<String> {
    let output = cargo::output(&["metadata", "--locked", "--no-deps", "--format-version=1"])?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let registry = metadata["metadata"]["signet"]["registry"].as_str();
    Ok(registry
        .context("workspace.metadata.signet.registry")?
        .to_owned())
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}

/// Seconds since 1970 as `2026-11-21T12:00:00Z`.
pub(crate) fn rfc3339(epoch: u64) -> String {
    let seconds = i64::try_from(epoch).ok();
    let timestamp = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    timestamp.unwrap_or_default().to_string()
}
