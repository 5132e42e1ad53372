//! One template with its data, and what became of it.

use std::collections::BTreeMap;
use std::fmt;

/// A template and the decrypted items that it sees.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The name of the template: the key of the item that it makes.
    pub(crate) name: String,
    pub(crate) template: String,
    pub(crate) data: BTreeMap<String, Vec<u8>>,
}

impl Case {
    /// A template over [`data`].
    pub(crate) fn new(template: impl Into<String>) -> Self {
        Self {
            name: "item".to_owned(),
            template: template.into(),
            data: data(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.template)
    }
}

/// What a template gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Output(Vec<u8>),
    /// The texts differ by design: ours never carries a value.
    Failed(String),
    /// Ours only.
    Panicked,
}

impl Outcome {
    /// Whether both gave the same bytes, or both failed.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Output(one), Self::Output(two)) => one == two,
            (Self::Failed(_), Self::Failed(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(bytes) => write!(f, "{}", show(bytes)),
            Self::Failed(text) => write!(f, "failed: {text}"),
            Self::Panicked => write!(f, "panicked"),
        }
    }
}

fn show(bytes: &[u8]) -> String {
    let text: String = bytes
        .utf8_chunks()
        .map(|chunk| {
            let invalid: String = chunk
                .invalid()
                .iter()
                .map(|b| format!("\\x{b:02x}"))
                .collect();
            format!("{}{invalid}", chunk.valid())
        })
        .collect();
    format!("`{text}`")
}

/// The items that every case sees. Keys with dots and dashes are for `index`.
pub(crate) fn data() -> BTreeMap<String, Vec<u8>> {
    let items: [(&str, &[u8]); 12] = [
        ("a", b"x"),
        ("empty", b""),
        ("user", b"admin"),
        ("password", "pä$$ \"wörd\"'<&>\n日本".as_bytes()),
        ("bad", b"\xff\xfeabc\xc3"),
        ("num", b"42"),
        ("float", b"-2.5e3"),
        (
            "json",
            br#"{"b":{"c":"<d>","n":null},"a":[1,2.5,true,"x"]}"#,
        ),
        ("csv", b"pear,apple,,fig,apple"),
        ("lines", b"one\ntwo\r\n\n  three  \n"),
        ("tls.crt", b"-----BEGIN CERTIFICATE-----"),
        ("some-key", b"some value"),
    ];
    let mut data: BTreeMap<String, Vec<u8>> = items
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    data.insert(
        "long".to_owned(),
        b"Lorem ipsum-dolor_sit amet. ".repeat(80),
    );
    data
}
