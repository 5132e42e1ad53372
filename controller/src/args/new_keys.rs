//! Labels and annotations of new key Secrets: upstream's flags.

use std::collections::BTreeMap;

use signet_crds::names::{KEY_ACTIVE, KEY_LABEL};

use crate::label::{is_label_value, is_qualified_name};

/// Flags of new key Secrets.
#[derive(Debug, Clone, clap::Args)]
pub struct NewKeys {
    /// Annotations of new key Secrets: NAME=VALUE,NAME=VALUE
    #[arg(long, env = "SEALED_SECRETS_PRIVATEKEY_ANNOTATIONS", default_value = "", value_parser = annotations, hide_default_value = true)]
    pub privatekey_annotations: Pairs,
    /// Labels of new key Secrets: NAME=VALUE,NAME=VALUE
    #[arg(long, env = "SEALED_SECRETS_PRIVATEKEY_LABELS", default_value = "", value_parser = labels, hide_default_value = true)]
    pub privatekey_labels: Pairs,
}

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub BTreeMap<String, String>);

fn annotations(text: &str) -> Result<Pairs, String> {
    pairs(text)
}

/// Checked here, because the API server would say it when the first key is made, in the log only.
fn labels(text: &str) -> Result<Pairs, String> {
    let labels = pairs(text)?;
    for (name, value) in &labels.0 {
        if name == KEY_LABEL && value != KEY_ACTIVE {
            return Err(format!(
                "the label {KEY_LABEL} says that a Secret is a sealing key; it stays {KEY_ACTIVE}"
            ));
        }
        if !is_label_value(value) {
            return Err(format!(
                "the value of {name} is no label value: at most 63 letters, digits, '-', '_' or '.'"
            ));
        }
    }
    Ok(labels)
}

fn pairs(text: &str) -> Result<Pairs, String> {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let pair = |entry: &str| {
        let (name, value) = entry
            .split_once('=')
            .ok_or_else(|| "NAME=VALUE,NAME=VALUE: an entry has no '='".to_owned())?;
        if !is_qualified_name(name) {
            return Err("NAME=VALUE,NAME=VALUE: a name is not [prefix/]name".to_owned());
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    entries.map(pair).collect::<Result<_, _>>().map(Pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_mistakes_are_named() {
        let read = |text| pairs(text).map(|pairs| pairs.0.into_iter().collect::<Vec<_>>());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(
            read("a=b, example.com/c=d=e,f="),
            Ok(vec![
                pair("a", "b"),
                pair("example.com/c", "d=e"),
                pair("f", "")
            ])
        );
        assert!(read("a").unwrap_err().contains("has no '='"));
        assert!(read("/a=b").unwrap_err().contains("[prefix/]name"));
        assert!(read("a b=c").is_err());
    }

    #[test]
    fn the_label_of_sealing_keys_cannot_be_another_and_values_are_label_values() {
        let active = format!("{KEY_LABEL}={KEY_ACTIVE}");
        assert!(labels(&active).is_ok());
        assert!(
            labels(&format!("{KEY_LABEL}=retired"))
                .unwrap_err()
                .contains(KEY_LABEL)
        );
        assert!(labels("a=b c").is_err());
        assert!(labels(&format!("a={}", "x".repeat(64))).is_err());
        assert!(annotations("a=b c").is_ok());
    }
}
