//! Requests to the controller's HTTP API, straight or through the API server, and sealed objects to send.

use anyhow::Context;
use serde_json::{Value, json};
use signet_harness::upstream::{NAMESPACE, SERVICE};
use signet_tests::signet::{SignetController, http_agent, seal, secret};
use ureq::http::{HeaderMap, Request};

use crate::world::SignetWorld;

/// An answer with its headers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// A header's text, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// Straight to the controller.
pub(crate) fn send(
    controller: &SignetController,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> anyhow::Result<Reply> {
    let agent = http_agent();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:{}{path}", controller.port));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = agent
        .run(request.body(body.to_owned())?)
        .with_context(|| format!("{method} {path}"))?;
    Ok(Reply {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.body_mut().read_to_string()?,
    })
}

/// The path under which kubeseal reaches an endpoint: the Service's port has no name, and its place stays empty.
pub(crate) fn proxied(endpoint: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/services/http:{SERVICE}:/proxy{endpoint}")
}

/// POST through the API server, as kubeseal does it.
pub(crate) fn post(
    world: &SignetWorld,
    endpoint: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let api = world.plane.api();
    let answer = api.request("POST", &proxied(endpoint), "application/json", body)?;
    Ok((answer.status, answer.body))
}

/// What `/v1/verify` says.
pub(crate) fn verify(world: &SignetWorld, sealed: &Value) -> anyhow::Result<u16> {
    post(world, "/v1/verify", &sealed.to_string()).map(|(status, _)| status)
}

/// An object that is in no cluster, sealed by Signet with the newest key.
pub(crate) fn sealed(world: &SignetWorld, flags: &[&str]) -> anyhow::Result<Value> {
    seal(&world.certificate, &clear(), flags)
}

/// The same, sealed with the key before.
pub(crate) fn old_sealed(world: &SignetWorld, flags: &[&str]) -> anyhow::Result<Value> {
    seal(&world.old_certificate, &clear(), flags)
}

fn clear() -> Value {
    let mut clear = secret(
        "nowhere",
        "db",
        &[("user", "alice-in-clear"), ("password", "pw-in-clear")],
    );
    clear["metadata"]["labels"] = json!({"app": "db"});
    clear
}

/// The object under another name or in another namespace.
pub(crate) fn moved(sealed: &Value, namespace: &str, name: &str) -> Value {
    let mut moved = sealed.clone();
    moved["metadata"]["namespace"] = namespace.into();
    moved["metadata"]["name"] = name.into();
    moved
}
