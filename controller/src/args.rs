//! The command line of the controller: upstream's flags with upstream's names, ours beside them.
//!
//! Every flag can be set by an environment variable `SEALED_SECRETS_<NAME>`, as upstream's.

mod address;
mod effects;
mod election;
mod logging;
mod new_keys;
mod parsers;
pub mod reference;
mod serving;
mod templates;
mod watching;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use signet_common::{KeyOrder, KeySize};

use crate::plan::Repair;
pub use address::Address;
pub use effects::Effects;
pub use election::{LeaderElect, LeaderElection};
pub use logging::Logging;
pub use new_keys::{NewKeys, Pairs};
pub use parsers::Cutoff;
use parsers::{cutoff, duration, go_bool, key_order, key_prefix, key_size};
pub use serving::Serving;
pub use templates::Templates;
pub use watching::{Namespaces, Watching};

/// Version as `--version` prints it: upstream's that this is compatible with, then ours. With a `v`: upstream's integration
/// suite asks for it.
pub const VERSION: &str = concat!("v0.40.0+signet.", env!("CARGO_PKG_VERSION"));

/// Opens SealedSecrets in the cluster and keeps their Secrets right.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "signet-controller",
    disable_version_flag = true,
    after_help = "'signet-controller preview' reports what would be done, and writes nothing; see 'signet-controller preview --help'",
    args_override_self = true
)]
pub struct Args {
    /// Print the version and exit
    #[arg(long, default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_default_value = true)]
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

    /// What new key Secrets carry.
    #[command(flatten)]
    pub new_keys: NewKeys,
    /// Which objects are looked at.
    #[command(flatten)]
    pub watching: Watching,
    /// What is done about them.
    #[command(flatten)]
    pub effects: Effects,
    /// What to do when somebody changes a Secret of ours
    #[arg(long, env = "SEALED_SECRETS_REPAIR", value_enum, default_value = "on")]
    pub repair: Repair,
    /// What templates may do.
    #[command(flatten)]
    pub templates: Templates,
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

    /// Who works, of several replicas.
    #[command(flatten)]
    pub election: LeaderElection,
    /// What is served, and how.
    #[command(flatten)]
    pub serving: Serving,
    /// What is logged.
    #[command(flatten)]
    pub logging: Logging,
}

/// The command line with what two variables of upstream say put before it, so that it wins: clap knows no variable of an
/// alias, and a version number in SEALED_SECRETS_VERSION must not keep the controller from starting.
pub fn with_variables(
    line: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<OsString> {
    let mut line: Vec<_> = line.collect();
    if let Some(period) = variable("SEALED_SECRETS_ROTATE_PERIOD") {
        let mut flag = OsString::from("--key-renew-period=");
        flag.push(period);
        line.insert(line.len().min(1), flag);
    }
    let version = variable("SEALED_SECRETS_VERSION").and_then(|text| go_bool(text.to_str()?).ok());
    if version == Some(true) {
        line.insert(line.len().min(1), OsString::from("--version"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_variables_are_put_before_the_command_line() {
        let read = |line: &[&str], name: &str, value: &str| {
            let line = [&["signet-controller"], line].concat();
            let variable = |asked: &str| (asked == name).then(|| value.into());
            Args::try_parse_from(with_variables(line.iter().map(OsString::from), variable))
        };
        let renewal = |args: Args| args.key_renew_period.as_secs();
        let period = "SEALED_SECRETS_ROTATE_PERIOD";
        assert_eq!(renewal(read(&[], period, "1h").unwrap()), 3600);
        assert_eq!(
            renewal(read(&["--rotate-period=2h"], period, "1h").unwrap()),
            7200
        );
        assert!(read(&[], period, "nope").is_err());
        let version = "SEALED_SECRETS_VERSION";
        for (value, expected) in [("1", true), ("false", false), ("v0.40.0", false)] {
            assert_eq!(read(&[], version, value).unwrap().version, expected);
        }
        assert!(!read(&["--version=false"], version, "true").unwrap().version);
    }

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
        assert_eq!(args.serving.listen_addr.to_string(), ":9090");
        assert_eq!(
            parse(&["--key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"])
                .unwrap()
                .key_cutoff_time
                .0
                .unwrap()
                .as_second(),
            1_136_239_445
        );
        assert!(parse(&["--version"]).unwrap().version);
        assert!(parse(&["--version=T"]).unwrap().version);
        assert!(!parse(&["--version=0"]).unwrap().version);
        assert!(parse(&["--log-info-stdout=yes"]).is_err());
        // As upstream: an unknown level or format is the default.
        assert!(parse(&["--log-level=loud", "--log-format=xml"]).is_ok());
        assert!(parse(&["--key-prefix=Upper"]).is_err());
        assert!(parse(&["--kubeclient-qps=-1"]).is_ok());
    }
}
