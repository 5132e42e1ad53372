//! Writes an image as an OCI image layout (OCI image-spec 1.1): a folder of blobs that are named by their digests.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::archive::{self, Entry};

/// One image of one layer.
pub(crate) struct Image {
    /// What a runtime shall know, as `config` of the image configuration.
    pub(crate) config: Value,
    /// `linux`, `amd64`.
    pub(crate) platform: (&'static str, &'static str),
    /// The files.
    pub(crate) entries: Vec<Entry>,
    /// Name under which a runtime loads it: `HOST/NAME:TAG`.
    pub(crate) reference: String,
    /// Seconds since 1970.
    pub(crate) epoch: u64,
    /// The same as text, RFC 3339.
    pub(crate) created: String,
}

impl Image {
    /// Writes the layout into `folder`, which must be empty, and gives the digest of the image's manifest.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<String> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).with_context(|| blobs.display().to_string())?;
        let layer = archive::tar(&self.entries, self.epoch)?;
        let compressed = put(&blobs, &archive::gzip(&layer)?, "layer.v1.tar+gzip")?;
        let (system, architecture) = self.platform;
        let configuration = json!({
            "created": self.created,
            "os": system,
            "architecture": architecture,
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
            "history": [{"created": self.created, "created_by": "cargo xtask image"}],
        });
        let configuration = put(
            &blobs,
            configuration.to_string().as_bytes(),
            "config.v1+json",
        )?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": configuration,
            "layers": [compressed],
        });
        let mut manifest = put(&blobs, manifest.to_string().as_bytes(), "manifest.v1+json")?;
        let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
        manifest["platform"] = json!({"os": system, "architecture": architecture});
        let tag = self.reference.rsplit(':').next().unwrap_or_default();
        manifest["annotations"] = json!({
            "org.opencontainers.image.ref.name": tag,
            "io.containerd.image.name": self.reference,
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [manifest],
        });
        fs::write(folder.join("index.json"), index.to_string())?;
        let layout = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(folder.join("oci-layout"), layout.to_string())?;
        Ok(digest)
    }
}

/// Writes a blob and gives its descriptor.
fn put(blobs: &Path, content: &[u8], kind: &str) -> anyhow::Result<Value> {
    let digest = digest(content);
    let name = digest.trim_start_matches("sha256:");
    fs::write(blobs.join(name), content)?;
    Ok(json!({
        "mediaType": format!("application/vnd.oci.image.{kind}"),
        "digest": digest,
        "size": content.len(),
    }))
}

/// `sha256:` and 64 hexadecimal digits.
fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

/// The SHA-256 of `content` as 64 hexadecimal digits.
pub(crate) fn hex(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
