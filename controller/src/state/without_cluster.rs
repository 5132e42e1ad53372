//! A state for tests of what is around it.

use signet_common::{KeyOrder, KeySize};

use super::*;
use crate::keys::{KeySettings, new_key_secret, read_key};

impl State {
    /// A state for tests in which nothing is sent: no API server is where it would look for one.
    pub(crate) fn without_cluster() -> Self {
        let config = kube::Config::new("http://127.0.0.1:1".parse().expect("a URL"));
        let client = crate::api::client(config).expect("a client");
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

    /// As [`State::without_cluster`], with a key.
    pub(crate) fn with_key() -> Self {
        let state = Self::without_cluster();
        state.add_key(Timestamp::now());
        state
    }

    /// Adds a key that is made at this time to those that there are.
    pub(crate) fn add_key(&self, now: Timestamp) {
        let settings = KeySettings {
            prefix: "key".to_owned(),
            size: KeySize::Rsa2048,
            valid_for: Duration::from_secs(3600),
            common_name: String::new(),
            order: KeyOrder::CertNotBefore,
            labels: Default::default(),
            annotations: Default::default(),
        };
        let secret = new_key_secret(&settings, "ns", "key1", now).expect("a key");
        let entry = read_key(&secret, KeyOrder::CertNotBefore).expect("a key");
        let known = self.keys().map(|keys| keys.ring.entries().to_vec());
        let mut entries = known.unwrap_or_default();
        entries.push(entry);
        self.set_ring(KeyRing::new(entries).expect("a ring"));
    }
}
