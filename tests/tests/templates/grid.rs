//! Every function of sprig on a grid of arguments, made from the oracle's own list of functions and their Go types.

use std::collections::BTreeMap;

use crate::case::Case;
use crate::dice::Dice;
use crate::shapes;
use crate::values::Kind;

/// Go's own functions, with types as sprig's are given.
pub(crate) const BUILTINS: &[(&str, &str)] = &[
    ("and", "func(interface {}, ...interface {}) interface {}"),
    ("or", "func(interface {}, ...interface {}) interface {}"),
    ("not", "func(interface {}) bool"),
    ("call", "func(interface {}, ...interface {}) interface {}"),
    ("html", "func(...interface {}) string"),
    ("js", "func(...interface {}) string"),
    ("urlquery", "func(...interface {}) string"),
    ("index", "func(interface {}, ...interface {}) interface {}"),
    ("len", "func(interface {}) int"),
    ("print", "func(...interface {}) string"),
    ("println", "func(...interface {}) string"),
    ("printf", "func(string, ...interface {}) string"),
    ("eq", "func(interface {}, ...interface {}) bool"),
    ("ne", "func(interface {}, interface {}) bool"),
    ("lt", "func(interface {}, interface {}) bool"),
    ("le", "func(interface {}, interface {}) bool"),
    ("gt", "func(interface {}, interface {}) bool"),
    ("ge", "func(interface {}, interface {}) bool"),
];

/// Functions that allocate by their integers: with the extremes Go itself would die.
const BOUNDED: &[&str] = &["until", "untilStep", "seq", "repeat", "indent", "nindent"];

/// Functions that take long in Go; a few calls have to do.
const SLOW: &[&str] = &["derivePassword", "round"];

/// What arguments are that Go declares as `interface{}`: most calls of a grid of all kinds would fail.
const HINTS: &[(&[&str], &[Kind])] = &[
    (
        &[
            "first",
            "mustFirst",
            "last",
            "mustLast",
            "rest",
            "mustRest",
            "initial",
            "mustInitial",
            "reverse",
            "mustReverse",
            "uniq",
            "mustUniq",
            "compact",
            "mustCompact",
            "sortAlpha",
            "toStrings",
        ],
        &[Kind::List],
    ),
    (
        &[
            "append",
            "mustAppend",
            "push",
            "mustPush",
            "prepend",
            "mustPrepend",
            "without",
            "mustWithout",
        ],
        &[Kind::List, Kind::Any, Kind::Any, Kind::Any, Kind::Any],
    ),
    (&["has", "mustHas"], &[Kind::Any, Kind::List]),
    (&["chunk", "mustChunk"], &[Kind::Int, Kind::List]),
    (&["join"], &[Kind::Text, Kind::List]),
    (
        &["concat"],
        &[Kind::List, Kind::List, Kind::List, Kind::List, Kind::List],
    ),
    (
        &["slice", "mustSlice", "index"],
        &[
            Kind::List,
            Kind::SmallInt,
            Kind::SmallInt,
            Kind::SmallInt,
            Kind::SmallInt,
        ],
    ),
    (&["dig"], &[Kind::Text, Kind::Text, Kind::Map]),
    (
        &["eq", "ne", "lt", "le", "gt", "ge"],
        &[Kind::Text, Kind::Text, Kind::Text],
    ),
    (
        &["date", "date_in_zone", "dateInZone"],
        &[Kind::Text, Kind::Time, Kind::Text],
    ),
    (&["htmlDate", "htmlDateInZone"], &[Kind::Time, Kind::Text]),
    (
        &["div", "mod", "sub", "mul"],
        &[Kind::Int, Kind::Int, Kind::Int],
    ),
    (
        &["divf", "mulf", "subf", "addf"],
        &[Kind::Float, Kind::Float, Kind::Float],
    ),
];
/// So often in a hundred they are followed.
const FOLLOWED: usize = 60;

const LONGEST_CALL: usize = 5;
const CALLS_OF_RIGHT_TYPES: usize = 70;
const CALLS_OF_ANY_TYPES: usize = 12;

/// What a function takes.
pub(crate) struct Signature {
    fixed: Vec<Kind>,
    rest: Option<Kind>,
}

impl Signature {
    /// From a Go type like `func(int, ...string) string`.
    fn parse(name: &str, go: &str) -> Self {
        let open = go.find('(').expect("a Go function type");
        let close = go.find(')').expect("a Go function type");
        let mut signature = Self {
            fixed: Vec::new(),
            rest: None,
        };
        for parameter in go[open + 1..close].split(", ").filter(|p| !p.is_empty()) {
            let kind = |go| match Kind::of(go) {
                Kind::Int if BOUNDED.contains(&name) => Kind::SmallInt,
                Kind::Any if BOUNDED.contains(&name) => Kind::SmallInt,
                kind => kind,
            };
            match parameter.strip_prefix("...") {
                Some(rest) => signature.rest = Some(kind(rest)),
                None => signature.fixed.push(kind(parameter)),
            }
        }
        signature
    }

    fn takes(&self, arguments: usize) -> bool {
        arguments == self.fixed.len() || (arguments > self.fixed.len() && self.rest.is_some())
    }

    fn kind(&self, position: usize) -> Kind {
        let fixed = self.fixed.get(position).copied();
        fixed.or(self.rest).unwrap_or(Kind::SmallInt)
    }
}

/// Every call of the grid.
pub(crate) fn cases(functions: &BTreeMap<String, String>) -> Vec<Case> {
    let sprig = functions
        .iter()
        .map(|(name, go)| (name.as_str(), go.as_str()));
    sprig
        .chain(BUILTINS.iter().copied())
        .filter(|(name, _)| !shapes::varies(name))
        .flat_map(|(name, go)| of(name, go))
        .collect()
}

/// The calls of one function.
fn of(name: &str, go: &str) -> Vec<Case> {
    let signature = Signature::parse(name, go);
    let hints = HINTS.iter().find(|(names, _)| names.contains(&name));
    let hint = |position: usize| hints.and_then(|(_, kinds)| kinds.get(position)).copied();
    let mut dice = Dice::seeded(name);
    let mut cases = Vec::new();
    for arguments in 0..=LONGEST_CALL {
        if arguments == 1 && signature.takes(1) {
            let values = signature.kind(0).values();
            cases.extend(values.into_iter().map(|value| call(name, &[value], false)));
            continue;
        }
        let (right, any) = match (signature.takes(arguments), arguments) {
            (_, 0) => (1, 0),
            (true, _) if SLOW.contains(&name) => (6, 2),
            (true, _) => (CALLS_OF_RIGHT_TYPES, CALLS_OF_ANY_TYPES),
            (false, _) => (2, 0),
        };
        for number in 0..right + any {
            let follow = dice.percent(FOLLOWED);
            let values: Vec<&str> = (0..arguments)
                .map(
                    |position| match (signature.kind(position), hint(position)) {
                        (Kind::Any, Some(kind)) if follow => kind.pick(&mut dice),
                        (kind, _) if number < right => kind.pick(&mut dice),
                        // Anything but integers, which would make Go die.
                        (Kind::SmallInt, _) => {
                            let kind = dice.pick(&[Kind::Text, Kind::List, Kind::Float]);
                            kind.pick(&mut dice)
                        }
                        _ => Kind::Any.pick(&mut dice),
                    },
                )
                .collect();
            cases.push(call(name, &values, dice.percent(40)));
        }
    }
    cases
}

/// A call whose result is shown with its type and its parts.
fn call(name: &str, values: &[&str], piped: bool) -> Case {
    let call = match values.split_last() {
        Some((last, others)) if piped => format!("{last} | {name} {}", others.join(" ")),
        _ => format!("{name} {}", values.join(" ")),
    };
    Case::new(show(name, call.trim_end()))
}

/// `keys` and `values` follow the order of a Go map, which is random; `%#v` of a version is a listed difference.
fn show(name: &str, call: &str) -> String {
    match name {
        "keys" => format!("{{{{ $r := {call} | sortAlpha }}}}{{{{ printf \"%T %v\" $r $r }}}}"),
        "values" => format!(
            "{{{{ $r := {call} | toStrings | sortAlpha }}}}{{{{ printf \"%T %v\" $r $r }}}}"
        ),
        "semver" => format!("{{{{ $r := {call} }}}}{{{{ printf \"%T %v\" $r $r }}}}"),
        _ => format!("{{{{ $r := {call} }}}}{{{{ $r }}}}|{{{{ printf \"%T %v %#v\" $r $r $r }}}}"),
    }
}
