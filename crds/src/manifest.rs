//! Reading the documents of a manifest: YAML with several documents, or JSON objects one after another.
//!
//! The text may hold plaintext, so no error repeats a byte of it: only a document number and a position.

use std::borrow::Cow;

use serde_json::Value;
use thiserror::Error;

/// Bounds on what is read (docs/trust.md row 18).
const MAX_BYTES: usize = 10 * 1024 * 1024;
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 100_000;

/// Why a text cannot be read as a manifest. Positions only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// Larger than 10 MiB.
    #[error("the input is larger than 10 MiB")]
    TooLarge,
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
}

/// Every document of `bytes`, in order; empty documents are left out.
///
/// # Errors
/// [`ManifestError`]; never quotes the input.
pub fn parse_documents(bytes: &[u8]) -> Result<Vec<Value>, ManifestError> {
    if bytes.len() > MAX_BYTES {
        return Err(ManifestError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::NotUtf8)?;
    let text = without_marks(text);
    let text = text.as_ref();
    if text.trim_start().starts_with('{') {
        let json = parse_json(text);
        if json.is_ok() {
            return json;
        }
        // YAML may begin like this too. If it is neither, JSON was probably meant, unless there are separators.
        let yaml = parse_yaml(text);
        return if yaml.is_ok() || text.contains("\n---") {
            yaml
        } else {
            json
        };
    }
    parse_yaml(text)
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
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    while let Some(value) = stream.next() {
        let at = |line, column| ManifestError::Syntax {
            document: documents.len() + 1,
            language: "JSON",
            line,
            column,
        };
        let value = value.map_err(|error| at(error.line() as u64, error.column() as u64))?;
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

fn parse_yaml(text: &str) -> Result<Vec<Value>, ManifestError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            // Each has a node at least.
            max_documents: MAX_NODES,
            max_total_scalar_bytes: MAX_BYTES,
        },
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |at| (at.line(), at.column()));
            let before = usize::try_from(line)
                .unwrap_or(usize::MAX)
                .saturating_sub(1);
            let separators = text
                .lines()
                .take(before)
                .skip(1)
                .filter(|line| line.starts_with("---"))
                .count();
            ManifestError::Syntax {
                document: separators + 1,
                language: "YAML",
                line,
                column,
            }
        })?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_in_order_and_empty_ones_left_out() {
        let yaml = "--- \na: 1\n---\n---\n# only a comment\n---\nb: [x]\n";
        assert_eq!(
            parse_documents(yaml.as_bytes()),
            Ok(vec![json!({"a": 1}), json!({"b": ["x"]})])
        );
        assert_eq!(
            parse_documents(b"{\"a\": 1}\n{\"b\": 2}"),
            Ok(vec![json!({"a": 1}), json!({"b": 2})])
        );
        assert_eq!(
            parse_documents(b"\xef\xbb\xbfa: 1"),
            Ok(vec![json!({"a": 1})])
        );
        assert_eq!(
            parse_documents(b"{a: 1, b: [x]}"),
            Ok(vec![json!({"a": 1, "b": ["x"]})])
        );
        assert_eq!(parse_documents(b""), Ok(vec![]));
        assert_eq!(
            parse_documents("\u{feff}a: 1\n---\n\u{feff}a: '\u{feff}'\n".as_bytes()),
            Ok(vec![json!({"a": 1}), json!({"a": "\u{feff}"})])
        );
        // A mark before the separator is no reason to keep the one after it.
        assert_eq!(
            parse_documents("\u{feff}---\n\u{feff}a: 1\n".as_bytes()),
            Ok(vec![json!({"a": 1})])
        );
    }

    #[test]
    fn thousands_of_documents_are_read_in_yaml_as_in_json() {
        let count = 5_000;
        let yaml = parse_documents("---\na: 1\n".repeat(count).as_bytes());
        assert_eq!(yaml, Ok(vec![json!({"a": 1}); count]));
        assert_eq!(
            parse_documents("{\"a\": 1}\n".repeat(count).as_bytes()),
            yaml
        );
    }

    #[test]
    fn an_error_gives_the_place_and_never_the_text() {
        let canary = "canary-4711";
        let inputs = [
            format!("a: 1\n---\nb: [{canary}\n"),
            format!("a: &x {canary}\nb: {canary}: {canary}\n"),
            format!("{{\"a\": \"{canary}\" \"b\"}}"),
            format!("a: \"{canary}"),
            format!("a: {canary}\na: {canary}\n"),
        ];
        for input in inputs {
            let error = parse_documents(input.as_bytes())
                .expect_err(&input)
                .to_string();
            assert!(!error.contains("canary"), "{error}");
        }
        let second = parse_documents(b"a: 1\n---\nb: [x\n")
            .unwrap_err()
            .to_string();
        assert!(
            second.starts_with("document 2: not valid YAML at line"),
            "{second}"
        );
    }

    #[test]
    fn bombs_are_refused() {
        let nested = "[".repeat(200) + &"]".repeat(200);
        assert!(parse_documents(nested.as_bytes()).is_err());
        for levels in [MAX_DEPTH, MAX_DEPTH + 1] {
            let json = "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
            let yaml = format!("---\n{json}");
            assert_eq!(
                parse_documents(json.as_bytes()).is_ok(),
                levels <= MAX_DEPTH
            );
            assert_eq!(
                parse_documents(yaml.as_bytes()).is_ok(),
                levels <= MAX_DEPTH
            );
        }
        let many = format!("[{}]", "1,".repeat(200_000));
        assert!(parse_documents(many.as_bytes()).is_err());
        let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let alias = format!("*a{},", level - 1).repeat(9);
            laughs.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                alias.trim_end_matches(',')
            ));
        }
        assert!(parse_documents(laughs.as_bytes()).is_err());
        assert_eq!(
            parse_documents(&[b' '; MAX_BYTES + 1]),
            Err(ManifestError::TooLarge)
        );
        assert_eq!(parse_documents(b"\xff"), Err(ManifestError::NotUtf8));
    }

    #[test]
    fn yaml_that_is_written_reads_back_and_ambiguous_words_are_quoted() {
        let value = json!({"b": "yes", "a": {"on": "1e3", "null": "~"}, "list": ["0x1f", "", "a: b"], "t": "2001-01-01", "e": {}, "m": "a\nb\n"});
        let yaml = to_yaml(&value);
        assert_eq!(
            parse_documents(yaml.as_bytes()),
            Ok(vec![sorted(&value)]),
            "{yaml}"
        );
        for quoted in ["\"yes\"", "\"1e3\"", "\"~\"", "\"0x1f\""] {
            let single = quoted.replace('"', "'");
            assert!(
                yaml.contains(quoted) || yaml.contains(&single),
                "{quoted} in {yaml}"
            );
        }
        assert!(yaml.find("\na:").or(yaml.strip_prefix("a:").map(|_| 0)) < yaml.find("\nb:"));
    }
}
