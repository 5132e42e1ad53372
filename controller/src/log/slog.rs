//! The shape of log lines: that of Go's `slog`, which upstream writes and runbooks, parsers and alerts read.
//!
//! Text is `time=… level=INFO msg="…" key=value`, JSON an object with `time`, `level` and `msg` first.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use signet_common::Printable;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `--log-format`. Upstream takes any other word for `text`, and so does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl LogFormat {
    /// The format of this name.
    pub fn of(name: &str) -> Self {
        if name == "json" {
            Self::Json
        } else {
            Self::Text
        }
    }
}

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let level = level(*event.metadata().level());
        writeln!(writer, "{}", line.render(*self, level, Timestamp::now()))
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        // Slog has no such level and counts down.
        Level::TRACE => "DEBUG-4",
    }
}

/// What an event says, in order.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, serde_json::Value)>,
}

impl Line {
    fn take(&mut self, field: &Field, value: serde_json::Value) {
        if field.name() == "message" {
            self.message = text_of(&value);
        } else {
            self.fields.push((field.name(), value));
        }
    }

    fn render(&self, format: LogFormat, level: &str, now: Timestamp) -> String {
        match format {
            LogFormat::Text => self.text(level, now),
            LogFormat::Json => self.json(level, now),
        }
    }

    fn text(&self, level: &str, now: Timestamp) -> String {
        let now = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut text = format!("time={now} level={level} msg={}", quoted(&self.message));
        for (name, value) in &self.fields {
            // Writing to a String does not fail.
            let _ = write!(text, " {name}={}", quoted(&text_of(value)));
        }
        text
    }

    /// By hand, because the order matters to people who read it.
    fn json(&self, level: &str, now: Timestamp) -> String {
        let string = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "{{\"time\":\"{now}\",\"level\":\"{level}\",\"msg\":{}",
            string(&self.message)
        );
        for (name, value) in &self.fields {
            let _ = write!(text, ",{}:{value}", string(name));
        }
        text.push('}');
        text
    }
}

fn text_of(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value.into());
    }
}

/// A value as slog writes it: quoted if it is empty or could be taken for something else.
fn quoted(text: &str) -> String {
    let plain = |character: char| {
        (character.is_ascii_graphic() && !matches!(character, '=' | '"'))
            || (!character.is_ascii() && !character.is_whitespace() && is_shown(character))
    };
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            shown if is_shown(shown) => quoted.push(shown),
            // Writing to a String does not fail.
            hidden if hidden.is_ascii() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(hidden));
            }
            hidden => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(hidden));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character shows as itself.
fn is_shown(character: char) -> bool {
    let mut buffer = [0; 4];
    let text = character.encode_utf8(&mut buffer);
    character == ' ' || *Printable(text).to_string() == *text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, fields: &[(&'static str, serde_json::Value)]) -> Line {
        Line {
            message: message.to_owned(),
            fields: fields.to_vec(),
        }
    }

    const NOW: Timestamp = Timestamp::constant(1_795_261_464, 329_000_000);

    /// The expected lines are what the real upstream wrote.
    #[test]
    fn text_is_quoted_as_slog_quotes_it() {
        let table = [
            (
                line("Updating", &[("key", "x/good".into())]),
                "msg=Updating key=x/good",
            ),
            (
                line("HTTP server serving", &[("addr", ":10294".into())]),
                "msg=\"HTTP server serving\" addr=:10294",
            ),
            (
                line(
                    "Error updating, will retry",
                    &[
                        ("key", "x/theirs".into()),
                        (
                            "error",
                            "failed update: Resource \"theirs\" already exists".into(),
                        ),
                    ],
                ),
                "msg=\"Error updating, will retry\" key=x/theirs error=\"failed update: Resource \\\"theirs\\\" already exists\"",
            ),
            (
                line(
                    "Certificate generated",
                    &[("certificate", "-----BEGIN CERTIFICATE-----\nMIIE\n".into())],
                ),
                "msg=\"Certificate generated\" certificate=\"-----BEGIN CERTIFICATE-----\\nMIIE\\n\"",
            ),
        ];
        for (line, expected) in table {
            let text = line.render(LogFormat::Text, "INFO", NOW);
            let whole = format!("time=2026-11-21T11:44:24.329Z level=INFO {expected}");
            assert_eq!(text, whole);
        }
    }

    #[test]
    fn no_value_breaks_out_of_its_place() {
        let table = [
            ("", "\"\""),
            ("a=b", "\"a=b\""),
            ("back\\slash", "back\\slash"),
            ("é", "é"),
            ("x\ny level=ERROR", "\"x\\ny level=ERROR\""),
            ("\u{1b}[2J", "\"\\x1b[2J\""),
            ("a\u{202e}b", "\"a\\u202eb\""),
        ];
        for (text, expected) in table {
            assert_eq!(quoted(text), expected, "{text:?}");
        }
    }

    #[test]
    fn json_has_time_level_and_message_first_and_keeps_numbers() {
        let line = line("a \"b\"", &[("key", "x".into()), ("count", 3.into())]);
        assert_eq!(
            line.render(LogFormat::Json, "WARN", NOW),
            "{\"time\":\"2026-11-21T11:44:24.329Z\",\"level\":\"WARN\",\"msg\":\"a \\\"b\\\"\",\"key\":\"x\",\"count\":3}"
        );
    }
}
