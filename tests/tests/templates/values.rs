//! Arguments for calls, as template expressions, by the kind of parameter that they fit.

use crate::dice::Dice;

/// Integers for everything that does not allocate by them.
const INTS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "-7",
    "5",
    "10",
    "64",
    "1000",
    "9223372036854775807",
    "-9223372036854775808",
    "0x1F",
    "0b101",
    "0o17",
    "'a'",
    "1_000",
    "3.0",
    "1e2",
];
/// Integers for functions that allocate by them.
const SMALL_INTS: &[&str] = &["0", "1", "2", "3", "-1", "-4", "7", "12", "40"];
const FLOATS: &[&str] = &[
    "0.0",
    "1.5",
    "-2.5",
    "0.1",
    "3.14159",
    "1e6",
    "1e21",
    "123456789.125",
    "1e-7",
    "2.0",
    "1e308",
    "(float64 \"NaN\")",
    "(float64 \"-Inf\")",
    "0x1p-2",
    "-0.0",
];
const STRINGS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""abc""#,
    r#""hello world""#,
    r#""Hello World FooBar""#,
    r#""hello_world-foo bar""#,
    r#""08""#,
    r#""0x10""#,
    r#"" 5""#,
    r#""1e3""#,
    r#""-3""#,
    r#""3.7""#,
    r#""true""#,
    r#""12""#,
    r#""ünïcödé ÄÖ""#,
    r#""日本語テキスト""#,
    r#""a,b,,c""#,
    r#"",""#,
    r#""a""#,
    r#""b""#,
    r#""l""#,
    r#"" ""#,
    r#""$1-${x}-$0""#,
    r#""line one\nline two\n""#,
    r#""\t tab \r\n""#,
    r#""<b>&'\"</b>""#,
    r#""1.2.3""#,
    r#""v2.0.0-rc.1+b5""#,
    r#""^1.2 || >3""#,
    r#""~1.2.x""#,
    r#""https://us:p%40w@host:80/p/q?x=1&y=2#f""#,
    r#""/a/b/../c.tar.gz""#,
    r#""../x""#,
    r#""2006-01-02""#,
    r#""2024-05-06""#,
    r#""2024-02-30""#,
    r#""1h30m""#,
    r#""-36h""#,
    r#""UTC""#,
    r#""{\"a\":1,\"b\":[1.5,null]}""#,
    r#""[1,2""#,
    r#""^a.c$""#,
    r#""[a-c]+""#,
    r#""(\\w)(\\w*)""#,
    r#""a(""#,
    r#""%s-%d""#,
    r#""aGVsbG8=""#,
    r#""NBSWY3DP""#,
    r#""string""#,
    r#""int""#,
    r#""map""#,
    r#""slice""#,
    "`raw\\n\"`",
    ".a",
    ".empty",
    ".bad",
    ".long",
    ".password",
    ".num",
    ".json",
    ".lines",
    "(index . \"tls.crt\")",
    r#""\x00\x7f\u200b\U0001F600e\u0301""#,
    r#""ǆ ß İ ſ K""#,
];
const BOOLS: &[&str] = &["true", "false", "(eq 1 1)", "(not 1)"];
const LISTS: &[&str] = &[
    "(list)",
    "(list 1 2 3)",
    r#"(list "b" "a" "" "c" "a")"#,
    r#"(list 1 "a" 2.5 nil true)"#,
    "(list nil nil)",
    r#"(list (list 1 2) (list "x"))"#,
    r#"(list (dict "a" 1) (dict "a" 2 "b" nil))"#,
    r#"(splitList "," .csv)"#,
    "(until 4)",
    r#"(fromJson "[1,\"x\",null,{\"k\":[]}]")"#,
    r#"(chunk 2 (list 1 2 3))"#,
    "(list 0 0.0 \"\" false)",
    r#"(list "é" "z" "Z" "10" "9")"#,
];
const MAPS: &[&str] = &[
    "(dict)",
    r#"(dict "a" 1)"#,
    r#"(dict "a" 1 "b" "x" "c" nil)"#,
    r#"(dict "b" "y" "d" 2.5)"#,
    r#"(dict "a" (dict "b" (dict "c" 1)))"#,
    r#"(dict "a" (dict "x" 1 "b" 2) "l" (list 1 2))"#,
    r#"(fromJson .json)"#,
    r#"(dict 1 "one" "k")"#,
    r#"(dict "a" "" "b" 0 "c" false "d" (list))"#,
];
const OTHERS: &[&str] = &[
    "nil",
    ".",
    "$",
    ".missing",
    r#"(split "," "p,q")"#,
    r#"(toDate "2006-01-02" "2024-05-06")"#,
    r#"(int64 7)"#,
    r#"(toJson nil | fromJson)"#,
    "(int 9)",
    "'x'",
    "2i",
    "(1.5 | float64)",
    "(list 1 2 | first)",
];
const TIMES: &[&str] = &[
    r#"(toDate "2006-01-02" "2024-05-06")"#,
    r#"(toDate "2006-01-02 15:04:05 -0700" "1999-12-31 23:59:59 +0230")"#,
    r#"(toDate "2006" "x")"#,
];

/// What a parameter of a Go function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    SmallInt,
    Float,
    Text,
    Bool,
    List,
    Map,
    Time,
    Any,
}

impl Kind {
    /// Of a Go type.
    pub(crate) fn of(go: &str) -> Self {
        match go {
            "int" | "int64" | "uint32" => Self::Int,
            "float64" => Self::Float,
            "string" => Self::Text,
            "bool" => Self::Bool,
            "[]interface {}" => Self::List,
            "map[string]interface {}" => Self::Map,
            "time.Time" => Self::Time,
            _ => Self::Any,
        }
    }

    /// Every value of the kind.
    pub(crate) fn values(self) -> Vec<&'static str> {
        let all = |groups: &[&[&'static str]]| groups.concat();
        match self {
            Self::Int => INTS.to_vec(),
            Self::SmallInt => SMALL_INTS.to_vec(),
            Self::Float => FLOATS.to_vec(),
            Self::Text => STRINGS.to_vec(),
            Self::Bool => BOOLS.to_vec(),
            Self::List => LISTS.to_vec(),
            Self::Map => MAPS.to_vec(),
            Self::Time => TIMES.to_vec(),
            Self::Any => all(&[INTS, FLOATS, STRINGS, BOOLS, LISTS, MAPS, OTHERS]),
        }
    }

    /// A value of the kind; for [`Kind::Any`] each kind is as likely as the other.
    pub(crate) fn pick(self, dice: &mut Dice) -> &'static str {
        let group = match self {
            Self::Any => dice.pick(&[INTS, FLOATS, STRINGS, BOOLS, LISTS, MAPS, OTHERS]),
            Self::Int => INTS,
            Self::SmallInt => SMALL_INTS,
            Self::Float => FLOATS,
            Self::Text => STRINGS,
            Self::Bool => BOOLS,
            Self::List => LISTS,
            Self::Map => MAPS,
            Self::Time => TIMES,
        };
        dice.pick(group)
    }
}
