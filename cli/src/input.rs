//! Reading manifests from a file or from stdin.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use signet_common::Printable;
use signet_crds::manifest::{ManifestError, parse_documents};
use zeroize::Zeroizing;

use crate::error::{Failure, os_text};
use crate::session::{Program, Session};

/// More than any Secret can hold.
const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Where a manifest or a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// The path, if it is a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) => Some(path),
        }
    }

    /// Every byte of a manifest; a failure begins with upstream's words.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_manifest(&self, session: &mut Session<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let program = session.program;
        self.read(session).map_err(|failure| match (program, self) {
            (Program::Kubeseal, Self::File(_)) => {
                failure.within("Could not read file specified with --secret-file")
            }
            _ => failure,
        })
    }

    /// Every byte of it.
    ///
    /// # Errors
    /// It cannot be opened or read, or is larger than 10 MiB.
    pub fn read(&self, session: &mut Session<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match self {
            Self::Stdin => {
                let bytes = read_limited(session.stdin).map_err(|error| {
                    Failure::trouble(format_args!("read stdin: {}", os_text(&error)))
                })?;
                within_limit(bytes, "stdin")
            }
            Self::File(path) => read_file(path),
        }
    }
}

/// Every byte of a file.
///
/// # Errors
/// The file cannot be opened or read, or is larger than 10 MiB.
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut file = File::open(path).map_err(|error| Failure::file("open", path, &error))?;
    let bytes = read_limited(&mut file).map_err(|error| Failure::file("read", path, &error))?;
    within_limit(bytes, &path.to_string_lossy())
}

fn read_limited(source: &mut dyn Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let one_more = MAX_BYTES as u64 + 1;
    source.take(one_more).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn within_limit(bytes: Zeroizing<Vec<u8>>, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if bytes.len() > MAX_BYTES {
        let message = format!("{} is larger than 10 MiB", Printable(name));
        return Err(Failure::trouble(message));
    }
    Ok(bytes)
}

/// The documents of a manifest. An input without any is an error: upstream's text for Secrets, with the usual cause.
///
/// # Errors
/// Not UTF-8, not YAML or JSON, too large, or empty.
pub fn documents(bytes: &[u8], what: &str) -> Result<Vec<Value>, Failure> {
    let documents = parse_documents(bytes).map_err(|error| {
        let hint = match error {
            ManifestError::NotUtf8 => {
                "PowerShell's '>' writes UTF-16: write the file with 'Out-File -Encoding utf8', or pipe it"
            }
            ManifestError::TooLarge => "split the input into several files",
            ManifestError::Syntax { .. } => "nothing was written; correct the input and run again",
        };
        Failure::trouble(&error).hint(hint)
    })?;
    if documents.is_empty() {
        let message = format!("no {what} found. Ensure the input is valid and UTF-8 encoded");
        return Err(Failure::trouble(message));
    }
    Ok(documents)
}

/// Names a document in an error, but only where there are several.
pub fn in_document(failure: Failure, index: usize, count: usize) -> Failure {
    if count < 2 {
        return failure;
    }
    failure.within(format_args!("document {}", index + 1))
}
