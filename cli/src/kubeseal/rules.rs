//! From arguments of `kubeseal` to commands: which mode a command line asks for, and every rule that concerns more than one flag.
//!
//! Upstream lets the first mode win and ignores the rest, which can leave an empty file behind. Here that is an error.

use std::path::{Path, PathBuf};

use signet_common::{Printable, Scope};
use signet_crds::V1Data;

use super::args::{Arguments, ClusterArguments};
use crate::certificate::CertificateSource;
use crate::cluster::Controller;
use crate::command::Command;
use crate::destination::is_stream;
use crate::error::Failure;
use crate::fetch_cert::FetchCertCommand;
use crate::input::Input;
use crate::kubeconfig::KubeOptions;
use crate::merge::MergeCommand;
use crate::output::{Format, FormatRequest, Output};
use crate::raw::RawCommand;
use crate::reencrypt::ReEncryptCommand;
use crate::seal::{NamespaceRequest, SealCommand, Shaping};
use crate::session::Session;
use crate::unseal::UnsealCommand;
use crate::verify::VerifyCommand;

/// What a command line asks for. Named by the flag that asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Seal,
    Raw,
    FetchCert,
    MergeInto,
    Validate,
    ReEncrypt,
    RecoveryUnseal,
}

pub(super) fn command(args: &Arguments, session: &mut Session<'_>) -> Result<Command, Failure> {
    if !args.from_file.is_empty() && !args.raw {
        return Err(Failure::trouble("--from-file requires --raw"));
    }
    let mode = mode(args)?;
    prelude(args, session)?;
    if args.rotate && session.shows_warnings() {
        session.notice("Flag --rotate has been deprecated, please use --re-encrypt instead");
    }
    let keys = !args.recovery_private_key.is_empty();
    if keys && mode != Mode::RecoveryUnseal {
        session.warn(
            "ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal",
        );
    }
    match mode {
        Mode::Seal => seal(args),
        Mode::Raw => raw(args),
        Mode::FetchCert => fetch_cert(args),
        Mode::MergeInto => merge(args),
        Mode::Validate => validate(args),
        Mode::ReEncrypt => re_encrypt(args),
        Mode::RecoveryUnseal => recovery_unseal(args),
    }
}

/// The one mode that is asked for.
fn mode(args: &Arguments) -> Result<Mode, Failure> {
    let asked: Vec<(Mode, &str)> = [
        (args.raw, Mode::Raw, "--raw"),
        (args.fetch_cert, Mode::FetchCert, "--fetch-cert"),
        (
            given(&args.merge_into).is_some(),
            Mode::MergeInto,
            "--merge-into",
        ),
        (args.validate, Mode::Validate, "--validate"),
        (
            args.re_encrypt || args.rotate,
            Mode::ReEncrypt,
            "--re-encrypt",
        ),
        (
            args.recovery_unseal,
            Mode::RecoveryUnseal,
            "--recovery-unseal",
        ),
    ]
    .into_iter()
    .filter_map(|(asked, mode, flag)| asked.then_some((mode, flag)))
    .collect();
    match asked.as_slice() {
        [] => Ok(Mode::Seal),
        [(mode, _)] => Ok(*mode),
        [(_, first), (_, second), ..] => Err(Failure::trouble(format_args!(
            "{first} and {second} cannot be used together"
        ))
        .hint("nothing was written; run them one after the other")),
    }
}

/// Modes that print no manifest would leave an empty file behind.
fn refuse_output_file(args: &Arguments, why: &str) -> Result<(), Failure> {
    if given(&args.sealed_secret_file).is_none() {
        return Ok(());
    }
    Err(Failure::trouble(why).hint("leave --sealed-secret-file out; the file is unchanged"))
}

fn seal(args: &Arguments) -> Result<Command, Failure> {
    Ok(Command::Seal(SealCommand {
        input: input(args),
        format: format(args),
        output: output(args),
        certificate: source(args)?,
        pins: Vec::new(),
        shaping: shaping(args),
    }))
}

fn fetch_cert(args: &Arguments) -> Result<Command, Failure> {
    Ok(Command::FetchCert(FetchCertCommand {
        source: source(args)?,
        pins: Vec::new(),
        output: output(args),
    }))
}

fn merge(args: &Arguments) -> Result<Command, Failure> {
    refuse_output_file(
        args,
        "--merge-into writes its own file, so there is nothing for --sealed-secret-file",
    )?;
    Ok(Command::Merge(MergeCommand {
        input: input(args),
        target: path(&args.merge_into).unwrap_or_default(),
        certificate: source(args)?,
        pins: Vec::new(),
        shaping: shaping(args),
    }))
}

fn validate(args: &Arguments) -> Result<Command, Failure> {
    refuse_output_file(
        args,
        "--validate prints nothing, so there is nothing for --sealed-secret-file",
    )?;
    Ok(Command::Verify(VerifyCommand {
        input: input(args),
        controller: controller(args),
    }))
}

/// With `-f` alone the file itself is changed, in its own format. A pipe cannot be.
fn re_encrypt(args: &Arguments) -> Result<Command, Failure> {
    let (output, format) = match (input(args), output(args)) {
        (Input::File(path), Output::Stdout) if !is_stream(&path) => in_place(path, args),
        (Input::File(path), Output::File(other)) if path == other => in_place(path, args),
        (_, output) => (output, Some(format(args))),
    };
    Ok(Command::ReEncrypt(ReEncryptCommand {
        input: input(args),
        output,
        format,
        controller: controller(args),
    }))
}

/// The file's own format, unless one is asked for that there is not.
fn in_place(path: PathBuf, args: &Arguments) -> (Output, Option<FormatRequest>) {
    let wrong = format_of(Some(&path), args).err().map(Err);
    (Output::File(path), wrong)
}

fn recovery_unseal(args: &Arguments) -> Result<Command, Failure> {
    Ok(Command::Unseal(UnsealCommand {
        input: input(args),
        output: output(args),
        format: format(args),
        keys: args
            .recovery_private_key
            .iter()
            .map(PathBuf::from)
            .collect(),
        v1_data: V1Data::Refused,
    }))
}

fn shaping(args: &Arguments) -> Shaping {
    Shaping {
        // Upstream cannot tell "strict" from nothing: the annotations decide then.
        scope: Some(args.scope).filter(|scope| *scope != Scope::Strict),
        name: given(&args.name),
        namespace: namespace(args),
        allow_empty: args.allow_empty_data,
        allow_cleartext: Vec::new(),
    }
}

fn raw(args: &Arguments) -> Result<Command, Failure> {
    if args.secret_file.is_some() {
        return Err(Failure::trouble("--raw does not read --secret-file")
            .hint("give the value with --from-file, or on stdin"));
    }
    // As with kubectl, the item's name may stand in front; it is not used.
    let path = |text: &String| {
        Input::File(PathBuf::from(
            text.split_once('=').map_or(text.as_str(), |(_, path)| path),
        ))
    };
    let inputs = match args.from_file.as_slice() {
        [] => vec![Input::Stdin],
        files => files.iter().map(path).collect(),
    };
    Ok(Command::Raw(RawCommand {
        inputs,
        output: output(args),
        certificate: source(args)?,
        pins: Vec::new(),
        scope: args.scope,
        name: given(&args.name),
        namespace: namespace(args),
    }))
}

/// An empty text means "not given", as in Go.
fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn path(text: &Option<String>) -> Option<PathBuf> {
    given(text).map(PathBuf::from)
}

/// `-` is stdin, unless a file is called so.
fn input(args: &Arguments) -> Input {
    match path(&args.secret_file) {
        Some(path) if path != Path::new("-") || path.exists() => Input::File(path),
        _ => Input::Stdin,
    }
}

/// What upstream looks at before anything else, in its order: the input file, then the folder of the output.
fn prelude(args: &Arguments, session: &mut Session<'_>) -> Result<(), Failure> {
    if let input @ Input::File(_) = input(args) {
        input.expect(session)?;
    }
    match path(&args.sealed_secret_file) {
        Some(path) if !is_stream(&path) => folder_exists(&path),
        _ => Ok(()),
    }
}

/// The output is written last. Whether its folder is there is seen first.
fn folder_exists(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => return Ok(()),
    };
    let found = std::fs::metadata(folder).and_then(|found| {
        if found.is_dir() {
            return Ok(());
        }
        Err(std::io::ErrorKind::NotADirectory.into())
    });
    found.map_err(|error| Failure::file("open", path, &error))
}

fn output(args: &Arguments) -> Output {
    path(&args.sealed_secret_file).map_or(Output::Stdout, Output::File)
}

/// The extension of the output file wins over the flag, as upstream has it.
fn format(args: &Arguments) -> FormatRequest {
    format_of(path(&args.sealed_secret_file).as_deref(), args)
}

fn format_of(file: Option<&Path>, args: &Arguments) -> FormatRequest {
    let extension = file.and_then(Path::extension);
    if extension.is_some_and(|extension| extension == "yaml" || extension == "yml") {
        return Ok(Format::Yaml);
    }
    match args.format.to_lowercase().as_str() {
        "" | "json" => Ok(Format::Json),
        "yaml" => Ok(Format::Yaml),
        _ => Err(Failure::trouble(format_args!(
            "unsupported output format: {}",
            Printable(&args.format)
        ))),
    }
}

fn source(args: &Arguments) -> Result<CertificateSource, Failure> {
    match given(&args.cert) {
        Some(text) => CertificateSource::parse(&text),
        None => Ok(CertificateSource::Cluster(Box::new(controller(args)))),
    }
}

fn controller(args: &Arguments) -> Controller {
    Controller {
        name: args.controller_name.clone(),
        namespace: args.controller_namespace.clone(),
        kube: kube_options(&args.cluster),
    }
}

fn namespace(args: &Arguments) -> NamespaceRequest {
    NamespaceRequest {
        explicit: given(&args.namespace).map(|text| without_kind(&text)),
        kube: kube_options(&args.cluster),
    }
}

/// kubectl reads `ns/name` as `name`.
fn without_kind(text: &str) -> String {
    match text.split_once('/') {
        Some((kind, name))
            if !name.is_empty()
                && ["ns", "namespace", "namespaces"].contains(&kind.to_lowercase().as_str()) =>
        {
            name.to_owned()
        }
        _ => text.to_owned(),
    }
}

fn kube_options(args: &ClusterArguments) -> KubeOptions {
    KubeOptions {
        kubeconfig: path(&args.kubeconfig),
        context: given(&args.context),
        cluster: given(&args.cluster),
        user: given(&args.user),
        server: given(&args.server),
        certificate_authority: given(&args.certificate_authority),
        insecure_skip_tls_verify: args.insecure_skip_tls_verify.then_some(true),
        tls_server_name: given(&args.tls_server_name),
        proxy_url: given(&args.proxy_url),
        token: given(&args.token),
        client_certificate: given(&args.client_certificate),
        client_key: given(&args.client_key),
        username: given(&args.username),
        password: given(&args.password),
        impersonate: given(&args.impersonate),
        impersonate_uid: given(&args.as_uid),
        impersonate_groups: args.as_group.clone(),
        request_timeout: args.request_timeout.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_may_carry_its_kind() {
        assert_eq!(without_kind("NS/a"), "a");
        assert_eq!(without_kind("namespaces/a"), "a");
        assert_eq!(without_kind("a"), "a");
    }
}
