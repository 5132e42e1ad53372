//! What a scalar means where it stands: in a field that is a text, what was written; anywhere else, what Go reads.
//!
//! Knows which fields of Secrets and SealedSecrets are texts, as the library that upstream reads with knows it from the types.

use serde_json::{Map, Number, Value};
use signet_common::Printable;

use super::Labels;
use super::compose::{Node, Shared};
use crate::go_yaml::{Resolved, resolve};

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing that is a text for certain.
    Any,
    /// A List whose items are objects.
    List,
    Items,
    Secret,
    SealedSecret,
    Metadata,
    Spec,
    Template,
    /// A mapping of texts.
    Texts,
    /// A mapping of base64, which is no text to the library: a number stays one, and is refused for its type.
    Bytes,
    /// The same, of items of a SealedSecret: the names are taken as Go reads them.
    Sealed,
    /// The same, for labels and annotations.
    Labels,
    /// A sequence of texts.
    TextList,
    Text,
    /// A text under a label or an annotation.
    Label,
}

impl Shape {
    fn of(node: &Node) -> Self {
        let Node::Map(entries) = node else {
            return Self::Any;
        };
        let field = |name| {
            entries
                .iter()
                .find(|(key, _)| key.name == name)
                .map(|(_, value)| value)
        };
        let kind = match field("kind").map(|kind| &*kind.node) {
            Some(Node::Text(kind) | Node::Plain(kind)) => kind.as_str(),
            _ => "",
        };
        match kind {
            "Secret" => Self::Secret,
            "SealedSecret" => Self::SealedSecret,
            "" if field("spec").is_some() => Self::SealedSecret,
            "" if field("items").is_some() => Self::List,
            "" => Self::Secret,
            kind if kind.ends_with("List") => Self::List,
            _ => Self::Any,
        }
    }

    /// What stands under a key.
    fn field(self, name: &str) -> Self {
        match (self, name) {
            (Self::List, "items") => Self::Items,
            (Self::Secret | Self::SealedSecret, "kind" | "apiVersion") => Self::Text,
            (Self::Secret | Self::SealedSecret | Self::Template, "metadata") => Self::Metadata,
            (Self::Secret, "data") => Self::Bytes,
            (Self::Secret, "stringData") => Self::Texts,
            (Self::Secret | Self::Template, "type") => Self::Text,
            (Self::SealedSecret, "spec") => Self::Spec,
            (Self::Spec, "template") => Self::Template,
            (Self::Spec, "encryptedData") | (Self::Template, "data") => Self::Sealed,
            (Self::Spec, "data") => Self::Text,
            (Self::Metadata, "labels" | "annotations") => Self::Labels,
            (Self::Metadata, "name" | "namespace") => Self::Text,
            (Self::Metadata, "finalizers") => Self::TextList,
            (Self::Texts | Self::Sealed, _) => Self::Text,
            (Self::Labels, _) => Self::Label,
            _ => Self::Any,
        }
    }
}

/// Where one is in a document, from the inside to the outside.
struct Place<'a> {
    name: &'a str,
    outer: Option<&'a Self>,
}

impl Place<'_> {
    fn path(&self) -> String {
        match self.outer {
            Some(outer) if !outer.name.is_empty() => {
                format!("{}.{}", outer.path(), Printable(self.name))
            }
            _ => Printable(self.name).to_string(),
        }
    }
}

pub(super) struct Reader {
    pub(super) labels: Labels,
}

/// A field whose text YAML changes.
pub(super) struct Change {
    pub(super) path: String,
    pub(super) line: usize,
}

impl Reader {
    /// The value of a whole document.
    ///
    /// # Errors
    /// [`Change`].
    pub(super) fn document(&self, root: &Shared) -> Result<Value, Change> {
        let place = Place {
            name: "",
            outer: None,
        };
        self.value(root, Shape::of(&root.node), &place)
    }

    fn value(&self, shared: &Shared, shape: Shape, place: &Place<'_>) -> Result<Value, Change> {
        match &*shared.node {
            Node::Text(text) => Ok(Value::from(text.as_str())),
            Node::Plain(plain) => self.plain(plain, shared.line(), shape, place),
            Node::List(items) => items
                .iter()
                .map(|item| {
                    let shape = match shape {
                        Shape::Items => Shape::of(&item.node),
                        Shape::TextList => Shape::Text,
                        _ => Shape::Any,
                    };
                    // Whole objects are named by what is in them.
                    let outer = Place {
                        name: "",
                        outer: None,
                    };
                    self.value(
                        item,
                        shape,
                        if shape == Shape::Text { place } else { &outer },
                    )
                })
                .collect(),
            Node::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    let here = Place {
                        name: &key.name,
                        outer: Some(place),
                    };
                    let refused = match shape {
                        Shape::Texts | Shape::Bytes => true,
                        Shape::Labels => self.labels == Labels::Strict,
                        _ => false,
                    };
                    if let Some(written) = key.written.as_deref().filter(|_| refused) {
                        let here = Place {
                            name: written,
                            ..here
                        };
                        return Err(changed(&here, key.line));
                    }
                    let value = self.value(value, shape.field(&key.name), &here)?;
                    map.insert(key.name.clone(), value);
                }
                Ok(Value::Object(map))
            }
        }
    }

    fn plain(
        &self,
        plain: &str,
        line: usize,
        shape: Shape,
        place: &Place<'_>,
    ) -> Result<Value, Change> {
        let resolved = resolve(plain);
        if resolved == Resolved::Null {
            // In these maps the library has no place for nothing.
            let empty = shape == Shape::Label;
            return Ok(if empty { Value::from("") } else { Value::Null });
        }
        if !matches!(shape, Shape::Text | Shape::Label) {
            return Ok(json(resolved, plain));
        }
        let text = resolved.go_text();
        if text == plain || (shape == Shape::Label && self.labels == Labels::AsGo) {
            return Ok(Value::from(text));
        }
        Err(changed(place, line))
    }
}

fn changed(place: &Place<'_>, line: usize) -> Change {
    Change {
        path: place.path(),
        line,
    }
}

fn json(resolved: Resolved<'_>, plain: &str) -> Value {
    match resolved {
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => Value::from(value),
        Resolved::Int(value) => Value::from(value),
        Resolved::Uint(value) => Value::from(value),
        // JSON has no infinity, and Go gives up on one.
        Resolved::Float(value) => Number::from_f64(value).map_or(Value::from(plain), Value::Number),
        Resolved::Text(text) => Value::from(text),
    }
}

/// Whether a field that is a text holds something else, so that only its spelling tells what Go makes of it.
pub(super) fn needs_spelling(value: &Value) -> bool {
    object_needs(value, shape_of(value))
}

fn shape_of(value: &Value) -> Shape {
    let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        "Secret" => Shape::Secret,
        "SealedSecret" => Shape::SealedSecret,
        "" if value.get("spec").is_some() => Shape::SealedSecret,
        "" if value.get("items").is_some() => Shape::List,
        "" => Shape::Secret,
        kind if kind.ends_with("List") => Shape::List,
        _ => Shape::Any,
    }
}

fn object_needs(value: &Value, shape: Shape) -> bool {
    match value {
        _ if shape == Shape::Any => false,
        Value::Object(map) => map
            .iter()
            .any(|(name, value)| object_needs(value, shape.field(name))),
        Value::Array(items) => items.iter().any(|item| match shape {
            Shape::Items => object_needs(item, shape_of(item)),
            Shape::TextList => object_needs(item, Shape::Text),
            _ => false,
        }),
        Value::Number(_) | Value::Bool(_) => matches!(shape, Shape::Text | Shape::Label),
        Value::Null => shape == Shape::Label,
        Value::String(_) => false,
    }
}
