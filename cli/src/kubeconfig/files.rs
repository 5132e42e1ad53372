//! The files of a kubeconfig, read and merged as Kubernetes' own clients do.

use std::io;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use signet_common::Printable;

use super::KubeOptions;
use crate::error::{Failure, os_text};
use crate::session::Session;

/// The explicit file, else the list in `KUBECONFIG`, else `~/.kube/config`. Only the explicit one must exist.
pub(super) fn merged_files(
    session: &Session<'_>,
    options: &KubeOptions,
) -> Result<Kubeconfig, Failure> {
    if let Some(path) = &options.kubeconfig {
        if let Err(error) = std::fs::metadata(path)
            && error.kind() == io::ErrorKind::NotFound
        {
            return Err(Failure::file("stat", path, &error).hint(
                "give another file with --kubeconfig, or leave it out: then KUBECONFIG or ~/.kube/config is read",
            ));
        }
        return read(path).map(Option::unwrap_or_default);
    }
    let paths: Vec<PathBuf> = match (session.variable)("KUBECONFIG") {
        Some(list) if !list.is_empty() => std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        _ => (session.variable)("HOME")
            .map(|home| Path::new(&home).join(".kube").join("config"))
            .into_iter()
            .collect(),
    };
    let mut merged = Kubeconfig::default();
    for path in &paths {
        if let Some(next) = read(path)? {
            merged = merge(merged, next, path)?;
        }
    }
    Ok(merged)
}

/// Of what stands in both the first counts, entry by entry; a text that is empty is not there.
fn merge(first: Kubeconfig, next: Kubeconfig, path: &Path) -> Result<Kubeconfig, Failure> {
    // Each was looked at when it was read; the library would have them be the same text.
    let plain = |mut config: Kubeconfig| {
        config.kind = None;
        config.api_version = None;
        config.current_context = config.current_context.filter(|name| !name.is_empty());
        config
    };
    plain(first)
        .merge(plain(next))
        .map_err(|error| broken(path, &error.to_string()))
}

/// A file. `None` if there is none.
fn read(path: &Path) -> Result<Option<Kubeconfig>, Failure> {
    let config = match Kubeconfig::read_from(path) {
        Ok(config) => config,
        Err(KubeconfigError::ReadConfig(error, _)) => return unreadable(path, &error),
        // The parser's own text may quote a token: only the place is shown.
        Err(_) => return Err(not_a_kubeconfig(path)),
    };
    let is = |field: &Option<String>, expected: &str| match field.as_deref() {
        None | Some("") => true,
        Some(text) => text == expected,
    };
    if is(&config.kind, "Config") && is(&config.api_version, "v1") {
        return Ok(Some(config));
    }
    Err(not_a_kubeconfig(path))
}

fn unreadable(path: &Path, error: &io::Error) -> Result<Option<Kubeconfig>, Failure> {
    let operation = match error.kind() {
        io::ErrorKind::NotFound => return Ok(None),
        // What is no text was opened.
        io::ErrorKind::InvalidData => return Err(not_a_kubeconfig(path)),
        io::ErrorKind::IsADirectory => "read",
        _ => "open",
    };
    let shown = path.to_string_lossy();
    let why = format!("{operation} {}: {}", Printable(&shown), os_text(error));
    Err(broken(path, &why))
}

fn not_a_kubeconfig(path: &Path) -> Failure {
    broken(path, "not a kubeconfig").hint("'kubectl config view' says what is wrong with it")
}

fn broken(path: &Path, why: &str) -> Failure {
    let path = path.to_string_lossy();
    Failure::trouble(format_args!(
        "error loading config file \"{}\": {why}",
        Printable(&path)
    ))
}
