//! Templates and the values they see (docs/trust.md rows 8 and 9).
//!
//! Holds for every input: the result is the same each time and within its limits; a failure names a place in the text and
//! repeats no value; a text without an action stays as it is; in the mode `total` it does not depend on values whether it
//! works, and what works there gives the same without the mode.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{
    Entry, Env, FUNCTIONS, FaultKind, Functions, Limits, Mode, Options, Param, TemplateError,
};

use super::CANARY;
use crate::feedback::{magnitude, note};
use crate::{Target, WHOLE};

/// See the head of the module.
pub const TARGET: Target = Target {
    name: "template",
    run: target,
    seeds,
    words: &[
        "{{",
        "}}",
        "{{-",
        "-}}",
        "{{/*",
        "*/}}",
        "{{ end }}",
        "{{ else }}",
        "{{ if .a }}",
        "{{ range . }}",
        "{{ with .b }}",
        "{{ define \"x\" }}",
        "{{ template \"x\" . }}",
        "{{ block \"x\" . }}",
        "{{ break }}",
        "{{ $x := .a }}",
        "{{ $x = 1 }}",
        "$x",
        " | ",
        ".a",
        ".b",
        ".c",
        "$",
        "(",
        ")",
        "`",
        "\"",
        "'x'",
        ":=",
        ",",
        "nil",
        "true",
        "1",
        "-1",
        "0x7fffffffffffffff",
        "1e300",
        "1i",
        "printf ",
        "index ",
        "len ",
        "slice ",
        "list ",
        "dict ",
        "until ",
        "repeat ",
        "regexFind ",
        "date ",
        "toJson ",
        "fromJson ",
        "quote ",
        "b64enc ",
        "%v",
        "%d",
        "%[2]*.[1]*f",
        "\\u0041",
        "\u{1f600}",
        "\u{fffd}",
        "\0",
    ],
    longest: 1024,
    executions: WHOLE,
};

/// One input: a template, and values `a`, `b` and `c` behind bytes that are zero.
pub fn target(data: &[u8]) {
    check(data, render);
}

type Data<'a> = BTreeMap<&'a str, &'a [u8]>;
type Render = fn(&str, &Data<'_>, Mode) -> Result<Vec<u8>, TemplateError>;

fn render(text: &str, data: &Data<'_>, mode: Mode) -> Result<Vec<u8>, TemplateError> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let options = Options {
        mode,
        functions: Functions::Safe,
    };
    let mut rendered = signet_templates::render(&[("t", text)].into(), data, options, &mut env)?;
    Ok(rendered
        .remove("t")
        .map(|text| text.to_vec())
        .unwrap_or_default())
}

fn check(data: &[u8], render: Render) {
    let mut parts = data.split(|byte| *byte == 0);
    let Some(Ok(text)) = parts.next().map(std::str::from_utf8) else {
        return;
    };
    let defaults: [&[u8]; 3] = [b"va", b"12", b""];
    let mut values: Data<'_> = ["a", "b", "c"].into_iter().zip(defaults).collect();
    values.extend(["a", "b", "c"].into_iter().zip(parts));
    values.insert("secret", CANARY.as_bytes());
    let full = render(text, &values, Mode::Full);
    let again = render(text, &values, Mode::Full);
    // Text only if they differ: there may be a megabyte of it.
    assert!(full == again, "another result the second time");
    match &full {
        Ok(output) => {
            note(("output", magnitude(output.len())));
            assert!(
                output.len() as u64 <= Limits::OUTPUT,
                "{} bytes",
                output.len()
            );
            assert!(
                text.contains("{{") || output == text.as_bytes(),
                "text has changed"
            );
        }
        Err(error) => check_error(error, text),
    }
    let off = render(text, &values, Mode::Off);
    assert_eq!(off.is_err(), text.contains("{{"), "switched off");
    check_total(text, &values, &full, render);
}

fn check_error(error: &TemplateError, text: &str) {
    let function = error.function.as_deref().and_then(signet_templates::find);
    note((error.what, function.map(|entry| entry.name)));
    let shown = error.to_string();
    assert!(!shown.contains(CANARY) || text.contains(CANARY), "{shown}");
    let line = text
        .split('\n')
        .nth(error.line - 1)
        .expect("a line of the text");
    assert!(
        (1..=line.chars().count() + 1).contains(&error.column),
        "column {}",
        error.column
    );
    let named = error.function.as_deref().unwrap_or_default();
    assert!(
        text.contains(named),
        "a function that is not in the text: {named}"
    );
}

fn check_total(
    text: &str,
    values: &Data<'_>,
    full: &Result<Vec<u8>, TemplateError>,
    render: Render,
) {
    let total = render(text, values, Mode::Total);
    let elsewhere: Data<'_> = values
        .keys()
        .map(|name| (*name, b"other".as_slice()))
        .collect();
    let other = render(text, &elsewhere, Mode::Total);
    let kind =
        |result: &Result<Vec<u8>, TemplateError>| result.as_ref().err().map(|error| error.kind);
    note(("total", kind(&total).is_none()));
    if [&total, &other]
        .iter()
        .any(|result| kind(result) == Some(FaultKind::TooExpensive))
    {
        return;
    }
    assert_eq!(
        kind(&total),
        kind(&other),
        "whether it works depends on values"
    );
    if total.is_ok() {
        assert!(total == *full, "total gives something else");
    }
}

/// A call of each function with arguments that fit, and what the language can do.
fn seeds() -> Vec<Vec<u8>> {
    let entries = FUNCTIONS.iter().flat_map(|table| table.iter());
    let calls = entries.filter(|entry| !entry.key_making).map(call);
    let language = include_str!("../../../templates/tests/go/language.jsonl");
    let rows = language.lines().filter_map(|row| {
        let row: serde_json::Value = serde_json::from_str(row).ok()?;
        row["template"].as_str().map(str::to_owned)
    });
    let more = [
        "{{ .a }}\0canary\0{\"x\": [1, 2.5, null]}\0long",
        "{{ range $i, $x := until 3 }}{{ $i }}{{ end }}",
        "{{ define \"x\" }}{{ .a }}{{ end }}{{ template \"x\" . }}",
        "{{ .a | quote | b64enc }}{{ toJson .b }}{{ index . \"c\" }}",
        "{{ with fromJson .b }}{{ .x }}{{ end }}\0\0{\"x\": [1]}",
    ];
    calls
        .chain(rows)
        .chain(more.map(str::to_owned))
        .map(String::into_bytes)
        .collect()
}

fn call(entry: &Entry) -> String {
    let argument = |param: &Param| match param {
        Param::Any => ".a",
        Param::Str => "\"x\"",
        Param::Bool => "true",
        Param::Int | Param::Int64 | Param::Uint32 | Param::Float64 => "3",
        Param::Anys => "(list 1 \"a\")",
        Param::Strs => "(splitList \"b\" .a)",
        Param::Map => "(dict \"a\" 1)",
        Param::Named(_) => "(now)",
    };
    let arguments = entry.params.iter().chain(&entry.rest).map(argument);
    let words: Vec<&str> = std::iter::once(entry.name).chain(arguments).collect();
    format!("{{{{ {} }}}}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::{finds, passes};

    #[test]
    fn templates_bear_any_input() {
        passes(&TARGET, 4_000);
    }

    #[test]
    fn a_mode_that_fails_over_a_value_is_found() {
        fn failing(text: &str, data: &Data<'_>, mode: Mode) -> Result<Vec<u8>, TemplateError> {
            let result = render(text, data, mode);
            let odd = mode == Mode::Total && text.contains("toJson") && data["a"].is_empty();
            if odd {
                render("{{ fail .a }}", data, Mode::Full)
            } else {
                result
            }
        }
        finds(&TARGET, "depends on values", |data| check(data, failing));
    }

    #[test]
    fn a_failure_that_repeats_a_value_is_found() {
        fn telling(text: &str, data: &Data<'_>, mode: Mode) -> Result<Vec<u8>, TemplateError> {
            let tell = |error: TemplateError| TemplateError {
                function: error
                    .function
                    .map(|_| String::from_utf8_lossy(data["secret"]).into_owned()),
                ..error
            };
            render(text, data, mode).map_err(tell)
        }
        finds(&TARGET, "canary", |data| check(data, telling));
    }

    #[test]
    fn a_panic_in_one_function_is_found() {
        fn panicking(text: &str, data: &Data<'_>, mode: Mode) -> Result<Vec<u8>, TemplateError> {
            let result = render(text, data, mode);
            let rare = text.matches("quote").count() > 2;
            assert!(!(rare && result.is_ok()), "rare");
            result
        }
        finds(&TARGET, "rare", |data| check(data, panicking));
    }
}
