//! Upstream's flags, exactly as typed: repeats are legal and the last one wins, lists grow, a boolean takes `=value` only.
//!
//! What flags mean together is [`super::rules`]'s business.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser};
use signet_common::Scope;

use super::go_values;

/// Upstream does not read these from the environment.
pub(super) const LOGGING_HEADING: &str = "Logging, accepted and ignored";

/// Seal Kubernetes Secrets so that only the controller in your cluster can open them.
///
/// Every flag but those for logging can be set by a variable, such as SEALED_SECRETS_CONTROLLER_NAMESPACE; flags win.
#[derive(Parser)]
#[command(
    name = "kubeseal",
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(super) struct Arguments {
    /// Sealing certificate: a file or an address, instead of asking the controller
    #[arg(long, value_name = "FILE|URL")]
    pub(super) cert: Option<String>,
    /// Name of the controller's Service
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-controller")]
    pub(super) controller_name: String,
    /// Namespace of the controller's Service
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system")]
    pub(super) controller_namespace: String,
    /// File to read, instead of stdin
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(super) secret_file: Option<String>,
    /// File to write, instead of stdout; .yaml and .yml select yaml
    #[arg(short = 'w', long, value_name = "FILE")]
    pub(super) sealed_secret_file: Option<String>,
    /// Output format: json or yaml
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "json")]
    pub(super) format: String,
    /// Scope: strict, namespace-wide or cluster-wide; strict leaves the choice to the Secret's annotations
    #[arg(long, value_name = "SCOPE", default_value = "strict", value_parser = parse_scope)]
    pub(super) scope: Scope,
    /// Namespace of a Secret that names none; must agree with one that does
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// Name of the Secret, instead of its own; needed with --raw and strict scope
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Seal a Secret without any item too
    #[arg(long)]
    pub(super) allow_empty_data: bool,
    /// Seal one value and print its base64 text
    #[arg(long)]
    pub(super) raw: bool,
    /// With --raw: [ITEM=]FILE that holds the value, instead of stdin
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub(super) from_file: Vec<String>,
    /// Print the certificate
    #[arg(long)]
    pub(super) fetch_cert: bool,
    /// Seal the input into this SealedSecret file, in place
    #[arg(long, value_name = "FILE")]
    pub(super) merge_into: Option<String>,
    /// Ask the controller whether it can open the SealedSecret
    #[arg(long)]
    pub(super) validate: bool,
    /// Have the controller seal the SealedSecret with its newest key; with -f FILE and no -w, in place
    #[arg(long)]
    pub(super) re_encrypt: bool,
    /// The same as --re-encrypt, deprecated
    #[arg(long)]
    pub(super) rotate: bool,
    /// Open the SealedSecret with private keys at hand, without a cluster
    #[arg(long)]
    pub(super) recovery_unseal: bool,
    /// With --recovery-unseal: key files, PEM or a backup of the key Secrets
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub(super) recovery_private_key: Vec<String>,
    /// Print the version
    #[arg(long)]
    pub(super) version: bool,
    /// Print this help
    #[arg(short = 'h', long)]
    pub(super) help: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
}

/// kubectl's own flags, by their names there.
#[derive(Args)]
#[command(next_help_heading = "Cluster access, as in kubectl")]
pub(super) struct ClusterArguments {
    /// Kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Address of the API server
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    /// CA certificate of the API server
    #[arg(long, value_name = "FILE")]
    pub(super) certificate_authority: Option<String>,
    /// Do not check the API server's certificate
    #[arg(long)]
    pub(super) insecure_skip_tls_verify: bool,
    /// Name to check the API server's certificate for
    #[arg(long, value_name = "NAME")]
    pub(super) tls_server_name: Option<String>,
    /// Proxy on the way to the API server
    #[arg(long, value_name = "URL")]
    pub(super) proxy_url: Option<String>,
    /// Ask for answers without compression; they never are compressed
    #[arg(long)]
    pub(super) disable_compression: bool,
    /// Client certificate
    #[arg(long, value_name = "FILE")]
    pub(super) client_certificate: Option<String>,
    /// Key of the client certificate
    #[arg(long, value_name = "FILE")]
    pub(super) client_key: Option<String>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Option<String>,
    /// User name for basic authentication
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,
    /// Password for basic authentication
    #[arg(long, value_name = "PASSWORD")]
    pub(super) password: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "NAME")]
    pub(super) impersonate: Option<String>,
    /// UID to impersonate
    #[arg(long, value_name = "UID")]
    pub(super) as_uid: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long, value_name = "GROUP")]
    pub(super) as_group: Vec<String>,
    /// Longest wait for one request, such as 5s or 2m; 0 means as long as usual
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub(super) request_timeout: String,
}

/// The flags of the Go library that upstream logs with.
#[derive(Args)]
#[command(next_help_heading = LOGGING_HEADING)]
pub(super) struct LoggingArguments {
    #[arg(short = 'v', long, value_name = "LEVEL", value_parser = go_values::level)]
    v: Option<String>,
    #[arg(long, value_name = "PATTERNS", value_parser = go_values::modules)]
    vmodule: Option<String>,
    #[arg(long)]
    logtostderr: bool,
    #[arg(long)]
    alsologtostderr: bool,
    #[arg(long, value_name = "SEVERITY", value_parser = go_values::severity)]
    stderrthreshold: Option<String>,
    #[arg(long, value_name = "SEVERITY", value_parser = go_values::severity)]
    alsologtostderrthreshold: Option<String>,
    #[arg(long = "legacy_stderr_threshold_behavior")]
    legacy_stderr_threshold_behavior: bool,
    #[arg(long = "log_dir", value_name = "FOLDER")]
    log_dir: Option<String>,
    #[arg(long = "log_file", value_name = "FILE")]
    log_file: Option<String>,
    #[arg(long = "log_file_max_size", value_name = "MEGABYTES", value_parser = go_values::size)]
    log_file_max_size: Option<String>,
    #[arg(long = "add_dir_header")]
    add_dir_header: bool,
    #[arg(long = "skip_headers")]
    skip_headers: bool,
    #[arg(long = "skip_log_headers")]
    skip_log_headers: bool,
    #[arg(long = "one_output")]
    one_output: bool,
    #[arg(long = "log_backtrace_at", value_name = "FILE:LINE", value_parser = go_values::location)]
    log_backtrace_at: Option<String>,
}

impl Arguments {
    /// The parser with Go's rules for values.
    pub(super) fn parser() -> clap::Command {
        Self::command().mut_args(|argument| match argument.get_action() {
            ArgAction::SetTrue if argument.get_help_heading() == Some(LOGGING_HEADING) => {
                as_go_boolean(argument).value_parser(go_values::logging_boolean)
            }
            ArgAction::SetTrue => as_go_boolean(argument).value_parser(go_values::boolean),
            _ => argument.allow_hyphen_values(true),
        })
    }

    /// Parses with [`Self::parser`].
    pub(super) fn parse_as_go(arguments: Vec<OsString>) -> clap::error::Result<Self> {
        let mut matches = Self::parser().try_get_matches_from(arguments)?;
        Self::from_arg_matches_mut(&mut matches)
    }
}

/// `--flag`, `--flag=true`, `--flag=false`; never `--flag false`.
fn as_go_boolean(argument: Arg) -> Arg {
    argument
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .value_name("BOOL")
        .hide_default_value(true)
}

/// Upstream accepts the empty text as strict.
fn parse_scope(text: &str) -> Result<Scope, signet_common::ScopeError> {
    match text {
        "" => Ok(Scope::Strict),
        text => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let words = ["kubeseal"].into_iter().chain(line.split_whitespace());
        Arguments::parse_as_go(words.map(OsString::from).collect())
    }

    #[test]
    fn repeats_are_legal_and_the_last_one_wins() {
        let parsed =
            parse("--cert a --cert b --validate --validate --raw --raw=false -n x -n=y -oyaml")
                .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.cert.as_deref(), Some("b"));
        assert!(parsed.validate);
        assert!(!parsed.raw);
        assert_eq!(parsed.namespace.as_deref(), Some("y"));
        assert_eq!(parsed.format, "yaml");
    }

    #[test]
    fn lists_grow_and_split_at_commas_as_upstreams_do() {
        let parsed = parse(
            "--recovery-private-key a,b --recovery-private-key c --as-group x,y --as-group z",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.recovery_private_key, ["a", "b", "c"]);
        assert_eq!(parsed.cluster.as_group, ["x,y", "z"]);
    }

    #[test]
    fn a_boolean_takes_its_value_after_an_equals_sign_only() {
        assert!(parse("--raw=T").is_ok_and(|parsed| parsed.raw));
        assert!(parse("--raw=F").is_ok_and(|parsed| !parsed.raw));
        assert!(parse("--raw false").is_err());
        assert!(parse("--raw=maybe").is_err());
    }

    #[test]
    fn a_value_may_begin_with_a_hyphen() {
        let parsed = parse("--name -x -v -1").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.name.as_deref(), Some("-x"));
    }
}
