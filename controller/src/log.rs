//! Logging, and what is logged of a panic.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Installs the subscriber: our lines at `level`, libraries' at WARN. An unknown level means INFO.
pub fn init(level: &str, format: LogFormat) {
    let level: tracing::Level = level.parse().unwrap_or(tracing::Level::INFO);
    let filter = EnvFilter::new(format!("warn,signet_controller={level}"));
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
