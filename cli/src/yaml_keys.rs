//! Keys of a YAML file by the names that kubectl reads in them: `8080` is called `8080`, as `"8080"` is, and `on` is `true`.

use signet_crds::go_yaml::{Resolved, key_name, resolve};
use yaml_edit::{Mapping, MappingEntry, ScalarValue};

/// The entry of that name, however it is spelled.
pub(crate) fn entry(mapping: &Mapping, name: &str) -> Option<MappingEntry> {
    let mut entries = mapping.entries();
    entries.find(|entry| {
        let spelling = entry.key_node().map(|key| key.to_string());
        spelling.and_then(|spelling| key_name(&spelling)).as_deref() == Some(name)
    })
}

/// A text, in quotes where it would be read as something else.
pub(crate) fn scalar(text: &str) -> ScalarValue {
    if needs_quotes(text) {
        ScalarValue::double_quoted(text)
    } else {
        ScalarValue::string(text)
    }
}

fn needs_quotes(text: &str) -> bool {
    !matches!(resolve(text), Resolved::Text(_))
}

/// Keys that are new in a file. The library takes `"on"` for a key `on` that is there, so those that need quotes have other names
/// until the text is written.
pub(crate) struct NewKeys {
    prefix: String,
    names: Vec<String>,
}

impl NewKeys {
    /// For a file with this text.
    pub(crate) fn of(text: &str) -> Self {
        let mut prefix = "signet-key-".to_owned();
        while text.contains(&prefix) {
            prefix.push('-');
        }
        Self {
            prefix,
            names: Vec::new(),
        }
    }

    /// What to call a new key.
    pub(crate) fn key(&mut self, name: &str) -> String {
        if !needs_quotes(name) {
            return name.to_owned();
        }
        self.names.push(name.to_owned());
        self.placeholder(self.names.len() - 1)
    }

    fn placeholder(&self, index: usize) -> String {
        format!("{}{index}.", self.prefix)
    }

    /// The text with the names in their places.
    pub(crate) fn fill(&self, mut text: String) -> String {
        for (index, name) in self.names.iter().enumerate() {
            let quoted = serde_json::Value::from(name.as_str()).to_string();
            text = text.replacen(&self.placeholder(index), &quoted, 1);
        }
        text
    }
}
