//! The deprecated single blob `spec.data`: a whole Secret as JSON in one ciphertext (`docs/format.md` §8).
//!
//! What comes out is untrusted like a template, and judged as one.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use signet_common::Plaintext;

use super::{DesiredSecret, Refusal, check_item_name, owners_or};
use crate::{Reason, SealedSecret};

/// The name under which the deprecated blob counts as an item.
pub const V1_ITEM: &str = "data";

/// Whether the deprecated single blob is opened: upstream's `--accept-deprecated-v1-data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V1Data {
    /// Opened.
    Accepted,
    /// Refused, as upstream's kubeseal does.
    Refused,
}

/// Refuses the blob beside items, or at all. The texts are upstream's.
///
/// # Errors
/// [`Refusal`] with [`Reason::DeprecatedData`].
pub fn check_v1_data(sealed: &SealedSecret, v1_data: V1Data) -> Result<(), Refusal> {
    if sealed.spec.data.is_none() {
        return Ok(());
    }
    let message = if v1_data == V1Data::Refused {
        "using deprecated 'data' field, use 'encryptedData' or flip the feature flag"
    } else if !sealed.spec.encrypted_data.is_empty() {
        "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time"
    } else {
        return Ok(());
    };
    Err(Refusal::new(Reason::DeprecatedData, message))
}

/// The Secret in the blob, with the name, namespace and owner of the SealedSecret. The template plays no part, but for
/// the skip-owner annotation.
pub(super) fn assemble(
    sealed: &SealedSecret,
    mut opened: BTreeMap<String, Plaintext>,
) -> Result<DesiredSecret, Refusal> {
    // The text of the error may quote the value.
    let unreadable = || {
        let message = "what is sealed in the deprecated field 'data' is not a Secret";
        Refusal::new(Reason::DeprecatedData, message)
    };
    let text = opened.remove(V1_ITEM).ok_or_else(unreadable)?;
    let secret: Secret = serde_json::from_slice(text.expose()).map_err(|_| unreadable())?;
    let mut data = BTreeMap::new();
    for (item, value) in secret.data.into_iter().flatten() {
        check_item_name(&item)?;
        data.insert(item, Plaintext::new(value.0));
    }
    for (item, value) in secret.string_data.into_iter().flatten() {
        check_item_name(&item)?;
        data.insert(item, Plaintext::new(value.into_bytes()));
    }
    let metadata = secret.metadata;
    Ok(DesiredSecret {
        name: sealed.name().to_owned(),
        namespace: sealed.namespace().to_owned(),
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        finalizers: metadata.finalizers.unwrap_or_default(),
        owner_references: owners_or(sealed, &metadata.owner_references.unwrap_or_default())?,
        secret_type: secret.type_.filter(|text| !text.is_empty()),
        immutable: secret.immutable,
        data,
    })
}
