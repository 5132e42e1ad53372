//! Sealing a Secret's items into a SealedSecret that exists.
//!
//! The file's name, namespace and scope are what the new items are sealed for. A scope that is wider than strict must be asked
//! for as well: whoever wrote the file must not choose alone how far a new value may travel (docs/trust.md row 17). Items that
//! the input does not have keep their ciphertext, and the rest of the file stays as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use signet_common::{Printable, Scope};
use signet_crds::names::{CLUSTER_WIDE, NAMESPACE_WIDE};
use signet_crds::scope::{scope_of, set_scope};
use signet_crds::{InputSecret, SealedSecret};

use crate::certificate::{CertificateSource, Pin};
use crate::error::Failure;
use crate::in_place::{self, InPlace, Outcome};
use crate::input::{self, Input};
use crate::manifest_edit::{self, Edit, REWRITTEN};
use crate::seal::{Shaping, announce, parse, seal};
use crate::session::Session;

/// How often the file may change while it is edited.
const ATTEMPTS: usize = 5;

/// Seals the items of one Secret into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeCommand {
    /// Where the Secret comes from.
    pub input: Input,
    /// The SealedSecret to change.
    pub target: PathBuf,
    /// The key to seal with.
    pub certificate: CertificateSource,
    /// Keys that may be used; empty means any.
    pub pins: Vec<Pin>,
    /// What was asked for by flags; must not contradict the target.
    pub shaping: Shaping,
}

/// Reads, seals and replaces the file.
///
/// # Errors
/// The first thing that is wrong; then the file is as it was.
pub fn run(command: &MergeCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    command.input.expect(session)?;
    let certificate = command.certificate.load(session, &command.pins)?;
    let path = &command.target;
    in_place::refuse_read_only(path)?;
    let text = in_place::read(path)?;
    let target = target_object(path, &text)?;
    let bytes = command.input.read_manifest(session)?;
    let documents = input::objects(session.program, &bytes, "secrets")?;
    let [document] = documents.values.as_slice() else {
        return Err(Failure::trouble(
            "only one Secret can be merged into a file at a time",
        ));
    };
    fit(session, document, &target, &command.shaping)?;
    announce(session, &certificate, &command.certificate);
    // Everything slow is done: what stands in the file from now on counts.
    for _ in 0..ATTEMPTS {
        let file = InPlace::open(path, session)?;
        let target = target_object(path, file.text())?;
        let secret = fit(session, document, &target, &command.shaping)?;
        let sealed = seal(session, &certificate, &secret, &command.shaping)?;
        let edited = manifest_edit::apply(file.text(), &edits(&target, &sealed))?;
        if file.replace(&edited.text)? == Outcome::Done {
            if edited.rewritten {
                session.warn(REWRITTEN);
            }
            return Ok(());
        }
    }
    Err(in_place::changed(path))
}

fn target_object(path: &Path, text: &str) -> Result<SealedSecret, Failure> {
    let place = path.to_string_lossy();
    let within = |failure: Failure| failure.within(Printable(&place));
    let documents = input::documents(text.as_bytes(), "sealed secrets").map_err(within)?;
    let [document] = documents.values.as_slice() else {
        return Err(within(
            Failure::trouble("has several documents, and it is not clear which one is meant")
                .hint(
                    "nothing was written; split it into one file for each SealedSecret, or seal the value with --raw and paste it",
                ),
        ));
    };
    SealedSecret::parse(document).map_err(|error| within(Failure::trouble(error)))
}

/// The input Secret with the target's name, namespace and scope.
fn fit(
    session: &Session<'_>,
    document: &Value,
    target: &SealedSecret,
    shaping: &Shaping,
) -> Result<InputSecret, Failure> {
    let mut secret = parse(document)?;
    if secret.data.is_empty() && !shaping.allow_empty {
        return Err(Failure::trouble(
            "secret.data is empty in input Secret, assuming this is an error and aborting. \
             To work with empty data, --allow-empty-data can be used",
        ));
    }
    let scope = target.scope();
    let asked = shaping.scope.unwrap_or(scope);
    if asked != scope {
        return Err(Failure::trouble(format_args!(
            "the file's scope is {scope}, but {asked} was asked for"
        ))
        .hint("items of one SealedSecret share its scope; seal all of them anew to change it"));
    }
    let annotated = scope_of(&secret.metadata.annotations);
    if annotated != scope && annotated != Scope::Strict {
        return Err(Failure::trouble(format_args!(
            "the file's scope is {scope}, but the annotations of the input say {annotated}"
        )));
    }
    if scope != Scope::Strict && shaping.scope.is_none() && annotated != scope {
        return Err(Failure::trouble(format_args!(
            "the file's scope is {scope}, but neither --scope nor the annotations of the input ask for it"
        ))
        .hint(format_args!(
            "if the value may be used that widely, give --scope {scope}; else make the file strict and seal all its items anew"
        )));
    }
    set_scope(&mut secret.metadata.annotations, scope);
    secret.metadata.name = Some(target.name().to_owned());
    secret.metadata.namespace = match target.namespace() {
        "" if scope == Scope::ClusterWide => None,
        "" => Some(shaping.namespace.resolve(session)?),
        namespace => Some(agreed(namespace, &shaping.namespace.explicit)?),
    };
    Ok(secret)
}

fn agreed(namespace: &str, explicit: &Option<String>) -> Result<String, Failure> {
    match explicit {
        Some(explicit) if explicit != namespace => Err(Failure::trouble(format_args!(
            "namespace mismatch: input secret is in namespace \"{}\" but \"{}\" was specified",
            Printable(namespace),
            Printable(explicit)
        ))),
        _ => Ok(namespace.to_owned()),
    }
}

/// The sealed items, and labels and annotations that the template lacks or has otherwise.
pub fn edits(target: &SealedSecret, sealed: &SealedSecret) -> Vec<Edit> {
    let path = |parents: &[&str], key: &str| {
        let keys = parents.iter().copied().chain([key]);
        keys.map(str::to_owned).collect::<Vec<_>>()
    };
    let edit = |path, value: &str| Edit {
        document: 0,
        path,
        value: value.to_owned(),
    };
    let mut edits: Vec<Edit> = sealed
        .spec
        .encrypted_data
        .iter()
        .map(|(item, text)| edit(path(&["spec", "encryptedData"], item), text))
        .collect();
    let (old, new) = (
        &target.spec.template.metadata,
        &sealed.spec.template.metadata,
    );
    let maps = [
        ("labels", &old.labels, &new.labels),
        ("annotations", &old.annotations, &new.annotations),
    ];
    for (field, old, new) in maps {
        for (key, value) in changed(old, new) {
            edits.push(edit(
                path(&["spec", "template", "metadata", field], key),
                value,
            ));
        }
    }
    edits
}

/// What is new or different, except for the scope: the target's own metadata says it.
fn changed<'a>(
    old: &'a BTreeMap<String, String>,
    new: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    new.iter()
        .filter(|(key, value)| old.get(*key) != Some(*value))
        .filter(|(key, _)| ![CLUSTER_WIDE, NAMESPACE_WIDE].contains(&key.as_str()))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}
