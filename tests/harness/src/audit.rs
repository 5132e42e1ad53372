//! The API server's audit log: who asked for what, as the server itself wrote it down.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::Api;
use crate::wait::eventually;

const MARKER_PATH: &str = "/healthz/ping?marker=";

static NEXT_MARKER: AtomicU64 = AtomicU64::new(0);

/// The audit log of one control plane.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
    api: Api,
}

/// A place in the log: everything answered before it was made lies before it.
#[derive(Clone, Copy, Debug)]
pub struct Marker(u64);

impl Marker {
    /// The beginning of the log.
    pub const START: Self = Self(0);
}

/// One request, when it was answered (or, for a watch, when it began or ended).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural resource name; empty for paths such as `/healthz`.
    pub resource: String,
    /// `status`, `proxy`, … or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The object's name; empty for lists and for objects that get their name from the server.
    pub name: String,
    /// The user, such as `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// The client's User-Agent header.
    pub user_agent: String,
    /// The HTTP status code of the answer.
    pub code: u16,
    /// `ResponseComplete`, `ResponseStarted` (long requests) or `Panic`.
    pub stage: String,
    /// Path and query.
    pub uri: String,
}

impl Record {
    /// The request is finished; watches that still run are not.
    pub fn is_complete(&self) -> bool {
        self.stage == "ResponseComplete"
    }

    /// Whether it belongs to this service account.
    pub fn is_by_service_account(&self, namespace: &str, name: &str) -> bool {
        self.user == format!("system:serviceaccount:{namespace}:{name}")
    }

    /// `verb resource/subresource namespace/name code`, for messages.
    pub fn summary(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!(
            "{} {}{slash}{} {}/{} {}",
            self.verb, self.resource, self.subresource, self.namespace, self.name, self.code
        )
    }

    fn parse(line: &str) -> anyhow::Result<Self> {
        let event: Value =
            serde_json::from_str(line).with_context(|| format!("parse the audit line {line:?}"))?;
        let text = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Self {
            verb: text("/verb"),
            group: text("/objectRef/apiGroup"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            user: text("/user/username"),
            user_agent: text("/userAgent"),
            code: event
                .pointer("/responseStatus/code")
                .and_then(Value::as_u64)
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or(0),
            stage: text("/stage"),
            uri: text("/requestURI"),
        })
    }
}

impl AuditLog {
    pub(crate) fn new(path: PathBuf, api: Api) -> Self {
        Self { path, api }
    }

    /// The log file: one JSON event a line.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// A place in the log behind everything that was answered before this call.
    pub fn mark(&self) -> anyhow::Result<Marker> {
        self.sentinel().map(|(_, end)| Marker(end))
    }

    /// Every finished request between `marker` and now, in the order of their answers.
    pub fn since(&self, marker: Marker) -> anyhow::Result<Vec<Record>> {
        Ok(self
            .all_since(marker)?
            .into_iter()
            .filter(Record::is_complete)
            .collect())
    }

    /// The same with all stages: a watch shows as `ResponseStarted` as soon as it runs.
    pub fn all_since(&self, marker: Marker) -> anyhow::Result<Vec<Record>> {
        let (end, _) = self.sentinel()?;
        let text = self.read(marker.0, Some(end))?;
        let records = text
            .lines()
            .map(Record::parse)
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(records
            .into_iter()
            .filter(|record| !record.uri.starts_with(MARKER_PATH))
            .collect())
    }

    /// Sends a request that nobody else sends and finds its line: where it begins and where it ends.
    fn sentinel(&self) -> anyhow::Result<(u64, u64)> {
        let number = NEXT_MARKER.fetch_add(1, Ordering::Relaxed);
        let uri = format!("{MARKER_PATH}{}-{number}", std::process::id());
        let needle = format!("\"requestURI\":\"{uri}\"");
        let start = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        self.api.request("GET", &uri, "", "")?;
        eventually(
            "the audit log shows the marker",
            Duration::from_secs(60),
            || {
                let text = self.read(start, None).ok()?;
                let at = text.find(&needle)?;
                let end = at + text[at..].find('\n')? + 1;
                let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                Some((start + begin as u64, start + end as u64))
            },
        )
    }

    fn read(&self, start: u64, end: Option<u64>) -> anyhow::Result<String> {
        let mut file =
            File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end.map_or(u64::MAX, |end| end.saturating_sub(start)))
            .read_to_end(&mut bytes)?;
        // The server writes whole lines, ASCII-escaped where needed; a cut character can only be at a torn end.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_record() {
        let line = r#"{"kind":"Event","stage":"ResponseComplete","requestURI":"/apis/bitnami.com/v1alpha1/namespaces/a/sealedsecrets/b/status",
            "verb":"update","user":{"username":"system:serviceaccount:kube-system:signet"},"userAgent":"signet",
            "objectRef":{"resource":"sealedsecrets","namespace":"a","name":"b","apiGroup":"bitnami.com","subresource":"status"},
            "responseStatus":{"metadata":{},"code":200}}"#;
        let record = Record::parse(line).unwrap();
        assert_eq!(record.summary(), "update sealedsecrets/status a/b 200");
        assert!(record.is_complete());
        assert!(record.is_by_service_account("kube-system", "signet"));
        assert!(!record.is_by_service_account("kube", "system:signet"));
    }
}
