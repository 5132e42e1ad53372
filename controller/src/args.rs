//! The command line of the controller: upstream's flags with upstream's names, ours beside them.
//!
//! Every flag can be set by an environment variable `SEALED_SECRETS_<NAME>`, as upstream's.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use jiff::Timestamp;
use signet_common::{KeyOrder, KeySize};

use crate::plan::Repair;
use crate::verify::Rotate;

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
    #[arg(long, env = "SEALED_SECRETS_KEY_CUTOFF_TIME", value_parser = cutoff)]
    pub key_cutoff_time: Option<Timestamp>,

    /// Write the status of SealedSecrets
    #[arg(long, env = "SEALED_SECRETS_UPDATE_STATUS", default_value = "true", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub update_status: bool,
    /// What to do when somebody changes a Secret of ours
    #[arg(long, env = "SEALED_SECRETS_REPAIR", value_enum, default_value = "on")]
    pub repair: Repair,
    /// Let a SealedSecret yield a sealing key
    #[arg(long, env = "SEALED_SECRETS_ALLOW_SEALED_KEYS", default_value = "false", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
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

fn key_prefix(text: &str) -> Result<String, String> {
    let valid = (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    valid
        .then(|| text.to_owned())
        .ok_or_else(|| "1 to 200 of a-z, 0-9 and '-'".to_owned())
}

fn key_size(text: &str) -> Result<KeySize, String> {
    let size = text.parse().ok().and_then(KeySize::from_bits);
    size.ok_or_else(|| "one of 2048, 3072, 4096, 8192".to_owned())
}

fn key_order(text: &str) -> Result<KeyOrder, String> {
    match text {
        "CertNotBefore" => Ok(KeyOrder::CertNotBefore),
        "SecretCreationTimestamp" => Ok(KeyOrder::SecretCreationTimestamp),
        _ => Err("CertNotBefore or SecretCreationTimestamp".to_owned()),
    }
}

fn cutoff(text: &str) -> Result<Timestamp, String> {
    let parsed = jiff::fmt::rfc2822::parse(text).map(|zoned| zoned.timestamp());
    parsed.map_err(|_| "a time as `date -R` prints it".to_owned())
}

/// `:8080` listens on every address, as in Go.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    full.parse().map_err(|_| "HOST:PORT or :PORT".to_owned())
}

/// A duration as Go writes it: `720h`, `1h30m`, `1.5s`, `300ms`, `0`.
fn duration(text: &str) -> Result<Duration, String> {
    let error = || "a duration such as 720h, 1h30m or 45s".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(error)?;
        let value: f64 = rest[..digits].parse().map_err(|_| error())?;
        let (unit, tail) = [
            ("ms", 1e-3),
            ("us", 1e-6),
            ("ns", 1e-9),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ]
        .into_iter()
        .find_map(|(unit, scale)| Some((scale, rest[digits..].strip_prefix(unit)?)))
        .ok_or_else(error)?;
        seconds += value * unit;
        rest = tail;
    }
    if text.is_empty() {
        return Err(error());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let table = [
            ("720h", Some(720 * 3600 * 1000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("300ms", Some(300)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("30d", None),
            ("5", None),
            ("-1h", None),
        ];
        for (text, milliseconds) in table {
            assert_eq!(
                duration(text).ok(),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
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
        assert!(!args.update_status);
        assert_eq!(args.listen_addr.to_string(), "0.0.0.0:9090");
        assert_eq!(
            parse(&["--key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"])
                .unwrap()
                .key_cutoff_time
                .unwrap()
                .as_second(),
            1_136_239_445
        );
        assert!(parse(&["--key-prefix=Upper"]).is_err());
        assert!(parse(&["--kubeclient-qps=-1"]).is_ok());
    }
}
