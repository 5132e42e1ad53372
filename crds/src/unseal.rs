//! SealedSecret to Secret: opening the items, and assembling the Secret around them.
//!
//! Pure. What may be written to a cluster is judged by the controller.

mod v1;

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use signet_common::{
    BlobError, KeyId, KeyRing, Plaintext, Printable, Scope, SealTarget, SealedBlob,
};

use signet_templates::{Env, FaultKind, Options, Rendered, TemplateError};

use crate::names::{API_VERSION, KIND, SKIP_SET_OWNER_REFERENCES};
use crate::scope::is_true;
use crate::{ItemStatus, Reason, SealedSecret};
pub use v1::{V1_ITEM, V1Data, check_v1_data};

/// Why a SealedSecret gives no Secret. The message holds public facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for machines.
    pub reason: Reason,
    /// One line, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal with this reason and message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Why one item did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFailure {
    /// Name of the item, already fit to be shown.
    pub item: String,
    /// What kind of failure.
    pub reason: Reason,
    /// One line, for people.
    pub message: String,
}

/// Every item of a SealedSecret in clear, and the key each was sealed with.
pub struct OpenedItems {
    /// Item name to value.
    pub data: BTreeMap<String, Plaintext>,
    /// Item name to key id, for `status.items`.
    pub keys: BTreeMap<String, ItemStatus>,
}

/// The opening of one SealedSecret, cut into turns (docs/trust.md row 7).
pub struct Opening {
    target: SealTarget,
    /// Alternative targets of the same name and namespace, for the diagnosis.
    others: Vec<SealTarget>,
    pending: Vec<(String, SealedBlob, Option<KeyId>)>,
    opened: OpenedItems,
    failures: Vec<ItemFailure>,
    diagnosed: bool,
}

/// What a turn came to.
pub enum Progress {
    /// The budget ran out; go on with [`Opening::advance`] in a later turn.
    More(Box<Opening>),
    /// Every item opened.
    Opened(OpenedItems),
    /// At least one item did not open; all were tried.
    Failed(Vec<ItemFailure>),
}

impl Opening {
    /// Checks everything that costs no private operation. The deprecated single blob counts as one item. `hints` are the key ids of an earlier status.
    ///
    /// # Errors
    /// [`Refusal`] for names that cannot be sealed for, item names that no Secret can have, or the deprecated format.
    pub fn new(
        sealed: &SealedSecret,
        hints: &BTreeMap<String, ItemStatus>,
        v1_data: V1Data,
    ) -> Result<Self, Refusal> {
        check_v1_data(sealed, v1_data)?;
        let target = sealed
            .target()
            .map_err(|error| Refusal::new(Reason::MalformedSpec, error.to_string()))?;
        let others = Scope::ALL
            .into_iter()
            .filter(|scope| *scope != sealed.scope())
            .filter_map(|scope| SealTarget::new(scope, sealed.namespace(), sealed.name()).ok())
            .collect();
        let mut opening = Self {
            target,
            others,
            pending: Vec::new(),
            opened: OpenedItems {
                data: BTreeMap::new(),
                keys: BTreeMap::new(),
            },
            failures: Vec::new(),
            diagnosed: false,
        };
        let single = sealed.spec.data.as_ref().map(|text| (V1_ITEM, text));
        let items = sealed.spec.encrypted_data.iter();
        for (item, text) in single
            .into_iter()
            .chain(items.map(|(k, v)| (k.as_str(), v)))
        {
            check_item_name(item)?;
            let hint = hints.get(item).and_then(|status| status.key.parse().ok());
            opening.add(item, text, hint);
        }
        // Taken from the end: keep the order of names.
        opening.pending.reverse();
        Ok(opening)
    }

    fn add(&mut self, item: &str, text: &str, hint: Option<KeyId>) {
        match SealedBlob::parse_base64(text) {
            Ok(blob) => self.pending.push((item.to_owned(), blob, hint)),
            Err(error) => {
                let reason = match error {
                    BlobError::NewerVersion => Reason::NewerFormat,
                    _ => Reason::MalformedItem,
                };
                self.fail(item, reason, error.to_string());
            }
        }
    }

    fn fail(&mut self, item: &str, reason: Reason, message: String) {
        self.failures.push(ItemFailure {
            item: item.to_owned(),
            reason,
            message,
        });
    }

    /// Opens items until all are done or about `budget` private operations are spent. `operations` is increased by
    /// each one. A turn overshoots by the keys of one item at most.
    pub fn advance(
        mut self: Box<Self>,
        ring: &KeyRing,
        budget: u64,
        operations: &mut u64,
    ) -> Progress {
        let limit = operations.saturating_add(budget);
        while let Some((item, blob, hint)) = self.pending.pop() {
            if *operations >= limit {
                self.pending.push((item, blob, hint));
                return Progress::More(self);
            }
            self.open_item(ring, &item, &blob, hint, operations);
        }
        if self.failures.is_empty() {
            return Progress::Opened(self.opened);
        }
        self.failures.sort_by(|a, b| a.item.cmp(&b.item));
        Progress::Failed(self.failures)
    }

    fn open_item(
        &mut self,
        ring: &KeyRing,
        item: &str,
        blob: &SealedBlob,
        hint: Option<KeyId>,
        operations: &mut u64,
    ) {
        if !ring.fits(blob) {
            let bits = blob.wrapped().len() * 8;
            let message =
                format!("sealed with a key of {bits} bits, and no key here has that size");
            return self.fail(item, Reason::UnknownKeySize, message);
        }
        match ring.open(blob, &self.target, item, hint, operations) {
            Ok(opened) => {
                let key = opened.key_id.to_string();
                self.opened.keys.insert(item.to_owned(), ItemStatus { key });
                self.opened.data.insert(item.to_owned(), opened.plaintext);
            }
            Err(_) => self.diagnose(ring, item, blob, operations),
        }
    }

    /// One item a pass: does it open under another scope of the object's own name? Its owner could try that anyway.
    fn diagnose(&mut self, ring: &KeyRing, item: &str, blob: &SealedBlob, operations: &mut u64) {
        let other = if std::mem::replace(&mut self.diagnosed, true) {
            None
        } else {
            self.others
                .iter()
                .find(|other| ring.open(blob, other, item, None, operations).is_ok())
        };
        match other {
            Some(other) => {
                let (sealed_as, says) = (other.scope(), self.target.scope());
                let message = format!(
                    "sealed with scope {sealed_as}, but the object's annotations say {says}"
                );
                self.fail(item, Reason::ScopeMismatch, message);
            }
            None => self.fail(item, Reason::NoKey, "no key could decrypt it".to_owned()),
        }
    }
}

/// Secret keys are `[-._a-zA-Z0-9]{1,253}`. Anything else is refused without being repeated (docs/trust.md row 10).
fn check_item_name(item: &str) -> Result<(), Refusal> {
    let valid = (1..=253).contains(&item.len())
        && item
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if valid {
        return Ok(());
    }
    let message =
        "an item's name is not a valid Secret key: 1 to 253 letters, digits, '-', '_' or '.'";
    Err(Refusal::new(Reason::InvalidItemName, message))
}

/// The Secret that a SealedSecret asks for. Holds plaintext, so no `Debug`.
pub struct DesiredSecret {
    /// Name, always the SealedSecret's.
    pub name: String,
    /// Namespace, always the SealedSecret's.
    pub namespace: String,
    /// Labels from the template.
    pub labels: BTreeMap<String, String>,
    /// Annotations from the template.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers from the template.
    pub finalizers: Vec<String>,
    /// The SealedSecret as controller, or the template's own with the skip-owner annotation.
    pub owner_references: Vec<OwnerReference>,
    /// Type; absent means `Opaque`.
    pub secret_type: Option<String>,
    /// Whether the Secret is made immutable.
    pub immutable: Option<bool>,
    /// Item name to value.
    pub data: BTreeMap<String, Plaintext>,
}

/// Puts the Secret together: opened items, plain items of the template, metadata, owner.
///
/// An opened item wins over a plain one of the same name; `null` in the template omits it. Plain items that have
/// actions are rendered; they see the opened items, and the other plain items as they are written.
///
/// # Errors
/// [`Refusal`] if a template fails, or sets an invalid item name, or owners that it may not set.
pub fn assemble(
    sealed: &SealedSecret,
    opened: BTreeMap<String, Plaintext>,
    options: Options,
    env: &mut Env<'_>,
) -> Result<DesiredSecret, Refusal> {
    if sealed.spec.data.is_some() {
        return v1::assemble(sealed, opened);
    }
    let template = &sealed.spec.template;
    let mut rendered = rendered(sealed, &opened, options, env)?;
    let mut data = opened;
    for (item, value) in template.data.iter().flatten() {
        match value {
            None => {
                data.remove(item);
            }
            Some(text) => {
                let text = match rendered.remove(item) {
                    Some(mut text) => std::mem::take(&mut *text),
                    None => text.clone().into_bytes(),
                };
                let text = Plaintext::new(text);
                data.entry(item.clone()).or_insert(text);
            }
        }
    }
    Ok(DesiredSecret {
        name: sealed.name().to_owned(),
        namespace: sealed.namespace().to_owned(),
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
        finalizers: template.metadata.finalizers.clone(),
        owner_references: owners(sealed)?,
        secret_type: template.secret_type.clone().filter(|text| !text.is_empty()),
        immutable: template.immutable,
        data,
    })
}

/// What the items with actions give. All are rendered, also those that an opened item wins over, as upstream does.
fn rendered(
    sealed: &SealedSecret,
    opened: &BTreeMap<String, Plaintext>,
    options: Options,
    env: &mut Env<'_>,
) -> Result<Rendered, Refusal> {
    let mut templates = BTreeMap::new();
    let mut context: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (item, value) in sealed.spec.template.data.iter().flatten() {
        check_item_name(item)?;
        let Some(text) = value else { continue };
        context.insert(item, text.as_bytes());
        if text.contains("{{") {
            templates.insert(item.as_str(), text.as_str());
        }
    }
    if templates.is_empty() {
        return Ok(Rendered::new());
    }
    for (item, value) in opened {
        context.insert(item, value.expose());
    }
    signet_templates::render(&templates, &context, options, env).map_err(|error| refused(&error))
}

fn refused(error: &TemplateError) -> Refusal {
    let reason = match error.kind {
        FaultKind::Syntax | FaultKind::Failed => Reason::TemplateFailed,
        FaultKind::UnknownFunction => Reason::UnknownTemplateFunction,
        FaultKind::NotAllowed => Reason::TemplateRefused,
        FaultKind::TooExpensive => Reason::TemplateTooExpensive,
    };
    let item = Printable(&error.item);
    Refusal::new(reason, format!("template.data.{item}: {error}"))
}

fn owners(sealed: &SealedSecret) -> Result<Vec<OwnerReference>, Refusal> {
    let own = &sealed.spec.template.metadata.owner_references;
    owners_or(sealed, own)
}

/// The SealedSecret as owner, or, with the skip-owner annotation, `others`.
fn owners_or(
    sealed: &SealedSecret,
    others: &[OwnerReference],
) -> Result<Vec<OwnerReference>, Refusal> {
    let annotations = &sealed.spec.template.metadata.annotations;
    if !is_true(annotations, SKIP_SET_OWNER_REFERENCES) {
        return Ok(vec![owner_reference(sealed)]);
    }
    let claims = |owner: &OwnerReference| {
        owner.controller == Some(true) || owner.block_owner_deletion == Some(true)
    };
    if others.iter().any(claims) {
        let message = "an ownerReference of the template sets controller or blockOwnerDeletion";
        return Err(Refusal::new(Reason::OwnerRefused, message));
    }
    Ok(others.to_vec())
}

/// The controller reference to the SealedSecret, as upstream writes it: no `blockOwnerDeletion`.
pub(crate) fn owner_reference(sealed: &SealedSecret) -> OwnerReference {
    OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        name: sealed.name().to_owned(),
        uid: sealed.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

impl DesiredSecret {
    /// The Secret as the API takes it. The values are copied into buffers that are not wiped.
    pub fn to_secret(&self) -> Secret {
        let bytes = |value: &Plaintext| ByteString(value.expose().to_vec());
        let some = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: some(&self.labels),
                annotations: some(&self.annotations),
                finalizers: (!self.finalizers.is_empty()).then(|| self.finalizers.clone()),
                owner_references: (!self.owner_references.is_empty())
                    .then(|| self.owner_references.clone()),
                ..ObjectMeta::default()
            },
            type_: self.secret_type.clone(),
            immutable: self.immutable,
            data: Some(
                self.data
                    .iter()
                    .map(|(item, value)| (item.clone(), bytes(value)))
                    .collect(),
            ),
            string_data: None,
        }
    }
}

#[cfg(test)]
mod tests;
