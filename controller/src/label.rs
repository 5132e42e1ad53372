//! What Kubernetes takes for names and values of labels ("Labels and Selectors", syntax and character set).

/// `[prefix/]name`, as the name of a label must be. Of an annotation it is the name in lower case that must be so.
pub fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let prefix_is_right = prefix.is_none_or(|prefix| {
        (1..=253).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
    });
    prefix_is_right && !name.is_empty() && is_label_value(name)
}

/// Up to 63 letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends; or nothing.
pub fn is_label_value(text: &str) -> bool {
    let edges = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63
        && edges
            .into_iter()
            .flatten()
            .all(|b| b.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_have_the_form_that_kubernetes_asks_for() {
        let names = [
            ("app", true),
            ("example.com/app", true),
            ("my_App.1", true),
            ("", false),
            ("/app", false),
            ("example.com/", false),
            ("Example.com/app", false),
            ("a/b/c", false),
            ("-app", false),
        ];
        for (name, valid) in names {
            assert_eq!(is_qualified_name(name), valid, "{name}");
        }
        let long = "a".repeat(64);
        for (value, valid) in [
            ("", true),
            ("a-B_1.c", true),
            ("a b", false),
            ("a.", false),
            (&long, false),
        ] {
            assert_eq!(is_label_value(value), valid, "{value}");
        }
    }
}
