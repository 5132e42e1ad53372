//! The scope of an object, read from and written to its annotations (`docs/format.md` §8).

use std::collections::BTreeMap;

use signet_common::Scope;

use crate::names::{CLUSTER_WIDE, NAMESPACE_WIDE};

/// Annotations of a Kubernetes object.
pub type Annotations = BTreeMap<String, String>;

/// Whether the annotation is set to exactly `true`, the only value upstream accepts.
pub fn is_true(annotations: &Annotations, name: &str) -> bool {
    annotations.get(name).is_some_and(|value| value == "true")
}

/// The scope that an object's own annotations select.
pub fn scope_of(annotations: &Annotations) -> Scope {
    if is_true(annotations, CLUSTER_WIDE) {
        Scope::ClusterWide
    } else if is_true(annotations, NAMESPACE_WIDE) {
        Scope::NamespaceWide
    } else {
        Scope::Strict
    }
}

/// Rewrites the scope annotations so that [`scope_of`] gives `scope`; others stay.
pub fn set_scope(annotations: &mut Annotations, scope: Scope) {
    annotations.remove(CLUSTER_WIDE);
    annotations.remove(NAMESPACE_WIDE);
    let name = match scope {
        Scope::Strict => return,
        Scope::NamespaceWide => NAMESPACE_WIDE,
        Scope::ClusterWide => CLUSTER_WIDE,
    };
    annotations.insert(name.to_owned(), "true".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_text_true_selects_a_scope_and_cluster_wide_wins() {
        let table: [(&[(&str, &str)], Scope); 6] = [
            (&[], Scope::Strict),
            (&[(NAMESPACE_WIDE, "true")], Scope::NamespaceWide),
            (&[(NAMESPACE_WIDE, "TRUE")], Scope::Strict),
            (&[(CLUSTER_WIDE, "1")], Scope::Strict),
            (&[(CLUSTER_WIDE, "true")], Scope::ClusterWide),
            (
                &[(CLUSTER_WIDE, "true"), (NAMESPACE_WIDE, "true")],
                Scope::ClusterWide,
            ),
        ];
        for (pairs, scope) in table {
            let annotations = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(scope_of(&annotations), scope, "{pairs:?}");
        }
    }

    #[test]
    fn a_scope_that_was_set_is_read_back_and_other_annotations_stay() {
        for scope in Scope::ALL {
            let mut annotations = Annotations::from([
                (CLUSTER_WIDE.to_owned(), "true".to_owned()),
                ("other".to_owned(), "kept".to_owned()),
            ]);
            set_scope(&mut annotations, scope);
            assert_eq!(scope_of(&annotations), scope);
            assert_eq!(annotations["other"], "kept");
        }
    }
}
