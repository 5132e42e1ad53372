//! From arguments of `signet` to commands: every rule that concerns more than one flag, and every default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use signet_common::KeySize;
use signet_crds::V1Data;

use super::cert::CertFetchArgs;
use super::common_args::{CertificateArgs, ClusterArgs, InputArgs, OutputArgs};
use super::keys::KeysGenerateArgs;
use super::seal::SealArgs;
use super::unseal::UnsealArgs;
use super::verify::VerifyArgs;
use crate::certificate::CertificateSource;
use crate::cluster::Controller;
use crate::command::Command;
use crate::error::Failure;
use crate::fetch_cert::FetchCertCommand;
use crate::generate::GenerateCommand;
use crate::input::Input;
use crate::kubeconfig::KubeOptions;
use crate::output::{Format, Output};
use crate::raw::RawCommand;
use crate::seal::{NamespaceRequest, SealCommand, Shaping};
use crate::session::Session;
use crate::unseal::UnsealCommand;
use crate::verify::VerifyCommand;

pub(super) fn seal(args: SealArgs, session: &Session<'_>) -> Result<Command, Failure> {
    if args.from_file.is_some() && !args.raw {
        return Err(Failure::usage("--from-file requires --raw"));
    }
    let certificate = source(&args.certificate, &args.cluster, session)?;
    let pins = args.certificate.pin;
    let namespace = NamespaceRequest {
        explicit: args.namespace,
        kube: kube_options(&args.cluster),
    };
    if args.raw && args.output.format.is_some() {
        return Err(Failure::usage(
            "--format is for whole Secrets: --raw prints the text for spec.encryptedData",
        ));
    }
    let (output, format) = output(args.output);
    if args.raw {
        if args.allow_empty_data || !args.allow_cleartext.is_empty() {
            return Err(Failure::usage(
                "--allow-empty-data and --allow-cleartext are for whole Secrets, not for --raw",
            ));
        }
        let from_file = args.from_file.filter(|path| path != Path::new("-"));
        let input = match (from_file, input(args.input)) {
            (None, input) => input,
            (Some(path), Input::Stdin) => Input::File(path),
            (Some(_), Input::File(_)) => {
                return Err(Failure::usage("give the value's file once only"));
            }
        };
        return Ok(Command::Raw(RawCommand {
            inputs: vec![input],
            output,
            certificate,
            pins,
            scope: args.scope.unwrap_or_default(),
            name: args.name,
            namespace,
        }));
    }
    Ok(Command::Seal(SealCommand {
        input: input(args.input),
        output,
        format: Ok(format),
        certificate,
        pins,
        shaping: Shaping {
            scope: args.scope,
            name: args.name,
            namespace,
            allow_empty: args.allow_empty_data,
            allow_cleartext: args.allow_cleartext,
        },
    }))
}

pub(super) fn unseal(args: UnsealArgs) -> Command {
    let (output, format) = output(args.output);
    Command::Unseal(UnsealCommand {
        input: input(args.input),
        output,
        format: Ok(format),
        keys: args.key,
        v1_data: V1Data::Accepted,
    })
}

pub(super) fn verify(args: VerifyArgs, session: &Session<'_>) -> Command {
    Command::Verify(VerifyCommand {
        input: input(args.input),
        controller: controller(&args.cluster, session),
    })
}

pub(super) fn cert_fetch(args: CertFetchArgs, session: &Session<'_>) -> Result<Command, Failure> {
    Ok(Command::FetchCert(FetchCertCommand {
        source: source(&args.certificate, &args.cluster, session)?,
        pins: args.certificate.pin,
        output: args.write.map_or(Output::Stdout, Output::File),
    }))
}

pub(super) fn keys_generate(args: KeysGenerateArgs) -> Result<Command, Failure> {
    if args.out_key == args.out_cert {
        return Err(Failure::usage(
            "--out-key and --out-cert name the same file",
        ));
    }
    let size = KeySize::from_bits(args.bits)
        .ok_or_else(|| Failure::usage("--bits must be 2048, 3072, 4096 or 8192"))?;
    Ok(Command::Generate(GenerateCommand {
        out_key: args.out_key,
        out_cert: args.out_cert,
        size,
        common_name: args.common_name,
        valid_for: Duration::from_secs(u64::from(args.days) * 86_400),
    }))
}

fn input(args: InputArgs) -> Input {
    match args.input.or(args.file) {
        Some(path) if path != Path::new("-") => Input::File(path),
        _ => Input::Stdin,
    }
}

/// The flag decides the format, else the extension, else YAML.
fn output(args: OutputArgs) -> (Output, Format) {
    let by_extension = match args.write.as_deref().and_then(Path::extension) {
        Some(extension) if extension == "json" => Format::Json,
        _ => Format::Yaml,
    };
    let output = args.write.map_or(Output::Stdout, Output::File);
    (output, args.format.unwrap_or(by_extension))
}

/// A flag, else a variable that is not empty.
fn flag_or_variable(flag: Option<String>, session: &Session<'_>, variable: &str) -> Option<String> {
    flag.or_else(|| (session.variable)(variable).filter(|text| !text.is_empty()))
}

fn source(
    certificate: &CertificateArgs,
    cluster: &ClusterArgs,
    session: &Session<'_>,
) -> Result<CertificateSource, Failure> {
    match flag_or_variable(certificate.cert.clone(), session, "SIGNET_CERT") {
        Some(text) => CertificateSource::parse(&text),
        None => Ok(CertificateSource::Cluster(Box::new(controller(
            cluster, session,
        )))),
    }
}

fn controller(args: &ClusterArgs, session: &Session<'_>) -> Controller {
    let or = |flag: &Option<String>, variable, default: &str| {
        flag_or_variable(flag.clone(), session, variable).unwrap_or_else(|| default.to_owned())
    };
    Controller {
        name: or(
            &args.controller_name,
            "SIGNET_CONTROLLER_NAME",
            "sealed-secrets-controller",
        ),
        namespace: or(
            &args.controller_namespace,
            "SIGNET_CONTROLLER_NAMESPACE",
            "kube-system",
        ),
        kube: kube_options(args),
    }
}

fn kube_options(args: &ClusterArgs) -> KubeOptions {
    KubeOptions {
        kubeconfig: args
            .kubeconfig
            .clone()
            .filter(|path| *path != PathBuf::new()),
        context: args.context.clone(),
        ..KubeOptions::default()
    }
}
