//! Templates that ask for more than they may have. Each must be refused, alone.

/// Name and text of every bomb. The data has `a`, a short text.
pub(crate) fn bombs() -> Vec<(&'static str, String)> {
    let mut bombs = nested();
    bombs.extend(calls());
    bombs.extend(loops());
    bombs.extend(texts());
    bombs.extend(values());
    bombs.extend(dear());
    bombs
}

fn around(open: &str, middle: &str, close: &str, count: usize) -> String {
    format!("{}{middle}{}", open.repeat(count), close.repeat(count))
}

/// Deeper than any stack.
fn nested() -> Vec<(&'static str, String)> {
    let braces = |text: &str| format!("{{{{{text}}}}}");
    vec![
        ("parens", braces(&around("(", "1", ")", 100_000))),
        ("open-parens", braces(&"(".repeat(500_000))),
        ("calls", braces(&around("not (", "1", ")", 60_000))),
        ("if", around("{{if 1}}", "x", "{{end}}", 40_000)),
        ("open-if", "{{if 1}}".repeat(60_000)),
        ("else", around("{{if 0}}{{else}}", "x", "{{end}}", 20_000)),
        ("range", around("{{range 1}}", "x", "{{end}}", 40_000)),
        ("with", around("{{with 1}}", "x", "{{end}}", 40_000)),
        ("block", around("{{block \"b\" 1}}", "x", "{{end}}", 20_000)),
        ("fields", braces(&around("(", ".a", ").b", 60_000))),
        ("pipe", braces(&format!(".a{}", " | print".repeat(60_000)))),
        (
            "variables",
            (0..30_000)
                .map(|i| braces(&format!("$v{i} := 1")))
                .collect(),
        ),
        ("actions", "{{.a}}".repeat(120_000)),
        (
            "arguments",
            braces(&format!("print{}", " .a".repeat(200_000))),
        ),
    ]
}

/// Templates that call templates.
fn calls() -> Vec<(&'static str, String)> {
    let own = |name: &'static str, text: &str| (name, text.to_owned());
    vec![
        own("self", "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}"),
        own(
            "each-other",
            "{{define \"x\"}}{{template \"y\"}}{{end}}{{define \"y\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
        ),
        own(
            "twice",
            "{{define \"x\"}}{{if gt . 0}}{{template \"x\" (sub . 1)}}{{template \"x\" (sub . 1)}}{{end}}{{end}}{{template \"x\" (int64 40)}}",
        ),
        own("own-name", "{{template \"t\" .}}"),
        (
            "doubling-defines",
            (0..30)
                .map(|i| {
                    let next = i + 1;
                    format!("{{{{define \"d{i}\"}}}}{{{{template \"d{next}\"}}}}{{{{template \"d{next}\"}}}}{{{{end}}}}")
                })
                .chain(["{{define \"d30\"}}x{{end}}{{template \"d0\"}}".to_owned()])
                .collect(),
        ),
    ]
}

/// Loops that do not end in time.
fn loops() -> Vec<(&'static str, String)> {
    [
        ("count", "{{range 1000000000000000000}}{{end}}"),
        (
            "product",
            "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}",
        ),
        ("until", "{{until 1000000000}}"),
        ("until-range", "{{range until 900000000}}x{{end}}"),
        ("until-step", "{{untilStep 0 1000000000 1}}"),
        ("until-step-down", "{{untilStep 0 -1000000000 -1}}"),
        ("seq", "{{seq 1 100000000}}"),
        ("seq-down", "{{seq 100000000 -1 1}}"),
        ("output", "{{range 100000}}0123456789abcdef{{end}}"),
        ("compare", "{{$x := repeat 1000000 \"a\"}}{{range 1000000}}{{if contains \"b\" $x}}{{end}}{{end}}"),
        ("equal", "{{$x := repeat 1000000 \"a\"}}{{$y := repeat 1000000 \"a\"}}{{range 1000000}}{{if eq $x $y}}{{end}}{{end}}"),
        ("sort", "{{$x := until 50000}}{{range 1000}}{{$_ := sortAlpha $x}}{{end}}"),
        ("unique", "{{$_ := uniq (until 100000)}}{{range 100}}{{$_ := uniq (until 20000)}}{{end}}"),
        ("without", "{{$x := until 20000}}{{range 1000}}{{$_ := without $x 1 2 3 4 5}}{{end}}"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

/// Texts that grow.
fn texts() -> Vec<(&'static str, String)> {
    [
        ("repeat", "{{repeat 1000000000 \"a\"}}"),
        ("repeat-of-repeat", "{{repeat 10000 (repeat 10000 \"a\")}}"),
        (
            "repeat-negative-overflow",
            "{{repeat 9223372036854775807 \"ab\"}}",
        ),
        (
            "width",
            "{{printf \"%100000000d\" 1}}{{printf \"%999999d\" 1}}",
        ),
        ("star", "{{printf \"%*d\" 900000 1}}"),
        ("precision", "{{printf \"%.900000f\" 1.0}}"),
        (
            "many-widths",
            "{{range 2000}}{{$_ := printf \"%10000d\" 1}}{{end}}",
        ),
        ("indent", "{{indent 1000000000 \"a\"}}"),
        ("nindent", "{{nindent 100000000 .a}}"),
        ("indent-lines", "{{indent 10000 (repeat 100000 \"\\n\")}}"),
        (
            "double",
            "{{$x := \"ab\"}}{{range 60}}{{$x = print $x $x}}{{end}}{{$x}}",
        ),
        (
            "double-cat",
            "{{$x := \"ab\"}}{{range 60}}{{$x = cat $x $x}}{{end}}",
        ),
        (
            "double-replace",
            "{{$x := \"ab\"}}{{range 60}}{{$x = replace \"a\" $x $x}}{{end}}",
        ),
        (
            "join",
            "{{$l := until 100000}}{{join (repeat 10000 \"-\") $l}}",
        ),
        (
            "b64",
            "{{$x := \"ab\"}}{{range 100}}{{$x = b64enc $x}}{{end}}",
        ),
        (
            "quote",
            "{{$x := \"\\\"\"}}{{range 60}}{{$x = quote $x}}{{end}}",
        ),
        (
            "html",
            "{{$x := \"&&&&&&&&\"}}{{range 100000}}{{$x = html $x}}{{end}}",
        ),
        (
            "wrap-with",
            "{{wrapWith 1 (repeat 100000 \"-\") (repeat 10000 \"a\")}}",
        ),
        (
            "regex-repetition",
            "{{mustRegexMatch \"((((a{1000}){1000}){1000}){1000})\" .a}}",
        ),
        (
            "regex-nested",
            "{{mustRegexMatch \"(a{999}{999}{999}){999}\" .a}}",
        ),
        (
            "regex-work",
            "{{$x := repeat 500000 \"a\"}}{{range 10000}}{{$_ := regexMatch \"(a*)*b\" $x}}{{end}}",
        ),
        (
            "regex-replace",
            "{{$x := repeat 10000 \"a\"}}{{regexReplaceAll \"a\" $x $x}}",
        ),
        (
            "regex-empty",
            "{{regexReplaceAll \"\" (repeat 10000 \"a\") (repeat 10000 \"b\")}}",
        ),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

/// Lists and maps that grow, nest, or hold themselves.
fn values() -> Vec<(&'static str, String)> {
    [
        ("own-map-print", "{{$d := dict}}{{$_ := set $d \"a\" $d}}{{$d}}"),
        ("own-map-json", "{{$d := dict}}{{$_ := set $d \"a\" $d}}{{mustToJson $d}}"),
        ("own-map-copy", "{{$d := dict}}{{$_ := set $d \"a\" $d}}{{$_ := deepCopy $d}}"),
        ("own-map-equal", "{{$d := dict}}{{$_ := set $d \"a\" $d}}{{$e := dict}}{{$_ := set $e \"a\" $e}}{{deepEqual $d $e}}"),
        ("own-map-merge", "{{$d := dict}}{{$_ := set $d \"a\" $d}}{{$e := dict}}{{$_ := set $e \"a\" $e}}{{merge $d $e}}"),
        ("own-map-in-list", "{{$d := dict}}{{$_ := set $d \"a\" (list $d)}}{{printf \"%v\" (list $d)}}"),
        ("nested-list", "{{$x := list}}{{range 100000}}{{$x = list $x}}{{end}}{{$x}}"),
        ("nested-dict", "{{$x := dict}}{{range 5000}}{{$x = dict \"a\" $x}}{{end}}{{$x}}"),
        ("nested-json", "{{$x := repeat 100000 \"[\"}}{{fromJson $x | toJson}}{{mustFromJson $x}}"),
        ("append", "{{$l := list}}{{range 100000}}{{$l = append $l 1}}{{end}}"),
        ("concat", "{{$l := list 1}}{{range 60}}{{$l = concat $l $l}}{{end}}"),
        ("dict-growth", "{{$d := dict}}{{range $i := until 200000}}{{$_ := set $d (print $i) $i}}{{end}}"),
        ("merge-growth", "{{$d := dict \"a\" (until 1000)}}{{range $i := until 100000}}{{$d = merge (dict (print $i) $d) $d}}{{end}}"),
        ("copy-growth", "{{$d := dict \"a\" 1}}{{range $i := until 60}}{{$d = dict \"a\" (deepCopy $d) \"b\" (deepCopy $d)}}{{end}}"),
        ("shared-twice", "{{$l := list 1}}{{range 50}}{{$l = list $l $l}}{{end}}{{$l}}"),
        ("shared-twice-json", "{{$l := list 1}}{{range 50}}{{$l = list $l $l}}{{end}}{{toJson $l}}"),
        ("chunk", "{{$x := until 100000}}{{range 100}}{{$_ := chunk 1 $x}}{{end}}"),
        ("slices", "{{$x := until 100000}}{{range 1000}}{{$_ := slice $x 0 99999 99999}}{{end}}"),
        ("rest", "{{$x := until 50000}}{{range 50000}}{{$x = rest $x}}{{end}}"),
        ("split", "{{range 100}}{{$_ := splitList \"\" (repeat 500000 \"a\")}}{{end}}"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

/// Functions whose work, or result, is out of proportion to the text that asks for it.
fn dear() -> Vec<(&'static str, String)> {
    [
        ("versions", "{{range 1000000}}{{$_ := semver \"1.2.3-a.b.c.d.e.f.g.h\"}}{{end}}"),
        ("long-versions", "{{$x := print \"1.2.3-\" (repeat 300000 \"a.\") \"a\"}}{{range 10000}}{{$_ := (semver $x).Compare (semver $x)}}{{end}}"),
        ("version-constraints", "{{semverCompare (repeat 100000 \">1 \") \"1.2.3\"}}"),
        ("version-ranges", "{{semverCompare (repeat 20000 \"1 - 2 \") \"1.2.3\"}}"),
        ("date-layout", "{{date (repeat 400000 \"Monday \") now}}"),
        ("dates", "{{range 1000000}}{{$_ := dateInZone \"2006-01-02T15:04:05.999999999Z07:00\" now \"Europe/Berlin\"}}{{end}}"),
        ("date-parsing", "{{range 1000000}}{{$_ := toDate \"2006-01-02\" \"2024-01-01\"}}{{end}}"),
        ("durations", "{{$x := repeat 200000 \"1h\"}}{{range 100000}}{{$_ := dateModify $x now}}{{end}}"),
        ("random", "{{randAlphaNum 1000000000}}"),
        ("random-often", "{{range 1000000}}{{$_ := uuidv4}}{{end}}"),
        ("hashes", "{{$x := repeat 1000000 \"a\"}}{{range 100000}}{{$_ := sha512sum $x}}{{end}}"),
        ("checksums", "{{$x := repeat 1000000 \"a\"}}{{range 100000}}{{$_ := adler32sum $x}}{{end}}"),
        ("json-lists", "{{$x := repeat 100000 \"[1],\"}}{{range 100}}{{$_ := fromJson (print \"[\" $x \"1]\")}}{{end}}"),
        ("json-nested-maps", "{{fromJson (repeat 60000 \"{\\\"a\\\":\")}}"),
        ("json-shared", "{{$x := dict}}{{range 63}}{{$x = dict \"a\" $x \"b\" $x}}{{end}}{{toPrettyJson $x}}"),
        ("json-of-json", "{{$x := \"\\\\\"}}{{range 60}}{{$x = toJson $x}}{{end}}"),
        ("verbs", "{{printf (repeat 300000 \"%9999d\") 1}}"),
        ("missing-verbs", "{{printf (repeat 300000 \"%v\") 1}}"),
        ("quoted-verb", "{{printf \"%q\" (repeat 9000000 \"\\\"\")}}"),
        ("hexadecimal", "{{printf \"%x\" (repeat 9000000 \"a\")}}"),
        ("abbreviations", "{{$x := repeat 9000000 \"a\"}}{{abbrevboth 5 1000000000 $x}}{{abbrevboth 5 1000000000 $x}}"),
        ("cases", "{{$x := repeat 400000 \"aB\"}}{{range 1000}}{{$_ := snakecase $x}}{{end}}"),
        ("titles", "{{$x := repeat 400000 \"a \"}}{{range 1000}}{{$_ := title $x}}{{end}}"),
        ("paths", "{{$x := repeat 400000 \"../\"}}{{range 1000}}{{$_ := clean $x}}{{end}}"),
        ("urls", "{{$x := print \"http://a/?\" (repeat 200000 \"a=%41&\")}}{{range 1000}}{{$_ := urlParse $x}}{{end}}"),
        ("url-query", "{{$x := repeat 400000 \"&\"}}{{range 6}}{{$x = urlquery $x}}{{end}}"),
        ("regex-groups", "{{mustRegexMatch (repeat 300000 \"(a|b)*\") \"a\"}}"),
        ("regex-each-another", "{{range $i := 1000000}}{{$_ := regexMatch (print \"a{\" $i) \"a\"}}{{end}}"),
        ("regex-split", "{{regexSplit \"\" (repeat 3000000 \"a\") -1}}"),
        ("decimal", "{{toDecimal (repeat 9000000 \"7\")}}"),
        ("floats", "{{$x := repeat 1000000 \"9\"}}{{range 1000}}{{$_ := float64 $x}}{{end}}"),
        ("small-maps", "{{range 1000000}}{{$_ := splitn \"a\" 2 \"b\"}}{{end}}"),
        ("split-map", "{{$_ := split \"\" (repeat 400000 \"a\")}}{{$_ := split \"\" (repeat 400000 \"a\")}}"),
        ("has", "{{$l := until 10000}}{{range $l}}{{$_ := has -1 $l}}{{end}}"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

/// Functions that make keys or are slow on purpose: with `--template-functions=safe` they do not exist.
#[allow(
    dead_code,
    reason = "of the tests that include this file, some have no such setting"
)]
pub(crate) const KEY_MAKING: [(&str, &str); 6] = [
    ("bcrypt", "{{range 1000}}{{$_ := bcrypt \"a\"}}{{end}}"),
    (
        "htpasswd",
        "{{range 1000}}{{$_ := htpasswd \"a\" \"b\"}}{{end}}",
    ),
    (
        "derivePassword",
        "{{range 1000}}{{$_ := derivePassword 1 \"long\" \"a\" \"b\" \"c\"}}{{end}}",
    ),
    (
        "genPrivateKey",
        "{{range 1000}}{{$_ := genPrivateKey \"rsa\"}}{{end}}",
    ),
    ("genCA", "{{range 1000}}{{$_ := genCA \"a\" 365}}{{end}}"),
    (
        "genSelfSignedCert",
        "{{range 1000}}{{$_ := genSelfSignedCert \"a\" nil nil 365}}{{end}}",
    ),
];
