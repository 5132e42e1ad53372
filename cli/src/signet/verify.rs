//! Arguments of `signet verify`.

use clap::Args;

use super::common_args::{ClusterArgs, InputArgs};

/// Ask the controller whether it can open SealedSecrets
///
/// Prints a line for each of them. Exit code 0: all open; 1: at least one does not; 2: could not find out.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}
