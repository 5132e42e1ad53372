//! The command line of the controller: upstream's flags with upstream's names, ours beside them.
//!
//! Every flag can be set by an environment variable `SEALED_SECRETS_<NAME>`, as upstream's.

mod effects;
mod parsers;
mod watching;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use signet_common::{KeyOrder, KeySize};

use crate::plan::Repair;
use crate::verify::Rotate;
pub use effects::Effects;
pub use parsers::Cutoff;
use parsers::{address, cutoff, duration, go_bool, key_order, key_prefix, key_size};
pub use watching::{Namespaces, Watching};

/// Version as `--version` prints it: upstream's that this is compatible with, then ours.
pub const VERSION: &str = concat!("v0.40.0+signet.", env!("CARGO_PKG_VERSION"));

/// Opens SealedSecrets in the cluster and keeps their Secrets right.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "signet-controller",
    disable_version_flag = true,
    args_override_self = true
)]
pub struct Args {
    /// Print the version and exit
    #[arg(long)]
    pub version: bool,
    /// Kubeconfig file; without it, the pod's service account is used
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the sealing keys; default: POD_NAMESPACE, the service account's, "default"
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// Prefix of key Secrets' names, and name of the legacy key
    #[arg(long, env = "SEALED_SECRETS_KEY_PREFIX", default_value = "sealed-secrets-key", value_parser = key_prefix)]
    pub key_prefix: String,
    /// Bits of a new key: 2048, 3072, 4096 or 8192
    #[arg(long, env = "SEALED_SECRETS_KEY_SIZE", default_value = "4096", value_parser = key_size)]
    pub key_size: KeySize,
    /// Validity of a new key's certificate
    #[arg(long, env = "SEALED_SECRETS_KEY_TTL", default_value = "87600h", value_parser = duration)]
    pub key_ttl: Duration,
    /// Common name of a new key's certificate
    #[arg(long, env = "SEALED_SECRETS_MY_CN", default_value = "")]
    pub my_cn: String,
    /// Age at which a key is replaced; 0 turns renewal off
    #[arg(long, env = "SEALED_SECRETS_KEY_RENEW_PERIOD", alias = "rotate-period", default_value = "720h", value_parser = duration)]
    pub key_renew_period: Duration,
    /// What orders keys: CertNotBefore or SecretCreationTimestamp
    #[arg(long, env = "SEALED_SECRETS_KEY_ORDER_PRIORITY", default_value = "CertNotBefore", value_parser = key_order)]
    pub key_order_priority: KeyOrder,
    /// Replace a newest key from before this moment (RFC 1123 with numeric zone, as `date -R` prints)
    #[arg(long, env = "SEALED_SECRETS_KEY_CUTOFF_TIME", default_value = "", value_parser = cutoff)]
    pub key_cutoff_time: Cutoff,

    /// Which objects are looked at.
    #[command(flatten)]
    pub watching: Watching,
    /// What is done about them.
    #[command(flatten)]
    pub effects: Effects,
    /// What to do when somebody changes a Secret of ours
    #[arg(long, env = "SEALED_SECRETS_REPAIR", value_enum, default_value = "on")]
    pub repair: Repair,
    /// Let a SealedSecret yield a sealing key
    #[arg(long, env = "SEALED_SECRETS_ALLOW_SEALED_KEYS", default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_sealed_keys: bool,
    /// Secret types that no SealedSecret may yield, separated by commas
    #[arg(
        long,
        env = "SEALED_SECRETS_FORBIDDEN_SECRET_TYPES",
        value_delimiter = ',',
        default_value = "kubernetes.io/service-account-token,bootstrap.kubernetes.io/token,helm.sh/release.v1"
    )]
    pub forbidden_secret_types: Vec<String>,
    /// Passes at the same time
    #[arg(long, env = "SEALED_SECRETS_WORKERS", default_value = "16")]
    pub workers: NonZeroU32,
    /// Requests to the API server a second; without it, or negative, the API server decides
    #[arg(
        long,
        env = "SEALED_SECRETS_KUBECLIENT_QPS",
        allow_hyphen_values = true
    )]
    pub kubeclient_qps: Option<f32>,
    /// Requests at once, with --kubeclient-qps
    #[arg(long, env = "SEALED_SECRETS_KUBECLIENT_BURST", default_value = "10")]
    pub kubeclient_burst: NonZeroU32,

    /// Address of certificate, verify, rotate and probes
    #[arg(long, env = "SEALED_SECRETS_LISTEN_ADDR", default_value = ":8080", value_parser = address)]
    pub listen_addr: SocketAddr,
    /// Address of metrics
    #[arg(long, env = "SEALED_SECRETS_LISTEN_METRICS_ADDR", default_value = ":8081", value_parser = address)]
    pub listen_metrics_addr: SocketAddr,
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

    /// Least severe level that is logged: DEBUG, INFO, WARN or ERROR
    #[arg(long, env = "SEALED_SECRETS_LOG_LEVEL", default_value = "INFO")]
    pub log_level: String,
    /// Shape of log lines
    #[arg(
        long,
        env = "SEALED_SECRETS_LOG_FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub log_format: LogFormat,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_upstreams_spellings_parse() {
        let parse = |args: &[&str]| Args::try_parse_from([&["signet-controller"], args].concat());
        let args = parse(&[
            "--update-status",
            "--update-status=false",
            "--key-renew-period=0",
            "--listen-addr=:9090",
        ])
        .unwrap();
        assert!(!args.effects.update_status);
        assert_eq!(args.listen_addr.to_string(), "0.0.0.0:9090");
        assert_eq!(
            parse(&["--key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"])
                .unwrap()
                .key_cutoff_time
                .0
                .unwrap()
                .as_second(),
            1_136_239_445
        );
        assert!(parse(&["--key-prefix=Upper"]).is_err());
        assert!(parse(&["--kubeclient-qps=-1"]).is_ok());
    }
}
