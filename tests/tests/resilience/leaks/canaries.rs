//! What must not leak: three values and the private keys, and the search for them.

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use signet_harness::{Canary, ControlPlane};

use super::sinks::Sinks;

/// A text value; its characters need escapes in JSON, YAML and URLs.
pub(super) const TEXT: &str = "canary?>\"text\" 4f1d&8c=92e7";
/// A value that stands where a private key belongs.
pub(super) const NOT_A_KEY: &str = "canary-instead-of-a-key-51b0c3";
/// A binary value, not UTF-8.
pub(super) const BINARY: &[u8] = b"\x00\xff\xfe\x9c\x01\xc3\x28canary\x80\x81\xf5\x07\x13";
/// Bytes of a PKCS#1 key of 2048 bits that are public: header, version, modulus, exponent.
const PUBLIC: usize = 280;
/// Length of the pieces of private keys that are looked for.
const PIECE: usize = 24;

/// All of them, by name.
pub(super) struct Canaries(Vec<(String, Vec<u8>, Canary)>);

impl Canaries {
    /// The values above, every key Secret of the cluster, and the keys that the test adds.
    pub(super) fn new(plane: &ControlPlane, key_namespace: &str) -> anyhow::Result<Self> {
        let mut canaries = Self(Vec::new());
        canaries.add("text", TEXT.as_bytes())?;
        canaries.add("not a key", NOT_A_KEY.as_bytes())?;
        canaries.add("binary", BINARY)?;
        let selector = "labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key";
        let secrets = plane.api().get(&format!(
            "/api/v1/namespaces/{key_namespace}/secrets?{selector}"
        ))?;
        let text = secrets["items"][0]["data"]["tls.key"]
            .as_str()
            .context("a key Secret")?;
        canaries.add_key(
            "the controller's key",
            &String::from_utf8(STANDARD.decode(text)?)?,
        )?;
        canaries.add_key("the added key", super::objects::GOOD_KEY.1)?;
        canaries.add_key("the mismatched key", super::objects::MISMATCHED_KEY.1)?;
        Ok(canaries)
    }

    fn add(&mut self, name: &str, value: &[u8]) -> anyhow::Result<()> {
        self.0
            .push((name.to_owned(), value.to_vec(), Canary::new(value)?));
        Ok(())
    }

    /// The lines of the PEM text and pieces of the DER bytes, without the public part.
    fn add_key(&mut self, name: &str, pem: &str) -> anyhow::Result<()> {
        let lines: Vec<_> = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(lines.concat())?;
        let public_lines = PUBLIC.div_ceil(48);
        let before = self.0.len();
        for line in lines
            .iter()
            .skip(public_lines)
            .filter(|line| line.len() == 64)
        {
            self.add(&format!("{name}, a line of its PEM"), line.as_bytes())?;
        }
        for piece in der[PUBLIC..].chunks_exact(PIECE) {
            self.add(&format!("{name}, a piece of its DER"), piece)?;
        }
        ensure!(self.0.len() > before + 40, "{name} is too short");
        Ok(())
    }

    /// Where any of them is found.
    pub(super) fn search(&self, sinks: &Sinks) -> anyhow::Result<Vec<String>> {
        let mut findings = Vec::new();
        for (name, _, canary) in &self.0 {
            for path in sinks.files()? {
                let bytes = std::fs::read(&path)?;
                findings.extend(canary.scan_bytes(&bytes).into_iter().map(|finding| {
                    let around = &bytes[finding.offset.saturating_sub(200)..finding.offset];
                    let around = String::from_utf8_lossy(around);
                    format!(
                        "{name} as {} in {}, after {around:?}",
                        finding.form,
                        path.display()
                    )
                }));
            }
        }
        Ok(findings)
    }

    /// Plants a copy of each in each sink, in each form, and fails where the search misses it.
    pub(super) fn ensure_planted_copies_are_found(&self, sinks: &Sinks) -> anyhow::Result<()> {
        for path in sinks.files()? {
            let clean = std::fs::read(&path)?;
            for (name, value, canary) in &self.0 {
                for (form, planted) in forms(value) {
                    let middle = clean.len() / 2;
                    let sink = [&clean[..middle], &planted, &clean[middle..]].concat();
                    let found = !canary.scan_bytes(&sink).is_empty();
                    ensure!(
                        found,
                        "{name} planted as {form} in {} is not found",
                        path.display()
                    );
                }
                // One form of the others is enough for each of the many pieces of keys.
                if name.contains("piece") {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// A value as it could stand in a sink. Made here on its own, not by the search.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let url: String = value
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![
        ("raw", value.to_vec()),
        ("hex", hex.into()),
        ("url", url.into()),
    ];
    for before in 0..3 {
        let longer = [&b"xx"[..before], value, b"after"].concat();
        forms.push(("base64", STANDARD.encode(&longer).into()));
        forms.push(("base64url", URL_SAFE.encode(&longer).into()));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let quoted = format!("{:?}", format!("{text:?}"));
        let html = text.replace('"', "\\\"").replace('>', "\\u003e");
        forms.push(("quoted twice", quoted.into()));
        forms.push(("json by Go", html.replace('&', "\\u0026").into()));
    }
    forms
}
