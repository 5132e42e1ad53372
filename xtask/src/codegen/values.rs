//! Reads the comments of the chart's `values.yaml` that say what each value is.
//!
//! The grammar stands at the top of that file.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// A comment that says something.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The title of the values that follow.
    Section(String),
    /// A value.
    Param(Param),
}

/// What a comment says about one value.
#[derive(Debug, PartialEq)]
pub(super) struct Param {
    /// Names from the top, joined by dots.
    pub(super) name: String,
    pub(super) kinds: Vec<Kind>,
    pub(super) description: String,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Number,
    String,
    Duration,
    Port,
    Object,
    Array,
    Map,
    Strings,
    Objects,
    OneOf(Vec<String>),
}

/// The comments of interest, in the order of the file.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("## @") else {
            continue;
        };
        let parsed = parse_comment(comment);
        lines.push(parsed.with_context(|| format!("line {}: {line}", number + 1))?);
    }
    Ok(lines)
}

fn parse_comment(comment: &str) -> anyhow::Result<Line> {
    if let Some(title) = comment.strip_prefix("section ") {
        return Ok(Line::Section(title.trim().to_owned()));
    }
    let rest = comment
        .strip_prefix("param ")
        .context("neither a section nor a value")?;
    let (name, rest) = rest.split_once(" [").context("no type")?;
    let (kinds, description) = rest.split_once("] ").context("no description")?;
    Ok(Line::Param(Param {
        name: name.to_owned(),
        kinds: parse_kinds(kinds)?,
        description: description.trim().to_owned(),
    }))
}

fn parse_kinds(text: &str) -> anyhow::Result<Vec<Kind>> {
    if let Some(words) = text.strip_prefix("one of ") {
        let words = words.split(',').map(|word| word.trim().to_owned());
        return Ok(vec![Kind::OneOf(words.collect())]);
    }
    let kinds = text.split('|').map(|word| {
        Ok(match word {
            "boolean" => Kind::Boolean,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "string" => Kind::String,
            "duration" => Kind::Duration,
            "port" => Kind::Port,
            "object" => Kind::Object,
            "array" => Kind::Array,
            "map" => Kind::Map,
            "strings" => Kind::Strings,
            "objects" => Kind::Objects,
            other => bail!("no type {other:?}"),
        })
    });
    kinds.collect()
}

/// Fails unless every value is described once, and everything described is there.
pub(super) fn check(lines: &[Line], defaults: &Value) -> anyhow::Result<()> {
    let mut described = BTreeSet::new();
    for line in lines {
        let Line::Param(param) = line else { continue };
        ensure!(
            described.insert(param.name.as_str()),
            "{} is described twice",
            param.name
        );
        ensure!(
            at(defaults, &param.name).is_some(),
            "{} is described and not there",
            param.name
        );
    }
    let mut missing = Vec::new();
    collect_undescribed(defaults, "", &described, &mut missing);
    ensure!(missing.is_empty(), "not described: {}", missing.join(", "));
    Ok(())
}

fn collect_undescribed(
    value: &Value,
    path: &str,
    described: &BTreeSet<&str>,
    missing: &mut Vec<String>,
) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let path = join(path, name);
                collect_undescribed(value, &path, described, missing);
            }
        }
        _ if !described.contains(path) => missing.push(path.to_owned()),
        _ => {}
    }
}

/// `a.b` from `a` and `b`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The value of this dotted name.
pub(super) fn at<'a>(values: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.')
        .try_fold(values, |value, part| value.get(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_comment_names_type_and_meaning() {
        let lines = parse(
            "# x\n## @section A b\na:\n  ## @param a.b [integer|string] What [it] is\n  b: 1\n",
        );
        assert_eq!(
            lines.unwrap(),
            [
                Line::Section("A b".to_owned()),
                Line::Param(Param {
                    name: "a.b".to_owned(),
                    kinds: vec![Kind::Integer, Kind::String],
                    description: "What [it] is".to_owned(),
                })
            ]
        );
        for broken in [
            "## @param a",
            "## @param a [text] x",
            "## @parm a [string] x",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_value_without_words_and_words_without_a_value_are_found() {
        let lines = parse("## @param a.b [string] x").unwrap();
        assert!(check(&lines, &json!({"a": {"b": ""}})).is_ok());
        assert!(check(&lines, &json!({"a": {"b": "", "c": 1}})).is_err());
        assert!(check(&lines, &json!({"a": {}})).is_err());
    }
}
