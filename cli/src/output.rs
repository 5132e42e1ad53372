//! Writing manifests: upstream's JSON and YAML, to stdout or into a file.
//!
//! Everything is put together in memory first: what fails prints and writes nothing.

use std::path::PathBuf;

use serde_json::{Map, Value};
use signet_crds::manifest::to_yaml;
use zeroize::Zeroizing;

use crate::atomic_file::{self, Privacy};
use crate::error::{Failure, os_text};
use crate::session::Session;

/// The form of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Two spaces of indentation, upstream's order of fields.
    Json,
    /// Sorted keys, `---` before each document.
    Yaml,
}

/// The form that was asked for, or that there is no such form: told when everything else is right, as upstream does.
pub type FormatRequest = Result<Format, Failure>;

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file that is replaced as a whole.
    File(PathBuf),
}

impl Output {
    /// Writes the whole result.
    ///
    /// # Errors
    /// The file is as it was before, or stdout is closed or full.
    pub fn write(
        &self,
        session: &mut Session<'_>,
        content: &[u8],
        privacy: Privacy,
    ) -> Result<(), Failure> {
        match self {
            Self::File(path) => atomic_file::replace(path, content, privacy),
            Self::Stdout => session
                .stdout
                .write_all(content)
                .and_then(|()| session.stdout.flush())
                .map_err(|error| {
                    Failure::trouble(format_args!("write stdout: {}", os_text(&error)))
                }),
        }
    }
}

/// The text of several objects, as kubeseal prints them.
pub fn render(objects: &[Value], format: Format) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for object in objects {
        let one = Zeroizing::new(match format {
            Format::Json => to_json(object),
            Format::Yaml => format!("---\n{}", to_yaml(object)),
        });
        text.push_str(&one);
    }
    text
}

/// Indented JSON with a newline at the end, escaped as Go does: `<`, `>`, `&` and the two line separators.
fn to_json(value: &Value) -> String {
    let plain = Zeroizing::new(
        serde_json::to_string_pretty(value).expect("a JSON value can always be written"),
    );
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        match character {
            // These stand only inside strings.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text.push('\n');
    text
}

/// Go's order of the fields of an object's metadata; others follow.
const METADATA_ORDER: [&str; 7] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
];

/// Puts `metadata` in upstream's order.
pub fn order_metadata(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata") {
        order(metadata, &METADATA_ORDER);
    }
}

/// Puts the fields of a SealedSecret in upstream's order, as Go declares them; others follow.
pub fn order_sealed_secret(object: &mut Value) {
    order(
        object,
        &["kind", "apiVersion", "metadata", "spec", "status"],
    );
    order_metadata(object);
    let Some(spec) = object.get_mut("spec") else {
        return;
    };
    order(spec, &["template", "data", "encryptedData"]);
    if let Some(items) = spec.get_mut("encryptedData").and_then(Value::as_object_mut) {
        items.sort_keys();
    }
    if let Some(template) = spec.get_mut("template") {
        order(template, &["metadata", "type", "immutable", "data"]);
        order_metadata(template);
    }
}

fn order(object: &mut Value, names: &[&str]) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let mut ordered = Map::new();
    for name in names {
        if let Some(value) = fields.shift_remove(*name) {
            ordered.insert((*name).to_owned(), value);
        }
    }
    ordered.append(fields);
    *fields = ordered;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_escaped_as_go_escapes_it() {
        let text = to_json(&json!({"a": "<b&c>\u{2028}"}));
        assert_eq!(text, "{\n  \"a\": \"\\u003cb\\u0026c\\u003e\\u2028\"\n}\n");
    }

    #[test]
    fn metadata_is_written_in_upstreams_order() {
        let mut object =
            json!({"metadata": {"annotations": {}, "name": "n", "namespace": "s", "x": 1}});
        order_metadata(&mut object);
        assert_eq!(
            object.to_string(),
            r#"{"metadata":{"name":"n","namespace":"s","annotations":{},"x":1}}"#
        );
    }
}
