//! What a program did, as a text that two programs can be compared by.
//!
//! Ciphertexts are random, so each is replaced by what it opens to: the key, the label and the value. Paths of the row's
//! folder and of the program, and the suffix of our version, are replaced too. Lines `hint:` are ours alone (docs/guide/differences.md).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use signet_common::{SealTarget, SealedBlob, open};

use crate::row::Row;
use crate::world::World;

/// Whatever lies in a folder, by path.
pub(crate) type Files = BTreeMap<String, Entry>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    Link(String),
    File { mode: u32, content: Vec<u8> },
}

/// What one program did.
pub(crate) struct Outcome {
    /// None if it did not end and was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) before: Files,
    pub(crate) after: Files,
    pub(crate) input: Vec<u8>,
    pub(crate) place: String,
    pub(crate) program: String,
}

/// Everything below a folder.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Files> {
    let mut found = Files::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata()?;
        if metadata.is_symlink() {
            let target = fs::read_link(entry.path())?;
            found.insert(name, Entry::Link(target.to_string_lossy().into_owned()));
        } else if metadata.is_dir() {
            for (below, content) in files(&entry.path())? {
                found.insert(format!("{name}/{below}"), content);
            }
            found.insert(name, Entry::Folder);
        } else {
            let content = fs::read(entry.path())?;
            let mode = metadata.permissions().mode() & 0o7777;
            found.insert(name, Entry::File { mode, content });
        }
    }
    Ok(found)
}

impl Outcome {
    /// The text to compare.
    pub(crate) fn text(&self, world: &World, row: &Row) -> String {
        let mut text = match self.code {
            Some(code) => format!("exit {code}\n"),
            None => "does not end\n".to_owned(),
        };
        let show = |bytes: &[u8]| self.plain(world, row, bytes);
        text.push_str(&block("stdout", &show(&self.stdout)));
        let stderr: String = show(&self.stderr)
            .split_inclusive('\n')
            .filter(|line| self.code == Some(0) || !line.starts_with("hint: "))
            .collect();
        text.push_str(&block("stderr", &stderr));
        for (name, entry) in &self.after {
            let name = without_random_digits(name);
            if self.before.get(&name) == Some(entry) {
                text.push_str(&format!("unchanged {name}\n"));
                continue;
            }
            text.push_str(&match entry {
                Entry::Folder => format!("folder {name}\n"),
                Entry::Link(target) => format!("link {name} to {target}\n"),
                Entry::File { mode, content } => {
                    block(&format!("file {name} {mode:04o}"), &show(content))
                }
            });
        }
        for name in self.before.keys() {
            if !self.after.contains_key(name) {
                text.push_str(&format!("gone {name}\n"));
            }
        }
        text
    }

    fn plain(&self, world: &World, row: &Row, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes)
            .replace(&self.place, "{folder}")
            .replace(&self.program, "{program}")
            .replace('\r', "");
        let text = without_flags(&without_our_version(&text));
        let text = with_sorted_items(&without_temporary_name(&text));
        let labels = candidates(&text, row);
        let mut shown = String::new();
        for piece in pieces(&text) {
            match ciphertext(piece) {
                Some(blob) => shown.push_str(&self.opened(world, piece, &blob, &labels)),
                None => shown.push_str(piece),
            }
        }
        shown
    }

    fn opened(
        &self,
        world: &World,
        text: &str,
        blob: &SealedBlob,
        labels: &BTreeSet<Label>,
    ) -> String {
        let given = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        let known = given(&self.input)
            || self.before.values().any(|entry| match entry {
                Entry::File { content, .. } => given(content),
                _ => false,
            });
        let state = if known { "as given, " } else { "" };
        for (name, key) in &world.keys {
            for label in labels {
                let Some(target) = label.target() else {
                    continue;
                };
                if let Ok(value) = open(key, blob, &target, "") {
                    let value = String::from_utf8_lossy(value.expose()).into_owned();
                    return format!("[{state}{name} for {}: {value:?}]", label.text());
                }
            }
        }
        format!("[{state}does not open, {} bytes]", blob.plaintext_len())
    }
}

/// A title and what stands below it; a missing line end at the end is shown.
fn block(title: &str, text: &str) -> String {
    match text {
        "" => format!("{title}: nothing\n"),
        text if text.ends_with('\n') => format!("{title}:\n{text}"),
        text => format!("{title}:\n{text}[no line end]\n"),
    }
}

/// Upstream leaves `.NAME123456` behind.
fn without_random_digits(name: &str) -> String {
    let trimmed = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let file = name.rsplit('/').next().unwrap_or_default();
    if file.starts_with('.') && trimmed.len() < name.len() {
        return format!("{trimmed}#");
    }
    name.to_owned()
}

/// Upstream lists its flags when one is wrong.
fn without_flags(text: &str) -> String {
    const LAST: &str = "comma-separated list of pattern=N settings for file-filtered logging\n";
    let found = text
        .split_once("      --add_dir_header ")
        .and_then(|(before, rest)| Some((before, rest.split_once(LAST)?.1)));
    match found {
        Some((before, after)) => format!("{before}[flags]\n{after}"),
        None => text.to_owned(),
    }
}

/// The same in a message; rows that make upstream say it write to `out`.
fn without_temporary_name(text: &str) -> String {
    let Some((before, rest)) = text.split_once("/.out") else {
        return text.to_owned();
    };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}/.out#{rest}")
}

/// Upstream names items that do not open in an order that changes from run to run.
fn with_sorted_items(text: &str) -> String {
    let begin = "no key could decrypt secret (";
    let found = text
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(')')?)));
    let Some((before, (items, after))) = found else {
        return text.to_owned();
    };
    let mut items: Vec<_> = items.split(", ").collect();
    items.sort_unstable();
    format!("{before}{begin}{}){after}", items.join(", "))
}

fn without_our_version(text: &str) -> String {
    let Some((before, after)) = text.split_once("0.40.0+signet.") else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    format!("{before}0.40.0{rest}")
}

/// Cuts a text into runs of base64 characters and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    let in_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        if in_base64(c) != inside {
            pieces.push(&text[start..at]);
            (start, inside) = (at, !inside);
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn ciphertext(piece: &str) -> Option<SealedBlob> {
    if piece.len() < 200 {
        return None;
    }
    SealedBlob::parse_base64(piece).ok()
}

/// What a value may be bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Cluster,
    Namespace(String),
    Strict(String, String),
}

impl Label {
    fn parse(text: &str) -> Self {
        match text.split_once('/') {
            _ if text.is_empty() => Self::Cluster,
            None => Self::Namespace(text.to_owned()),
            Some((namespace, name)) => Self::Strict(namespace.to_owned(), name.to_owned()),
        }
    }

    fn target(&self) -> Option<SealTarget> {
        match self {
            Self::Cluster => Some(SealTarget::cluster_wide()),
            Self::Namespace(namespace) => SealTarget::namespace_wide(namespace).ok(),
            Self::Strict(namespace, name) => SealTarget::strict(namespace, name).ok(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Cluster => "the cluster".to_owned(),
            Self::Namespace(namespace) => namespace.clone(),
            Self::Strict(namespace, name) => format!("{namespace}/{name}"),
        }
    }
}

/// Labels that names in the text suggest, and those that the row gives.
fn candidates(text: &str, row: &Row) -> BTreeSet<Label> {
    let value_of = |line: &str, field: &str| -> Option<String> {
        let line = line.trim().trim_start_matches("- ").trim_end_matches(',');
        let rest = line
            .strip_prefix(&format!("\"{field}\": "))
            .or_else(|| line.strip_prefix(&format!("{field}: ")))?;
        Some(rest.trim_matches('"').to_owned())
    };
    let all = |field: &str| -> BTreeSet<String> {
        text.lines()
            .filter_map(|line| value_of(line, field))
            .collect()
    };
    let mut labels: BTreeSet<Label> = row.labels.iter().map(|text| Label::parse(text)).collect();
    labels.insert(Label::Cluster);
    for namespace in all("namespace") {
        for name in all("name") {
            labels.insert(Label::Strict(namespace.clone(), name));
        }
        labels.insert(Label::Namespace(namespace));
    }
    labels
}
