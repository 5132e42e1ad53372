//! Arguments of `signet cert`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common_args::{CertificateArgs, ClusterArgs};

/// The certificate that Secrets are sealed with
#[derive(Debug, Args)]
pub(super) struct CertArgs {
    #[command(subcommand)]
    pub(super) verb: CertVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum CertVerb {
    Fetch(CertFetchArgs),
}

/// Print the certificate, for later use with --cert
///
/// Its key id and expiry are printed on stderr.
#[derive(Debug, Args)]
pub(super) struct CertFetchArgs {
    /// Write to this file instead of stdout
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    #[command(flatten)]
    pub(super) certificate: CertificateArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}
