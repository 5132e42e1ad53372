//! The JSON schema of the chart's values. A name that is not described is refused, except where Kubernetes' own objects are
//! passed on.

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::values::{Kind, Line, Param, join};

/// The schema of all values.
pub(super) fn of(lines: &[Line], defaults: &Value) -> anyhow::Result<Value> {
    let params: Vec<&Param> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Param(param) => Some(param),
            Line::Section(_) => None,
        })
        .collect();
    let mut schema = node(defaults, "", &params)?;
    // Helm hands both to the chart when it is a dependency of another one.
    schema["properties"]["global"] = json!({"type": ["object", "null"]});
    // And this where the chart of the CRD is switched on.
    schema["properties"]["signet-crd"] = json!({"type": ["object", "null"]});
    schema["properties"]["enabled"] = json!({"type": ["boolean", "null"]});
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    Ok(schema)
}

fn node(default: &Value, path: &str, params: &[&Param]) -> anyhow::Result<Value> {
    let param = params.iter().find(|param| param.name == path);
    let children = match default {
        Value::Object(map) if !map.is_empty() => map,
        _ => return leaf(param.context("checked before")?, default),
    };
    let mut properties = Map::new();
    for (name, default) in children {
        properties.insert(name.clone(), node(default, &join(path, name), params)?);
    }
    Ok(json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": param.is_some(),
    }))
}

fn leaf(param: &Param, default: &Value) -> anyhow::Result<Value> {
    let empty = default.as_str() == Some("");
    let mut schema = match param.kinds.as_slice() {
        [only] => kind(only, empty),
        several => {
            let mut all: Vec<Value> = several.iter().map(|each| kind(each, empty)).collect();
            all.push(json!({"type": "null"}));
            json!({ "anyOf": all })
        }
    };
    schema["description"] = param.description.as_str().into();
    Ok(schema)
}

/// Where the default is "", numbers may also come as text, as they do from `--set-string`.
fn kind(kind: &Kind, empty: bool) -> Value {
    let text = json!({"type": ["string", "null"]});
    match kind {
        Kind::Boolean if empty => json!({"type": ["boolean", "string", "null"], "maxLength": 0}),
        Kind::Boolean => json!({"type": ["boolean", "null"]}),
        Kind::Integer if empty => {
            json!({"type": ["integer", "string", "null"], "pattern": "^-?[0-9]*$"})
        }
        Kind::Integer => json!({"type": ["integer", "null"]}),
        Kind::Number => {
            json!({"type": ["number", "string", "null"], "pattern": "^(-?[0-9]+([.][0-9]+)?)?$"})
        }
        Kind::String => text,
        Kind::Duration => json!({
            "type": ["string", "integer", "null"],
            "pattern": "^(0|([0-9]+([.][0-9]*)?(ns|us|µs|ms|s|m|h))*)$",
            "maximum": 0,
        }),
        Kind::Port => json!({
            "type": ["integer", "string", "null"],
            "minimum": 1,
            "maximum": 65535,
            "pattern": if empty { "^[0-9]*$" } else { "^[0-9]+$" },
        }),
        Kind::Object => json!({"type": ["object", "null"]}),
        Kind::Array => json!({"type": ["array", "null"]}),
        // Text is rendered as a template, as upstream's chart does.
        Kind::Map => json!({"type": ["object", "string", "null"], "additionalProperties": text}),
        Kind::Strings => json!({"type": ["array", "null"], "items": {"type": "string"}}),
        Kind::Objects => json!({"type": ["array", "null"], "items": {"type": "object"}}),
        Kind::OneOf(words) => json!({ "enum": choices(words, empty) }),
    }
}

/// The words, also as the numbers and booleans that YAML makes of them.
fn choices(words: &[String], empty: bool) -> Vec<Value> {
    let mut choices: Vec<Value> = words.iter().map(|word| word.as_str().into()).collect();
    choices.extend(words.iter().filter_map(|word| match word.as_str() {
        "on" => Some(Value::Bool(true)),
        "off" => Some(Value::Bool(false)),
        number => number.parse::<u32>().ok().map(Value::from),
    }));
    if empty {
        choices.push("".into());
    }
    choices.push(Value::Null);
    choices
}
