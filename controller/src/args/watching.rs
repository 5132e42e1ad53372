//! Which objects are looked at: namespaces and labels.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::ArgAction;

use super::parsers::go_bool;

/// Flags that choose the objects that are looked at.
#[derive(Debug, Clone, clap::Args)]
pub struct Watching {
    /// Watch every namespace; false watches the controller's own only
    #[arg(long, env = "SEALED_SECRETS_ALL_NAMESPACES", default_value = "true", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub all_namespaces: bool,
    /// Watch the controller's own namespace and these, separated by commas, whatever --all-namespaces says
    #[arg(
        long,
        env = "SEALED_SECRETS_ADDITIONAL_NAMESPACES",
        default_value = "",
        value_name = "NAMESPACES"
    )]
    pub additional_namespaces: String,
    /// Look only at SealedSecrets with these labels, as `kubectl -l` takes them
    #[arg(long, env = "SEALED_SECRETS_LABEL_SELECTOR", default_value = "", value_name = "SELECTOR", value_parser = selector)]
    pub label_selector: String,
}

/// Which namespaces are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// All of them, with one watch.
    All,
    /// Each of these with a watch of its own, so that a Role in each is enough.
    Only(BTreeSet<Arc<str>>),
}

impl Watching {
    /// The namespaces to watch, given the controller's own. Blanks around an entry do not count.
    pub fn namespaces(&self, own: &str) -> Namespaces {
        let listed = self.additional_namespaces.split(',').map(str::trim);
        let mut only: BTreeSet<Arc<str>> = listed
            .filter(|entry| !entry.is_empty())
            .map(Arc::from)
            .collect();
        if only.is_empty() && self.all_namespaces {
            return Namespaces::All;
        }
        only.insert(own.into());
        Namespaces::Only(only)
    }
}

/// A label selector that the API server understands: `a=b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b)`, with commas
/// between them.
fn selector(text: &str) -> Result<String, String> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if text.is_empty() || parts.into_iter().all(|part| is_requirement(part.trim())) {
        return Ok(text.to_owned());
    }
    Err("a label selector such as app=shop,tier!=test,env in (a,b)".to_owned())
}

fn is_requirement(text: &str) -> bool {
    if let Some(key) = text.strip_prefix('!') {
        return is_key(key.trim());
    }
    for operator in ["!=", "==", "="] {
        if let Some((key, value)) = text.split_once(operator) {
            return is_key(key.trim()) && is_value(value.trim());
        }
    }
    let Some((before, after)) = text.split_once('(') else {
        return is_key(text);
    };
    let mut words = before.split_whitespace();
    let key = words.next().is_some_and(is_key);
    let operator = matches!(words.next(), Some("in" | "notin")) && words.next().is_none();
    let values = after.trim().strip_suffix(')');
    key && operator
        && values.is_some_and(|values| values.split(',').all(|value| is_value(value.trim())))
}

fn is_key(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').unwrap_or(("p", text));
    let dns = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.');
    (1..=253).contains(&prefix.len())
        && prefix.bytes().all(dns)
        && !name.is_empty()
        && is_value(name)
}

fn is_value(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= 63
        && text.bytes().all(inner)
        && ends
            .into_iter()
            .flatten()
            .all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces(all: bool, additional: &str) -> Namespaces {
        let watching = Watching {
            all_namespaces: all,
            additional_namespaces: additional.to_owned(),
            label_selector: String::new(),
        };
        watching.namespaces("own")
    }

    #[test]
    fn the_own_namespace_is_always_watched_and_a_list_wins() {
        let only =
            |names: &[&str]| Namespaces::Only(names.iter().map(|name| (*name).into()).collect());
        assert_eq!(namespaces(true, ""), Namespaces::All);
        assert_eq!(namespaces(true, " , "), Namespaces::All);
        assert_eq!(namespaces(false, ""), only(&["own"]));
        for all in [true, false] {
            assert_eq!(namespaces(all, " a, b ,,own,a"), only(&["a", "b", "own"]));
        }
    }

    #[test]
    fn a_selector_is_checked_before_the_api_server_sees_it() {
        for text in [
            "",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a!=b, c = d",
            "a=",
            "example.com/app in (x, y),z notin (q)",
        ] {
            assert!(selector(text).is_ok(), "{text}");
        }
        for text in [
            "=b",
            "a b",
            "a=b,",
            "a in x",
            "a in (x",
            "a=b=c",
            "a like (b)",
            "a=-b",
            "/a",
        ] {
            assert!(selector(text).is_err(), "{text}");
        }
    }
}
