//! What an image and the archives of a release are made of: static programs, their version, and the one time stamp that
//! every file in them carries.

pub(crate) mod archive;
pub(crate) mod dist;
pub(crate) mod image;
pub(crate) mod oci;
pub(crate) mod sbom;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::cargo;

/// The programs of a release.
pub(crate) const PROGRAMS: [&str; 3] = ["signet", "kubeseal", "signet-controller"];

/// The facts of one release.
pub(crate) struct Release {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Our version, without a `v`.
    pub(crate) version: &'static str,
    /// The commit, with `-dirty` behind it if files differ from it.
    pub(crate) revision: String,
    /// Seconds since 1970 that every file carries: `SOURCE_DATE_EPOCH`, else the time of the commit. Not the clock, so
    /// that two builds give the same bytes.
    pub(crate) epoch: u64,
    /// Rust's name of this machine's platform.
    triple: String,
}

impl Release {
    /// Reads the facts off git and the compiler.
    ///
    /// # Errors
    /// git or rustc does not answer.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in the workspace")?;
        // What is released is this checkout, whatever a hook of git's points to, and no signature is shown between.
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.args(["-c", "log.showSignature=false"]);
            for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                command.env_remove(name);
            }
            said(command.current_dir(root).args(arguments))
        };
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text,
            Err(_) => git(&["log", "-1", "--format=%ct"])?,
        };
        let commit = git(&["rev-parse", "HEAD"])?;
        let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let compiler = said(Command::new("rustc").arg("-vV"))?;
        let triple = compiler
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("rustc says its host")?;
        Ok(Self {
            root: root.to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            revision: if changed.is_empty() {
                commit
            } else {
                format!("{commit}-dirty")
            },
            epoch: epoch.parse().context("the time of the release")?,
            triple: triple.to_owned(),
        })
    }

    /// The platform as Go, container images and upstream's archives name it: `linux`, `amd64`.
    ///
    /// # Errors
    /// The platform is none for which upstream has releases.
    pub(crate) fn platform(&self) -> anyhow::Result<(&'static str, &'static str)> {
        let architecture = match self.triple.split('-').next() {
            Some("x86_64") => "amd64",
            Some("aarch64") => "arm64",
            _ => anyhow::bail!("no releases are made for {}", self.triple),
        };
        let system = if self.triple.contains("-linux-") {
            "linux"
        } else if self.triple.contains("-darwin") {
            "darwin"
        } else {
            anyhow::bail!("no releases are made for {}", self.triple)
        };
        Ok((system, architecture))
    }

    /// Rust's name of the platform.
    pub(crate) fn triple(&self) -> &str {
        &self.triple
    }

    /// Builds the programs into `target`, or the usual folder: on Linux without any shared library. Gives them in the order of
    /// [`PROGRAMS`].
    ///
    /// # Errors
    /// The build fails.
    pub(crate) fn programs(&self, target: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
        let flags_variable = format!(
            "CARGO_TARGET_{}_RUSTFLAGS",
            self.triple.to_uppercase().replace('-', "_")
        );
        let flags = self.flags()?;
        let mut arguments: Vec<OsString> = ["build", "--release", "--locked", "--bins", "--target"]
            .map(OsString::from)
            .to_vec();
        arguments.push(self.triple.clone().into());
        for package in ["signet-cli", "signet-controller"] {
            arguments.extend(["--package".into(), package.into()]);
        }
        if let Some(folder) = target {
            arguments.extend(["--target-dir".into(), folder.into()]);
        }
        let built = cargo::build_with(&arguments, &[(&flags_variable, &flags)])?;
        cargo::programs(&built, &PROGRAMS)
    }

    /// Static on Linux; and no path of the machine that builds is left in a program.
    fn flags(&self) -> anyhow::Result<String> {
        let home = match std::env::var_os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => Path::new(&std::env::var_os("HOME").context("HOME is not set")?).join(".cargo"),
        };
        let mut flags = format!(
            "--remap-path-prefix={}=/signet --remap-path-prefix={}=/cargo",
            self.root.display(),
            home.display()
        );
        if self.triple.contains("-linux-") {
            // A static program finds no `getrandom` at run time and would open /dev/urandom, which an empty root has not.
            flags.push_str(
                " -C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\"",
            );
        }
        Ok(flags)
    }
}

/// What a program prints, without the newline.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
