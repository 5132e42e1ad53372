//! Arguments of `signet seal`.

use std::path::PathBuf;

use clap::Args;
use signet_common::Scope;

use super::common_args::{CertificateArgs, ClusterArgs, InputArgs, OutputArgs};

/// Seal Secrets
///
/// Reads Secrets (YAML or JSON, several documents allowed) and prints SealedSecrets that are safe to commit.
/// With --raw it seals one value and prints its base64 text.
#[derive(Debug, Args)]
pub(super) struct SealArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// How far the result may travel: strict, namespace-wide or cluster-wide; without it the Secret's annotations decide, else strict
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Option<Scope>,
    /// Namespace of Secrets that name none; must agree with those that do
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// Name of the Secret, instead of its own
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Seal Secrets without any item too
    #[arg(long)]
    pub(super) allow_empty_data: bool,
    /// The value of this item is no secret and may also stand in labels or annotations; may be repeated
    #[arg(long, value_name = "ITEM")]
    pub(super) allow_cleartext: Vec<String>,
    /// Seal the input's bytes as one value, and print the text for spec.encryptedData
    #[arg(long)]
    pub(super) raw: bool,
    /// With --raw: the file that holds the value, instead of stdin
    #[arg(long, value_name = "FILE")]
    pub(super) from_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) certificate: CertificateArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}
