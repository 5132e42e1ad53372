//! What a value is sealed for: the scope and the names that the OAEP label binds it to.
//!
//! Owns the three scopes and their labels (`docs/format.md` §3). Does not know the annotations that choose
//! a scope on a Kubernetes object: those live in `signet-crds`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How far a sealed value may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Scope {
    /// Bound to one namespace and one name.
    #[default]
    Strict,
    /// Bound to one namespace; the object may be renamed.
    NamespaceWide,
    /// Bound to the cluster's key only.
    ClusterWide,
}

impl Scope {
    /// Every scope, narrowest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::NamespaceWide, Self::ClusterWide];

    /// The scope as the command line spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be one of: strict, namespace-wide, cluster-wide")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(ScopeError)
    }
}

/// A namespace or name that cannot make an ambiguous label.
///
/// An empty namespace would give the cluster-wide label, and `a/b` as a namespace would imitate
/// namespace `a`, name `b`. Nothing narrower is enforced: upstream seals upper-case names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TargetError {
    /// A namespace is needed for this scope and is empty.
    #[error("the namespace is empty")]
    EmptyNamespace,
    /// A name is needed for this scope and is empty.
    #[error("the name is empty")]
    EmptyName,
    /// The namespace holds a `/`.
    #[error("the namespace contains a '/'")]
    SlashInNamespace,
    /// The name holds a `/`.
    #[error("the name contains a '/'")]
    SlashInName,
}

/// What one value is sealed for. Every value of this type has an unambiguous label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SealTarget(Inner);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Inner {
    Strict { namespace: String, name: String },
    Namespace { namespace: String },
    Cluster,
}

impl SealTarget {
    /// A target of the given scope. Names that the scope does not use are ignored.
    ///
    /// # Errors
    /// [`TargetError`] if a name that the scope uses is empty or holds a `/`.
    pub fn new(scope: Scope, namespace: &str, name: &str) -> Result<Self, TargetError> {
        match scope {
            Scope::Strict => Self::strict(namespace, name),
            Scope::NamespaceWide => Self::namespace_wide(namespace),
            Scope::ClusterWide => Ok(Self::cluster_wide()),
        }
    }

    /// Bound to `namespace` and `name`.
    ///
    /// # Errors
    /// [`TargetError`] if either is empty or holds a `/`.
    pub fn strict(namespace: &str, name: &str) -> Result<Self, TargetError> {
        let namespace = checked_namespace(namespace)?;
        let name = match name {
            "" => return Err(TargetError::EmptyName),
            name if name.contains('/') => return Err(TargetError::SlashInName),
            name => name.to_owned(),
        };
        Ok(Self(Inner::Strict { namespace, name }))
    }

    /// Bound to `namespace`.
    ///
    /// # Errors
    /// [`TargetError`] if it is empty or holds a `/`.
    pub fn namespace_wide(namespace: &str) -> Result<Self, TargetError> {
        let namespace = checked_namespace(namespace)?;
        Ok(Self(Inner::Namespace { namespace }))
    }

    /// Bound to nothing but the key.
    pub fn cluster_wide() -> Self {
        Self(Inner::Cluster)
    }

    /// The scope of this target.
    pub fn scope(&self) -> Scope {
        match self.0 {
            Inner::Strict { .. } => Scope::Strict,
            Inner::Namespace { .. } => Scope::NamespaceWide,
            Inner::Cluster => Scope::ClusterWide,
        }
    }

    /// The OAEP label (`docs/format.md` §3): `namespace/name`, `namespace`, or nothing.
    pub fn label(&self) -> Vec<u8> {
        match &self.0 {
            Inner::Strict { namespace, name } => format!("{namespace}/{name}").into_bytes(),
            Inner::Namespace { namespace } => namespace.clone().into_bytes(),
            Inner::Cluster => Vec::new(),
        }
    }
}

fn checked_namespace(namespace: &str) -> Result<String, TargetError> {
    match namespace {
        "" => Err(TargetError::EmptyNamespace),
        namespace if namespace.contains('/') => Err(TargetError::SlashInNamespace),
        namespace => Ok(namespace.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_namespace_and_name_namespace_or_nothing() {
        let label = |scope| SealTarget::new(scope, "ns", "name").unwrap().label();
        assert_eq!(label(Scope::Strict), b"ns/name");
        assert_eq!(label(Scope::NamespaceWide), b"ns");
        assert_eq!(label(Scope::ClusterWide), b"");
    }

    #[test]
    fn names_that_would_make_a_label_ambiguous_are_refused() {
        use TargetError::*;
        let table = [
            (Scope::Strict, "", "n", EmptyNamespace),
            (Scope::Strict, "ns", "", EmptyName),
            (Scope::Strict, "a/b", "n", SlashInNamespace),
            (Scope::Strict, "ns", "a/b", SlashInName),
            (Scope::NamespaceWide, "", "n", EmptyNamespace),
            (Scope::NamespaceWide, "a/b", "n", SlashInNamespace),
        ];
        for (scope, namespace, name, error) in table {
            assert_eq!(SealTarget::new(scope, namespace, name), Err(error));
        }
    }

    #[test]
    fn names_that_a_scope_does_not_use_are_ignored() {
        assert!(SealTarget::new(Scope::ClusterWide, "", "a/b").is_ok());
        assert!(SealTarget::new(Scope::NamespaceWide, "ns", "").is_ok());
    }

    #[test]
    fn scopes_parse_as_the_command_line_spells_them() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert_eq!("Strict".parse::<Scope>(), Err(ScopeError));
    }
}
