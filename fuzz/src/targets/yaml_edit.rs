//! Edits in place: setting values, and merging items into a SealedSecret.
//!
//! Holds for every input: the result says what the edit should give, computed here on the values; comments stay, in
//! their order; only lines near the edit change; a second time changes nothing; merging keeps every other item, and what
//! the items are sealed for.

use serde_json::{Map, Value, json};
use signet_cli::manifest_edit::{self, Edit};
use signet_cli::merge;
use signet_crds::SealedSecret;
use signet_crds::manifest::parse_documents;

use super::with_short_items;
use crate::feedback::{magnitude, note};
use crate::{Target, WHOLE};

/// Paths are ours and not from a file: the longest has five keys.
const DEEPEST: usize = 6;

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "yaml-edit",
    run: target,
    seeds,
    words: super::OBJECT_WORDS,
    longest: 2048,
    executions: WHOLE,
};

/// One input: a line `path/of/keys=value`, and a manifest.
pub fn target(data: &[u8]) {
    check(data, apply);
}

/// The new text, and whether it was written anew; nothing if the edit is refused.
type Apply = fn(&str, &[Edit]) -> Option<(String, bool)>;

fn apply(text: &str, edits: &[Edit]) -> Option<(String, bool)> {
    let edited = manifest_edit::apply(text, edits).ok()?;
    Some((edited.text, edited.rewritten))
}

fn check(data: &[u8], apply: Apply) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (head, text) = text
        .split_once('\n')
        .unwrap_or(("spec/encryptedData/a=QUJD", text));
    let (path, value) = head.split_once('=').unwrap_or((head, "QUJD"));
    let edit = Edit {
        document: 0,
        path: path.split('/').take(DEEPEST).map(str::to_owned).collect(),
        value: value.to_owned(),
    };
    check_edits(text, &[edit], apply);
    check_merge(text, apply);
}

/// Applies the edits and returns the new text, if they are not refused.
fn check_edits(text: &str, edits: &[Edit], apply: Apply) -> Option<String> {
    let result = apply(text, edits);
    let expected = parse_documents(text.as_bytes())
        .ok()
        .and_then(|mut documents| {
            edits.iter().try_for_each(|edit| {
                set(documents.get_mut(edit.document)?, &edit.path, &edit.value)
            })?;
            Some(documents)
        });
    assert_eq!(result.is_some(), expected.is_some(), "refused or not");
    let (new, rewritten) = result?;
    note(("edited", rewritten, magnitude(text.lines().count())));
    assert_eq!(
        parse_documents(new.as_bytes()).ok(),
        expected,
        "the result says something else"
    );
    let (again, _) = apply(&new, edits).expect("it was not refused before");
    assert!(rewritten || again == new, "a second time changes something");
    if !rewritten && serde_json::from_str::<Value>(text).is_err() {
        check_lines(text, &new, edits);
    }
    Some(new)
}

/// Sets a value as the edit should, on what was read.
fn set(value: &mut Value, path: &[String], new: &str) -> Option<()> {
    let Some((key, rest)) = path.split_first() else {
        let replaceable = !value.is_object() && !value.is_array();
        *value = replaceable.then(|| json!(new))?;
        return Some(());
    };
    if value.is_null() {
        *value = json!({});
    }
    let entry: &mut Map<String, Value> = value.as_object_mut()?;
    set(entry.entry(key).or_insert(Value::Null), rest, new)
}

fn check_lines(old: &str, new: &str, edits: &[Edit]) {
    let read = parse_documents(old.as_bytes()).unwrap_or_default();
    if read.iter().all(|document| !document.is_object()) {
        return;
    }
    let is_json = serde_json::Deserializer::from_str(old)
        .into_iter::<Value>()
        .all(|value| value.is_ok());
    if is_json {
        return;
    }
    // What begins with a `#` within a text that is replaced is no comment.
    let replaced = edits.iter().any(|edit| {
        let mut value = read.get(edit.document);
        for key in &edit.path {
            value = value.and_then(|value| value.get(key));
        }
        value.is_some_and(|value| value.as_str().is_some_and(|text| text.contains('#')))
    });
    let comments = |text: &str| -> Vec<String> {
        let lines = text
            // YAML ends lines at a carriage return as well.
            .split(['\n', '\r'])
            .map(str::trim)
            .filter(|line| line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let kept = comments(new);
    let mut kept = kept.iter();
    for comment in comments(old) {
        assert!(
            replaced || kept.any(|line| *line == comment),
            "a comment is gone: {comment}"
        );
    }
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let changed = new.len() - after;
    let most: usize = edits.iter().map(|edit| edit.path.len() + 2).sum();
    assert!(
        edits.len() > 1 || changed <= most,
        "{changed} lines were changed"
    );
}

/// New items, and a label, for whatever SealedSecret the text is.
fn check_merge(text: &str, apply: Apply) {
    let read = |text: &str| match parse_documents(text.as_bytes()).ok()?.as_slice() {
        [document] => SealedSecret::parse(document).ok(),
        _ => None,
    };
    let Some(target) = read(text) else { return };
    let sealed = json!({"spec": {
        "encryptedData": {"a": "QUJD", "new": "REVG"},
        "template": {"metadata": {"labels": {"l": "yes"}, "annotations": {
            "sealedsecrets.bitnami.com/cluster-wide": "true", "other": "x: # y",
        }}},
    }});
    let sealed = SealedSecret::parse(&sealed).expect("a SealedSecret");
    let edits = merge::edits(&target, &sealed);
    let Some(new) = check_edits(text, &edits, apply) else {
        return;
    };
    let Some(merged) = read(&new) else {
        panic!("the merged text is no SealedSecret")
    };
    let mut items = target.spec.encrypted_data.clone();
    items.extend(sealed.spec.encrypted_data);
    assert_eq!(merged.spec.encrypted_data, items);
    assert_eq!(merged.target(), target.target());
    let (old, new) = (
        &target.spec.template.metadata,
        &merged.spec.template.metadata,
    );
    assert_eq!(new.labels.get("l").map(String::as_str), Some("yes"));
    assert!(
        old.labels
            .iter()
            .all(|(key, value)| key == "l" || new.labels.get(key) == Some(value))
    );
    let scope = "sealedsecrets.bitnami.com/cluster-wide";
    assert_eq!(
        new.annotations.get(scope),
        old.annotations.get(scope),
        "a wider scope"
    );
}

fn seeds() -> Vec<Vec<u8>> {
    let objects = super::sealed_objects();
    let mut texts: Vec<String> = objects
        .iter()
        .map(|object| signet_crds::manifest::to_yaml(&with_short_items(object)))
        .collect();
    texts.push(with_short_items(&objects[0]).to_string());
    texts.extend([
        "# head\nspec: # s\n    encryptedData:\n        # about a\n        a: AAA # why\n        'b': \"BBB\"\n    template:\n        x: [1,  2]\n# tail\n---\nother:   doc\n",
        "spec: {encryptedData: {x: y}}\n",
        "spec:\r\n  encryptedData:\r\n    a: >-\r\n      AAA\r\n      BBB\r\n  # c\r\n  t: 1\r\n",
        "---\n&x spec:\n  encryptedData:\n  - a\n...\n",
        "a: &x {b: c}\nspec: {<<: *x, encryptedData: *x}\n",
        "spec:\n  encryptedData: |\n    text\n\n\n  z:\n\n\n",
    ].map(str::to_owned));
    let heads = [
        "spec/encryptedData/a=QUJD",
        "spec/template/metadata/labels/l=yes",
        "a=1",
        "spec/encryptedData=# x",
    ];
    let pairs = texts
        .iter()
        .enumerate()
        .map(|(at, text)| format!("{}\n{text}", heads[at % heads.len()]));
    pairs.map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn edits_bear_any_text() {
        passes(&TARGET, 3_000);
    }

    #[test]
    fn an_edit_that_loses_a_comment_is_found() {
        fn losing(text: &str, edits: &[Edit]) -> Option<(String, bool)> {
            let (new, rewritten) = apply(text, edits)?;
            Some((new.replacen("# tail\n", "", 1), rewritten))
        }
        finds(&TARGET, "a comment is gone", |data| check(data, losing));
    }

    #[test]
    fn an_edit_of_another_value_is_found() {
        fn careless(text: &str, edits: &[Edit]) -> Option<(String, bool)> {
            let (new, rewritten) = apply(text, edits)?;
            // In a comment it would change nothing.
            let wrong = new.replace(": false\n", ": 0\n");
            Some((if new.contains('#') { new } else { wrong }, rewritten))
        }
        finds(&TARGET, "says something else", |data| check(data, careless));
    }

    #[test]
    fn a_file_that_is_always_written_anew_is_found() {
        fn anew(text: &str, edits: &[Edit]) -> Option<(String, bool)> {
            let (new, _) = apply(text, edits)?;
            let read = parse_documents(new.as_bytes()).ok()?;
            Some((
                read.iter()
                    .map(|value| format!("---\n{}", signet_crds::manifest::to_yaml(value)))
                    .collect(),
                false,
            ))
        }
        finds(&TARGET, "", |data| check(data, anew));
    }
}
