//! What all rows share: keys, a web server, and, once a row asks for it, a cluster with upstream's controller.
//!
//! Arguments, variables, stdin and files may hold these words, the same for both programs:
//!
//! | word | stands for |
//! |---|---|
//! | `{k}` | a folder with the public test keys of `cli/tests/keys`, and some more |
//! | `{folder}` | the folder that the program runs in |
//! | `{url}` | the address of a web server, see `web.rs` |
//! | `{v:LABEL:VALUE}` | VALUE sealed with `seal.crt` for LABEL; `{o:LABEL:VALUE}` with `other.crt` |
//! | `{kubeconfig}` | the cluster's, as the administrator |
//! | `{developer}` | the cluster's, as a user without rights of his own |
//! | `{server}`, `{ca}`, `{token}` | the API server's address, its CA's file, the administrator's token |

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet_common::{Certificate, CertificateRequest, Plaintext, PrivateKey, SealTarget, seal};
use signet_harness::service_proxy::{self, Backend};
use signet_harness::upstream::{NAMESPACE, UpstreamController};
use signet_harness::{ControlPlane, Options, Tool, Tools, binary, port};
use signet_tests::start;

use crate::run::Whose;
use crate::web;

/// The key that most rows seal with, and that the cluster hands out.
const SEAL: &str = "seal";
/// The cluster's older key.
const OTHER: &str = "other";
/// A user with no rights but those that everybody has.
const DEVELOPER: &str = "dev";

/// See the module.
pub(crate) struct World {
    folder: tempfile::TempDir,
    tools: Tools,
    url: String,
    /// Keys that ciphertexts are opened with, by name.
    pub(crate) keys: Vec<(&'static str, PrivateKey)>,
    sealed: Mutex<HashMap<String, String>>,
    cluster: OnceLock<Result<Cluster, String>>,
}

struct Cluster {
    plane: ControlPlane,
    _controller: UpstreamController,
    token: String,
}

/// The one world of this test program.
pub(crate) fn world() -> anyhow::Result<&'static World> {
    static WORLD: OnceLock<Result<World, String>> = OnceLock::new();
    let world = WORLD.get_or_init(|| World::new().map_err(|error| format!("{error:#}")));
    world.as_ref().map_err(|error| anyhow!("{error}"))
}

/// Services in the namespace `ways`: one with a named port, one without anybody behind it, one without ports.
fn publish_ways(plane: &ControlPlane, controller: &UpstreamController) -> anyhow::Result<()> {
    let namespace = "ways";
    plane.api().ensure_namespace(namespace)?;
    for (service, target_port) in [("named", controller.port), ("dead", port::free()?)] {
        let backend = Backend {
            namespace,
            service,
            port_name: Some("http"),
            service_port: 8080,
            target_port,
        };
        service_proxy::publish(plane.api(), &backend)?;
    }
    plane.api().apply(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "portless", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "example.invalid"},
    }))?;
    Ok(())
}

impl World {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/keys");
        for entry in fs::read_dir(&source)? {
            let entry = entry?;
            fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
        }
        let read = |name: &str| fs::read(folder.path().join(name));
        let keys = vec![
            (SEAL, PrivateKey::parse_pem(&read("seal.key")?)?),
            (OTHER, PrivateKey::parse_pem(&read("other.key")?)?),
        ];
        // A day younger than its copy in the checkout, so that the cluster takes it for the newest.
        let request = CertificateRequest {
            common_name: "signet public test key",
            valid_for: Duration::from_secs(3600 * 24 * 365 * 50),
        };
        let next_day = Certificate::parse_pem(&read("seal.crt")?)?.not_before()
            + jiff::SignedDuration::from_hours(24);
        let newest = Certificate::self_signed(&mut rand::rng(), &keys[0].1, &request, next_day)?;
        fs::write(folder.path().join("newest.crt"), newest.to_pem())?;
        Ok(Self {
            url: web::serve(read("seal.crt")?)?,
            folder,
            tools: Tools::from_environment()?,
            keys,
            sealed: Mutex::default(),
            cluster: OnceLock::new(),
        })
    }

    /// The path of a program.
    pub(crate) fn program(&self, whose: Whose) -> anyhow::Result<PathBuf> {
        match whose {
            Whose::Upstream => self.tools.path(Tool::UpstreamKubeseal).map(Path::to_owned),
            Whose::Signet => binary::path("kubeseal"),
        }
    }

    /// The cluster, started when first asked for.
    pub(crate) fn plane(&self) -> anyhow::Result<&ControlPlane> {
        self.cluster().map(|cluster| &cluster.plane)
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> anyhow::Result<&str> {
        self.cluster().map(|cluster| cluster.token.as_str())
    }

    fn cluster(&self) -> anyhow::Result<&Cluster> {
        let cluster = self
            .cluster
            .get_or_init(|| self.start_cluster().map_err(|error| format!("{error:#}")));
        cluster
            .as_ref()
            .map_err(|error| anyhow!("the cluster did not start: {error}"))
    }

    fn start_cluster(&self) -> anyhow::Result<Cluster> {
        let plane = start(Options {
            users: vec![(DEVELOPER.to_owned(), vec!["developers".to_owned()])],
            ..Options::default()
        })?;
        for (key, certificate) in [(OTHER, "other.crt"), (SEAL, "newest.crt")] {
            let read = |name: &str| fs::read(self.folder.path().join(name));
            plane.api().apply(&json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": format!("sealed-secrets-key-{key}"),
                    "namespace": NAMESPACE,
                    "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
                },
                "type": "kubernetes.io/tls",
                "data": {
                    "tls.crt": STANDARD.encode(read(certificate)?),
                    "tls.key": STANDARD.encode(read(&format!("{key}.key"))?),
                },
            }))?;
        }
        let limits = ["--rate-limit=1000", "--rate-limit-burst=1000"];
        let controller = UpstreamController::start(&plane, NAMESPACE, &limits)?;
        publish_ways(&plane, &controller)?;
        let kubeconfig: Value = serde_json::from_slice(&fs::read(plane.admin_kubeconfig())?)?;
        let token = kubeconfig["users"][0]["user"]["token"]
            .as_str()
            .context("the administrator's token")?
            .to_owned();
        Ok(Cluster {
            plane,
            _controller: controller,
            token,
        })
    }

    /// Replaces the words of the module's table. `place` is where the program runs.
    pub(crate) fn fill(&self, text: &str, place: &Path) -> anyhow::Result<String> {
        let mut text = text
            .replace("{k}", &self.folder.path().to_string_lossy())
            .replace("{url}", &self.url)
            .replace("{folder}", &place.to_string_lossy());
        for (key, mark) in [(SEAL, "{v:"), (OTHER, "{o:")] {
            while let Some((before, rest)) = text.split_once(mark) {
                let (what, after) = rest.split_once('}').context("{v:LABEL:VALUE}")?;
                text = format!("{before}{}{after}", self.sealed(key, what)?);
            }
        }
        let clusters = ["{kubeconfig}", "{developer}", "{server}", "{ca}", "{token}"];
        if clusters.iter().any(|word| text.contains(word)) {
            let cluster = self.cluster()?;
            let plane = &cluster.plane;
            let path = |path: &Path| path.to_string_lossy().into_owned();
            text = text
                .replace("{kubeconfig}", &path(&plane.admin_kubeconfig()))
                .replace("{developer}", &path(&plane.user_kubeconfig(DEVELOPER)?))
                .replace("{server}", &plane.url())
                .replace("{ca}", &path(&plane.ca_file()))
                .replace("{token}", &cluster.token);
        }
        Ok(text)
    }

    /// The same for bytes; those that are no text stay as they are.
    pub(crate) fn fill_bytes(&self, bytes: &[u8], place: &Path) -> anyhow::Result<Vec<u8>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.fill(text, place).map(String::into_bytes),
            Err(_) => Ok(bytes.to_vec()),
        }
    }

    /// `LABEL:VALUE`, sealed once and the same whenever it is asked for.
    fn sealed(&self, key: &str, what: &str) -> anyhow::Result<String> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = sealed.get(&format!("{key}:{what}")) {
            return Ok(text.clone());
        }
        let (label, value) = what.split_once(':').context("LABEL:VALUE")?;
        let target = match label.split_once('/') {
            _ if label.is_empty() => SealTarget::cluster_wide(),
            None => SealTarget::namespace_wide(label)?,
            Some((namespace, name)) => SealTarget::strict(namespace, name)?,
        };
        let certificate = fs::read(self.folder.path().join(format!("{key}.crt")))?;
        let certificate = Certificate::parse_pem(&certificate)?;
        let value = Plaintext::new(value.as_bytes().to_vec());
        let blob = seal(&mut rand::rng(), certificate.key(), &target, "", &value)?;
        let text = blob.to_base64();
        sealed.insert(format!("{key}:{what}"), text.clone());
        Ok(text)
    }
}
