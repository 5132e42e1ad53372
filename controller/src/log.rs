//! Logging, and what is logged of a panic.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Installs the subscriber: our lines at `level`, libraries' at WARN. An unknown level means INFO.
pub fn init(level: &str, format: LogFormat) {
    let level: tracing::Level = level.parse().unwrap_or(tracing::Level::INFO);
    let filter = EnvFilter::new(filter(level));
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry
            .with(tracing_subscriber::fmt::layer().with_ansi(false))
            .init(),
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true))
            .init(),
    }
}

/// The client library logs a whole answer when it cannot decode it, and an answer may be a Secret: it logs nothing here,
/// and its errors come back to us as values (docs/trust.md row 10).
fn filter(level: tracing::Level) -> String {
    format!("warn,kube_client=off,signet_controller={level}")
}

/// Logs where a panic happened, and not what it says: the message of a slice panic quotes the string (docs/trust.md row 2).
pub fn hook_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(location, "a defect: panic");
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_client_librarys_lines_never_reach_the_log() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter(tracing::Level::DEBUG)))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "kube_client::client", "an answer with canary-4711 in it");
            tracing::warn!(target: "hyper", "another library");
            tracing::debug!(target: "signet_controller::pass", "ours");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("canary"), "{text}");
        assert!(
            text.contains("another library") && text.contains("ours"),
            "{text}"
        );
    }
}
