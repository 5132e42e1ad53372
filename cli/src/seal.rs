//! Sealing whole Secrets: names and scope, the certificate, the search for cleartext, the output.

use std::collections::HashSet;

use serde_json::Value;
use signet_common::{Certificate, Printable, Scope, TargetError};
use signet_crds::scope::{scope_of, set_scope};
use signet_crds::{
    InputSecret, InputSecretError, SealSecretError, SealedSecret, cleartext_items, seal_secret,
};

use crate::atomic_file::Privacy;
use crate::certificate::{self, CertificateSource, Pin};
use crate::error::Failure;
use crate::input::{self, Documents, Input};
use crate::kubeconfig::check::no_configuration;
use crate::kubeconfig::{self, KubeOptions};
use crate::output::{FormatRequest, Output, order_metadata, render};
use crate::session::{Program, Session};

/// Seals every Secret of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCommand {
    /// Where the Secrets come from.
    pub input: Input,
    /// Where the result goes.
    pub output: Output,
    /// Its form.
    pub format: FormatRequest,
    /// The key to seal with.
    pub certificate: CertificateSource,
    /// Keys that may be used; empty means any.
    pub pins: Vec<Pin>,
    /// What each Secret becomes.
    pub shaping: Shaping,
}

/// What is decided about a Secret apart from the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shaping {
    /// Replaces the scope that the Secret's annotations select.
    pub scope: Option<Scope>,
    /// Replaces the Secret's name.
    pub name: Option<String>,
    /// Where a Secret without a namespace goes.
    pub namespace: NamespaceRequest,
    /// Whether a Secret without any item is sealed.
    pub allow_empty: bool,
    /// Items whose value may stand in the output in clear.
    pub allow_cleartext: Vec<String>,
}

/// Which namespace was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceRequest {
    /// By flag or environment.
    pub explicit: Option<String>,
    /// Else by kubeconfig.
    pub kube: KubeOptions,
}

impl NamespaceRequest {
    /// The namespace for a value alone, in the given scope: here upstream tells what is wrong with the kubeconfig.
    ///
    /// # Errors
    /// Nothing says one, or a kubeconfig cannot be used.
    pub fn resolve_for_raw(&self, session: &Session<'_>, scope: Scope) -> Result<String, Failure> {
        if let Some(namespace) = &self.explicit {
            return Ok(namespace.clone());
        }
        let found = kubeconfig::namespace(session, &self.kube)?;
        found.ok_or_else(|| match session.program {
            Program::Kubeseal => {
                no_configuration(session.program).hint("give the namespace with -n")
            }
            Program::Signet => Failure::trouble(format_args!(
                "must provide the --namespace flag with --raw and --scope {scope}"
            ))
            .hint("give the namespace with -n, or choose a wider scope with --scope"),
        })
    }

    /// The namespace for something that does not say its own.
    ///
    /// # Errors
    /// Nothing says one; a kubeconfig that cannot be read is named as the cause.
    pub fn resolve(&self, session: &Session<'_>) -> Result<String, Failure> {
        if let Some(namespace) = &self.explicit {
            return Ok(namespace.clone());
        }
        const MISSING: &str = "secret must declare a namespace";
        const HINT: &str = "give one with -n, or choose a wider scope with --scope";
        match kubeconfig::namespace(session, &self.kube) {
            Ok(Some(namespace)) => Ok(namespace),
            Ok(None) => Err(Failure::trouble(MISSING).hint(HINT)),
            // Upstream says no more than that it is missing.
            Err(cause) => {
                Err(Failure::trouble(MISSING).hint(format_args!("{}; {HINT}", cause.message)))
            }
        }
    }
}

/// Reads, seals and writes.
///
/// # Errors
/// The first thing that is wrong, in upstream's order: the certificate, then the input; then nothing is printed or written.
pub fn run(command: &SealCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    command.input.expect(session)?;
    let certificate = command.certificate.load(session, &command.pins)?;
    let bytes = command.input.read_manifest(session)?;
    let program = session.program;
    let within = |failure| command.input.within(program, failure);
    let documents = input::objects(session.program, &bytes, "secrets").map_err(within)?;
    let secrets = prepare(session, &documents, &command.shaping).map_err(within)?;
    let format = command.format.clone()?;
    announce(session, &certificate, &command.certificate);
    if session.program == Program::Signet && command.shaping.scope.is_none() {
        secrets
            .iter()
            .for_each(|secret| tell_scope(session, secret));
    }
    let mut objects = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let sealed = seal(session, &certificate, secret, &command.shaping)
            .map_err(|failure| documents.within(index, failure))?;
        objects.push(to_value(&sealed));
    }
    let text = render(&objects, format);
    command
        .output
        .write(session, text.as_bytes(), Privacy::Public)
}

/// Says which certificate is used. `kubeseal` stays silent, as upstream does.
pub fn announce(session: &mut Session<'_>, certificate: &Certificate, source: &CertificateSource) {
    if session.program == Program::Signet {
        let summary = certificate::summary(certificate, source);
        session.notice(&format!("sealing with the {summary}"));
    }
}

/// A scope that is wider than strict and comes from the input may be somebody else's choice (docs/trust.md row 17).
fn tell_scope(session: &mut Session<'_>, secret: &InputSecret) {
    let metadata = &secret.metadata;
    let name = Printable(metadata.name.as_deref().unwrap_or_default());
    let namespace = Printable(metadata.namespace.as_deref().unwrap_or_default());
    let annotation = "as the input's annotation says";
    match scope_of(&metadata.annotations) {
        Scope::Strict => {}
        Scope::NamespaceWide => session.notice(&format!(
            "{namespace}/{name} is sealed namespace-wide, {annotation}: under any name in {namespace} it opens"
        )),
        Scope::ClusterWide => session.notice(&format!(
            "{name} is sealed cluster-wide, {annotation}: under any name in any namespace it opens"
        )),
    }
}

/// Parses every document and gives it its final name, namespace and scope.
///
/// # Errors
/// The first document that is no Secret that can be sealed.
pub fn prepare(
    session: &Session<'_>,
    documents: &Documents,
    shaping: &Shaping,
) -> Result<Vec<InputSecret>, Failure> {
    let mut secrets = Vec::new();
    // Every document is read before any is judged, as upstream does.
    for (index, document) in documents.values.iter().enumerate() {
        let secret = parse(document).map_err(|failure| documents.within(index, failure))?;
        secrets.push(secret);
    }
    for (index, secret) in secrets.iter_mut().enumerate() {
        shape(session, secret, shaping).map_err(|failure| documents.within(index, failure))?;
    }
    if shaping.name.is_some() {
        refuse_same_names(&secrets)?;
    }
    Ok(secrets)
}

/// What helps against an input that is no Secret.
pub(crate) fn what_to_do(error: &InputSecretError) -> &'static str {
    match error {
        InputSecretError::OtherKind(kind) if kind.eq_ignore_ascii_case("Secret") => {
            "kinds are written with capital letters: Secret; nothing was written"
        }
        InputSecretError::NotAnObject | InputSecretError::OtherKind(_) => {
            "only Secrets are sealed; nothing was written"
        }
        InputSecretError::Misspelled { .. } => {
            "Kubernetes tells capital letters from small ones in names of fields; nothing was written"
        }
        InputSecretError::Field(path) if path.starts_with("stringData") => {
            "values of stringData are texts; quote numbers, true and false; nothing was written"
        }
        InputSecretError::Field(path) if path.starts_with("data") => {
            "values of data are base64 texts; nothing was written"
        }
        InputSecretError::Field(_) => "`kubectl explain secret` has the types; nothing was written",
        InputSecretError::BadBase64(_) => {
            "encode the value as base64, or put it under stringData as it is; nothing was written"
        }
        InputSecretError::Folded(_) => {
            "base64 has line breaks at most: write it behind | and not behind >; nothing was written"
        }
    }
}

/// Reads a Secret.
///
/// # Errors
/// It is none, or a field is not what it should be.
pub(crate) fn parse(document: &Value) -> Result<InputSecret, Failure> {
    InputSecret::parse(document).map_err(|error| Failure::trouble(&error).hint(what_to_do(&error)))
}

fn shape(
    session: &Session<'_>,
    secret: &mut InputSecret,
    shaping: &Shaping,
) -> Result<(), Failure> {
    if secret.data.is_empty() && !shaping.allow_empty {
        return Err(Failure::trouble(
            "secret.data is empty in input Secret, assuming this is an error and aborting. \
             To work with empty data, --allow-empty-data can be used",
        ));
    }
    if let Some(name) = &shaping.name {
        secret.metadata.name = Some(name.clone());
    }
    if secret
        .metadata
        .name
        .as_deref()
        .unwrap_or_default()
        .is_empty()
    {
        return Err(Failure::trouble("missing metadata.name in input Secret")
            .hint("add metadata.name, or give the name with --name"));
    }
    if let Some(scope) = shaping.scope {
        set_scope(&mut secret.metadata.annotations, scope);
    }
    if scope_of(&secret.metadata.annotations) != Scope::ClusterWide {
        settle_namespace(session, secret, &shaping.namespace)?;
    }
    Ok(())
}

fn settle_namespace(
    session: &Session<'_>,
    secret: &mut InputSecret,
    request: &NamespaceRequest,
) -> Result<(), Failure> {
    let own = secret.metadata.namespace.as_deref().unwrap_or_default();
    if own.is_empty() {
        secret.metadata.namespace = Some(request.resolve(session)?);
        return Ok(());
    }
    match &request.explicit {
        Some(explicit) if explicit != own => Err(Failure::trouble(format_args!(
            "namespace mismatch: input secret is in namespace \"{}\" but \"{}\" was specified",
            Printable(own),
            Printable(explicit)
        ))
        .hint("leave -n out, or change metadata.namespace of the input")),
        _ => Ok(()),
    }
}

/// `--name` applies to every document: two of them must not become one object. One without a namespace may be applied in any.
fn refuse_same_names(secrets: &[InputSecret]) -> Result<(), Failure> {
    let namespaces: HashSet<&str> = secrets
        .iter()
        .map(|secret| secret.metadata.namespace.as_deref().unwrap_or_default())
        .collect();
    let homeless = secrets.len() > 1 && namespaces.contains("");
    if namespaces.len() == secrets.len() && !homeless {
        return Ok(());
    }
    Err(
        Failure::trouble("--name would give several Secrets of the input the same name")
            .hint("leave --name out, or seal them one at a time"),
    )
}

/// Seals one Secret and looks for its values in the result.
///
/// # Errors
/// The names cannot be sealed for, or, for `signet`, a value stands in the result in clear.
pub fn seal(
    session: &mut Session<'_>,
    certificate: &Certificate,
    secret: &InputSecret,
    shaping: &Shaping,
) -> Result<SealedSecret, Failure> {
    let sealed = seal_secret(&mut session.rng, certificate.key(), secret).map_err(explain)?;
    refuse_cleartext(session, &sealed, secret, &shaping.allow_cleartext)?;
    Ok(sealed)
}

fn explain(error: SealSecretError) -> Failure {
    let failure = Failure::trouble(&error);
    match error {
        SealSecretError::Target(TargetError::EmptyNamespace) => {
            failure.hint("give the namespace with -n")
        }
        SealSecretError::Target(TargetError::EmptyName) => {
            failure.hint("give the name with --name")
        }
        _ => failure,
    }
}

/// A value that stands in a label or an annotation as well would be published (docs/trust.md row 19). Name and namespace are public
/// anyway, and often part of a user name.
fn refuse_cleartext(
    session: &mut Session<'_>,
    sealed: &SealedSecret,
    secret: &InputSecret,
    allowed: &[String],
) -> Result<(), Failure> {
    // It takes a while for many values, and would be said to nobody.
    if session.program == Program::Kubeseal && !session.shows_warnings() {
        return Ok(());
    }
    let found: Vec<String> = cleartext_items(&sealed.spec.template, secret)
        .into_iter()
        .filter(|found| !allowed.contains(&found.item))
        .map(|found| {
            format!(
                "the value of {} stands in clear in {}",
                Printable(&found.item),
                Printable(&found.field)
            )
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("{}, which is not sealed", found.join(", "));
    match session.program {
        Program::Kubeseal => {
            session.warn(&message);
            Ok(())
        }
        Program::Signet => Err(Failure::trouble(message).hint(
            "remove it there; if the value is no secret, allow it with --allow-cleartext ITEM",
        )),
    }
}

/// The object with its fields in upstream's order.
pub fn to_value(sealed: &SealedSecret) -> Value {
    let mut value = serde_json::to_value(sealed)
        .expect("a SealedSecret has string keys only and can always be written");
    order_metadata(&mut value);
    value
}
