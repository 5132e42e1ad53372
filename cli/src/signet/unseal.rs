//! Arguments of `signet unseal`.

use std::path::PathBuf;

use clap::Args;

use super::common_args::{InputArgs, OutputArgs};

/// Open SealedSecrets with private keys at hand
///
/// For disaster recovery: no cluster is needed. Prints Secrets in clear; a file that is written can be read by its owner only.
#[derive(Debug, Args)]
pub(super) struct UnsealArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Private key: PEM, or the key Secrets as kubectl prints them; may be repeated
    #[arg(
        short = 'k',
        long = "key",
        visible_alias = "recovery-private-key",
        value_name = "FILE",
        required = true,
        value_delimiter = ','
    )]
    pub(super) key: Vec<PathBuf>,
}
