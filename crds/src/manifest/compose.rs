//! From the events of a YAML parser to a tree that keeps how each scalar was spelled.
//!
//! Owns anchors, merge keys, duplicate keys and the bounds. What a scalar means where it stands is `shape.rs`'s business.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use signet_common::decode_base64;

use super::{MAX_BYTES, MAX_DEPTH};
use crate::go_yaml::{Resolved, resolve};

/// A node of a document. Aliases share what they stand for.
pub(super) enum Node {
    /// A scalar that is a text whatever it looks like: quoted, a block, or tagged so.
    Text(String),
    /// A scalar that Go resolves, as it was spelled.
    Plain(String),
    /// A sequence.
    List(Vec<Shared>),
    /// A mapping, in the order of the text.
    Map(Vec<(Key, Shared)>),
}

/// A node, and what it weighs with all that it holds.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) node: Rc<Node>,
    line: usize,
    nodes: usize,
    bytes: usize,
    depth: usize,
}

/// The key of a mapping.
#[derive(Clone)]
pub(super) struct Key {
    /// As Go reads it.
    pub(super) name: String,
    /// How it was written, if that is something else.
    pub(super) written: Option<String>,
    pub(super) line: usize,
    merged: bool,
}

impl Shared {
    fn new(node: Node, line: usize, own_bytes: usize) -> Self {
        let mut shared = Self {
            node: Rc::new(node),
            line,
            nodes: 1,
            bytes: own_bytes,
            depth: 0,
        };
        let mut add = |child: &Self, key: usize| {
            shared.nodes = shared.nodes.saturating_add(child.nodes);
            shared.bytes = shared.bytes.saturating_add(child.bytes).saturating_add(key);
            shared.depth = shared.depth.max(child.depth + 1);
        };
        match &*Rc::clone(&shared.node) {
            Node::List(items) => items.iter().for_each(|item| add(item, 0)),
            Node::Map(entries) => {
                for (key, value) in entries {
                    add(value, key.name.len());
                }
            }
            Node::Text(_) | Node::Plain(_) => {}
        }
        let is_collection = matches!(*shared.node, Node::List(_) | Node::Map(_));
        shared.depth = shared.depth.max(usize::from(is_collection));
        shared
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }
}

/// Why a document cannot be composed; a line, and a column from 1.
pub(super) enum Trouble {
    Syntax(usize, usize),
    KeyTwice(usize),
    TooMany,
}

impl From<ScanError> for Trouble {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error.marker().line(), error.marker().col() + 1)
    }
}

impl From<Span> for Trouble {
    fn from(span: Span) -> Self {
        Self::Syntax(span.start.line(), span.start.col() + 1)
    }
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    line: usize,
    children: Children,
}

enum Children {
    List(Vec<Shared>),
    Map {
        entries: Vec<(Key, Shared)>,
        /// Where in them a name is.
        names: HashMap<String, usize>,
        key: Option<Waiting>,
    },
}

/// A key whose value has not come yet.
enum Waiting {
    Key(Key),
    Merge,
}

/// Composes documents one after the other.
pub(super) struct Composer<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    max_nodes: usize,
    nodes: usize,
    bytes: usize,
    anchors: HashMap<usize, Shared>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(text: &'a str, max_nodes: usize) -> Self {
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            max_nodes,
            nodes: 0,
            bytes: 0,
            anchors: HashMap::new(),
        }
    }

    /// The next document, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Shared>, Trouble> {
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event?;
            let (line, column) = (span.start.line(), span.start.col() + 1);
            let (node, anchor) = match event {
                Event::DocumentEnd => {
                    self.anchors.clear();
                    let nothing = || Shared::new(Node::Plain(String::new()), line, 0);
                    return Ok(Some(root.unwrap_or_else(nothing)));
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let node = scalar(text.into_owned(), style, tag.as_deref()).ok_or(span)?;
                    let bytes = match &node {
                        Node::Text(text) | Node::Plain(text) => text.len(),
                        Node::List(_) | Node::Map(_) => 0,
                    };
                    self.charge(1, bytes)?;
                    (Shared::new(node, line, bytes), anchor)
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.charge(1, 0)?;
                    open.push(Open {
                        anchor,
                        line,
                        children: Children::List(Vec::new()),
                    });
                    check_depth(open.len(), span)?;
                    continue;
                }
                Event::MappingStart(_, anchor, _) => {
                    self.charge(1, 0)?;
                    open.push(Open {
                        anchor,
                        line,
                        children: Children::Map {
                            entries: Vec::new(),
                            names: HashMap::new(),
                            key: None,
                        },
                    });
                    check_depth(open.len(), span)?;
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let closed = open.pop().ok_or(span)?;
                    let node = match closed.children {
                        Children::List(items) => Node::List(items),
                        Children::Map { entries, .. } => Node::Map(entries),
                    };
                    (Shared::new(node, closed.line, 0), closed.anchor)
                }
                Event::Alias(anchor) => {
                    // One that is still open would hold itself.
                    let shared = self.anchors.get(&anchor).cloned().ok_or(span)?;
                    self.charge(shared.nodes, shared.bytes)?;
                    check_depth(open.len() + shared.depth, span)?;
                    (shared, 0)
                }
                Event::UnresolvedAlias(_) => return Err(Trouble::Syntax(line, column)),
                _ => continue,
            };
            if anchor != 0 {
                self.anchors.insert(anchor, node.clone());
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(node, span)?,
                None => root = Some(node),
            }
        }
        Ok(None)
    }

    fn charge(&mut self, nodes: usize, bytes: usize) -> Result<(), Trouble> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > self.max_nodes || self.bytes > MAX_BYTES {
            return Err(Trouble::TooMany);
        }
        Ok(())
    }
}

fn check_depth(depth: usize, span: Span) -> Result<(), Trouble> {
    if depth > MAX_DEPTH {
        return Err(span.into());
    }
    Ok(())
}

/// The key that merges another mapping.
const MERGE: &str = "<<";

/// Whether Go takes [`MERGE`] with this tag for a merge, quoted or not. yq writes `!!merge <<` for every one that it reads.
fn is_merge(tag: &Tag) -> bool {
    let core = tag.suffix_in_namespace("tag:yaml.org,2002:");
    core.as_deref() == Some("merge") || (tag.handle().is_empty() && tag.suffix() == "!")
}

/// `None` if the tag and the text do not go together.
fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Option<Node> {
    let Some(tag) = tag else {
        return Some(match style {
            ScalarStyle::Plain => Node::Plain(text),
            _ => Node::Text(text),
        });
    };
    if text == MERGE && is_merge(tag) {
        return Some(Node::Plain(text));
    }
    let resolved = resolve(&text);
    let fits = match tag.core_suffix() {
        Some("int") => matches!(resolved, Resolved::Int(_) | Resolved::Uint(_)),
        Some("float") => matches!(
            resolved,
            Resolved::Float(_) | Resolved::Int(_) | Resolved::Uint(_)
        ),
        Some("bool") => matches!(resolved, Resolved::Bool(_)),
        Some("null") => matches!(resolved, Resolved::Null),
        _ if tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() == Some("binary") => {
            let mut bytes = decode_base64(&text)?;
            let text = String::from_utf8(std::mem::take(&mut *bytes)).ok();
            return text.map(Node::Text);
        }
        _ => return Some(Node::Text(text)),
    };
    fits.then_some(Node::Plain(text))
}

impl Children {
    fn push(&mut self, node: Shared, span: Span) -> Result<(), Trouble> {
        let (entries, names, waiting) = match self {
            Self::List(items) => {
                items.push(node);
                return Ok(());
            }
            Self::Map {
                entries,
                names,
                key,
            } => (entries, names, key),
        };
        match waiting.take() {
            None => *waiting = Some(as_key(&node).ok_or(span)?),
            Some(Waiting::Merge) => merge(entries, names, &node).ok_or(span)?,
            Some(Waiting::Key(key)) => match names.get(&key.name) {
                None => {
                    names.insert(key.name.clone(), entries.len());
                    entries.push((key, node));
                }
                // What was merged before gives way, in Go too.
                Some(index) if entries[*index].0.merged => entries[*index] = (key, node),
                Some(_) => return Err(Trouble::KeyTwice(key.line)),
            },
        }
        Ok(())
    }
}

fn as_key(node: &Shared) -> Option<Waiting> {
    let (name, written) = match &*node.node {
        Node::Plain(text) if text == MERGE => return Some(Waiting::Merge),
        Node::Plain(text) => {
            let name = resolve(text).go_key()?;
            let written = (name != *text).then(|| text.clone());
            (name, written)
        }
        Node::Text(text) => (text.clone(), None),
        Node::List(_) | Node::Map(_) => return None,
    };
    Some(Waiting::Key(Key {
        name,
        written,
        line: node.line,
        merged: false,
    }))
}

/// Of several mappings in a list the first one counts. Where a merge follows a key or a merge of the same name, Go takes the
/// later value and YAML the earlier one: that is refused, and `None`.
fn merge(
    entries: &mut Vec<(Key, Shared)>,
    names: &mut HashMap<String, usize>,
    node: &Shared,
) -> Option<()> {
    let sources = match &*node.node {
        Node::List(sources) => sources.clone(),
        Node::Map(_) => vec![node.clone()],
        Node::Text(_) | Node::Plain(_) => return None,
    };
    let before = entries.len();
    for source in sources {
        let Node::Map(merged) = &*source.node else {
            return None;
        };
        for (key, value) in merged {
            match names.get(&key.name) {
                Some(index) if *index < before => return None,
                Some(_) => {}
                None => {
                    names.insert(key.name.clone(), entries.len());
                    let merged = true;
                    let key = Key {
                        merged,
                        ..key.clone()
                    };
                    entries.push((key, value.clone()));
                }
            }
        }
    }
    Some(())
}
