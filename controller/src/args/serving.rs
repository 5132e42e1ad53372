//! What is served, and how.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::ArgAction;

use super::Address;
use super::parsers::{duration, go_bool};
use crate::verify::Rotate;

/// Flags of the HTTP servers.
#[derive(Debug, Clone, clap::Args)]
pub struct Serving {
    /// Address of certificate, verify, rotate and probes
    #[arg(long, env = "SEALED_SECRETS_LISTEN_ADDR", default_value = ":8080")]
    pub listen_addr: Address,
    /// Address of metrics
    #[arg(
        long,
        env = "SEALED_SECRETS_LISTEN_METRICS_ADDR",
        default_value = ":8081"
    )]
    pub listen_metrics_addr: Address,
    /// Whose ciphertexts /v1/rotate seals anew: any that opens, only those in the cluster, or none
    #[arg(long, env = "SEALED_SECRETS_ROTATE", value_enum, default_value = "any")]
    pub rotate: Rotate,
    /// Verify and rotate requests a second
    #[arg(long, env = "SEALED_SECRETS_RATE_LIMIT", default_value = "2")]
    pub rate_limit: NonZeroU32,
    /// Verify and rotate requests at once
    #[arg(long, env = "SEALED_SECRETS_RATE_LIMIT_BURST", default_value = "2")]
    pub rate_limit_burst: NonZeroU32,

    /// Leave the metric with the names of SealedSecrets out
    #[arg(long, env = "SEALED_SECRETS_METRICS_OMIT_SECRET_LABELS", default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub metrics_omit_secret_labels: bool,
    /// Longest time for reading a request; its headers get 10 s of it at most
    #[arg(long, env = "SEALED_SECRETS_READ_TIMEOUT", default_value = "2m", value_parser = duration)]
    pub read_timeout: Duration,
    /// Longest time from a request's first byte to the last of its answer
    #[arg(long, env = "SEALED_SECRETS_WRITE_TIMEOUT", default_value = "2m", value_parser = duration)]
    pub write_timeout: Duration,
}
