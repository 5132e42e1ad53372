//! What is done about the objects that are looked at: upstream's switches.

use clap::ArgAction;

use super::parsers::go_bool;

/// Flags that change what is done.
#[derive(Debug, Clone, clap::Args)]
pub struct Effects {
    /// Write the status of SealedSecrets
    #[arg(long, env = "SEALED_SECRETS_UPDATE_STATUS", default_value = "true", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub update_status: bool,
    /// Open the deprecated field `spec.data`, one blob with a whole Secret in it
    #[arg(long, env = "SEALED_SECRETS_ACCEPT_DEPRECATED_V1_DATA", default_value = "true", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub accept_deprecated_v1_data: bool,
    /// Do not make a Secret again that somebody deleted, until its SealedSecret changes
    #[arg(long, env = "SEALED_SECRETS_SKIP_RECREATE", default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub skip_recreate: bool,
    /// Delete the Secret of a SealedSecret that is gone, without waiting for garbage collection
    #[arg(long, env = "SEALED_SECRETS_OLD_GC_BEHAVIOR", default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub old_gc_behavior: bool,
    /// Accepted for compatibility; sealing keys are always watched
    #[arg(long, env = "SEALED_SECRETS_WATCH_FOR_SECRETS", default_value = "false", value_parser = go_bool, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub watch_for_secrets: bool,
    /// Accepted for compatibility; failures are tried again for ever, with growing pauses
    #[arg(
        long,
        env = "SEALED_SECRETS_MAX_UNSEAL_RETRIES",
        default_value = "5",
        allow_hyphen_values = true
    )]
    pub max_unseal_retries: i64,
}
