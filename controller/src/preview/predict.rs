//! What a first pass over one object would come to: pure, with the functions that a pass uses.

use k8s_openapi::api::core::v1::Secret;
use signet_common::{KeyRing, MacKey};
use signet_crds::names::{API_VERSION, KIND};
use signet_crds::status::condition_type::SYNCED;
use signet_crds::{Class, Opening, Progress, Reason, Refusal, SealedSecret, failed_items};

use super::changes::{Change, changes};
use super::valid::refused_by_the_api;
use crate::object::RawSealedSecret;
use crate::pass::rendered;
use crate::plan::{Cause, Plan, Policy, before_opening, plan};
use crate::state::was_applied;
use crate::tags::Tags;

/// What would be done about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// Its Secret is right: open it, and keep it so.
    Keep,
    /// Make the Secret, which is not there.
    Create,
    /// Put back what somebody changed in the Secret.
    Repair,
    /// Write the Secret because the SealedSecret changed and nobody did so yet.
    Update,
    /// Become the owner of a Secret that is there.
    TakeOver,
    /// Say that the Secret differs, and leave it.
    Report,
    /// Make nothing of the object.
    Refuse,
    /// Try to write a Secret that the API server will not take.
    Fail,
    /// Nothing: it, or its Secret, is being deleted.
    Leave,
}

impl Action {
    pub(super) const ALL: [Self; 9] = [
        Self::Keep,
        Self::Create,
        Self::Repair,
        Self::Update,
        Self::TakeOver,
        Self::Report,
        Self::Refuse,
        Self::Fail,
        Self::Leave,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Create => "create",
            Self::Repair => "repair",
            Self::Update => "update",
            Self::TakeOver => "take-over",
            Self::Report => "report",
            Self::Refuse => "refuse",
            Self::Fail => "fail",
            Self::Leave => "leave",
        }
    }

    /// For the summary.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Keep => "nothing would be written",
            Self::Create => "the Secret is not there and would be made",
            Self::Repair => "somebody changed the Secret; it would be put back",
            Self::Update => "the Secret would be written from the SealedSecret",
            Self::TakeOver => "a Secret that is there would be written and owned",
            Self::Report => {
                "somebody changed or deleted the Secret; that would be said, and it would be left"
            }
            Self::Refuse => "no Secret would be written",
            Self::Fail => "the API server would refuse the Secret",
            Self::Leave => "being deleted",
        }
    }

    fn writes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Repair | Self::Update | Self::TakeOver
        )
    }
}

/// A prediction. Names only: never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prediction {
    pub(super) action: Action,
    /// The reason that the status would give; none for [`Action::Leave`].
    pub(super) reason: Option<Reason>,
    /// The message beside it.
    pub(super) message: String,
    /// What would change in the Secret that is there.
    pub(super) changes: Vec<Change>,
    /// What the condition `Synced` says now; empty if there is none.
    pub(super) synced: String,
}

impl Prediction {
    /// Whether a Secret would be written, or the status come to another verdict than now.
    pub(super) fn is_a_change(&self) -> bool {
        let would = self.reason.map(|reason| reason.class() == Class::Done);
        let verdict = would.is_some_and(|would| would != (self.synced == "True"));
        self.action.writes() || verdict
    }

    fn new(action: Action, reason: Option<Reason>, object: &RawSealedSecret) -> Self {
        Self {
            action,
            reason,
            message: String::new(),
            changes: Vec::new(),
            synced: synced(object),
        }
    }

    fn refusal(action: Action, refusal: Refusal, object: &RawSealedSecret) -> Self {
        Self {
            message: refusal.message,
            ..Self::new(action, Some(refusal.reason), object)
        }
    }

    /// After a panic, as a pass reports it.
    pub(super) fn internal(object: &RawSealedSecret) -> Self {
        Self::new(Action::Refuse, Some(Reason::Internal), object)
    }
}

fn synced(object: &RawSealedSecret) -> String {
    let conditions = object.status().map(|status| status.conditions);
    let mut conditions = conditions.unwrap_or_default().into_iter();
    conditions
        .find(|condition| condition.condition_type == SYNCED)
        .map(|condition| condition.status)
        .unwrap_or_default()
}

/// What the controller has: its keys and its root.
pub(super) struct Ring {
    pub(super) ring: KeyRing,
    pub(super) root: MacKey,
}

/// What a first pass over this object would come to, with this Secret in the cluster.
pub(super) fn predict(
    policy: &Policy,
    keys: &Ring,
    object: &RawSealedSecret,
    existing: Option<&Secret>,
) -> Prediction {
    let leave = || Prediction::new(Action::Leave, None, object);
    if object.metadata.deletion_timestamp.is_some() {
        return leave();
    }
    let refuse = |refusal| Prediction::refusal(Action::Refuse, refusal, object);
    let sealed = match object.decode() {
        Ok(sealed) => sealed,
        Err(refusal) => return refuse(refusal),
    };
    if existing.is_some_and(|secret| secret.metadata.deletion_timestamp.is_some()) {
        return leave();
    }
    match planned(policy, keys, object, &sealed, existing) {
        Ok(plan) => judge(plan, object, &sealed, existing),
        Err(refusal) if refusal.reason == Reason::Drifted => {
            Prediction::refusal(Action::Report, refusal, object)
        }
        Err(refusal) => refuse(refusal),
    }
}

/// In the order of a pass.
fn planned(
    policy: &Policy,
    keys: &Ring,
    object: &RawSealedSecret,
    sealed: &SealedSecret,
    existing: Option<&Secret>,
) -> Result<Plan, Refusal> {
    let Ring { ring, root } = keys;
    let tags = Tags::under(root.clone(), ring, policy);
    let cause = if was_applied(&tags, object) {
        Cause::Unchanged
    } else {
        Cause::Changed
    };
    before_opening(policy, sealed, existing, cause)?;
    let hints = object.status().map(|status| status.items);
    let opening = Opening::new(sealed, &hints.unwrap_or_default(), policy.v1_data)?;
    let data = match Box::new(opening).advance(ring, u64::MAX, &mut 0) {
        Progress::Opened(opened) => opened.data,
        Progress::Failed(failures) => return Err(failed_items(sealed, &failures)),
        // Not with a budget without end.
        Progress::More(_) => return Err(Refusal::new(Reason::Internal, "")),
    };
    let desired = rendered(tags.template_seed(object), policy.templates, sealed, data)?;
    match plan(policy, sealed, &desired, existing, cause) {
        Plan::Refuse(refusal) => Err(refusal),
        plan => Ok(plan),
    }
}

fn judge(
    plan: Plan,
    object: &RawSealedSecret,
    sealed: &SealedSecret,
    existing: Option<&Secret>,
) -> Prediction {
    let (secret, action) = match plan {
        Plan::Keep => return Prediction::new(Action::Keep, Some(Reason::Unsealed), object),
        Plan::Refuse(refusal) => return Prediction::refusal(Action::Refuse, refusal, object),
        Plan::Create(secret) => (secret, Action::Create),
        Plan::Replace { secret, .. } if takes_over(sealed, &secret, existing) => {
            (secret, Action::TakeOver)
        }
        Plan::Replace { secret, repair } => {
            let action = if repair {
                Action::Repair
            } else {
                Action::Update
            };
            (secret, action)
        }
    };
    if let Some(message) = refused_by_the_api(&secret) {
        let refusal = Refusal::new(Reason::SecretInvalid, message);
        return Prediction::refusal(Action::Fail, refusal, object);
    }
    Prediction {
        changes: existing
            .map(|existing| changes(existing, &secret))
            .unwrap_or_default(),
        ..Prediction::new(action, Some(Reason::Unsealed), object)
    }
}

/// Whether a Secret that this very object does not control would be controlled by it.
fn takes_over(sealed: &SealedSecret, secret: &Secret, existing: Option<&Secret>) -> bool {
    let is_ours = |secret: &Secret| {
        let owners = secret.metadata.owner_references.iter().flatten();
        let mut owners = owners.filter(|owner| owner.controller == Some(true));
        owners.any(|owner| {
            owner.kind == KIND
                && owner.api_version == API_VERSION
                && Some(&owner.uid) == sealed.metadata.uid.as_ref()
        })
    };
    is_ours(secret) && existing.is_some_and(|existing| !is_ours(existing))
}
