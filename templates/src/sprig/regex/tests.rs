//! What Go 1.26 printed for expressions whose syntax or meaning differs elsewhere.

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{Call, Env, Fault, FaultKind, Text, Value, find};

fn run(name: &'static str, args: &[Value]) -> Result<String, Fault> {
    let entry = find(name).expect("a function");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let mut call = Call {
        name,
        args,
        receiver: None,
        env: &mut env,
    };
    let text = |value: &Value| match value {
        Value::Str(text) => text.escape_ascii().to_string(),
        Value::Bool(yes) => yes.to_string(),
        _ => String::new(),
    };
    Ok(match (entry.run)(&mut call)? {
        Value::List(list) => list.items().iter().map(text).collect::<Vec<_>>().join("|"),
        value => text(&value),
    })
}

fn str(text: &[u8]) -> Value {
    Value::Str(Text::new(text))
}

#[test]
fn the_syntax_is_that_of_go() {
    let replaced = |pattern: &str, text: &str, with: &str| {
        run(
            "regexReplaceAll",
            &[
                str(pattern.as_bytes()),
                str(text.as_bytes()),
                str(with.as_bytes()),
            ],
        )
        .map_err(|fault| fault.kind)
    };
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(replaced("a{,2}", "a{,2}", "X"), ok("X"));
    assert_eq!(replaced("a{02}", "a{02}", "X"), ok("X"));
    assert_eq!(replaced("[[a]", "[b", "X"), ok("Xb"));
    assert_eq!(replaced("[a&&b]", "c&", "X"), ok("cX"));
    assert_eq!(replaced(r"\Qa*\E*", "a***b", "X"), ok("Xb"));
    assert_eq!(replaced(r"\101", "A", "X"), ok("X"));
    assert_eq!(replaced(r"(?i)k", "K", "X"), ok("X"));
    assert_eq!(replaced("x*", "abc", "-"), ok("-a-b-c-"));
    assert_eq!(
        replaced("(a)(b)?", "ab a", "[$2-$1-$1x-${1}x-$$-$3-$]"),
        ok("[b-a--ax-$--$] [-a--ax-$--$]")
    );
    for pattern in [
        r"a**",
        r"a{1001}",
        r"(a{100}){100}",
        r"\Z",
        r"\C",
        r"\1",
        "(?=a)",
        r"\p{Grek}",
        "[z-a]",
        "(?x)a",
    ] {
        assert_eq!(
            replaced(pattern, "a", ""),
            Err(FaultKind::Failed),
            "{pattern}"
        );
        let says = run("regexMatch", &[str(pattern.as_bytes()), str(b"a")]);
        assert_eq!(says.ok().as_deref(), Some("false"), "{pattern}");
    }
}

#[test]
fn a_stray_byte_matches_as_one_character() {
    let all = |pattern: &[u8], text: &[u8]| {
        run("regexFindAll", &[str(pattern), str(text), Value::Int(-1)]).ok()
    };
    assert_eq!(
        all(b".", b"a\xff\xe2\x82b").as_deref(),
        Some(r"a|\xff|\xe2|\x82|b")
    );
    assert_eq!(all(b"[^a]+", b"a\xffb").as_deref(), Some(r"\xffb"));
}

#[test]
fn an_expression_is_bounded_in_size_and_time() {
    let kind = |name, pattern: &str, text: &str| {
        run(
            name,
            &[
                str(pattern.as_bytes()),
                str(text.as_bytes()),
                Value::Int(-1),
            ],
        )
        .err()
        .map(|fault| fault.kind)
    };
    let expensive = Some(FaultKind::TooExpensive);
    assert_eq!(kind("regexFind", r"(?:\pL{500}){2}", "a"), expensive);
    assert_eq!(kind("regexFind", &"(a|bc)".repeat(10_000), "a"), expensive);
    // Each match but the last one looks at the whole rest.
    assert_eq!(
        kind("regexFindAll", "a|a*b", &"a".repeat(100_000)),
        expensive
    );
    assert_eq!(
        kind("regexFindAll", "[a-z]+", &"some words ".repeat(5_000)),
        None
    );
    assert_eq!(
        kind("regexFind", &"(".repeat(10_000), "a"),
        Some(FaultKind::Failed)
    );
}
