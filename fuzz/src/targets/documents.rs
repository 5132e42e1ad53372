//! What a command line reads: Secrets and SealedSecrets as YAML or JSON, alone, in Lists, one after another, in UTF-8 and
//! UTF-16.
//!
//! Holds for every input: the same text gives the same in each encoding; what is read is read again from our YAML and
//! our JSON, also when it stands there twice; a List holds what stands in it; an object is written and read back as the
//! same; no failure repeats a value.

use serde_json::{Value, json};
use signet_cli::error::Failure;
use signet_cli::input;
use signet_cli::output::{Format, order_sealed_secret, render};
use signet_cli::session::Program;
use signet_crds::{InputSecret, SealedSecret};

use super::{CANARY, holds_canary_in_values_only, sealed_objects, with_short_items};
use crate::feedback::{magnitude, note, note_text};
use crate::{PARSER, Target};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "documents",
    run: target,
    seeds,
    words: super::OBJECT_WORDS,
    longest: 4096,
    executions: PARSER,
};

/// One input: a manifest.
pub fn target(data: &[u8]) {
    check(data, &REAL);
}

struct Subject {
    documents: fn(&[u8]) -> Result<Vec<Value>, Failure>,
    render: fn(&[Value], Format) -> Vec<u8>,
    secret: fn(&Value) -> Result<(), String>,
}

const REAL: Subject = Subject {
    documents: |bytes| input::documents(bytes, "things").map(|read| read.values),
    render: |values, format| render(values, format).as_bytes().to_vec(),
    secret: |value| {
        InputSecret::parse(value)
            .map(drop)
            .map_err(|error| error.to_string())
    },
};

fn check(data: &[u8], subject: &Subject) {
    let read = (subject.documents)(data);
    check_encodings(data, &read, subject);
    let values = match read {
        Ok(values) => values,
        Err(failure) => {
            let text = format!("{} {:?}", failure.message, failure.hint);
            assert!(!text.contains(CANARY), "{text}");
            return note_text(&text);
        }
    };
    note(("documents", magnitude(values.len())));
    // Reading one may be wrong in the last digit, and no field of ours has any.
    if values.iter().any(has_fraction) {
        return;
    }
    // What aliases have made larger is written out, and there is a bound of 100,000 to what is read.
    if values.iter().map(nodes).sum::<usize>() > 40_000 {
        return;
    }
    // Manifests in JSON are objects.
    if values.iter().all(Value::is_object) {
        check_written(&values, Format::Json, subject);
    }
    check_written(&values, Format::Yaml, subject);
    check_list(&values);
    values.iter().for_each(|value| check_object(value, subject));
}

/// Both UTF-16 give the same text. That the same text gives the same values is tried with one encoding each time: reading
/// is what takes the time here.
fn check_encodings(data: &[u8], read: &Result<Vec<Value>, Failure>, subject: &Subject) {
    let Ok(text) = input::text(data) else { return };
    let encodings = encodings(&text);
    for utf16 in &encodings[..2] {
        assert!(input::text(utf16).as_ref() == Ok(&text), "another text");
    }
    let one = &encodings[data.len() % encodings.len()];
    assert_eq!(&(subject.documents)(one), read, "in another encoding");
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Object(map) => map.values().any(has_fraction),
        Value::Array(items) => items.iter().any(has_fraction),
        _ => false,
    }
}

fn nodes(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(|inner| 1 + nodes(inner)).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        _ => 1,
    }
}

/// What is written twice is read twice; YAML documents that are null are none.
fn check_written(values: &[Value], format: Format, subject: &Subject) {
    let there = values
        .iter()
        .filter(|value| format == Format::Json || !value.is_null());
    let there: Vec<&Value> = there.collect();
    match (subject.documents)(&(subject.render)(values, format).repeat(2)) {
        Ok(again) => {
            let again: Vec<&Value> = again.iter().collect();
            let twice = [there.clone(), there].concat();
            assert_eq!(again, twice, "read from {format:?}");
        }
        Err(failure) => assert!(there.is_empty(), "{format:?}: {}", failure.message),
    }
}

/// The same text, with a mark of its encoding.
fn encodings(text: &str) -> [Vec<u8>; 3] {
    let units = || text.encode_utf16();
    [
        [0xff, 0xfe]
            .into_iter()
            .chain(units().flat_map(u16::to_le_bytes))
            .collect(),
        [0xfe, 0xff]
            .into_iter()
            .chain(units().flat_map(u16::to_be_bytes))
            .collect(),
        // A second mark would be part of the text.
        [
            b"\xef\xbb\xbf",
            text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes(),
        ]
        .concat(),
    ]
}

fn check_list(values: &[Value]) {
    let single = |value: &Value| {
        !value["kind"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("List"))
    };
    if !values.iter().all(single) {
        return;
    }
    let list = json!({"kind": "List", "apiVersion": "v1", "items": values});
    // What nests as deeply as it may is too deep within a List.
    let read = input::objects(Program::Kubeseal, list.to_string().as_bytes(), "things");
    if let Ok(held) = read {
        assert_eq!(held.values, values, "in a List");
    }
}

fn check_object(value: &Value, subject: &Subject) {
    if let Err(error) = (subject.secret)(value) {
        assert!(
            !error.contains(CANARY) || !holds_canary_in_values_only(value),
            "{error}"
        );
    }
    let mut ordered = value.clone();
    order_sealed_secret(&mut ordered);
    assert_eq!(&ordered, value, "in another order");
    match SealedSecret::parse(value) {
        Ok(sealed) => {
            let written = serde_json::to_value(&sealed).expect("it can be written");
            assert_eq!(SealedSecret::parse(&written), Ok(sealed));
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.contains(CANARY) || !holds_canary_in_values_only(value),
                "{text}"
            );
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "ns", "labels": {"a": "yes"}},
        "data": {"a": "Y2FuYXJ5LTQ3MTE=", "b": null}, "stringData": {"c": CANARY, "d": "multi\nline\n"},
    });
    let sealed = sealed_objects();
    // Items are text here: one object of their true size is enough, and short ones are read much more often.
    let mut objects: Vec<Value> = sealed.iter().map(with_short_items).collect();
    objects[1] = sealed[1].clone();
    objects.push(secret);
    let list = json!({"kind": "List", "apiVersion": "v1", "items": objects});
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for format in [Format::Json, Format::Yaml] {
        seeds.extend(
            objects
                .iter()
                .map(|object| (REAL.render)(std::slice::from_ref(object), format)),
        );
        seeds.push((REAL.render)(&objects[..2], format));
        seeds.push((REAL.render)(&objects[3..], format));
    }
    seeds.push(list.to_string().into_bytes());
    let yaml = concat!(
        "# comment\n--- # one\na: &x {b: 'it''s', c: \"\\u00e9\\n\"}\nd: *x\ne: |-\n  text\n  more\n\n",
        "f: >+\n  folded\n  text\n\n...\n---\n- 1\n- 1.5\n- 0x1f\n- ~\n- !!str 12\n- [a, {b: c}]\n- ? k\n  : v\n",
    );
    seeds.push(yaml.as_bytes().to_vec());
    seeds.extend(encodings(yaml));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn manifests_bear_any_input() {
        passes(&TARGET, 5_000);
    }

    #[test]
    fn a_text_that_begins_with_a_mark_gets_no_second_one() {
        target("\u{feff}{\"kindsion\":\"b".as_bytes());
    }

    #[test]
    fn text_that_is_not_quoted_is_found() {
        fn unquoted(values: &[Value], format: Format) -> Vec<u8> {
            let text = render(values, format).to_string();
            let plain = text.replace("'true'", "true").replace("\"true\"", "true");
            if format == Format::Yaml { plain } else { text }.into_bytes()
        }
        finds(&TARGET, "read from Yaml", |data| {
            check(
                data,
                &Subject {
                    render: unquoted,
                    ..REAL
                },
            )
        });
    }

    #[test]
    fn an_encoding_that_is_read_wrongly_is_found() {
        fn documents(bytes: &[u8]) -> Result<Vec<Value>, Failure> {
            match bytes {
                // Nothing outside of the first plane.
                [0xfe, 0xff, rest @ ..]
                    if rest
                        .as_chunks::<2>()
                        .0
                        .iter()
                        .any(|pair| (0xd8..0xdc).contains(&pair[0])) =>
                {
                    (REAL.documents)(&bytes[2..])
                }
                _ => (REAL.documents)(bytes),
            }
        }
        finds(&TARGET, "another encoding", |data| {
            check(data, &Subject { documents, ..REAL })
        });
    }

    #[test]
    fn an_error_that_repeats_a_value_is_found() {
        fn secret(value: &Value) -> Result<(), String> {
            (REAL.secret)(value).map_err(|error| format!("{error}: {}", value["stringData"]["c"]))
        }
        finds(&TARGET, "canary", |data| {
            check(data, &Subject { secret, ..REAL })
        });
    }
}
