//! Arguments of `signet keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Sealing keys
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    pub(super) verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysVerb {
    Generate(KeysGenerateArgs),
}

/// Make a private key and its certificate, without a cluster
///
/// The private key's file can be read by its owner only. Existing files are never overwritten.
#[derive(Debug, Args)]
pub(super) struct KeysGenerateArgs {
    /// New file for the private key
    #[arg(long, value_name = "FILE")]
    pub(super) out_key: PathBuf,
    /// New file for the certificate
    #[arg(long, value_name = "FILE")]
    pub(super) out_cert: PathBuf,
    /// Size of the RSA key: 2048, 3072, 4096 or 8192
    #[arg(long, value_name = "BITS", default_value = "4096")]
    pub(super) bits: u32,
    /// Validity of the certificate
    #[arg(long, value_name = "DAYS", default_value = "3650", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(super) days: u32,
    /// Common name in the certificate
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) common_name: String,
}
