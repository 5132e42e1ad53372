//! API types, names and pure transforms between Secret and SealedSecret.
//!
//! Pure: no kube client, no async runtime, no file system, no environment, no clock.

pub mod crd;
pub mod go_yaml;
pub mod manifest;
pub mod names;
mod reason;
mod refusal;
pub mod scope;
mod seal;
mod sealed_secret;
mod secret;
pub mod status;
mod unseal;
mod windows;

pub use reason::{Class, Reason};
pub use refusal::failed_items;
pub use seal::{Cleartext, SealSecretError, cleartext_items, seal_secret};
pub use sealed_secret::{
    ParseError, SealedSecret, SealedSecretSpec, SecretTemplate, TemplateMetadata,
};
pub use secret::{InputSecret, InputSecretError};
pub use status::{Condition, ItemStatus, SealedSecretStatus};
pub use unseal::{
    DesiredSecret, ItemFailure, OpenedItems, Opening, Progress, Refusal, V1_ITEM, V1Data, assemble,
    check_v1_data,
};
