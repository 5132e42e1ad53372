//! Upstream's metrics, by upstream's names, types and labels, so that its dashboards and alerts go on working.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use signet_crds::Reason;

/// What every name begins with.
pub(super) const PREFIX: &str = "sealed_secrets_controller";

/// The endpoints that upstream counts; probes and unknown paths are not among them.
const PATHS: [&str; 3] = ["/v1/cert.pem", "/v1/verify", "/v1/rotate"];

/// Upper bounds in seconds, as Go's client library has them by default.
const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What upstream says went wrong: the label `reason` of `unseal_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The SealedSecret could not be read.
    Fetch,
    /// The status could not be written.
    Status,
    /// No Secret came out of the SealedSecret.
    Unseal,
    /// The Secret could not be written.
    Update,
    /// The Secret is somebody else's.
    Unmanaged,
}

impl Trouble {
    /// What upstream calls a pass that ended for this reason; `None` if it ended well.
    pub fn of(reason: Reason) -> Option<Self> {
        match (reason, reason.event_reason()) {
            (Reason::NotManaged, _) => Some(Self::Unmanaged),
            (_, "Unsealed") => None,
            (_, "ErrUpdateFailed") => Some(Self::Update),
            _ => Some(Self::Unseal),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Status => "status",
            Self::Unseal => "unseal",
            Self::Update => "update",
            Self::Unmanaged => "unmanaged",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    revision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Error {
    reason: &'static str,
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    path: &'static str,
    code: u16,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    path: &'static str,
    method: &'static str,
}

/// Makes a histogram with [`BUCKETS`].
#[derive(Debug, Clone)]
struct Latencies;

impl MetricConstructor<Histogram> for Latencies {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// Every counter of upstream's. `condition_info` is made from the index when it is asked for.
#[derive(Debug)]
pub(super) struct UpstreamMetrics {
    unseal_requests: Counter,
    unseal_errors: Family<Error, Counter>,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, Latencies>,
}

impl UpstreamMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            unseal_requests: Counter::default(),
            unseal_errors: Family::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(Latencies),
        };
        let registry = registry.sub_registry_with_prefix(PREFIX);
        let build = Family::<Build, Gauge>::default();
        // Upstream's value is 0 as well: what counts is the label.
        let _ = build.get_or_create(&Build {
            revision: crate::args::VERSION,
        });
        registry.register("build_info", "Build information", build);
        registry.register(
            "unseal_requests",
            "Total number of sealed secret unseal requests",
            metrics.unseal_requests.clone(),
        );
        registry.register(
            "unseal_errors",
            "Total number of sealed secret unseal errors by reason",
            metrics.unseal_errors.clone(),
        );
        registry.register(
            "http_requests",
            "A counter for requests to the wrapped handler",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "A histogram of latencies for requests",
            metrics.durations.clone(),
        );
        metrics
    }

    pub(super) fn count_pass(&self) {
        self.unseal_requests.inc();
    }

    /// `namespace` is empty where upstream does not say it.
    pub(super) fn count_trouble(&self, trouble: Trouble, namespace: &str) {
        let labels = Error {
            reason: trouble.as_str(),
            namespace: namespace.to_owned(),
        };
        self.unseal_errors.get_or_create(&labels).inc();
    }

    pub(super) fn count_request(
        &self,
        path: &'static str,
        method: &str,
        code: u16,
        took: Duration,
    ) {
        if !PATHS.contains(&path) {
            return;
        }
        let method = method_label(method);
        let request = Request { path, code, method };
        self.requests.get_or_create(&request).inc();
        self.durations
            .get_or_create(&Route { path, method })
            .observe(took.as_secs_f64());
    }
}

/// Known methods in lower case; a client chooses the method, so anything else is one value.
fn method_label(method: &str) -> &'static str {
    const METHODS: [&str; 9] = [
        "get", "put", "head", "post", "delete", "connect", "options", "trace", "patch",
    ];
    METHODS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(method))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_under_one_of_upstreams() {
        let table = [
            (Reason::Unsealed, None),
            (Reason::NoKey, Some(Trouble::Unseal)),
            (Reason::NotManaged, Some(Trouble::Unmanaged)),
            (Reason::Immutable, Some(Trouble::Update)),
            (Reason::ApiUnavailable, Some(Trouble::Update)),
        ];
        for (reason, trouble) in table {
            assert_eq!(Trouble::of(reason), trouble, "{reason}");
        }
        let silent = Reason::ALL
            .into_iter()
            .filter(|r| Trouble::of(*r).is_none());
        assert_eq!(silent.count(), 1);
    }

    #[test]
    fn a_client_cannot_make_a_series_by_its_method() {
        assert_eq!(method_label("POST"), "post");
        assert_eq!(method_label("x\"} 1\n"), "unknown");
    }
}
