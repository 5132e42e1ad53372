//! `cargo xtask test`: the gates of `cargo xtask lint`, unit tests, the tests against a real control plane in a namespace of
//! its own, the images, and the demo.

#![expect(clippy::print_stdout, reason = "the result of the command")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use signet_harness::control_plane::AUDIT_VARIABLE;
use signet_harness::netns::KEEP_VARIABLE;
use signet_harness::tools::PendingTools;
use signet_harness::{Tool, Tools, binary, netns};

use crate::cargo::Artifact;
use crate::release::image;
use crate::report::Report;
use crate::{cargo, lint, permissions};

const CLUSTER_PACKAGE: &str = "signet-tests";
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/controller.yaml");

/// Run all tests and lints. The first run builds a Kubernetes control plane with Go, which takes minutes.
#[derive(Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only the tests against a real control plane.
    #[arg(long, conflicts_with = "unit")]
    cluster: bool,
    /// Only the tests without a control plane.
    #[arg(long)]
    unit: bool,
    /// Only this one of the cluster tests' programs: a folder of `tests/tests`.
    #[arg(long, value_name = "NAME", conflicts_with = "unit")]
    suite: Option<String>,
    /// Arguments for the cluster tests' program: a filter, `--nocapture`, …
    #[arg(last = true, conflicts_with = "unit")]
    arguments: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    if arguments.unit {
        report.step("unit tests", unit_tests);
    } else if arguments.cluster || arguments.suite.is_some() {
        netns::check()?;
        let tools = Tools::ensure_in_background(Tool::ALL);
        report.step("cluster tests", || cluster_tests(tools, arguments));
    } else {
        everything(&mut report);
    }
    Ok(report.finish())
}

/// All tests and gates.
pub(crate) fn everything(report: &mut Report) {
    // First, so that who cannot run the tests learns it before anything is built.
    report.step("network namespaces", || netns::check().map(|()| true));
    // Go and Cargo share the cores, and the longer of the two decides.
    let tools = Tools::ensure_in_background(Tool::ALL);
    lint::gates(report);
    report.step("unit tests", unit_tests);
    let arguments = Arguments::default();
    report.step("cluster tests", || cluster_tests(tools, &arguments));
    report.step("images", image::passes_its_check);
    // In a process of its own, as a newcomer runs it. The tools are there by now.
    report.step("demo", || Ok(cargo::run(&["xtask", "demo"])?.success()));
}

fn unit_tests() -> anyhow::Result<bool> {
    Ok(cargo::run(&["test", "--workspace", "--exclude", CLUSTER_PACKAGE])?.success())
}

fn cluster_tests(
    tools: anyhow::Result<PendingTools>,
    arguments: &Arguments,
) -> anyhow::Result<bool> {
    // A build downloads what this system needs. One suite reads what the others need, and has no network.
    if !cargo::run(&["fetch", "--locked"])?.success() {
        println!("not everything could be fetched: the suite invariants needs all of it");
    }
    // Without xtask: it runs, and needs no rebuild under another set of features.
    ensure!(
        cargo::run(&["build", "--workspace", "--exclude", "xtask", "--bins"])?.success(),
        "the build failed"
    );
    let mut build = vec!["test", "--no-run", "--package", CLUSTER_PACKAGE];
    if let Some(suite) = &arguments.suite {
        build.extend(["--test", suite]);
    }
    let tests = cargo::build(&build)?;
    let tools = tools?.wait()?;
    let mut all_passed = true;
    for test in &tests {
        all_passed &= suite_passes(test, &tools, arguments).unwrap_or_else(|error| {
            println!("{}: {error:#}", test.path.display());
            false
        });
    }
    if !all_passed {
        println!(
            "{KEEP_VARIABLE}=1 keeps what the control planes left: logs, audit log, etcd's data"
        );
    }
    Ok(all_passed)
}

/// Runs one program of tests, and judges the rights that its controllers used.
fn suite_passes(test: &Artifact, tools: &Tools, arguments: &Arguments) -> anyhow::Result<bool> {
    let mut command = Command::new(&test.path);
    command
        .args(&arguments.arguments)
        .current_dir(package_dir(&test.package_id)?);
    command.env(binary::DIR_VARIABLE, program_dir(&test.path)?);
    tools.export(&mut command);
    let audit = is_controller_suite(&test.path)
        .then(tempfile::tempdir)
        .transpose()?;
    command.envs(audit.iter().map(|folder| (AUDIT_VARIABLE, folder.path())));
    if !netns::run_in_namespace(&command)?.success() {
        return Ok(false);
    }
    if let Some(folder) = audit {
        let manifests = std::fs::read_to_string(MANIFESTS)?;
        // A filter leaves rights unused.
        let all = arguments.arguments.is_empty();
        let text = permissions::check(folder.path(), &manifests, all).context("permissions")?;
        println!("permissions: {text}");
    }
    Ok(true)
}

/// Whether this is the program of a suite whose controllers do everything.
fn is_controller_suite(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let name = name.rsplit_once('-').map_or(&*name, |(name, _hash)| name);
    permissions::SUITES.contains(&name)
}

/// Tests run in their package's folder, as under `cargo test`.
fn package_dir(package_id: &str) -> anyhow::Result<PathBuf> {
    let (_, path) = package_id
        .split_once("file://")
        .context("a workspace member is a path")?;
    Ok(PathBuf::from(
        path.split_once('#').map_or(path, |(path, _)| path),
    ))
}

/// Cargo puts test programs into `deps`, below the folder of the others.
fn program_dir(test: &Path) -> anyhow::Result<&Path> {
    test.parent()
        .and_then(Path::parent)
        .context("a test program lies in target/PROFILE/deps")
}
