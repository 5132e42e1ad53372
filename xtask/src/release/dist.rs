//! `cargo xtask dist`: everything that a release publishes, the same bytes in every run.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use crate::cargo;
use crate::release::archive::{self, Entry};
use crate::release::{Release, image, oci, sbom};

/// Build what a release publishes: archives, images, manifests, chart, bills of materials, checksums.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// New folder for the files.
    #[arg(long, value_name = "FOLDER", default_value = "target/dist")]
    out: PathBuf,
    /// Pack a second time and compare every byte.
    #[arg(long)]
    check: bool,
    /// With --check: compile a second time too, from nothing and in another folder. Takes minutes.
    #[arg(long, requires = "check")]
    from_scratch: bool,
}

/// File name to content.
type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let release = Release::read()?;
    let programs = release.programs(None)?;
    let files = files(&release, &programs)?;
    if arguments.check {
        let scratch = tempfile::tempdir()?;
        let again = if arguments.from_scratch {
            release.programs(Some(scratch.path()))?
        } else {
            programs
        };
        let differing = differing(&files, &self::files(&release, &again)?);
        ensure!(
            differing.is_empty(),
            "two runs differ in {}",
            differing.join(", ")
        );
        println!("two runs give the same bytes");
    }
    write(&files, &arguments.out)?;
    for (name, content) in &files {
        println!("{:>9.2} MB  {name}", content.len() as f64 / 1e6);
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything, in memory.
fn files(release: &Release, programs: &[PathBuf]) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let pages = pages(release)?;
    let (system, architecture) = release.platform()?;
    for (name, package) in [("kubeseal", "signet-cli"), ("signet", "signet-cli")] {
        let stem = format!("{name}-{}-{system}-{architecture}", release.version);
        let entries = program_entries(name, release, programs, &pages)?;
        let packed = archive::gzip(&archive::tar(&entries, release.epoch)?)?;
        files.insert(format!("{stem}.tar.gz"), packed);
        let bill = sbom::of_package(release, package)?;
        files.insert(format!("{stem}.sbom.cdx.json"), bill.into_bytes());
    }
    if system == "linux" {
        for recipe in &image::IMAGES {
            let packed = packed_image(recipe, release, programs)?;
            let name = format!(
                "{}-{}-{system}-{architecture}.oci.tar",
                recipe.name, release.version
            );
            files.insert(name, packed);
        }
    }
    add_manifests(release, &mut files)?;
    let chart = packed_chart(release)?;
    files.insert(format!("signet-{}.tgz", release.version), chart);
    let checksums: String = files
        .iter()
        .map(|(name, content)| format!("{}  {name}\n", oci::hex(content)))
        .collect();
    files.insert(
        format!("sealed-secrets_{}_checksums.txt", release.version),
        checksums.into_bytes(),
    );
    Ok(files)
}

/// The program beside licence, readme, completions and manual pages.
fn program_entries(
    name: &str,
    release: &Release,
    programs: &[PathBuf],
    pages: &Files,
) -> anyhow::Result<Vec<Entry>> {
    let program = programs
        .iter()
        .find(|path| path.file_name().is_some_and(|file| file == name))
        .context("the program was built")?;
    let mut entries = vec![entry(name, 0o755, fs::read(program)?)];
    for document in ["LICENSE", "README.md"] {
        let content = fs::read(release.root.join(document))?;
        entries.push(entry(document, 0o644, content));
    }
    let own = pages.iter().filter(|(path, _)| {
        let file = path.rsplit('/').next().unwrap_or_default();
        let stem = file.trim_start_matches('_').split(['.', '-']).next();
        stem == Some(name)
    });
    entries.extend(own.map(|(path, content)| entry(path, 0o644, content.clone())));
    Ok(entries)
}

fn entry(path: &str, mode: u32, content: Vec<u8>) -> Entry {
    Entry::File {
        path: path.to_owned(),
        mode,
        content,
    }
}

/// Completions and manual pages. They are asked for as a program, so that xtask stays free of Signet's code.
fn pages(release: &Release) -> anyhow::Result<Files> {
    let built = cargo::build(&["build", "--package", "signet-cli", "--example", "pages"])?;
    let program = built.first().context("Cargo built no example")?;
    let folder = tempfile::tempdir()?;
    let date = image::rfc3339(release.epoch);
    let status = Command::new(&program.path)
        .arg(folder.path())
        .arg(date.split('T').next().unwrap_or_default())
        .status()?;
    ensure!(status.success(), "no pages were made");
    let mut files = Files::new();
    collect(folder.path(), "", &mut files)?;
    Ok(files)
}

/// The image layout as one file, which `docker load`, `podman load` and `skopeo` read.
fn packed_image(
    recipe: &image::Recipe,
    release: &Release,
    programs: &[PathBuf],
) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let layout = folder.path().join("layout");
    image::write(recipe, release, programs, &layout)?;
    let mut files = Files::new();
    collect(&layout, "", &mut files)?;
    let entries: Vec<_> = files
        .into_iter()
        .map(|(path, content)| entry(&path, 0o644, content))
        .collect();
    archive::tar(&entries, release.epoch)
}

/// The plain manifests, under upstream's names.
fn add_manifests(release: &Release, files: &mut Files) -> anyhow::Result<()> {
    for name in ["controller.yaml", "controller-norbac.yaml"] {
        let path = release.root.join("manifests").join(name);
        let content = fs::read(&path).with_context(|| path.display().to_string())?;
        files.insert(name.to_owned(), content);
    }
    Ok(())
}

/// The chart as `helm package` lays it out.
fn packed_chart(release: &Release) -> anyhow::Result<Vec<u8>> {
    let mut files = Files::new();
    collect(&release.root.join("charts/signet"), "signet/", &mut files)?;
    let entries: Vec<_> = files
        .into_iter()
        .map(|(path, content)| entry(&path, 0o644, content))
        .collect();
    archive::gzip(&archive::tar(&entries, release.epoch)?)
}

/// Every file below `folder`, by its path with `prefix` before it.
fn collect(folder: &Path, prefix: &str, files: &mut Files) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// The names of files that are not in both, or not the same.
fn differing(one: &Files, other: &Files) -> Vec<String> {
    let names = one.keys().chain(other.keys());
    let mut names: Vec<_> = names
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Replaces the files of an earlier run; anything else in the folder stays.
fn write(files: &Files, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, content) in files {
        fs::write(folder.join(name), content).with_context(|| name.clone())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_differing_or_missing_file_is_named() {
        let files = |pairs: &[(&str, &str)]| -> Files {
            let owned =
                |(name, content): &(&str, &str)| ((*name).to_owned(), content.as_bytes().to_vec());
            pairs.iter().map(owned).collect()
        };
        let one = files(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let other = files(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(differing(&one, &other), ["b", "c", "d"]);
        assert!(differing(&one, &one).is_empty());
    }
}
