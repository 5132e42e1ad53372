//! Reading manifests from a file or from stdin.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use signet_common::{Printable, decode_text};
use signet_crds::SealedSecret;
use signet_crds::manifest::{Labels, ManifestError, Reading, read_documents};
use signet_crds::names::{API_VERSION, KIND};
use zeroize::Zeroizing;

use crate::error::{Failure, os_text};
use crate::session::{Program, Session};

/// More than any Secret can hold.
pub(crate) const MAX_BYTES: usize = 10 * 1024 * 1024;

const MARK: &str = "\u{feff}";

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

    /// Before anything else is done: whether the file can be opened. Whoever types is told what is waited for, as upstream
    /// does.
    ///
    /// # Errors
    /// There is no such file, or it may not be read.
    pub fn expect(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self {
            Self::Stdin if session.stdin_is_terminal => {
                session.notice("(tty detected: expecting json/yaml k8s resource in stdin)");
                Ok(())
            }
            Self::Stdin => Ok(()),
            Self::File(path) => can_be_opened(path)
                .map_err(|failure| self.told_as_upstream(session.program, failure)),
        }
    }

    /// Every byte of a manifest; a failure begins with upstream's words.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_manifest(&self, session: &mut Session<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let program = session.program;
        self.read(session)
            .map_err(|failure| self.told_as_upstream(program, failure))
    }

    /// Says of a file what is wrong in it. `kubeseal` keeps to upstream's words.
    pub fn within(&self, program: Program, failure: Failure) -> Failure {
        match (program, self) {
            (Program::Signet, Self::File(path)) => {
                failure.within(Printable(&path.to_string_lossy()))
            }
            _ => failure,
        }
    }

    fn told_as_upstream(&self, program: Program, failure: Failure) -> Failure {
        match (program, self) {
            (Program::Kubeseal, Self::File(_)) => {
                failure.within("Could not read file specified with --secret-file")
            }
            _ => failure,
        }
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

/// A pipe is not opened to find out: it can be read once only.
fn can_be_opened(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file("open", path, &error);
    if std::fs::metadata(path).map_err(failed)?.is_file() {
        File::open(path).map_err(failed)?;
    }
    Ok(())
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

/// The text of an input. UTF-16 with a byte order mark, as PowerShell's `>` writes it, is converted; a mark before UTF-8 stays.
///
/// # Errors
/// It is neither UTF-8 nor UTF-16 with a mark.
pub fn text(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let not_text = || {
        Failure::trouble(ManifestError::NotUtf8)
            .hint("write the file as UTF-8; UTF-16 is read if it begins with a byte order mark")
    };
    let decoded = decode_text(bytes).ok_or_else(not_text)?;
    if bytes.starts_with(MARK.as_bytes()) {
        return Ok(Zeroizing::new([MARK, decoded.as_str()].concat()));
    }
    Ok(decoded)
}

/// What was read of a manifest, and where each part of it stands.
pub struct Documents {
    /// The documents, or the objects in them.
    pub values: Vec<Value>,
    places: Vec<String>,
}

impl Documents {
    /// Says in which of them something went wrong, unless there is only one.
    pub fn within(&self, index: usize, failure: Failure) -> Failure {
        match self.places.as_slice() {
            [] | [_] => failure,
            places => failure.within(places.get(index).map_or("", String::as_str)),
        }
    }

    fn push(&mut self, place: String, value: Value) {
        self.places.push(place);
        self.values.push(value);
    }
}

/// The documents of a manifest. An input without any is an error: upstream's text for Secrets, with the usual cause.
///
/// # Errors
/// Not text, not YAML or JSON, too large, or empty.
pub fn documents(bytes: &[u8], what: &str) -> Result<Documents, Failure> {
    not_empty(read(bytes, Labels::AsGo)?, what)
}

/// Whether a text is SealedSecrets that say so themselves, and nothing else.
pub(crate) fn holds_only_sealed_secrets(bytes: &[u8]) -> bool {
    let says = |document: &Value, field: &str, text: &str| {
        document.get(field).and_then(Value::as_str) == Some(text)
    };
    documents(bytes, "sealed secrets").is_ok_and(|documents| {
        documents.values.iter().all(|document| {
            says(document, "kind", KIND)
                && says(document, "apiVersion", API_VERSION)
                && SealedSecret::parse(document).is_ok()
        })
    })
}

/// The objects of a manifest: the documents, and of a List what it holds.
///
/// # Errors
/// As [`documents`]; for `signet` also a label or an annotation that YAML changes.
pub fn objects(program: Program, bytes: &[u8], what: &str) -> Result<Documents, Failure> {
    let labels = match program {
        Program::Signet => Labels::Strict,
        Program::Kubeseal => Labels::AsGo,
    };
    let read = read(bytes, labels)?;
    let mut objects = Documents {
        values: Vec::new(),
        places: Vec::new(),
    };
    for (mut value, place) in read.values.into_iter().zip(read.places) {
        match items(&mut value) {
            Some(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    objects.push(format!("{place}, item {}", index + 1), item);
                }
            }
            // An object without any field is no document to upstream either.
            None if value.as_object().is_some_and(Map::is_empty) => {}
            None => objects.push(place, value),
        }
    }
    not_empty(objects, what).map_err(|failure| match bytes.trim_ascii() {
        [] => failure.hint("the input is empty: was the command that writes it successful?"),
        _ => failure.hint("there is no object in it, only comments or separators"),
    })
}

/// Upstream's words.
fn not_empty(documents: Documents, what: &str) -> Result<Documents, Failure> {
    if documents.values.is_empty() {
        let message = format!("no {what} found. Ensure the input is valid and UTF-8 encoded");
        return Err(Failure::trouble(message));
    }
    Ok(documents)
}

fn read(bytes: &[u8], labels: Labels) -> Result<Documents, Failure> {
    let text = text(bytes)?;
    let reading = Reading {
        labels,
        ..Reading::LARGE
    };
    let values =
        read_documents(text.as_bytes(), reading).map_err(|error| explain(&error, &text))?;
    let places = (1..=values.len())
        .map(|number| format!("document {number}"))
        .collect();
    Ok(Documents { values, places })
}

/// The failure, with what to do about it. None of it quotes the text.
pub(crate) fn explain(error: &ManifestError, text: &str) -> Failure {
    let failure = Failure::trouble(error);
    match error {
        ManifestError::TooLarge => failure.hint("split the input into several files"),
        ManifestError::TooManyValues(_) => failure
            .hint("split the input into several files, or give it as JSON (kubectl get -o json)"),
        ManifestError::Changed { .. } => {
            failure.hint("put it in quotes, so that it stays the text it is; nothing was written")
        }
        ManifestError::HiddenLineBreak { .. } => failure.hint(
            "remove it, or write it as an escape in double quotes (\"\\u2028\"); nothing was written",
        ),
        ManifestError::Syntax { .. } if text.contains("{{") => {
            Failure::trouble(format_args!("{error}: this looks like a template")).hint(
                "render it first (helm template), or seal one value with --raw; nothing was written",
            )
        }
        ManifestError::Syntax { .. } | ManifestError::KeyTwice { .. } | ManifestError::NotUtf8 => {
            failure.hint("nothing was written; correct the input and run again")
        }
    }
}

/// What a List holds, also one of a single kind, such as a `SecretList`.
fn items(value: &mut Value) -> Option<Vec<Value>> {
    let is_list = value.get("kind")?.as_str()?.ends_with("List");
    match value.get_mut("items")? {
        Value::Array(items) if is_list => Some(std::mem::take(items)),
        Value::Null if is_list => Some(Vec::new()),
        _ => None,
    }
}
