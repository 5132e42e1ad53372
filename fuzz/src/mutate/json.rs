//! Changes to a JSON document as a tree, and from JSON to YAML.

use rand::RngExt as _;
use serde_json::{Map, Value, json};
use signet_crds::manifest::{parse_documents, to_yaml};

use super::{Rng, base64_text, bytes, choose};

/// Larger documents are left to the other mutations.
const LARGEST: usize = 64 * 1024;

/// One change to one document; nothing if the input is none.
pub(super) fn change(rng: &mut Rng, input: &mut Vec<u8>, words: &[&str]) {
    if input.len() > LARGEST {
        return;
    }
    let parsed = serde_json::from_slice::<Value>(input);
    let (mut documents, is_json) = match parsed {
        Ok(value) => (vec![value], true),
        // Reading YAML is slow.
        Err(_) if rng.random_ratio(1, 4) => match parse_documents(input) {
            Ok(documents) => (documents, false),
            Err(_) => return,
        },
        Err(_) => return,
    };
    let count = documents.len();
    if count == 0 {
        return;
    }
    let donor = documents[rng.random_range(0..count)].clone();
    let at = rng.random_range(0..count);
    walk(rng, &mut documents[at], &donor, words);
    if rng.random_ratio(1, 16) {
        documents.push(donor);
    }
    let as_json = is_json != rng.random_ratio(1, 16);
    let texts: Vec<String> = documents
        .iter()
        .map(|document| match as_json {
            true => document.to_string(),
            false => format!("---\n{}", to_yaml(document)),
        })
        .collect();
    *input = texts.concat().into_bytes();
}

/// Goes down into the tree by chance, and changes what is there.
fn walk(rng: &mut Rng, value: &mut Value, donor: &Value, words: &[&str]) {
    let deeper = rng.random_ratio(4, 5);
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let at = rng.random_range(0..map.len());
            if let Some(inner) = map.values_mut().nth(at) {
                walk(rng, inner, donor, words);
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = rng.random_range(0..items.len());
            walk(rng, &mut items[at], donor, words);
        }
        other => change_node(rng, other, donor, words),
    }
}

fn change_node(rng: &mut Rng, value: &mut Value, donor: &Value, words: &[&str]) {
    match value {
        Value::Object(map) if rng.random_ratio(2, 3) => change_map(rng, map, donor, words),
        Value::String(text) if rng.random_ratio(3, 4) => {
            let mut inner = std::mem::take(text).into_bytes();
            if rng.random() {
                base64_text::change(rng, &mut inner, 2);
            } else {
                bytes::change(rng, &mut inner);
            }
            *text = String::from_utf8_lossy(&inner).into_owned();
        }
        other => *other = replacement(rng, other, donor, words),
    }
}

fn change_map(rng: &mut Rng, map: &mut Map<String, Value>, donor: &Value, words: &[&str]) {
    let key = map
        .keys()
        .nth(rng.random_range(0..map.len().max(1)))
        .cloned();
    let word = choose(rng, words).map_or_else(String::new, ToString::to_string);
    match (rng.random_range(0..3_u32), key) {
        (0, Some(key)) => {
            map.shift_remove(&key);
        }
        (1, Some(key)) => {
            let value = map.shift_remove(&key).unwrap_or_default();
            map.insert(word, value);
        }
        _ => {
            let value = replacement(rng, &Value::Null, donor, words);
            map.insert(word, value);
        }
    }
}

fn replacement(rng: &mut Rng, old: &Value, donor: &Value, words: &[&str]) -> Value {
    match rng.random_range(0..12_u32) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!(0),
        3 => json!(i64::MIN),
        4 => json!(1e300),
        5 => json!({}),
        6 => json!([]),
        7 => json!(""),
        8 => part(rng, donor).clone(),
        9 => json!([old]),
        10 => {
            let levels = rng.random_range(1..90_u32);
            (0..levels).fold(old.clone(), |inner, _| json!({"a": inner}))
        }
        _ => json!(choose(rng, words).copied().unwrap_or_default()),
    }
}

/// Some part of a tree.
fn part<'v>(rng: &mut Rng, value: &'v Value) -> &'v Value {
    let inner: Vec<&Value> = match value {
        Value::Object(map) => map.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    match choose(rng, &inner) {
        Some(inner) if rng.random_ratio(3, 4) => part(rng, inner),
        _ => value,
    }
}
