//! Reading the documents of a manifest: YAML with several documents, or JSON objects one after another.
//!
//! The text may hold plaintext, so no error repeats a byte of it: only a document number and a position.

mod compose;
mod json;
mod shape;

use std::borrow::Cow;

use serde_json::Value;
use thiserror::Error;

use compose::{Composer, Trouble};
use json::Unique;
use shape::Reader;

/// Bounds on what is read (docs/trust.md row 18).
const MAX_BYTES: usize = 10 * 1024 * 1024;
const MAX_DEPTH: usize = 64;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What becomes of labels and annotations that YAML changes.
    pub labels: Labels,
    /// How many values YAML may hold in all; an alias counts as what it stands for.
    pub max_values: usize,
}

/// What becomes of the labels and annotations that Go reads as another text than the one that stands there, as `yes` is `true`.
/// Values and names of items are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// They are what Go makes of them.
    AsGo,
    /// They are refused as well.
    Strict,
}

impl Reading {
    /// For a text that came over the network: it costs little memory.
    pub const SMALL: Self = Self {
        labels: Labels::AsGo,
        max_values: 100_000,
    };

    /// For files of the person who runs the program.
    pub const LARGE: Self = Self {
        labels: Labels::AsGo,
        max_values: 1_000_000,
    };
}

/// Why a text cannot be read as a manifest. Positions and names of fields only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Larger than 10 MiB.
    #[error("the input is larger than 10 MiB")]
    TooLarge,
    /// More values than [`Reading::max_values`]; that number.
    #[error("the input holds more than {0} values, or aliases that stand for so many")]
    TooManyValues(usize),
    /// Not UTF-8.
    #[error("the input is not UTF-8 text")]
    NotUtf8,
    /// A syntax error, or a bound of the parser; line and column from 1.
    #[error("document {document}: not valid {language} at line {line}, column {column}")]
    Syntax {
        /// Number of the document, from 1; the last one that was begun.
        document: usize,
        /// `YAML` or `JSON`.
        language: &'static str,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
    },
    /// A key stands twice in one mapping; YAML forbids it, and of JSON readers differ in which one they take.
    #[error(
        "document {document}: a key stands twice in one mapping, the second time at line {line}"
    )]
    KeyTwice {
        /// Number of the document, from 1.
        document: usize,
        /// Line, from 1.
        line: u64,
    },
    /// Text without quotes that Go, and so Kubernetes, reads as another text: `017` is 15, `yes` is `true`.
    #[error("document {document}: YAML would change the text of {path} at line {line}")]
    Changed {
        /// Number of the document, from 1.
        document: usize,
        /// The field.
        path: String,
        /// Line, from 1.
        line: u64,
    },
    /// A character that YAML 1.1, and so Kubernetes, takes for the end of a line, and YAML 1.2 does not.
    #[error(
        "line {line} holds {character}, which some readers of YAML take for the end of the line"
    )]
    HiddenLineBreak {
        /// Line, from 1, by the usual line ends.
        line: u64,
        /// Its code.
        character: &'static str,
    },
}

/// Every document of `bytes`, in order; empty documents are left out. See [`Reading::SMALL`]; nor may there be more values
/// than bytes, which only aliases can bring about, so that a short text costs little time as well.
///
/// # Errors
/// [`ManifestError`]; never quotes a value of the input.
pub fn parse_documents(bytes: &[u8]) -> Result<Vec<Value>, ManifestError> {
    let small = Reading::SMALL;
    let max_values = small.max_values.min(bytes.len());
    read_documents(
        bytes,
        Reading {
            max_values,
            ..small
        },
    )
}

/// Every document of `bytes`, in order; empty documents are left out.
///
/// # Errors
/// [`ManifestError`]; never quotes a value of the input.
pub fn read_documents(bytes: &[u8], reading: Reading) -> Result<Vec<Value>, ManifestError> {
    if bytes.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::NotUtf8)?;
    let text = without_marks(text);
    let text = text.as_ref();
    if !text.trim_start().starts_with('{') {
        return parse_yaml(text, reading);
    }
    let json = match parse_json(text) {
        Ok(documents) if !documents.iter().any(shape::needs_spelling) => return Ok(documents),
        Err(twice @ ManifestError::KeyTwice { .. }) => return Err(twice),
        json => json,
    };
    // YAML may begin like this too. If it is neither, JSON was probably meant, unless there are separators. A number where a
    // text is wanted goes this way as well, in Go too: what becomes of it hangs on how it was spelled.
    match parse_yaml(text, reading) {
        Err(ManifestError::Syntax { .. }) if json.is_ok() || !text.contains("\n---") => json,
        yaml => yaml,
    }
}

/// Without the byte order marks that documents begin with: files that were joined have several.
fn without_marks(text: &str) -> Cow<'_, str> {
    const MARK: char = '\u{feff}';
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut begins = true;
    let mut without = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let line = line.strip_prefix(MARK).filter(|_| begins).unwrap_or(line);
        without.push_str(line);
        begins = line.starts_with("---");
    }
    Cow::Owned(without)
}

fn parse_json(text: &str) -> Result<Vec<Value>, ManifestError> {
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Unique>();
    while let Some(value) = stream.next() {
        let document = documents.len() + 1;
        let at = |line, column| ManifestError::Syntax {
            document,
            language: "JSON",
            line,
            column,
        };
        let Unique(value) = value.map_err(|error| match json::is_key_twice(&error) {
            true => ManifestError::KeyTwice {
                document,
                line: error.line() as u64,
            },
            false => at(error.line() as u64, error.column() as u64),
        })?;
        // The library's own bound is wider, and what is read must be readable as YAML too.
        if depth(&value) > MAX_DEPTH {
            let before = text.get(..stream.byte_offset()).unwrap_or(text);
            let column = before.lines().next_back().map_or(0, str::len);
            return Err(at(before.lines().count() as u64, column as u64));
        }
        documents.push(value);
    }
    Ok(documents)
}

/// How deeply objects and lists are nested; what the library reads nests 127 levels at most.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Object(map) => map.values().map(depth).max(),
        Value::Array(items) => items.iter().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or_default()
}

fn parse_yaml(text: &str, reading: Reading) -> Result<Vec<Value>, ManifestError> {
    refuse_hidden_line_breaks(text)?;
    let mut composer = Composer::new(text, reading.max_values);
    let reader = Reader {
        labels: reading.labels,
    };
    let mut documents = Vec::new();
    loop {
        let root = composer
            .next()
            .map_err(|trouble| explain(trouble, text, reading))?;
        let Some(root) = root else {
            return Ok(documents);
        };
        let document = reader
            .document(&root)
            .map_err(|change| ManifestError::Changed {
                document: begun(text, change.line),
                path: change.path,
                line: change.line as u64,
            })?;
        if !document.is_null() {
            documents.push(document);
        }
    }
}

fn explain(trouble: Trouble, text: &str, reading: Reading) -> ManifestError {
    match trouble {
        Trouble::Syntax(line, column) => ManifestError::Syntax {
            document: begun(text, line),
            language: "YAML",
            line: line as u64,
            column: column as u64,
        },
        Trouble::KeyTwice(line) => ManifestError::KeyTwice {
            document: begun(text, line),
            line: line as u64,
        },
        Trouble::TooMany => ManifestError::TooManyValues(reading.max_values),
    }
}

/// How many documents were begun before a line.
fn begun(text: &str, line: usize) -> usize {
    let before = line.saturating_sub(1);
    let separators = text
        .lines()
        .take(before)
        .skip(1)
        .filter(|line| line.starts_with("---"));
    separators.count() + 1
}

/// What Go's reader takes for lines of their own must not look like a comment or a value here.
fn refuse_hidden_line_breaks(text: &str) -> Result<(), ManifestError> {
    let breaks = [
        ('\u{85}', "U+0085"),
        ('\u{2028}', "U+2028"),
        ('\u{2029}', "U+2029"),
    ];
    for (character, code) in breaks {
        if let Some(at) = text.find(character) {
            return Err(ManifestError::HiddenLineBreak {
                line: text[..at].matches('\n').count() as u64 + 1,
                character: code,
            });
        }
    }
    Ok(())
}

/// The YAML text of a value, keys sorted, as kubeseal writes it. Ends with a newline.
pub fn to_yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        prefer_block_scalars: false,
        compact_list_indent: true,
        empty_as_braces: true,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, &sorted(value), options)
        .expect("a JSON value can always be written as YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
