//! Opening SealedSecrets with private keys at hand, without a cluster: disaster recovery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use signet_common::{Certificate, CertificateRequest, KeyEntry, KeyRing, KeyUse, Plaintext};
use signet_crds::{
    DesiredSecret, ItemFailure, Opening, Progress, Reason, SealedSecret, V1Data, assemble,
    failed_items,
};
use signet_templates::{Env, Functions, Mode, Options};

use crate::atomic_file::Privacy;
use crate::error::Failure;
use crate::input::{self, Input};
use crate::key_files::{self, Found};
use crate::output::{FormatRequest, Output, render};
use crate::session::{Program, Session};
use crate::verify::{parse_all, shown_name};

/// Opens every document of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsealCommand {
    /// Where the SealedSecrets come from.
    pub input: Input,
    /// Where the Secrets go.
    pub output: Output,
    /// Their form.
    pub format: FormatRequest,
    /// Files with private keys.
    pub keys: Vec<PathBuf>,
    /// Whether the deprecated single blob is opened.
    pub v1_data: V1Data,
}

/// Reads, opens and writes. A file that is written can be read by its owner only.
///
/// # Errors
/// One of the documents does not open. `kubeseal` then prints and writes nothing; `signet`, which is for disasters, goes on
/// with the others, and names those that do not.
pub fn run(command: &UnsealCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    command.input.expect(session)?;
    refuse_overwriting_input(command)?;
    let ring = ring(command, session)?;
    let bytes = command.input.read_manifest(session)?;
    let program = session.program;
    let within = |failure| command.input.within(program, failure);
    let documents = input::objects(session.program, &bytes, "sealed secrets").map_err(within)?;
    let sealed = parse_all(&documents).map_err(within)?;
    let mut secrets = Vec::new();
    let mut failures = Vec::new();
    for (index, one) in sealed.iter().enumerate() {
        match open(session, one, ring.as_ref(), command.v1_data) {
            Ok(secret) => secrets.push(secret),
            Err(failure) if session.program == Program::Kubeseal => {
                return Err(documents.within(index, failure));
            }
            Err(failure) => failures.push((shown_name(one), failure)),
        }
    }
    if !secrets.is_empty() {
        let text = render(&secrets, command.format.clone()?);
        command
            .output
            .write(session, text.as_bytes(), Privacy::OwnerOnly)?;
    }
    not_opened(failures, sealed.len())
}

/// The failures of objects, by namespace and name.
fn not_opened(mut failures: Vec<(String, Failure)>, of: usize) -> Result<(), Failure> {
    if failures.len() == 1 && of == 1 {
        let failure = failures.pop().map(|(name, failure)| failure.within(name));
        return failure.map_or(Ok(()), Err);
    }
    if failures.is_empty() {
        return Ok(());
    }
    let mut message = format!("{} of {of} SealedSecrets do not open", failures.len());
    for (name, failure) in &failures {
        let lines = failure.message.replace('\n', "\n    ");
        message.push_str(&format!("\n  {name}: {lines}"));
    }
    let hint = failures.into_iter().find_map(|(_, failure)| failure.hint);
    Err(Failure {
        hint,
        ..Failure::no(message)
    })
}

/// Somebody who opens a file "in place" would commit the plain values next.
fn refuse_overwriting_input(command: &UnsealCommand) -> Result<(), Failure> {
    let Output::File(to) = &command.output else {
        return Ok(());
    };
    // As `< FILE` gives it, or by any of a file's names.
    let from = command.input.path().unwrap_or(Path::new("/dev/stdin"));
    if is_same_file(from, to) {
        return Err(
            Failure::trouble("the output would replace the sealed file with plain values")
                .hint("write to another file, outside of the repository"),
        );
    }
    Ok(())
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |path| {
        let found = std::fs::metadata(path).ok()?;
        found.is_file().then(|| (found.dev(), found.ino()))
    };
    identity(a).is_some_and(|a| Some(a) == identity(b))
}

#[cfg(not(unix))]
fn is_same_file(a: &Path, b: &Path) -> bool {
    let place = |path| std::fs::canonicalize(path).ok();
    place(a).is_some_and(|a| Some(a) == place(b))
}

/// The keys as a ring. It wants certificates, which play no part in opening: they are made here. A key that cannot be used
/// must not stand in the way of the others in a disaster.
fn ring(command: &UnsealCommand, session: &mut Session<'_>) -> Result<Option<KeyRing>, Failure> {
    let Found { keys, mut unfit } = key_files::read_all(&command.keys, session.program)?;
    let request = CertificateRequest {
        common_name: "",
        valid_for: Duration::from_secs(86_400),
    };
    let mut entries = Vec::new();
    for (key, source) in keys {
        let made = Certificate::self_signed(&mut session.rng, &key, &request, session.now);
        let certificate = match made {
            Ok(certificate) => certificate,
            Err(error) => {
                unfit.push(Failure::trouble(error).within(&source));
                continue;
            }
        };
        entries.push(KeyEntry {
            key: Arc::new(key),
            certificate: Arc::new(certificate),
            key_use: KeyUse::OpenOnly,
            ordered_at: session.now,
            source,
        });
    }
    if entries.is_empty() && !unfit.is_empty() {
        return Err(unfit.remove(0));
    }
    for failure in unfit {
        session.warn(&format!("{}; going on without it", failure.message));
    }
    Ok(KeyRing::new(entries))
}

fn open(
    session: &mut Session<'_>,
    sealed: &SealedSecret,
    ring: Option<&KeyRing>,
    v1_data: V1Data,
) -> Result<Value, Failure> {
    let opening = Opening::new(sealed, &BTreeMap::new(), v1_data)
        .map_err(|refusal| Failure::trouble(refusal.message))?;
    let Some(ring) = ring else {
        let blob = sealed.spec.data.as_ref().map(|_| "data");
        let items = sealed.spec.encrypted_data.keys().map(String::as_str);
        let items: Vec<&str> = blob.into_iter().chain(items).collect();
        return Err(no_key(&items).hint("give the private keys with --recovery-private-key"));
    };
    let items = match Box::new(opening).advance(ring, u64::MAX, &mut 0) {
        Progress::Opened(items) => items,
        Progress::Failed(failures) => return Err(explain(session.program, sealed, &failures)),
        Progress::More(_) => return Err(Failure::trouble("the SealedSecret has too many items")),
    };
    Ok(to_value(&put_together(session, sealed, items.data)?))
}

/// A template that cannot be rendered must not stand in the way of the values in a disaster; `kubeseal` fails, as
/// upstream's.
fn put_together(
    session: &mut Session<'_>,
    sealed: &SealedSecret,
    items: BTreeMap<String, Plaintext>,
) -> Result<DesiredSecret, Failure> {
    let options = Options {
        mode: Mode::Full,
        functions: Functions::All,
    };
    let mut env = Env::new(session.now, &mut *session.rng);
    let result = assemble(sealed, items.clone(), options, &mut env);
    drop(env);
    let refusal = match result {
        Ok(secret) => return Ok(secret),
        Err(refusal) => refusal,
    };
    let about_templates = matches!(
        refusal.reason,
        Reason::TemplateFailed | Reason::UnknownTemplateFunction | Reason::TemplateTooExpensive
    );
    if !about_templates || session.program == Program::Kubeseal {
        return Err(Failure::trouble(refusal.message));
    }
    session.warn(&format!(
        "{}: {}; its template.data is left out",
        shown_name(sealed),
        refusal.message
    ));
    let mut plain = sealed.clone();
    plain.spec.template.data = None;
    let mut env = Env::new(session.now, &mut *session.rng);
    assemble(&plain, items, options, &mut env).map_err(|refusal| Failure::trouble(refusal.message))
}

const NO_KEY_FITS: &str = "none of the keys given fits, or the object was renamed, moved or given another scope after sealing";

fn no_key(items: &[&str]) -> Failure {
    Failure::no(format_args!(
        "no key could decrypt secret ({})",
        items.join(", ")
    ))
}

/// Upstream's text if keys are what is missing, else what is wrong with each item. `signet` says what the controller says.
fn explain(program: Program, sealed: &SealedSecret, failures: &[ItemFailure]) -> Failure {
    if program == Program::Signet {
        let refusal = failed_items(sealed, failures);
        let failure = Failure::no(refusal.message);
        return match refusal.reason {
            Reason::NoKey | Reason::UnknownKeySize => failure.hint(NO_KEY_FITS),
            _ => failure,
        };
    }
    let keys_missing =
        |failure: &&ItemFailure| matches!(failure.reason, Reason::NoKey | Reason::UnknownKeySize);
    let missing: Vec<&str> = failures
        .iter()
        .filter(keys_missing)
        .map(|failure| failure.item.as_str())
        .collect();
    if missing.len() == failures.len() {
        return no_key(&missing).hint(NO_KEY_FITS);
    }
    let texts: Vec<String> = failures
        .iter()
        .filter(|failure| !keys_missing(failure))
        .map(|failure| format!("{}: {}", failure.item, failure.message))
        .collect();
    Failure::no(texts.join("; "))
}

/// The Secret in upstream's order of fields. An owner without a uid is left out: no API server would take it.
fn to_value(secret: &DesiredSecret) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(secret.name));
    if !secret.namespace.is_empty() {
        metadata.insert("namespace".to_owned(), json!(secret.namespace));
    }
    for (field, map) in [
        ("labels", &secret.labels),
        ("annotations", &secret.annotations),
    ] {
        if !map.is_empty() {
            metadata.insert(field.to_owned(), json!(map));
        }
    }
    if !secret.finalizers.is_empty() {
        metadata.insert("finalizers".to_owned(), json!(secret.finalizers));
    }
    let owners: Vec<_> = secret
        .owner_references
        .iter()
        .filter(|owner| !owner.uid.is_empty())
        .collect();
    if !owners.is_empty() {
        metadata.insert("ownerReferences".to_owned(), json!(owners));
    }
    let data: Map<String, Value> = secret
        .data
        .iter()
        .map(|(item, value)| (item.clone(), json!(STANDARD.encode(value.expose()))))
        .collect();
    let mut object = Map::new();
    object.insert("kind".to_owned(), json!("Secret"));
    object.insert("apiVersion".to_owned(), json!("v1"));
    object.insert("metadata".to_owned(), Value::Object(metadata));
    if let Some(immutable) = secret.immutable {
        object.insert("immutable".to_owned(), json!(immutable));
    }
    object.insert("data".to_owned(), Value::Object(data));
    if let Some(secret_type) = &secret.secret_type {
        object.insert("type".to_owned(), json!(secret_type));
    }
    Value::Object(object)
}
