//! The two worlds of this test program: a cluster with Signet's controller and one with upstream's.
//!
//! They are apart because a controller watches every namespace. Each test has namespaces of its own in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::identity::client_pair;
use anyhow::{Context, anyhow, ensure};
use signet_harness::kubectl::Output;
use signet_harness::upstream::{self, NAMESPACE, UpstreamController};
use signet_harness::{ControlPlane, Options, Tool, binary, eventually};
use signet_tests::signet::{CAP, SignetController, cli};
use signet_tests::start;

/// A user with no rights but those that everybody has.
pub(crate) const DEVELOPER: &str = "dev";

/// Selects key Secrets.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// Whose `kubeseal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cli {
    /// Signet's.
    Signet,
    /// Upstream's.
    Upstream,
}

impl Cli {
    pub(crate) const BOTH: [Self; 2] = [Self::Signet, Self::Upstream];

    /// The path of the program.
    pub(crate) fn path(self, plane: &ControlPlane) -> anyhow::Result<PathBuf> {
        match self {
            Self::Signet => binary::path("kubeseal"),
            Self::Upstream => plane
                .tools()
                .path(Tool::UpstreamKubeseal)
                .map(Path::to_owned),
        }
    }

    /// The bare command, without a kubeconfig.
    pub(crate) fn command(self, plane: &ControlPlane) -> anyhow::Result<Command> {
        let mut command = Command::new(self.path(plane)?);
        command
            .env_remove("KUBECONFIG")
            .env("SIGNET_KNOWN_KEYS", "off");
        Ok(command)
    }

    /// Runs it as the administrator.
    pub(crate) fn run(
        self,
        plane: &ControlPlane,
        arguments: &[&str],
        stdin: &str,
    ) -> anyhow::Result<Output> {
        match self {
            Self::Signet => cli(plane, "kubeseal", arguments, stdin),
            Self::Upstream => upstream::kubeseal(plane, arguments, stdin),
        }
    }
}

/// A cluster with Signet's controller. It has two keys, so that there is something to re-encrypt.
pub(crate) struct SignetWorld {
    pub(crate) plane: ControlPlane,
    pub(crate) controller: SignetController,
    /// Of the first key, with 2048 bits; it opens, and is not handed out any more.
    pub(crate) old_certificate: String,
    /// Of the key that is handed out, with 4096 bits as usual.
    pub(crate) certificate: String,
}

/// A cluster with upstream's controller.
pub(crate) struct UpstreamWorld {
    pub(crate) plane: ControlPlane,
    pub(crate) certificate: String,
    _controller: UpstreamController,
}

fn options() -> Options {
    Options {
        users: vec![(DEVELOPER.to_owned(), vec!["developers".to_owned()])],
        ..Options::default()
    }
}

/// The cluster with Signet's controller, which all tests share.
pub(crate) fn signet() -> anyhow::Result<&'static SignetWorld> {
    static WORLD: OnceLock<Result<SignetWorld, String>> = OnceLock::new();
    let world = WORLD.get_or_init(|| start_signet().map_err(|error| format!("{error:#}")));
    world
        .as_ref()
        .map_err(|error| anyhow!("Signet's world did not start: {error}"))
}

fn start_signet() -> anyhow::Result<SignetWorld> {
    let (trusted, _) = client_pair()?;
    let plane = start(Options {
        apiserver_args: vec![format!("--client-ca-file={}", trusted.display())],
        ..options()
    })?;
    let mut first = SignetController::start(&plane, NAMESPACE, &[])?;
    let old_certificate = first.certificate()?;
    first.process.terminate(CAP)?;
    let cutoff = cutoff_now(&plane, NAMESPACE)?;
    // Many tests ask at once; the limit has a test of its own.
    let arguments = [
        cutoff.as_str(),
        "--key-size=4096",
        "--rate-limit=1000",
        "--rate-limit-burst=1000",
    ];
    let controller = SignetController::start(&plane, NAMESPACE, &arguments)?;
    let certificate = controller.certificate()?;
    ensure!(certificate != old_certificate, "the cutoff made no new key");
    Ok(SignetWorld {
        plane,
        controller,
        old_certificate,
        certificate,
    })
}

/// The cluster with upstream's controller, which all tests share.
pub(crate) fn upstream() -> anyhow::Result<&'static UpstreamWorld> {
    static WORLD: OnceLock<Result<UpstreamWorld, String>> = OnceLock::new();
    let world = WORLD.get_or_init(|| start_upstream().map_err(|error| format!("{error:#}")));
    world
        .as_ref()
        .map_err(|error| anyhow!("upstream's world did not start: {error}"))
}

fn start_upstream() -> anyhow::Result<UpstreamWorld> {
    let plane = start(options())?;
    let limits = ["--rate-limit=1000", "--rate-limit-burst=1000"];
    let controller = UpstreamController::start(&plane, NAMESPACE, &limits)?;
    let certificate = fetch(&controller.url(), "/v1/cert.pem")?;
    Ok(UpstreamWorld {
        plane,
        certificate,
        _controller: controller,
    })
}

/// The body of a plain GET.
pub(crate) fn fetch(base: &str, path: &str) -> anyhow::Result<String> {
    let mut answer = ureq::get(format!("{base}{path}")).call()?;
    Ok(answer.body_mut().read_to_string()?)
}

/// A `--key-cutoff-time` that every key there now is older than, written as the manual says: with `date -R`.
pub(crate) fn cutoff_now(plane: &ControlPlane, namespace: &str) -> anyhow::Result<String> {
    let keys = key_secrets(plane, namespace)?;
    let newest = keys
        .iter()
        .filter_map(|key| key["metadata"]["creationTimestamp"].as_str())
        .max()
        .context("no key Secret")?;
    // Times are in whole seconds.
    eventually("the next second", CAP, || {
        date("+%Y-%m-%dT%H:%M:%SZ").is_ok_and(|now| now.as_str() > newest)
    })?;
    Ok(format!("--key-cutoff-time={}", date("-R")?))
}

fn date(format: &str) -> anyhow::Result<String> {
    let output = Command::new("date").args(["-u", format]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The key Secrets of a controller.
pub(crate) fn key_secrets(
    plane: &ControlPlane,
    namespace: &str,
) -> anyhow::Result<Vec<serde_json::Value>> {
    let list = plane.api().get(&format!(
        "/api/v1/namespaces/{namespace}/secrets?labelSelector={KEY_LABEL}"
    ))?;
    let items = list["items"].as_array().context("a list")?;
    Ok(items.clone())
}

/// Writes the backup of a controller's keys that the manual recommends, and gives its path.
pub(crate) fn back_up_keys(plane: &ControlPlane, file: &Path) -> anyhow::Result<String> {
    let backup = plane
        .kubectl()?
        .in_namespace(NAMESPACE)
        .ok(&["get", "secret", "-l", KEY_LABEL, "-o", "yaml"])?;
    fs::write(file, backup)?;
    file.to_str().map(str::to_owned).context("a path in UTF-8")
}
