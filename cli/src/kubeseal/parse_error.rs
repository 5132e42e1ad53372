//! What is wrong with a command line, in the words of upstream's parser.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use signet_common::Printable;

use super::args::Arguments;

/// Upstream's text, if it has one for this error. `arguments` are all of them.
pub(super) fn text(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = context(ContextKind::InvalidArg)?;
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(flag, arguments),
        ErrorKind::InvalidValue => Some(missing_value(arguments)),
        ErrorKind::ValueValidation => {
            let value = context(ContextKind::InvalidValue).unwrap_or_default();
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            Some(format!(
                "invalid argument \"{}\" for \"{}\" flag: {}",
                Printable(value),
                names(flag),
                Printable(&reason)
            ))
        }
        _ => None,
    }
}

/// A word without a flag has no text of upstream's, which ignores it.
fn unknown(flag: &str, arguments: &[OsString]) -> Option<String> {
    let shown = Printable(flag).to_string();
    if flag.starts_with("--") {
        return Some(format!("unknown flag: {shown}"));
    }
    let letter = flag.strip_prefix('-')?.chars().next()?;
    let word = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .find(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))?;
    Some(format!(
        "unknown shorthand flag: '{}' in {}",
        Printable(&letter.to_string()),
        Printable(&word)
    ))
}

/// Only the last flag can lack its value: any other one takes the next word.
fn missing_value(arguments: &[OsString]) -> String {
    let last = arguments.last().map(|word| word.to_string_lossy());
    let last = last.as_deref().unwrap_or_default();
    let shown = Printable(last);
    match last.chars().next_back() {
        Some(letter) if !last.starts_with("--") => {
            format!("flag needs an argument: '{letter}' in {shown}")
        }
        _ => format!("flag needs an argument: {shown}"),
    }
}

/// `-o, --format` of clap's `--format <FORMAT>`.
fn names(flag: &str) -> String {
    let end = flag.find([' ', '[', '=']).unwrap_or(flag.len());
    let long = &flag[..end];
    let short = Arguments::parser()
        .get_arguments()
        .find(|argument| argument.get_long() == long.strip_prefix("--"))
        .and_then(clap::Arg::get_short);
    match short {
        Some(letter) => format!("-{letter}, {long}"),
        None => long.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_upstreams_parser() {
        let table = [
            ("--nosuch", Some("unknown flag: --nosuch")),
            ("--nosuch=1", Some("unknown flag: --nosuch")),
            ("-zx", Some("unknown shorthand flag: 'z' in -zx")),
            ("--cert", Some("flag needs an argument: --cert")),
            ("-w", Some("flag needs an argument: 'w' in -w")),
            (
                "--raw=x",
                Some(
                    "invalid argument \"x\" for \"--raw\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
                ),
            ),
            (
                "-vx",
                Some(
                    "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
                ),
            ),
            ("word", None),
        ];
        for (word, expected) in table {
            let arguments: Vec<OsString> = vec!["kubeseal".into(), word.into()];
            let Err(error) = Arguments::parse_as_go(arguments.clone()) else {
                panic!("{word} is not refused");
            };
            assert_eq!(text(&error, &arguments).as_deref(), expected, "{word}");
        }
    }
}
