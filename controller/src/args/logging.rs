//! What is logged, how, and where to: upstream's flags.

use clap::ArgAction;

use super::parsers::go_bool;

/// Flags of the log.
#[derive(Debug, Clone, clap::Args)]
pub struct Logging {
    /// Write INFO and below to stdout and the rest to stderr; false: everything to stderr
    #[arg(long, env = "SEALED_SECRETS_LOG_INFO_STDOUT", default_value = "true", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub log_info_stdout: bool,
    /// Least severe level that is logged: DEBUG, INFO, WARN or ERROR, also with an offset (INFO+2); else INFO
    #[arg(long, env = "SEALED_SECRETS_LOG_LEVEL", default_value = "INFO")]
    pub log_level: String,
    /// Shape of log lines: text or json; else text
    #[arg(long, env = "SEALED_SECRETS_LOG_FORMAT", default_value = "text")]
    pub log_format: String,
}
