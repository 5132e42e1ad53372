//! Everything that a condition, an event or a metric can say about a SealedSecret.

use std::fmt;

/// Why a SealedSecret is, or is not, in sync. Written to `status.conditions[].reason` and metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The Secret is what the SealedSecret says.
    Unsealed,
    /// No key of the controller opens an item.
    NoKey,
    /// An item is not base64, or not a sealed blob.
    MalformedItem,
    /// An item was sealed with a key size that no key of the controller has.
    UnknownKeySize,
    /// An item was sealed in a format this version does not know.
    NewerFormat,
    /// An item opens under another scope of the same name and namespace.
    ScopeMismatch,
    /// The template records another name or namespace than the object has.
    Renamed,
    /// The object's fields cannot be read.
    MalformedSpec,
    /// An item's name is not a valid Secret key.
    InvalidItemName,
    /// A template is none, or failed while it ran.
    TemplateFailed,
    /// A template calls a function that does not exist.
    UnknownTemplateFunction,
    /// A template needs more than it may have.
    TemplateTooExpensive,
    /// A template does what the settings do not allow.
    TemplateRefused,
    /// The deprecated single-blob format is not supported, or used beside `encryptedData`.
    DeprecatedData,
    /// A Secret of that name exists and belongs to somebody else.
    NotManaged,
    /// The Secret is immutable and differs.
    Immutable,
    /// The result would be a sealing key.
    SealingKeyRefused,
    /// The result would have a type that grants rights.
    TypeRefused,
    /// The template sets owners that it may not set.
    OwnerRefused,
    /// The Secret was changed by somebody and is reported, not repaired.
    Drifted,
    /// The Secret was repaired several times and is changed again and again.
    RepairConflict,
    /// The API server refuses the Secret: invalid or too large.
    SecretInvalid,
    /// The API server refuses the write: quota, webhook, permissions.
    WriteRefused,
    /// The API server cannot be reached or is in trouble.
    ApiUnavailable,
    /// A defect in the controller; the object is left alone.
    Internal,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 25] = [
        Self::Unsealed,
        Self::NoKey,
        Self::MalformedItem,
        Self::UnknownKeySize,
        Self::NewerFormat,
        Self::ScopeMismatch,
        Self::Renamed,
        Self::MalformedSpec,
        Self::InvalidItemName,
        Self::TemplateFailed,
        Self::UnknownTemplateFunction,
        Self::TemplateTooExpensive,
        Self::TemplateRefused,
        Self::DeprecatedData,
        Self::NotManaged,
        Self::Immutable,
        Self::SealingKeyRefused,
        Self::TypeRefused,
        Self::OwnerRefused,
        Self::Drifted,
        Self::RepairConflict,
        Self::SecretInvalid,
        Self::WriteRefused,
        Self::ApiUnavailable,
        Self::Internal,
    ];

    /// The reason as conditions and metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsealed => "Unsealed",
            Self::NoKey => "NoKey",
            Self::MalformedItem => "MalformedItem",
            Self::UnknownKeySize => "UnknownKeySize",
            Self::NewerFormat => "NewerFormat",
            Self::ScopeMismatch => "ScopeMismatch",
            Self::Renamed => "Renamed",
            Self::MalformedSpec => "MalformedSpec",
            Self::InvalidItemName => "InvalidItemName",
            Self::TemplateFailed => "TemplateFailed",
            Self::UnknownTemplateFunction => "UnknownTemplateFunction",
            Self::TemplateTooExpensive => "TemplateTooExpensive",
            Self::TemplateRefused => "TemplateRefused",
            Self::DeprecatedData => "DeprecatedData",
            Self::NotManaged => "NotManaged",
            Self::Immutable => "Immutable",
            Self::SealingKeyRefused => "SealingKeyRefused",
            Self::TypeRefused => "TypeRefused",
            Self::OwnerRefused => "OwnerRefused",
            Self::Drifted => "Drifted",
            Self::RepairConflict => "RepairConflict",
            Self::SecretInvalid => "SecretInvalid",
            Self::WriteRefused => "WriteRefused",
            Self::ApiUnavailable => "ApiUnavailable",
            Self::Internal => "Internal",
        }
    }

    /// What happens next (ARCHITECTURE.md "Failure classes").
    pub fn class(self) -> Class {
        match self {
            Self::Unsealed => Class::Done,
            Self::ApiUnavailable | Self::WriteRefused | Self::RepairConflict => Class::BackOff,
            _ => Class::Wait,
        }
    }

    /// Whether time alone can end it, with the same object, keys and Secret: it depends on the API server or on this program.
    /// Everything else follows from what the controller watches.
    pub fn time_can_change(self) -> bool {
        match self.class() {
            Class::Done => false,
            Class::BackOff => true,
            Class::Wait => matches!(self, Self::SecretInvalid | Self::Internal),
        }
    }

    /// The reason of the event, as upstream names it: dashboards and runbooks know these three.
    pub fn event_reason(self) -> &'static str {
        match self {
            Self::Unsealed => "Unsealed",
            Self::NotManaged
            | Self::Immutable
            | Self::Drifted
            | Self::RepairConflict
            | Self::SecretInvalid
            | Self::WriteRefused
            | Self::ApiUnavailable => "ErrUpdateFailed",
            _ => "ErrUnsealFailed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done about an object after a pass (ARCHITECTURE.md "Failure classes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing until something changes.
    Done,
    /// Tried again for ever, with growing pauses.
    BackOff,
    /// Looked at again when a key, the object or the Secret changes; every 15 minutes if [`Reason::time_can_change`].
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_listed_once_and_read_as_kubernetes_reasons() {
        let texts: std::collections::BTreeSet<_> =
            Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(texts.len(), Reason::ALL.len());
        assert!(
            texts
                .iter()
                .all(|text| text.chars().all(|c| c.is_ascii_alphanumeric()))
        );
    }

    #[test]
    fn the_guide_has_a_row_for_every_reason_and_says_what_follows() {
        let guide = include_str!("../../docs/guide/status.md");
        for reason in Reason::ALL {
            let follows = match (reason.class(), reason.time_can_change()) {
                (Class::Done, _) => "done",
                (Class::BackOff, _) => "back off",
                (Class::Wait, true) => "wait, 15 min",
                (Class::Wait, false) => "wait",
            };
            let row = format!("\n| `{reason}` | {follows} | ");
            assert!(
                guide.contains(&row),
                "docs/guide/status.md lacks a row that begins with {row:?}"
            );
        }
        let rows = guide
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter(|line| {
                ["| done |", "| wait |", "| wait, 15 min |", "| back off |"]
                    .iter()
                    .any(|class| line.contains(class))
            });
        assert_eq!(
            rows.count(),
            Reason::ALL.len(),
            "a row of a reason that is gone"
        );
    }
}
