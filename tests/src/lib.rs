//! What the cluster tests share: one control plane for the whole test program, and namespaces that are nobody else's.
//!
//! A test that stops, slows or floods the control plane starts one of its own with [`start`].

pub mod chart;
pub mod differences;
pub mod replicas;
pub mod signet;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, anyhow};
use signet_harness::{ControlPlane, Options, Tools, netns};

/// The control plane that all tests of this process share; it has the CRD and runs until the process ends.
pub fn shared() -> anyhow::Result<&'static ControlPlane> {
    static PLANE: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    let plane =
        PLANE.get_or_init(|| start(Options::default()).map_err(|error| format!("{error:#}")));
    plane
        .as_ref()
        .map_err(|error| anyhow!("the shared control plane did not start: {error}"))
}

/// A control plane of the test's own, with the CRD besides what `options` say.
pub fn start(mut options: Options) -> anyhow::Result<ControlPlane> {
    netns::require()?;
    options.manifests.insert(0, crd()?);
    ControlPlane::start(&Tools::from_environment()?, options)
}

/// Prints figures where the test harness does not hold them back: who runs the tests sees them, passed or not.
pub fn print_figures(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Makes a namespace with a name that no other test has.
pub fn fresh_namespace(plane: &ControlPlane, stem: &str) -> anyhow::Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("{stem}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    plane.api().ensure_namespace(&name)?;
    Ok(name)
}

/// The CustomResourceDefinition that Signet ships.
pub fn crd() -> anyhow::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/bitnami.com_sealedsecrets.yaml");
    path.canonicalize()
        .with_context(|| format!("find {}", path.display()))
}
