//! What the controller counts. Names, types and labels are the public surface that `docs/guide/metrics.md` lists.

mod text;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use signet_crds::Reason;

use crate::index::ObjectKey;
pub use text::CONTENT_TYPE;
pub use upstream::Trouble;
use upstream::UpstreamMetrics;

/// One series of upstream's `condition_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The SealedSecret.
    pub key: ObjectKey,
    /// Its label `app.kubernetes.io/instance`.
    pub instance: Option<Arc<str>>,
    /// Whether it is in sync: -1 no, 0 unknown, 1 yes.
    pub synced: i8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabel {
    path: &'static str,
    code: u16,
}

/// Every metric. Cheap to share; all methods take `&self`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    private_operations: Counter,
    reconciles: Family<ReasonLabel, Counter>,
    writes: Counter,
    queue: Family<LaneLabel, Gauge>,
    objects: Gauge,
    keys: Family<StateLabel, Gauge>,
    certificate_expiry: Gauge,
    status_pruned: Gauge,
    leader: Gauge,
    lease_transitions: Gauge,
    foreign_statuses: Counter,
    http: Family<HttpLabel, Counter>,
    upstream: UpstreamMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            upstream: UpstreamMetrics::register(&mut registry),
            registry,
            private_operations: Counter::default(),
            reconciles: Family::default(),
            writes: Counter::default(),
            queue: Family::default(),
            objects: Gauge::default(),
            keys: Family::default(),
            certificate_expiry: Gauge::default(),
            status_pruned: Gauge::default(),
            leader: Gauge::default(),
            lease_transitions: Gauge::default(),
            foreign_statuses: Counter::default(),
            http: Family::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = self.registry.sub_registry_with_prefix("signet");
        let operations = self.private_operations.clone();
        registry.register(
            "private_operations",
            "RSA private operations spent",
            operations,
        );
        registry.register(
            "reconciles",
            "Passes over a SealedSecret by result",
            self.reconciles.clone(),
        );
        registry.register(
            "secret_writes",
            "Secrets created or replaced",
            self.writes.clone(),
        );
        registry.register(
            "queue_length",
            "Objects that wait, by lane",
            self.queue.clone(),
        );
        registry.register(
            "sealedsecrets",
            "SealedSecrets that are known",
            self.objects.clone(),
        );
        registry.register("keys", "Sealing keys by state", self.keys.clone());
        let expiry = self.certificate_expiry.clone();
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the certificate that is handed out ends, in seconds since 1970",
            expiry,
        );
        let pruned = self.status_pruned.clone();
        registry.register(
            "status_pruned",
            "1 if the CRD in the cluster drops status fields",
            pruned,
        );
        registry.register(
            "leader",
            "1 if this replica works, 0 if it stands by",
            self.leader.clone(),
        );
        registry.register(
            "lease_transitions",
            "How often the Lease changed hands, as it says itself",
            self.lease_transitions.clone(),
        );
        registry.register(
            "foreign_statuses",
            "Statuses that another controller wrote",
            self.foreign_statuses.clone(),
        );
        registry.register(
            "http_requests",
            "HTTP requests by path and code",
            self.http.clone(),
        );
        // Every result exists from the start, so that a rate over it is defined.
        for reason in Reason::ALL {
            let _ = self.reconciles.get_or_create(&ReasonLabel {
                result: reason.as_str(),
            });
        }
        self
    }

    /// Counts private operations.
    pub fn add_private_operations(&self, count: u64) {
        self.private_operations.inc_by(count);
    }

    /// Counts the end of a pass over an object of this namespace.
    pub fn count_reconcile(&self, reason: Reason, namespace: &str) {
        self.upstream.count_pass();
        if let Some(trouble) = Trouble::of(reason) {
            self.upstream.count_trouble(trouble, namespace);
        }
        self.reconciles
            .get_or_create(&ReasonLabel {
                result: reason.as_str(),
            })
            .inc();
    }

    /// Counts what stood in the way of a pass, or of telling its result. `namespace` is empty for [`Trouble::Fetch`], as
    /// upstream's.
    pub fn count_trouble(&self, trouble: Trouble, namespace: &str) {
        self.upstream.count_trouble(trouble, namespace);
    }

    /// Counts a Secret that was created or replaced.
    pub fn count_write(&self) {
        self.writes.inc();
    }

    /// Counts an answer of the HTTP server. `path` is one of the served ones or `other`.
    pub fn count_http(&self, path: &'static str, method: &str, code: u16, took: Duration) {
        self.http.get_or_create(&HttpLabel { path, code }).inc();
        self.upstream.count_request(path, method, code, took);
    }

    /// Sets how many objects wait in a lane.
    pub fn set_queue(&self, lane: &'static str, waiting: usize) {
        self.queue
            .get_or_create(&LaneLabel { lane })
            .set(gauge(waiting));
    }

    /// Sets how many SealedSecrets are known.
    pub fn set_objects(&self, known: usize) {
        self.objects.set(gauge(known));
    }

    /// Sets how many keys are in a state: `usable` or `invalid`.
    pub fn set_keys(&self, state: &'static str, keys: usize) {
        self.keys
            .get_or_create(&StateLabel { state })
            .set(gauge(keys));
    }

    /// Sets when the certificate that is handed out ends.
    pub fn set_certificate_expiry(&self, not_after: Timestamp) {
        self.certificate_expiry.set(not_after.as_second());
    }

    /// Says that the CRD in the cluster drops our status fields.
    pub fn set_status_pruned(&self, pruned: bool) {
        self.status_pruned.set(i64::from(pruned));
    }

    /// Says that this replica leads.
    pub fn set_leader(&self) {
        self.leader.set(1);
    }

    /// Sets how often the Lease changed hands.
    pub fn set_lease_transitions(&self, count: i32) {
        self.lease_transitions.set(i64::from(count));
    }

    /// Counts a status that another controller wrote.
    pub fn count_foreign_status(&self) {
        self.foreign_statuses.inc();
    }

    /// Everything, as [`CONTENT_TYPE`] says. `conditions` become upstream's `condition_info`.
    pub fn render(&self, conditions: &[Condition]) -> String {
        let mut open_metrics = String::new();
        // Writing to a String does not fail; what there is, is served.
        let _ = prometheus_client::encoding::text::encode(&mut open_metrics, &self.registry);
        let mut text = text::prometheus(&open_metrics);
        text::condition_info(&mut text, conditions);
        text
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    /// `http::tests::the_metrics_are_these` holds this against the code.
    const SNAPSHOT: &str = include_str!("http/metrics.snapshot");

    #[test]
    fn the_guide_has_a_row_for_every_metric() {
        let guide = include_str!("../../docs/guide/metrics.md");
        let rows: Vec<_> = SNAPSHOT
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
            .map(|(name, kind)| format!("| `{name}` | {kind} |"))
            .collect();
        for row in &rows {
            assert!(guide.contains(row), "docs/guide/metrics.md lacks {row:?}");
        }
        let ours = |line: &&str| {
            line.starts_with("| `signet_") || line.starts_with("| `sealed_secrets_controller_")
        };
        let listed = guide.lines().filter(ours);
        assert_eq!(listed.count(), rows.len(), "a row of a metric that is gone");
    }
}
