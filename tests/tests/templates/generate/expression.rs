//! Pipelines and their arguments, mostly of the kind that is asked for.

use super::Scope;
use super::signatures::giving;
use crate::dice::Dice;
use crate::values::Kind;

/// Keys of the data that hold short texts.
const FIELDS: &[&str] = &[
    "a", "empty", "user", "num", "float", "csv", "lines", "password", "bad", "missing",
];

/// One argument of a call: in parentheses if it is a call itself.
pub(super) fn argument(dice: &mut Dice, scope: &Scope, kind: Kind, depth: usize) -> String {
    let kind = if dice.percent(scope.careless) {
        Kind::Any
    } else {
        kind
    };
    match dice.below(100) {
        0..35 => constant(dice, kind),
        35..50 => variable(dice, scope, kind).unwrap_or_else(|| constant(dice, kind)),
        50..62 if matches!(kind, Kind::Text | Kind::Any) => field(dice, scope),
        _ if depth == 0 => constant(dice, kind),
        _ => format!("({})", pipeline(dice, scope, kind, depth - 1)),
    }
}

/// What can stand alone between the braces.
pub(super) fn pipeline(dice: &mut Dice, scope: &Scope, kind: Kind, depth: usize) -> String {
    match dice.below(100) {
        0..8 => argument(dice, scope, kind, depth),
        8..16 if matches!(kind, Kind::Text | Kind::Any) => printf(dice, scope, depth),
        16..20 if kind == Kind::Any => chain(dice, scope),
        _ => call(dice, scope, kind, depth),
    }
}

fn call(dice: &mut Dice, scope: &Scope, kind: Kind, depth: usize) -> String {
    let wanted = if kind == Kind::SmallInt {
        Kind::Int
    } else {
        kind
    };
    let functions: Vec<_> = giving(wanted).collect();
    if functions.is_empty() || kind == Kind::SmallInt {
        return constant(dice, kind);
    }
    let signature = dice.pick(&functions);
    let mut arguments: Vec<String> = signature
        .arguments
        .iter()
        .map(|&kind| argument(dice, scope, kind, depth))
        .collect();
    if dice.percent(scope.careless / 3) {
        arguments.pop();
    }
    let piped = if dice.percent(35) {
        arguments.pop()
    } else {
        None
    };
    let mut words = vec![signature.name.to_owned()];
    words.extend(arguments);
    let call = words.join(" ");
    match piped {
        Some(piped) => format!("{piped}{}{call}", dice.pick(&[" | ", "|", " |\n  "])),
        None => call,
    }
}

fn constant(dice: &mut Dice, kind: Kind) -> String {
    loop {
        let value = kind.pick(dice);
        // `.` and fields of the data mean something else inside `with`, `range` and `define`.
        if !value.contains('.') || kind == Kind::Float || value.starts_with('"') {
            return value.to_owned();
        }
        if kind == Kind::Time
            || !value.contains(" .") && !value.starts_with('.') && !value.starts_with("(index")
        {
            return value.to_owned();
        }
    }
}

fn variable(dice: &mut Dice, scope: &Scope, kind: Kind) -> Option<String> {
    let fitting: Vec<&str> = scope
        .variables
        .iter()
        .filter(|(_, found)| kind == Kind::Any || *found == kind)
        .map(|(name, _)| name.as_str())
        .collect();
    (!fitting.is_empty()).then(|| dice.pick(&fitting).to_owned())
}

fn field(dice: &mut Dice, scope: &Scope) -> String {
    let name = dice.pick(FIELDS);
    match (scope.dot_is_data, scope.root_is_data) {
        (true, _) if dice.percent(70) => format!(".{name}"),
        (_, true) => match dice.below(10) {
            0 => format!("(index $ \"{name}\")"),
            _ => format!("$.{name}"),
        },
        _ => ".".to_owned(),
    }
}

fn chain(dice: &mut Dice, scope: &Scope) -> String {
    let root = if scope.root_is_data {
        "$.json"
    } else {
        "`{\"b\":{\"c\":1}}`"
    };
    match dice.below(5) {
        0 => format!("({root} | fromJson).b.c"),
        1 => "(dict \"a\" (dict \"b\" 3)).a.b".to_owned(),
        2 => "(split \",\" \"x,y\")._1".to_owned(),
        3 => format!("({root} | fromJson).a"),
        _ => "(dict \"a\" 1).missing".to_owned(),
    }
}

/// `printf` with flags, widths and verbs of all kinds, and an argument for each.
fn printf(dice: &mut Dice, scope: &Scope, depth: usize) -> String {
    let mut format = String::new();
    let mut arguments = String::new();
    for _ in 0..=dice.below(3) {
        format.push_str(dice.pick(&["", " ", "x=", "é", "%%", "\\n"]));
        let (verbs, kind) = dice.pick(&[
            ("vsqxXT", Kind::Text),
            ("vdbocxXqUtT", Kind::Int),
            ("vfFeEgGT", Kind::Float),
            ("vtsdT", Kind::Bool),
            ("vsdqT", Kind::List),
            ("vsdT", Kind::Map),
            ("vsdqxtgT", Kind::Any),
        ]);
        let verbs: Vec<char> = verbs.chars().collect();
        format.push('%');
        for flag in ['+', '-', '#', ' ', '0'] {
            if dice.percent(12) {
                format.push(flag);
            }
        }
        if dice.percent(30) {
            format.push_str(&dice.below(14).to_string());
        }
        if dice.percent(20) {
            format.push_str(&format!(".{}", dice.below(6)));
        }
        format.push(dice.pick(&verbs));
        arguments.push(' ');
        arguments.push_str(&argument(dice, scope, kind, depth));
    }
    match dice.below(20) {
        0 => format.push_str("%!"),
        1 => format.push_str("%d"),
        2 => arguments.push_str(" 7"),
        3 => format.push_str("%[1]v"),
        _ => {}
    }
    format!("printf \"{format}\"{arguments}")
}
