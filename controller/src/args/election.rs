//! Who leads, of several replicas: the flags of Kubernetes' own components, with their meaning.

use std::time::Duration;

use clap::ValueEnum;

use super::parsers::duration;
use crate::lease::Timing;

/// Whether a Lease decides who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeaderElect {
    /// With a Lease if it may be used; without the rights, as the only replica
    Auto,
    /// With a Lease; an error without the rights
    #[value(alias = "true")]
    On,
    /// As the only replica
    #[value(alias = "false")]
    Off,
}

/// Flags of the election.
#[derive(Debug, Clone, clap::Args)]
pub struct LeaderElection {
    /// Whether a Lease decides which of several replicas works: on, off, or auto, which is on if the rights are there
    #[arg(long, env = "SEALED_SECRETS_LEADER_ELECT", value_enum, default_value = "auto", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub leader_elect: LeaderElect,
    /// Time for which a Lease that nobody renews is watched before it is taken
    #[arg(long, env = "SEALED_SECRETS_LEADER_ELECT_LEASE_DURATION", default_value = "15s", value_parser = duration)]
    pub leader_elect_lease_duration: Duration,
    /// Time after its last renewal at which a leader writes nothing more, and ends
    #[arg(long, env = "SEALED_SECRETS_LEADER_ELECT_RENEW_DEADLINE", default_value = "10s", value_parser = duration)]
    pub leader_elect_renew_deadline: Duration,
    /// Time between two renewals, and between two looks at the Lease
    #[arg(long, env = "SEALED_SECRETS_LEADER_ELECT_RETRY_PERIOD", default_value = "2s", value_parser = duration)]
    pub leader_elect_retry_period: Duration,
    /// Name of the Lease, in the namespace of the sealing keys
    #[arg(
        long,
        env = "SEALED_SECRETS_LEADER_ELECT_RESOURCE_NAME",
        default_value = "sealed-secrets-controller"
    )]
    pub leader_elect_resource_name: String,
}

impl LeaderElection {
    /// The times.
    ///
    /// # Errors
    /// If they contradict each other.
    pub fn timing(&self) -> Result<Timing, &'static str> {
        let timing = Timing {
            lease: self.leader_elect_lease_duration,
            renew: self.leader_elect_renew_deadline,
            retry: self.leader_elect_retry_period,
        };
        timing.check()
    }
}
