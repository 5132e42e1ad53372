//! Why a template gave no text. Nothing in here can hold data of a Secret.

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The template's text is not a template.
    Syntax,
    /// The template calls a function that does not exist, or that the settings switch off.
    UnknownFunction,
    /// The settings do not allow what the template does.
    NotAllowed,
    /// The template failed while it ran, as it would in Go.
    Failed,
    /// The template needed more than it may have.
    TooExpensive,
}

/// Why something in a template failed. The text is fixed in our code, so it never depends on data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// What happened, for people.
    pub what: &'static str,
}

impl Fault {
    /// A failure that Go has as well: a wrong argument, a bad index, unparsable input.
    pub const fn failed(what: &'static str) -> Self {
        Self {
            kind: FaultKind::Failed,
            what,
        }
    }

    /// A limit of ours is exceeded; `what` names it.
    pub const fn too_expensive(what: &'static str) -> Self {
        Self {
            kind: FaultKind::TooExpensive,
            what,
        }
    }

    /// A value, or a call, is nested too deeply.
    pub const fn too_deep() -> Self {
        Self::too_expensive("nested too deeply")
    }

    /// A value has another type than the function wants.
    pub const fn wrong_type() -> Self {
        Self::failed("wrong type for value")
    }

    /// The settings do not allow it.
    pub const fn not_allowed(what: &'static str) -> Self {
        Self {
            kind: FaultKind::NotAllowed,
            what,
        }
    }

    /// The template's text is not a template.
    pub const fn syntax(what: &'static str) -> Self {
        Self {
            kind: FaultKind::Syntax,
            what,
        }
    }
}
