//! Arguments that several verbs share.

use std::path::PathBuf;

use clap::Args;

use crate::certificate::Pin;
use crate::output::Format;

/// Which certificate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificate")]
pub(super) struct CertificateArgs {
    /// Certificate to seal with: a file or an https address; without it the controller is asked [env: SIGNET_CERT]
    #[arg(long, value_name = "FILE|URL")]
    pub(super) cert: Option<String>,
    /// Accept only this key: SHA-256 of its SubjectPublicKeyInfo; may be repeated
    #[arg(long, value_name = "sha256:HEX")]
    pub(super) pin: Vec<Pin>,
}

/// Which cluster and controller.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// Name of the controller's Service (default: sealed-secrets-controller) [env: SIGNET_CONTROLLER_NAME]
    #[arg(long, value_name = "NAME")]
    pub(super) controller_name: Option<String>,
    /// Namespace of the controller's Service (default: kube-system) [env: SIGNET_CONTROLLER_NAMESPACE]
    #[arg(long, value_name = "NAMESPACE")]
    pub(super) controller_namespace: Option<String>,
    /// Kubeconfig file, instead of $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of the current one
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
}

/// Where a manifest comes from.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// File to read; without it, or as '-', stdin is read
    #[arg(value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// The same as a flag
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        conflicts_with = "input"
    )]
    pub(super) file: Option<PathBuf>,
}

/// Where the result goes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Write to this file instead of stdout; it is replaced as a whole or not at all
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Format of the manifest: json or yaml; without it a file's extension decides, else yaml
    #[arg(
        short = 'o',
        long = "format",
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(super) format: Option<Format>,
}
