//! Logging, and what is logged of a panic.

mod slog;

use signet_common::Printable;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt as _};

use crate::args::Logging;
pub use slog::LogFormat;

/// Installs the subscriber: our lines as the flags say, libraries' at WARN.
pub fn init(flags: &Logging) {
    let level = level(&flags.log_level);
    let writer = if flags.log_info_stdout {
        let severe = std::io::stderr.with_max_level(Level::WARN);
        BoxMakeWriter::new(severe.or_else(std::io::stdout))
    } else {
        BoxMakeWriter::new(std::io::stderr)
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter(level.unwrap_or(LevelFilter::INFO))))
        .event_format(LogFormat::of(&flags.log_format))
        .with_writer(writer)
        .init();
    if level.is_none() {
        tracing::warn!(level = %Printable(&flags.log_level), "unknown --log-level: logging INFO and above");
    }
}

/// A level as slog reads it: a name in any case, with an offset or without. Levels lie four apart.
fn level(text: &str) -> Option<LevelFilter> {
    let end = text.find(['+', '-']).unwrap_or(text.len());
    let (name, offset) = text.split_at(end);
    let offset: i32 = match offset {
        "" => 0,
        offset => offset.parse().ok()?,
    };
    let base = match name.to_ascii_uppercase().as_str() {
        "DEBUG" => -4,
        "INFO" => 0,
        "WARN" => 4,
        "ERROR" => 8,
        _ => return None,
    };
    Some(match offset.saturating_add(base) {
        ..=-4 => LevelFilter::DEBUG,
        -3..=0 => LevelFilter::INFO,
        1..=4 => LevelFilter::WARN,
        5..=8 => LevelFilter::ERROR,
        _ => LevelFilter::OFF,
    })
}

/// The client library logs a whole answer when it cannot decode it, and an answer may be a Secret: it logs nothing here,
/// and its errors come back to us as values (docs/trust.md row 10).
fn filter(level: LevelFilter) -> String {
    let others = level.min(LevelFilter::WARN);
    format!("{others},kube_client=off,signet_controller={level}")
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
    fn levels_are_read_as_slog_reads_them() {
        let table = [
            ("DEBUG", Some(LevelFilter::DEBUG)),
            ("info", Some(LevelFilter::INFO)),
            ("Warn", Some(LevelFilter::WARN)),
            ("ERROR", Some(LevelFilter::ERROR)),
            ("INFO+1", Some(LevelFilter::WARN)),
            ("WARN-4", Some(LevelFilter::INFO)),
            ("ERROR+1", Some(LevelFilter::OFF)),
            ("DEBUG-99999999999", None),
            ("", None),
            ("loud", None),
        ];
        for (text, expected) in table {
            assert_eq!(level(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_client_librarys_lines_never_reach_the_log() {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter(LevelFilter::DEBUG)))
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
