//! Where a value could leak to: one file for each sink, collected at the end.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::json;
use signet_harness::ControlPlane;
use tempfile::TempDir;

/// Each sink, and texts that show that it is the right one and was in use.
const ALIVE: [(&str, &[&str]); 8] = [
    (
        "controller.log",
        &[
            "INFO",
            "NoKey",
            "WriteRefused",
            "a sealing key cannot be used",
        ],
    ),
    ("controller-2.log", &["\"level\":\"", "lists complete"]),
    (
        "events",
        &[
            "Unsealed",
            "ErrUnsealFailed",
            "ErrUpdateFailed",
            "InvalidSealingKey",
        ],
    ),
    (
        "sealedsecrets",
        &["encryptedData", "conditions", "ScopeMismatch", "Immutable"],
    ),
    (
        "metrics",
        &["signet_private_operations_total", "signet_keys"],
    ),
    (
        "http",
        &[
            "BEGIN CERTIFICATE",
            "HTTP 200",
            "HTTP 400",
            "HTTP 409",
            "HTTP 405",
        ],
    ),
    ("cli", &["error:", "encryptedData"]),
    (
        "audit",
        &[
            "\"requestObject\"",
            "\"responseObject\"",
            "sealedsecrets/",
            "\"status\"",
        ],
    ),
];

pub(super) struct Sinks {
    dir: TempDir,
}

impl Sinks {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            dir: tempfile::tempdir()?,
        })
    }

    fn path(&self, sink: &str) -> PathBuf {
        self.dir.path().join("sinks").join(sink)
    }

    /// The API server's argument for an audit log with the bodies of everything that may not hold a value.
    pub(super) fn audit_policy(&self) -> anyhow::Result<String> {
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "rules": [
                {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}]},
                {"level": "RequestResponse", "resources": [{"group": "bitnami.com"}, {"group": ""}]},
                {"level": "Metadata"},
            ],
        });
        let path = self.dir.path().join("audit-policy.json");
        fs::write(&path, policy.to_string())?;
        Ok(format!("--audit-policy-file={}", path.display()))
    }

    /// Adds text to a sink.
    pub(super) fn note(&self, sink: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(sink);
        fs::create_dir_all(path.parent().context("in a folder")?)?;
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{text}").context("add to a sink")
    }

    /// Takes in what the control plane holds: logs, audit log, events, SealedSecrets.
    pub(super) fn collect(&self, plane: &ControlPlane) -> anyhow::Result<()> {
        plane.audit().mark()?;
        self.note_audit(&String::from_utf8_lossy(&fs::read(plane.audit().path())?))?;
        for (sink, path) in [
            ("events", "/api/v1/events"),
            ("sealedsecrets", "/apis/bitnami.com/v1alpha1/sealedsecrets"),
            ("configmaps", "/api/v1/configmaps"),
        ] {
            self.note(sink, &plane.api().request("GET", path, "", "")?.body)?;
        }
        let mut controllers = 0;
        let mut logs: Vec<_> = fs::read_dir(plane.log_dir())?.collect::<Result<_, _>>()?;
        logs.sort_by_key(|entry| entry.metadata().and_then(|meta| meta.created()).ok());
        for entry in logs {
            let name = entry.file_name().to_string_lossy().into_owned();
            let sink = match (name.starts_with("signet-"), controllers) {
                (true, 0) => "controller.log".to_owned(),
                (true, _) => "controller-2.log".to_owned(),
                (false, _) => name,
            };
            controllers += usize::from(sink.starts_with("controller"));
            self.note(&sink, &String::from_utf8_lossy(&fs::read(entry.path())?))?;
        }
        Ok(())
    }

    /// The audit log, without the refusals in which the test's own policy has the API server quote a value. They must be
    /// there: without them nothing was quoted to the controller.
    fn note_audit(&self, log: &str) -> anyhow::Result<()> {
        let (quoted, others): (Vec<_>, Vec<_>) = log.lines().partition(|line| {
            line.contains(super::objects::QUOTE) && line.contains(r#""resource":"secrets""#)
        });
        ensure!(!quoted.is_empty(), "the API server never quoted a value");
        self.note("audit", &others.join("\n"))
    }

    /// Fails if a sink is empty or not what it seems to be.
    pub(super) fn ensure_alive(&self) -> anyhow::Result<()> {
        for (sink, texts) in ALIVE {
            let content = fs::read(self.path(sink)).with_context(|| format!("the sink {sink}"))?;
            let content = String::from_utf8_lossy(&content);
            println!("sink {sink}: {} bytes", content.len());
            for text in texts {
                ensure!(
                    content.contains(text),
                    "{text:?} is not in the sink {sink}:\n{}",
                    &content[..content.len().min(4000)]
                );
            }
        }
        Ok(())
    }

    /// The files of all sinks.
    pub(super) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.dir.path().join("sinks"))?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }
}
