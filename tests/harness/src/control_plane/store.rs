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
        let answer = self.range(prefix, false)?;
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

    /// How many keys begin with `/registry/PREFIX`. Costs etcd next to nothing, so it may be asked often.
    pub fn count_stored(&self, prefix: &str) -> anyhow::Result<usize> {
        let answer = self.range(prefix, true)?;
        // 64-bit numbers are text in etcd's JSON; zero is left out.
        let count = answer["count"].as_str().unwrap_or("0");
        count.parse().context("a number")
    }

    fn range(&self, prefix: &str, count_only: bool) -> anyhow::Result<Value> {
        let start = [ROOT, prefix].concat().into_bytes();
        let mut end = start.clone();
        let last = end.last_mut().context("the root is not empty")?;
        // The first key behind all that begin so. Names are ASCII, the byte cannot overflow.
        *last += 1;
        let request = json!({
            "key": STANDARD.encode(&start),
            "range_end": STANDARD.encode(&end),
            "count_only": count_only,
        });
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
        Ok(serde_json::from_str(&answer)?)
    }
}

fn field(entry: &Value, name: &str) -> anyhow::Result<Vec<u8>> {
    Ok(STANDARD.decode(entry[name].as_str().unwrap_or_default())?)
}
