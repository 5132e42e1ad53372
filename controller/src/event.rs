//! Events about SealedSecrets and key Secrets, as upstream writes them: core/v1, component `sealed-secrets`.

pub mod limit;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use signet_crds::names::{API_VERSION, KIND};
use signet_crds::{Class, Reason};

use crate::object::RawSealedSecret;
use crate::plan::UPDATE_FAILED;

/// Longest note in bytes; the API server takes 1024.
const MAX_NOTE: usize = 1000;

/// The event for the outcome of a pass.
pub fn outcome_event(
    object: &RawSealedSecret,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> Event {
    let metadata = &object.metadata;
    let about = reference(API_VERSION, KIND, metadata);
    let done = reason.class() == Class::Done;
    let note = match reason.event_reason() {
        "Unsealed" => "SealedSecret unsealed successfully".to_owned(),
        "ErrUnsealFailed" => format!("Failed to unseal: {message}"),
        _ => message
            .strip_prefix(UPDATE_FAILED)
            .unwrap_or(message)
            .to_owned(),
    };
    event(
        about,
        if done { "Normal" } else { "Warning" },
        reason.event_reason(),
        &note,
        now,
    )
}

/// The event for an object whose status another controller writes.
pub fn foreign_writer_event(object: &RawSealedSecret, now: Timestamp) -> Event {
    let about = reference(API_VERSION, KIND, &object.metadata);
    let note = "Another controller writes the status of this SealedSecret, and perhaps of others; stop one of the two";
    event(about, "Warning", "ForeignStatus", note, now)
}

/// The event for a key Secret that cannot be used.
pub fn key_event(secret: &Secret, problem: &str, now: Timestamp) -> Event {
    let about = reference("v1", "Secret", &secret.metadata);
    let note = format!("This sealing key cannot be used: {problem}");
    event(about, "Warning", "InvalidSealingKey", &note, now)
}

/// The event for a key that its Secret does not hold any more.
pub fn unstored_event(secret: &ObjectMeta, note: &str, now: Timestamp) -> Event {
    let about = reference("v1", "Secret", secret);
    event(about, "Warning", "SealingKeyReplaced", note, now)
}

fn reference(api_version: &str, kind: &str, metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(api_version.to_owned()),
        kind: Some(kind.to_owned()),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        field_path: None,
    }
}

fn event(
    about: ObjectReference,
    event_type: &str,
    reason: &str,
    note: &str,
    now: Timestamp,
) -> Event {
    let name = about.name.as_deref().unwrap_or_default();
    // Names of events are the object's name and the time in hex, as client-go makes them; 253 characters at most.
    let name: String = name.chars().take(230).collect();
    let mut end = note.len().min(MAX_NOTE);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: about.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: about,
        type_: Some(event_type.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(note[..end].to_owned()),
        source: Some(EventSource {
            component: Some("sealed-secrets".to_owned()),
            host: None,
        }),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        ..Event::default()
    }
}
