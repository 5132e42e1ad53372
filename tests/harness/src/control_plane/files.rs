//! The files a control plane needs before it starts: tokens, service account key, audit policy, kubeconfigs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::command::Layout;
use super::{ADMIN, Options};

pub(super) fn write(layout: &Layout, options: &Options) -> anyhow::Result<()> {
    fs::write(layout.token_file(), tokens(&options.users))?;
    fs::write(layout.service_account_key_file(), private_key_pem()?)?;
    // Who asked for what, without bodies. "ResponseStarted" is when a watch begins.
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{ "level": "Metadata" }],
    });
    fs::write(layout.audit_policy_file(), policy.to_string())?;
    write_kubeconfig(layout, ADMIN, &token_of(ADMIN), "default").map(drop)
}

/// The bearer token of a user from the token file. Nothing outside this machine can reach the server.
pub(super) fn token_of(user: &str) -> String {
    format!("token-of-{user}")
}

pub(super) fn write_kubeconfig(
    layout: &Layout,
    name: &str,
    token: &str,
    namespace: &str,
) -> anyhow::Result<PathBuf> {
    // JSON is YAML, and every client reads it.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "default",
        "clusters": [{
            "name": "default",
            "cluster": { "server": layout.url(), "certificate-authority": layout.ca_file() },
        }],
        "users": [{ "name": name, "user": { "token": token } }],
        "contexts": [{
            "name": "default",
            "context": { "cluster": "default", "user": name, "namespace": namespace },
        }],
    });
    let path = layout.kubeconfig_file(name);
    fs::write(&path, config.to_string()).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

fn tokens(users: &[(String, Vec<String>)]) -> String {
    let mut lines = format!("{},{ADMIN},{ADMIN},system:masters\n", token_of(ADMIN));
    for (name, groups) in users {
        lines.push_str(&format!(
            "{},{name},{name},\"{}\"\n",
            token_of(name),
            groups.join(",")
        ));
    }
    lines
}

fn private_key_pem() -> anyhow::Result<String> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("make an RSA key"))?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| anyhow!("encode an RSA key"))?;
    let text = STANDARD.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|&byte| char::from(byte)));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}
