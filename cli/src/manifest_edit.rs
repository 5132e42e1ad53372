//! Setting strings in a manifest without touching the rest of the file.
//!
//! YAML keeps its comments, order, quoting and other documents; JSON is written anew with its order kept. The result is read
//! back and compared with what the edit should have given: an edit that changes anything else is not used. Keys are what
//! kubectl reads in them, and keep their spelling.

use std::str::FromStr as _;

use serde_json::{Map, Value};
use signet_common::Printable;
use signet_crds::manifest::{Reading, read_documents};
use yaml_edit::{Document, Mapping, MappingBuilder, MappingEntry, YamlFile, YamlNode};

use crate::error::Failure;
use crate::output::{Format, render};
use crate::yaml_keys::{self, NewKeys, scalar};

/// What is said when [`Edited::rewritten`].
pub const REWRITTEN: &str =
    "the file could not be edited in place: it is written anew, without its comments";

/// What some editors put before the first character.
const MARK: &str = "\u{feff}";

/// One string to set. Objects on the way to it are created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Index of the document, empty ones not counted.
    pub document: usize,
    /// Keys from the top of the document.
    pub path: Vec<String>,
    /// The new value.
    pub value: String,
}

/// What the edits made of a file.
pub struct Edited {
    /// The whole new text.
    pub text: String,
    /// Whether the file had to be written anew, so that comments are gone.
    pub rewritten: bool,
}

/// Applies the edits to a text that [`read_documents`] reads.
///
/// # Errors
/// The text cannot be read, or something on a path is no object.
pub fn apply(text: &str, edits: &[Edit]) -> Result<Edited, Failure> {
    let mut expected = read_documents(text.as_bytes(), Reading::LARGE).map_err(Failure::trouble)?;
    for edit in edits {
        set_in_value(&mut expected, edit)?;
    }
    let (mark, unmarked) = match text.strip_prefix(MARK) {
        Some(rest) => (MARK, rest),
        None => ("", text),
    };
    let is_json = serde_json::Deserializer::from_str(unmarked)
        .into_iter::<Value>()
        .all(|value| value.is_ok());
    if is_json {
        let text = render(&expected, Format::Json);
        return Ok(Edited {
            text: format!("{mark}{}", *text),
            rewritten: false,
        });
    }
    let edited = edit_yaml(text, edits)
        .filter(|edited| {
            read_documents(edited.as_bytes(), Reading::LARGE).as_ref() == Ok(&expected)
        })
        .filter(|edited| comments(edited) == comments(text));
    Ok(match edited {
        Some(text) => Edited {
            text,
            rewritten: false,
        },
        None => Edited {
            text: render(&expected, Format::Yaml).to_string(),
            rewritten: true,
        },
    })
}

fn set_in_value(documents: &mut [Value], edit: &Edit) -> Result<(), Failure> {
    let blocked = || {
        let path = edit.path.join(".");
        let path = Printable(&path);
        Failure::trouble(format_args!("the file has no place for {path}"))
    };
    let mut at = documents.get_mut(edit.document).ok_or_else(blocked)?;
    for key in &edit.path {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let object = at.as_object_mut().ok_or_else(blocked)?;
        at = object.entry(key.as_str()).or_insert(Value::Null);
    }
    if at.is_object() || at.is_array() {
        return Err(blocked());
    }
    *at = Value::String(edit.value.clone());
    Ok(())
}

/// How many comments there are, roughly: the check against losing one.
fn comments(text: &str) -> usize {
    text.lines()
        .filter(|line| line.trim_start().starts_with('#') || line.contains(" #"))
        .count()
}

fn edit_yaml(text: &str, edits: &[Edit]) -> Option<String> {
    let file = YamlFile::from_str(text).ok()?;
    let documents: Vec<Document> = file
        .documents()
        .filter(|document| document.as_mapping().is_some())
        .collect();
    let mut keys = NewKeys::of(text);
    for edit in edits {
        let root = documents.get(edit.document)?.as_mapping()?;
        set_in_mapping(&root, &edit.path, &edit.value, &mut keys)?;
    }
    Some(keys.fill(file.to_string()))
}

fn set_in_mapping(
    mapping: &Mapping,
    path: &[String],
    value: &str,
    keys: &mut NewKeys,
) -> Option<()> {
    let (name, rest) = path.split_first()?;
    let entry = yaml_keys::entry(mapping, name);
    let held = entry.as_ref().and_then(MappingEntry::value_node);
    if let Some(inner) = held.as_ref().and_then(YamlNode::as_mapping)
        && !rest.is_empty()
        && !inner.is_empty()
    {
        return set_in_mapping(inner, rest, value, keys);
    }
    let key = entry.and_then(|entry| entry.key_node());
    match (key, rest.is_empty()) {
        (Some(key), true) => mapping.set(key, scalar(value)),
        (None, true) => mapping.set(keys.key(name), scalar(value)),
        (Some(key), false) => mapping.set(key, nested(rest, value, keys)?),
        (None, false) => mapping.set(keys.key(name), nested(rest, value, keys)?),
    }
    Some(())
}

/// A mapping that holds only the rest of the path.
fn nested(path: &[String], value: &str, keys: &mut NewKeys) -> Option<Mapping> {
    let (name, rest) = path.split_first()?;
    let builder = MappingBuilder::new();
    let builder = if rest.is_empty() {
        builder.pair(keys.key(name), scalar(value))
    } else {
        builder.pair(keys.key(name), nested(rest, value, keys)?)
    };
    builder.build_document().as_mapping()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, value: &str) -> Edit {
        Edit {
            document: 0,
            path: path.split('/').map(str::to_owned).collect(),
            value: value.to_owned(),
        }
    }

    fn item(name: &str, value: &str) -> Edit {
        let mut edit = edit("spec/encryptedData", value);
        edit.path.push(name.to_owned());
        edit
    }

    #[track_caller]
    fn check(text: &str, edits: &[Edit], expected: &str) {
        let edited = apply(text, edits).unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(edited.text, expected);
        assert!(!edited.rewritten, "written anew: {}", edited.text);
    }

    #[test]
    fn values_are_replaced_and_everything_else_stays() {
        let text = "# head\nkind: SealedSecret # kind\nspec:\n    encryptedData:\n        # about a\n        a: AAA # why\n        'b': \"BBB\"\n    template:\n        x: [1,  2]\n# tail\n---\nother:   doc\n";
        let expected = "# head\nkind: SealedSecret # kind\nspec:\n    encryptedData:\n        # about a\n        a: ZZZ # why\n        'b': YYY\n    template:\n        x: [1,  2]\n# tail\n---\nother:   doc\n";
        check(
            text,
            &[
                edit("spec/encryptedData/a", "ZZZ"),
                edit("spec/encryptedData/b", "YYY"),
            ],
            expected,
        );
    }

    #[test]
    fn new_items_are_added_at_the_end_of_their_object() {
        check(
            "spec:\n  encryptedData:\n    a: AAA\n  template: {}\n",
            &[edit("spec/encryptedData/b", "BBB")],
            "spec:\n  encryptedData:\n    a: AAA\n    b: BBB\n  template: {}\n",
        );
    }

    #[test]
    fn missing_objects_are_made() {
        let edits = [
            edit("spec/encryptedData/a", "AAA"),
            edit("spec/template/metadata/labels/l", "v"),
        ];
        let made = "  encryptedData:\n    a: AAA\n  template:\n    metadata:\n      labels:\n        l: v\n";
        check("a: b # c\n", &edits, &format!("a: b # c\nspec:\n{made}"));
        check(
            "spec:\n  encryptedData: {}\n",
            &edits,
            &format!("spec:\n{made}"),
        );
        check(
            "spec:\n  encryptedData:\n  template: {}\n",
            &edits,
            &format!("spec:\n{made}"),
        );
        check(
            "spec: {encryptedData: {x: z}}\n",
            &edits,
            "spec: {encryptedData: {x: z, a: AAA}, template: {metadata: {labels: {l: v}}}}\n",
        );
    }

    #[test]
    fn block_scalars_line_ends_and_other_documents_are_kept() {
        let edits = [edit("spec/a", "ZZZ"), edit("spec/b", "YYY")];
        check(
            "spec:\n  a: >-\n    AAA\n    BBB\n  b: |\n    x\n  # c\n  t: 1\n",
            &edits,
            "spec:\n  a: ZZZ\n  b: YYY\n  # c\n  t: 1\n",
        );
        check(
            "spec:\r\n  a: AAA\r\n  # c\r\n  t: 1\r\n",
            &edits,
            "spec:\r\n  a: ZZZ\r\n  # c\r\n  t: 1\r\n  b: YYY\r\n",
        );
        check(
            "---\nspec:\n  a: AAA\n---\n# nothing\n---\nspec:\n  b: 1\n...\n",
            &edits,
            "---\nspec:\n  a: ZZZ\n  b: YYY\n---\n# nothing\n---\nspec:\n  b: 1\n...\n",
        );
    }

    #[test]
    fn words_that_yaml_would_read_as_something_else_are_quoted() {
        for word in [
            "true",
            "null",
            "1e3",
            "0x1f",
            "~",
            "a: b",
            "",
            "- x",
            "2001-01-01",
            "# x",
        ] {
            let edited = apply("spec:\n  a: AAA # c\n", &[edit("spec/a", word)])
                .unwrap_or_else(|failure| panic!("{failure:?}"));
            assert!(!edited.rewritten, "{word}: {}", edited.text);
        }
    }

    #[test]
    fn keys_are_what_kubectl_reads_and_keep_their_spelling() {
        for (spelling, name) in [
            ("8080", "8080"),
            ("'8080'", "8080"),
            ("on", "true"),
            ("y", "true"),
            ("No", "false"),
            ("1.0", "1"),
            ("0x1F", "31"),
            ("!!str on", "on"),
            ("\"on\"", "on"),
            ("v1.0", "v1.0"),
        ] {
            let text = |value| {
                format!(
                    "kind: SealedSecret\nspec:\n  encryptedData:\n    # why\n    {spelling}: {value} # c\n    b: x\n"
                )
            };
            check(&text("AAA"), &[item(name, "ZZZ")], &text("ZZZ"));
        }
    }

    #[test]
    fn new_keys_and_values_are_quoted_where_kubectl_would_read_something_else() {
        let before = "kind: SealedSecret\nspec:\n  encryptedData:\n    on: x # c\n";
        for name in ["8080", "on", "y", "1.0", "null", "017"] {
            let after = format!("{before}    \"{name}\": AAA\n");
            check(before, &[item(name, "AAA")], &after);
        }
        check(
            "kind: SealedSecret\nspec: {}\n",
            &[item("yes", "no")],
            "kind: SealedSecret\nspec:\n  encryptedData:\n    \"yes\": \"no\"\n",
        );
    }

    #[test]
    fn two_items_of_one_name_are_refused() {
        for items in [
            "{8080: x, \"8080\": y}",
            "{on: x, yes: y}",
            "{\"true\": x, y: y}",
            "{1.0: x, 1: y}",
            "{null: x}",
        ] {
            let text = format!("kind: SealedSecret\nspec:\n  encryptedData: {items}\n");
            assert!(apply(&text, &[item("a", "z")]).is_err(), "{items}");
        }
    }

    #[test]
    fn json_keeps_its_order_and_a_place_that_is_no_object_is_refused() {
        check(
            "{\"z\": 1, \"a\": {\"b\": \"c\"}}",
            &[edit("a/b", "<")],
            "{\n  \"z\": 1,\n  \"a\": {\n    \"b\": \"\\u003c\"\n  }\n}\n",
        );
        check(
            "\u{feff}{\"a\": {\"b\": \"c\"}}",
            &[edit("a/b", "d")],
            "\u{feff}{\n  \"a\": {\n    \"b\": \"d\"\n  }\n}\n",
        );
        assert!(apply("a: [1]\n", &[edit("a/b", "x")]).is_err());
        assert!(apply("a: {b: {c: d}}\n", &[edit("a/b", "x")]).is_err());
    }

    #[test]
    fn a_key_that_has_no_place_is_shown_without_its_escapes() {
        let failure = apply("a: [1]\n", &[edit("a/l\u{1b}[31m", "x")])
            .err()
            .expect("refused");
        assert_eq!(failure.message, "the file has no place for a.l\\u{1b}[31m");
    }
}
