//! A small blocking client of the API server, for arranging and for judging. Independent of the client under test.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

const FIELD_MANAGER: &str = "signet-harness";

/// One user's connection to one API server.
#[derive(Clone, Debug)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// What the API server answered, success or not.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body of a 2xx answer as JSON; any other answer is an error.
    pub fn json(&self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!(
                "the API server answered {}: {}",
                self.status,
                self.body.trim()
            );
        }
        serde_json::from_str(&self.body).context("parse the API server's answer")
    }
}

impl Api {
    /// A client of the server at `base` (`https://host:port`) whose certificate `ca_file` vouches for.
    pub fn new(base: &str, ca_file: &Path, token: &str) -> anyhow::Result<Self> {
        let pem = fs::read(ca_file).with_context(|| format!("read {}", ca_file.display()))?;
        let roots: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        // A server that is just starting has made the file and not yet written it.
        ensure!(
            !roots.is_empty(),
            "{} has no certificate",
            ca_file.display()
        );
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(30)))
            .user_agent(FIELD_MANAGER)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            base: base.to_owned(),
            token: token.to_owned(),
        })
    }

    /// The same server with another bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Any request; only a failed connection is an error.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        self.request_as("application/json, */*", method, path, content_type, body)
    }

    /// GET of the columns that `kubectl get` shows: a `Table`.
    pub fn table(&self, path: &str) -> anyhow::Result<Value> {
        self.request_as(
            "application/json;as=Table;v=v1;g=meta.k8s.io",
            "GET",
            path,
            "",
            "",
        )?
        .json()
        .with_context(|| format!("GET {path} as a table"))
    }

    fn request_as(
        &self,
        accept: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", accept);
        let answer = if body.is_empty() {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(
                request
                    .header("Content-Type", content_type)
                    .body(body.to_owned())?,
            )
        };
        let mut answer = answer.with_context(|| format!("{method} {path}"))?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .lossy_utf8(true)
            .read_to_string()?;
        Ok(Answer { status, body })
    }

    /// GET; the answer must be 2xx JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json("GET", path, "", "")
    }

    /// GET of something that may be missing: 404 is `None`.
    pub fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let answer = self.request("GET", path, "", "")?;
        if answer.status == 404 {
            Ok(None)
        } else {
            answer.json().map(Some)
        }
    }

    /// POST of a JSON object.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json("POST", path, "application/json", &body.to_string())
    }

    /// PUT of a JSON object.
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json("PUT", path, "application/json", &body.to_string())
    }

    /// PATCH with a JSON merge patch, also of subresources such as `…/status`.
    pub fn merge_patch(&self, path: &str, patch: &Value) -> anyhow::Result<Value> {
        self.json(
            "PATCH",
            path,
            "application/merge-patch+json",
            &patch.to_string(),
        )
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.json("DELETE", path, "", "")
    }

    /// What the API server would make of this object of any kind; nothing is stored. A field that it does not know is an error.
    pub fn dry_run(&self, object: &Value) -> anyhow::Result<Value> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}&force=true&dryRun=All&fieldValidation=Strict",
            object_path(object)?
        );
        self.json(
            "PATCH",
            &path,
            "application/apply-patch+yaml",
            &object.to_string(),
        )
    }

    /// Server-side apply of one object of any kind.
    pub fn apply(&self, object: &Value) -> anyhow::Result<Value> {
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}&force=true",
            object_path(object)?
        );
        self.json(
            "PATCH",
            &path,
            "application/apply-patch+yaml",
            &object.to_string(),
        )
    }

    /// Server-side apply of every document.
    pub fn apply_yaml(&self, yaml: &str) -> anyhow::Result<()> {
        for object in serde_saphyr::from_multiple::<Value>(yaml)? {
            self.apply(&object)?;
        }
        Ok(())
    }

    /// Makes a namespace if there is none.
    pub fn ensure_namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespace = serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.apply(&namespace).map(drop)
    }

    fn json(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> anyhow::Result<Value> {
        self.request(method, path, content_type, body)?
            .json()
            .with_context(|| format!("{method} {path}"))
    }
}

/// The URL path of an object, from what it says about itself.
fn object_path(object: &Value) -> anyhow::Result<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let version = text("/apiVersion").context("the object has no apiVersion")?;
    let kind = text("/kind").context("the object has no kind")?;
    let name = text("/metadata/name").context("the object has no name")?;
    let root = if version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    let namespace = text("/metadata/namespace")
        .map(|ns| format!("/namespaces/{ns}"))
        .unwrap_or_default();
    Ok(format!(
        "{root}/{version}{namespace}/{}/{name}",
        plural(kind)
    ))
}

fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if lower == "endpoints" => lower,
        None if lower.ends_with("ss") => format!("{lower}es"),
        None => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_without_a_certificate_vouches_for_nobody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Api::new("https://127.0.0.1:1", file.path(), "token").unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error:#}");
    }

    #[test]
    fn an_object_knows_its_path() {
        let path = |api: &str, kind: &str, meta: Value| {
            object_path(&json!({ "apiVersion": api, "kind": kind, "metadata": meta })).unwrap()
        };
        assert_eq!(
            path("v1", "Namespace", json!({ "name": "a" })),
            "/api/v1/namespaces/a"
        );
        assert_eq!(
            path("v1", "Endpoints", json!({ "name": "a", "namespace": "b" })),
            "/api/v1/namespaces/b/endpoints/a"
        );
        assert_eq!(
            path(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                json!({ "name": "a", "namespace": "b" })
            ),
            "/apis/networking.k8s.io/v1/namespaces/b/networkpolicies/a"
        );
    }
}
