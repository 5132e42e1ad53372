//! What etcd holds, read behind the API server's back: an independent witness.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ControlPlane;

/// Under which the API server keeps its objects.
const ROOT: &str = "/registry/";

impl ControlPlane {
    /// Every key that begins with `/registry/PREFIX` and its bytes (protobuf for built-in kinds, JSON for custom ones),
    /// for instance `stored("secrets/NAMESPACE/NAME")`.
    pub fn stored(&self, prefix: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let start = [ROOT, prefix].concat().into_bytes();
        let mut end = start.clone();
        let last = end.last_mut().context("the root is not empty")?;
        // The first key behind all that begin so. Names are ASCII, the byte cannot overflow.
        *last += 1;
        let request = json!({ "key": STANDARD.encode(&start), "range_end": STANDARD.encode(&end) });
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .build()
            .new_agent();
        let url = format!("{}/v3/kv/range", self.etcd_url());
        let answer = agent
            .post(&url)
            .send(request.to_string())
            .context("ask etcd")?
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_string()?;
        let answer: Value = serde_json::from_str(&answer)?;
        let entries = answer["kvs"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        entries
            .iter()
            .map(|entry| {
                Ok((
                    String::from_utf8(field(entry, "key")?)?,
                    field(entry, "value")?,
                ))
            })
            .collect()
    }
}

fn field(entry: &Value, name: &str) -> anyhow::Result<Vec<u8>> {
    Ok(STANDARD.decode(entry[name].as_str().unwrap_or_default())?)
}
