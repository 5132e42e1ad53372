//! A state for tests of what is around it.

use super::*;

impl State {
    /// A state for tests in which nothing is sent: no API server is where it would look for one.
    pub(crate) fn without_cluster() -> Self {
        let config = kube::Config::new("http://127.0.0.1:1".parse().expect("a URL"));
        let client = kube::Client::try_from(config).expect("a client");
        let policy = Policy {
            repair: crate::plan::Repair::On,
            allow_sealed_keys: false,
            forbidden_types: Vec::new(),
            key_namespace: "ns".to_owned(),
            key_prefix: "key".to_owned(),
            skip_recreate: false,
            v1_data: signet_crds::V1Data::Accepted,
            templates: signet_templates::Options::default(),
        };
        Self::new(Cluster::new(client, None), policy, true, 1)
    }
}
