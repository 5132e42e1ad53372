//! Templates that ask for more than they may have. Each must be refused, alone.

/// Name and text of every bomb. The data has `a`, a short text.
pub(crate) fn bombs() -> Vec<(&'static str, String)> {
    let mut bombs = nested();
    bombs.extend(calls());
    bombs.extend(loops());
    bombs.extend(texts());
    bombs.extend(values());
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
        ("until-step-zero", "{{untilStep 0 10 0 | len | until}}{{untilStep 0 2000000000 1}}"),
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
